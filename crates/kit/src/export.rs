//! Hits as a file: CSV in every program, and what a program writes of its own, such as SDF.

use std::collections::BTreeSet;

use bootcamp_core::{Error, ErrorKind, Fields, Result};
use serde_json::Value;
use utoipa::openapi::content::Content;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{OpenApi, RefOr};

use crate::api::SearchBody;
use crate::ingest::Span;
use crate::program::{Export, Program};

const CSV: Export = Export { extension: "csv", media_type: "text/csv", write: csv };

/// What hits can be saved as.
pub fn formats(program: &Program) -> impl Iterator<Item = &'static str> {
    exports(program).map(|export| export.extension)
}

/// The kind of file with this extension.
///
/// # Errors
/// `InvalidInput` for one that the program does not write.
pub fn format(program: &Program, extension: &str) -> Result<&'static Export> {
    exports(program).find(|export| export.extension == extension).ok_or_else(|| {
        let known: Vec<_> = formats(program).collect();
        Error::invalid(format!("hits cannot be saved as '{extension}', only as {}", known.join(", ")))
    })
}

fn exports(program: &Program) -> impl Iterator<Item = &'static Export> {
    std::iter::once(&CSV).chain(program.exports)
}

/// Adds the kinds of files to what the API's document says of an answer.
pub fn with_media_types(document: &mut OpenApi, program: &Program) {
    let search = document.paths.paths.get_mut("/api/v1/search").and_then(|path| path.post.as_mut());
    let answer = search.and_then(|search| search.responses.responses.get_mut("200"));
    if let Some(RefOr::T(answer)) = answer {
        for export in exports(program) {
            let text = ObjectBuilder::new().schema_type(Type::String).build();
            answer.content.insert(export.media_type.to_owned(), Content::new(Some(text)).into());
        }
    }
}

/// A row a hit, with a column for each field that any of them has. Texts that a spreadsheet would take for a formula begin
/// with an apostrophe, as OWASP advises: they may come from strangers' files.
fn csv(body: &SearchBody) -> Result<String> {
    let columns = |of: fn(&crate::api::HitBody) -> Option<&Fields>| -> BTreeSet<String> {
        body.hits.iter().filter_map(of).flat_map(|fields| fields.keys().cloned()).collect()
    };
    let details = columns(|hit| hit.details.as_ref());
    let fields = columns(|hit| Some(&hit.item.fields));
    let has_similarity = body.hits.iter().any(|hit| hit.similarity.is_some());
    let has_spans = body.hits.iter().any(|hit| hit.item.span.is_some());
    let mut rows = vec![
        ["rank", "id", "title", "score"]
            .into_iter()
            .chain(has_similarity.then_some("similarity"))
            .chain(["source", "start", "end"].into_iter().filter(|_| has_spans))
            .chain(details.iter().chain(&fields).map(String::as_str))
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    ];
    for (at, hit) in body.hits.iter().enumerate() {
        let mut row =
            vec![(at + 1).to_string(), hit.item.id.to_string(), plain(&hit.item.title), hit.score.to_string()];
        if has_similarity {
            row.push(hit.similarity.map(|similarity| similarity.to_string()).unwrap_or_default());
        }
        if has_spans {
            let at = |of: fn(&Span) -> f64| hit.item.span.as_ref().map(|span| of(span).to_string()).unwrap_or_default();
            row.extend([hit.item.source.clone().unwrap_or_default(), at(|span| span.start), at(|span| span.end)]);
        }
        let detail = |name: &String| cell(hit.details.as_ref().and_then(|details| details.get(name)));
        row.extend(details.iter().map(detail));
        row.extend(fields.iter().map(|name| cell(hit.item.fields.get(name))));
        rows.push(row);
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = rows.iter().try_for_each(|row| writer.write_record(row)).map_err(|error| error.to_string());
    let bytes = written.and_then(|()| writer.into_inner().map_err(|error| error.to_string()));
    let cannot = |error: String| Error::new(ErrorKind::Internal, format!("the table cannot be written: {error}"));
    String::from_utf8(bytes.map_err(cannot)?).map_err(|error| cannot(error.to_string()))
}

/// A text that no spreadsheet computes.
fn plain(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => plain(text),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_no_formulas_and_numbers_stay_numbers() {
        let cells = [
            (json!("=HYPERLINK(1)"), "'=HYPERLINK(1)"),
            (json!("+1"), "'+1"),
            (json!("-cmd"), "'-cmd"),
            (json!("@SUM(A1)"), "'@SUM(A1)"),
            (json!("\t=1"), "'\t=1"),
            (json!("a = b"), "a = b"),
            (json!(-1.5), "-1.5"),
        ];
        for (value, expected) in cells {
            assert_eq!(cell(Some(&value)), expected);
        }
    }
}
