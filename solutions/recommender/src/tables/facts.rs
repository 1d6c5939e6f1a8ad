//! Facts of items and users: their names, and everything else that a table says, in the fields that filters know.

use std::collections::BTreeMap;

use bootcamp_core::{Error, MAX_JSON, Result};
use bootcamp_kit::Content;
use bootcamp_kit::source::{Notes, Types};
use serde_json::{Map, Value as Json, json};

use super::columns::{Kind, bare, find, plain};
use super::layout::{GENRES, Layout, Value};
use super::named;

/// What columns are usually called.
const TITLES: &[&str] =
    &["title", "name", "movietitle", "filmtitle", "booktitle", "productname", "itemname", "track", "song"];
const YEARS: &[&str] = &["year", "releaseyear", "yearofpublication", "publicationyear", "releasedate", "date"];
const LABELS: &[&str] = &["genres", "genre", "class", "categories", "category", "tags", "labels"];
/// A cell with one of these between its parts is a list.
const SEPARATORS: [char; 3] = ['|', ';', ','];

/// What a table says of items or users, by their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// `title`, `year`, `genres` and `facts` of items; `facts` of users.
    pub of: BTreeMap<String, Map<String, Json>>,
    /// The line of the last row of each.
    pub lines: BTreeMap<String, u64>,
    /// Rows that cannot be read: their lines, and why.
    pub bad: Vec<(u64, Error)>,
}

/// Reads a table of facts as a whole. Of several rows of the same name, what the later ones say counts.
///
/// # Errors
/// Those of opening the file.
pub fn facts(name: &str, content: &Content, layout: &Layout, notes: &Notes) -> Result<Facts> {
    let types = types(name, content, layout)?;
    let mut facts = Facts::default();
    for (line, row) in layout.rows(name, content, notes)? {
        match row.and_then(|row| of_row(row, layout, &types)) {
            Ok((name, fields)) => {
                facts.lines.insert(name.clone(), line);
                join(facts.of.entry(name).or_default(), fields);
            }
            Err(error) => facts.bad.push((line, error)),
        }
    }
    Ok(facts)
}

/// Adds what is newly known of something.
pub fn join(known: &mut Map<String, Json>, new: Map<String, Json>) {
    for (name, value) in new {
        match (known.get_mut(&name), value) {
            (Some(Json::Object(known)), Json::Object(new)) => known.extend(new),
            (_, value) => {
                known.insert(name, value);
            }
        }
    }
}

fn types(name: &str, content: &Content, layout: &Layout) -> Result<Types> {
    let mut types = Types::default();
    for (_, row) in layout.rows(name, content, &Notes::default())? {
        for (column, value) in layout.header.iter().zip(row.unwrap_or_default()) {
            if let Value::Cell(cell) = value {
                types.note(column, &cell);
            }
        }
    }
    Ok(types)
}

fn of_row(row: Vec<Value>, layout: &Layout, types: &Types) -> Result<(String, Map<String, Json>)> {
    let names: Vec<&str> = layout.header.iter().map(String::as_str).collect();
    let (at, what) = match layout.kind {
        Kind::Users => (layout.columns.user, "user"),
        _ => (layout.columns.item, "item"),
    };
    let name = named(at.and_then(|at| row.get(at)).and_then(Value::text), what)?;
    let mut fields = Map::new();
    let mut more = Map::new();
    let is_item = layout.kind == Kind::Items;
    let place = |usual| find(&names, usual).filter(|found| is_item && Some(*found) != at);
    let (title, year, label) = (place(TITLES), place(YEARS), place(LABELS));
    let flags = names.ends_with(&GENRES).then(|| names.len() - GENRES.len());
    let mut genres: Vec<Json> = Vec::new();
    for (column, value) in row.into_iter().enumerate().filter(|(column, _)| Some(*column) != at) {
        if Some(column) == title {
            fields.extend(value.text().map(|text| ("title".to_owned(), text.into())));
            continue;
        }
        if Some(column) == label {
            genres = list(&value, names[column]);
            continue;
        }
        if flags.is_some_and(|first| column >= first) {
            if value.text().as_deref() == Some("1") {
                genres.push(names[column].into());
            }
            continue;
        }
        if Some(column) == year && fields.get("year").is_none() {
            fields.extend(value.text().and_then(|text| year_in(&text)).map(|year| ("year".to_owned(), year.into())));
        }
        let value = match value {
            Value::Cell(cell) => types.value(names[column], cell),
            Value::Json(value) => Some(value).filter(|value| !value.is_null()),
        };
        if Some(column) != year || !value.as_ref().is_some_and(Json::is_number) {
            more.extend(value.map(|value| (bare(names[column]).to_owned(), value)));
        }
    }
    if is_item {
        complete(&mut fields, genres);
    }
    let more = Json::Object(more);
    if more.to_string().len() > MAX_JSON {
        return Err(Error::invalid(format!("its other columns are larger than {MAX_JSON} bytes")));
    }
    if more != json!({}) {
        fields.insert("facts".to_owned(), more);
    }
    Ok((name, fields))
}

/// MovieLens writes the year behind the title.
fn complete(fields: &mut Map<String, Json>, genres: Vec<Json>) {
    let title = fields.get("title").and_then(Json::as_str).map(str::to_owned);
    if let Some((words, year)) = title.as_deref().and_then(title_and_year) {
        if fields.get("year").is_none() {
            fields.insert("year".to_owned(), year.into());
        }
        if fields.get("year") == Some(&year.into()) {
            fields.insert("title".to_owned(), words.into());
        }
    }
    if !genres.is_empty() {
        fields.insert("genres".to_owned(), Json::Array(genres));
    }
}

fn title_and_year(title: &str) -> Option<(&str, i64)> {
    let (words, rest) = title.trim_end().rsplit_once(" (")?;
    let year = rest.strip_suffix(')').filter(|year| year.len() == 4)?.parse().ok()?;
    Some((words, year))
}

/// The year in `1995`, `1995-10-01` and `01-Jan-1995`.
fn year_in(text: &str) -> Option<i64> {
    let parts = text.split(|c: char| !c.is_ascii_digit());
    parts.filter(|part| part.len() == 4).find_map(|part| part.parse().ok())
}

/// The parts of a list. RecBole separates them by blanks, and says so in the column's type.
fn list(value: &Value, column: &str) -> Vec<Json> {
    let text = match value {
        Value::Json(Json::Array(list)) => return list.iter().filter(|value| !value.is_null()).cloned().collect(),
        other => other.text().unwrap_or_default(),
    };
    let part = |part: &str| Some(part.trim()).filter(|part| !part.is_empty()).map(Json::from);
    if column.ends_with(":token_seq") {
        return text.split(' ').filter_map(part).collect();
    }
    match SEPARATORS.into_iter().find(|separator| text.contains(*separator)) {
        Some(separator) => text.split(separator).filter_map(part).collect(),
        None => part(&text).filter(|_| plain(&text) != "nogenreslisted").into_iter().collect(),
    }
}
