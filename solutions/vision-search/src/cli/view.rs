//! Flags that choose samples of a dataset.

use std::path::PathBuf;

use bootcamp_core::{Error, Result};
use clap::Args;

use crate::library::{LabelsLike, Sort, View};
use crate::sample::ObjectId;

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Which samples")]
pub struct ViewArgs {
    /// Only samples that match this filter, in Milvus's expression language: `width > 300 and weather == "rain"`
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Only samples with a label of a field that matches: `ground_truth: label == "cat" and confidence > 0.5`
    #[arg(long, value_name = "FIELD: EXPRESSION")]
    labels: Option<String>,
    /// Only samples with one of these tags
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only samples that have this field
    #[arg(long, value_name = "FIELD")]
    exists: Vec<String>,
    /// Only samples that do not have this field
    #[arg(long, value_name = "FIELD")]
    without: Vec<String>,
    /// Only the samples whose ids are in this file, one a line
    #[arg(long, value_name = "FILE")]
    ids_from: Option<PathBuf>,
    /// Sort by this field
    #[arg(long, value_name = "FIELD")]
    sort: Option<String>,
    /// Sort from large to small
    #[arg(long, requires = "sort")]
    descending: bool,
    /// Leave out this many of the first
    #[arg(long, value_name = "N")]
    skip: Option<u64>,
    /// At most this many
    #[arg(long, value_name = "N")]
    take: Option<u64>,
}

impl ViewArgs {
    /// The view.
    ///
    /// # Errors
    /// `InvalidInput` for flags that do not parse, and a file of what are no ids.
    pub fn view(self) -> Result<View> {
        Ok(View {
            filter: self.filter,
            labels: self.labels.as_deref().map(labels).transpose()?,
            tags: self.tags,
            exists: self.exists,
            missing: self.without,
            ids: self.ids_from.map(|path| ids(&path)).transpose()?,
            sort: self.sort.map(|by| Sort { by, descending: self.descending }),
            skip: self.skip,
            take: self.take,
        })
    }
}

fn labels(text: &str) -> Result<LabelsLike> {
    let (field, filter) = text.split_once(':').ok_or_else(|| {
        Error::invalid(format!("--labels is '{text}', expected FIELD: EXPRESSION"))
            .with_hint("for example: --labels 'ground_truth: label == \"cat\"'")
    })?;
    Ok(LabelsLike { field: field.trim().to_owned(), filter: filter.trim().to_owned() })
}

/// The ids in a file, one a line.
///
/// # Errors
/// `InvalidInput` that names the line.
pub fn ids(path: &std::path::Path) -> Result<Vec<ObjectId>> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("cannot read", path, error))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let id = |(at, line): (usize, &str)| {
        line.trim().parse().map_err(|error: Error| error.context(format!("{}:{}", path.display(), at + 1)))
    };
    lines.map(id).collect()
}
