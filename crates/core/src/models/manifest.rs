//! Reads manifests; mistakes are reported with file, line and field.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::check::{self, Fault};
use super::{FileSpec, ModelSpec, RuntimeSpec, Source};
use crate::{Error, Result};

const BUILT_IN: &str = include_str!("models.toml");

/// What a manifest holds, checked.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    pub(super) models: BTreeMap<String, ModelSpec>,
    /// By `<os>-<arch>`, as [`std::env::consts`] has them.
    pub(super) runtimes: BTreeMap<String, RuntimeSpec>,
}

impl Manifest {
    pub(super) fn built_in() -> Result<Self> {
        Self::parse("models.toml (built in)", Path::new(""), BUILT_IN)
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io("cannot read", path, error))?;
        Self::parse(&path.display().to_string(), path.parent().unwrap_or(Path::new("")), &text)
    }

    /// `name` is for messages; `folder` is what relative `file:` paths are relative to.
    pub(super) fn parse(name: &str, folder: &Path, text: &str) -> Result<Self> {
        let wrong = |span: Option<Range<usize>>, field: &str, message: &str| {
            let line = text.get(..span.map_or(0, |span| span.start)).map_or(1, |head| head.matches('\n').count() + 1);
            let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
            Error::invalid(format!("{name}:{line}: {field}{}", plain(message)))
        };
        let root = DeTable::parse(text).map_err(|error| wrong(error.span(), "", error.message()))?;
        let root = Spanned::new(root.span(), DeValue::Table(root.into_inner()));
        let mut manifest = Self::default();
        for (section, key, value) in entries(&root).map_err(|(span, field, why)| wrong(Some(span), &field, why))? {
            let entry = format!("{section}.{key}");
            let unread = |error: toml::de::Error| {
                let path = error.span().and_then(|span| path_of(value, &span)).unwrap_or_default();
                wrong(error.span().or(Some(value.span())), &join(&entry, &path), error.message())
            };
            let faulty =
                |Fault { field, message }| wrong(Some(span_of(value, &field)), &join(&entry, &field), &message);
            if section == "models" {
                let mut spec: ModelSpec = read(value).map_err(unread)?;
                spec.name = key.to_owned();
                vectors(&spec, value).map_err(|(span, field, why)| wrong(Some(span), &join(&entry, field), &why))?;
                check::model(&spec).map_err(faulty)?;
                spec.files_mut().for_each(|file| settle(file, folder));
                manifest.models.insert(spec.name.clone(), spec);
            } else {
                let mut spec: RuntimeSpec = read(value).map_err(unread)?;
                check::runtime(&spec).map_err(faulty)?;
                settle(&mut spec.file, folder);
                manifest.runtimes.insert(key.to_owned(), spec);
            }
        }
        Ok(manifest)
    }
}

fn read<T: DeserializeOwned>(value: &Spanned<DeValue<'_>>) -> Result<T, toml::de::Error> {
    T::deserialize(ValueDeserializer::from(value.clone()))
}

/// What a model that makes vectors must have, and one that scores pairs must not.
fn vectors(spec: &ModelSpec, value: &Spanned<DeValue<'_>>) -> Result<(), (Range<usize>, &'static str, String)> {
    for field in ["dim", "metric"] {
        let found = value.get_ref().as_table().and_then(|table| table.get(field));
        match found {
            None if spec.makes_vectors() => {
                return Err((value.span(), "", format!("missing field `{field}`")));
            }
            Some(found) if spec.pair.is_some() && !spec.makes_vectors() => {
                return Err((found.span(), field, "makes sense only beside `picture`, `audio` or `text`".to_owned()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes what differs in writing the same.
fn settle(file: &mut FileSpec, folder: &Path) {
    if let Some(sum) = &mut file.sha256 {
        sum.make_ascii_lowercase();
    }
    if let Source::File(path) = &mut file.source {
        *path = folder.join(&*path);
    }
}

type Entry<'a, 'i> = (&'a str, &'a str, &'a Spanned<DeValue<'i>>);

/// Every section, key and value of the two sections there are; or where, in what and why it is wrong.
fn entries<'a, 'i>(root: &'a Spanned<DeValue<'i>>) -> Result<Vec<Entry<'a, 'i>>, (Range<usize>, String, &'static str)> {
    let mut all = Vec::new();
    for (section, value) in root.get_ref().as_table().into_iter().flatten() {
        let name: &str = section.get_ref();
        if !matches!(name, "models" | "runtime") {
            return Err((section.span(), name.to_owned(), "is not known, expected models or runtime"));
        }
        let Some(table) = value.get_ref().as_table() else {
            return Err((value.span(), name.to_owned(), "is not a table, expected one for each name"));
        };
        all.extend(table.iter().map(|(key, value)| (name, key.get_ref().as_ref(), value)));
    }
    Ok(all)
}

/// What stands at `span`, as a path of keys below `value`.
fn path_of(value: &Spanned<DeValue<'_>>, span: &Range<usize>) -> Option<String> {
    if value.span() == *span {
        return Some(String::new());
    }
    value.get_ref().as_table()?.iter().find_map(|(key, value)| {
        let below = if key.span() == *span { String::new() } else { path_of(value, span)? };
        Some(join(key.get_ref(), &below))
    })
}

/// Where the field of this path stands, or what is there of it.
fn span_of(mut value: &Spanned<DeValue<'_>>, path: &str) -> Range<usize> {
    for key in path.split('.') {
        let Some(below) = value.get_ref().as_table().and_then(|table| table.get(key)) else { break };
        value = below;
    }
    value.span()
}

fn join(above: &str, below: &str) -> String {
    if below.is_empty() { above.to_owned() } else { format!("{above}.{below}") }
}

/// Serde's messages speak of variants and Rust's types; people write words and numbers.
fn plain(message: &str) -> String {
    if message == "invalid type: unit variant, expected newtype variant" {
        return "needs a number of pixels, as in { crop = 256 }".to_owned();
    }
    let message = match message.strip_prefix("unknown variant ") {
        Some(rest) => rest.replacen(", expected", " is not known, expected", 1),
        None => message.trim_end().replace('\n', "; "),
    };
    let number = |ty: &str| message.strip_suffix(ty).map(str::to_owned);
    if let Some(head) = number("expected u32").or_else(|| number("expected u64")).or_else(|| number("expected usize")) {
        return format!("{head}expected a whole number from 0 up");
    }
    number("expected f32").map(|head| format!("{head}expected a number")).unwrap_or(message)
}
