//! A part of a dataset: which samples, in which order, and how many.

use serde::{Deserialize, Serialize};

use crate::sample::ObjectId;

/// A part of a dataset. All that it says must hold; what it does not say is not asked. As JSON, it is the body of
/// requests.
///
/// Of a field's patches, all but `labels` speaks of the sample that a label belongs to; `labels` of that field, `sort`,
/// `skip` and `take` of the labels themselves.
///
/// ```
/// use vision_search::library::View;
/// let view = View::new().filter("width > 600").labels("objects", "label == \"cat\"").tag("train").take(100);
/// let body = r#"{"filter": "width > 600", "labels": {"field": "objects", "filter": "label == \"cat\""},
///     "tags": ["train"], "take": 100}"#;
/// assert_eq!(serde_json::from_str::<View>(body)?, view);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct View {
    /// A [filter](bootcamp_core::filter) over `id`, `filepath`, `tags` (`json_contains(tags, "x")`), `width`, `height`,
    /// `size_bytes`, the values of fields by name, and the labels of fields by name, as a JSON list of them
    /// (`objects[0]["label"] == "cat"`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Samples with at least one label like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelsLike>,
    /// Samples with at least one of these tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Samples that have something in each of these fields; a list of no labels is something.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exists: Vec<String>,
    /// Samples that have nothing in any of these fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Samples with these ids, and of patches also labels with these ids: any number of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<ObjectId>>,
    /// The order. Without it, that of ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<Sort>,
    /// So many of the first are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip: Option<u64>,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take: Option<u64>,
}

/// Labels of a field for which a filter holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelsLike {
    pub field: String,
    /// A [filter](bootcamp_core::filter) over `id`, `label`, `confidence`, `x`, `y`, `width`, `height` and `area` of the box
    /// or around the outline (as shares of the picture), `tags`, and `attributes` (`attributes["iscrowd"] == 0`).
    pub filter: String,
}

/// An order by the value of a field: numbers and truth values before strings, samples without a value last, equals in the
/// order of ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sort {
    /// What a filter may name, other than lists and labels.
    pub by: String,
    #[serde(default)]
    pub descending: bool,
}

impl View {
    /// Whether it is the whole dataset, in its own order.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// All of the dataset.
    pub fn new() -> Self {
        Self::default()
    }

    /// These samples, or of patches also these labels.
    pub fn of(ids: impl IntoIterator<Item = ObjectId>) -> Self {
        Self { ids: Some(ids.into_iter().collect()), ..Self::default() }
    }

    /// See [`View::filter`](#structfield.filter). A second filter must hold, too.
    pub fn filter(mut self, filter: impl Into<String>) -> Self {
        let filter = filter.into();
        self.filter = Some(match self.filter {
            Some(first) => format!("({first}) and ({filter})"),
            None => filter,
        });
        self
    }

    /// Samples with a label of the field for which the filter holds.
    pub fn labels(mut self, field: impl Into<String>, filter: impl Into<String>) -> Self {
        self.labels = Some(LabelsLike { field: field.into(), filter: filter.into() });
        self
    }

    /// Samples with this tag, or with another one that the view names.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Samples that have something in the field.
    pub fn exists(mut self, field: impl Into<String>) -> Self {
        self.exists.push(field.into());
        self
    }

    /// Samples that have nothing in the field.
    pub fn missing(mut self, field: impl Into<String>) -> Self {
        self.missing.push(field.into());
        self
    }

    /// Smallest values of the field first.
    pub fn sort(mut self, by: impl Into<String>) -> Self {
        self.sort = Some(Sort { by: by.into(), descending: false });
        self
    }

    /// Largest values of the field first.
    pub fn sort_descending(mut self, by: impl Into<String>) -> Self {
        self.sort = Some(Sort { by: by.into(), descending: true });
        self
    }

    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = Some(skip);
        self
    }

    pub fn take(mut self, take: u64) -> Self {
        self.take = Some(take);
        self
    }

    /// Whether `skip` and `take` make it depend on an order.
    pub(super) fn is_limited(&self) -> bool {
        self.skip.is_some_and(|skip| skip > 0) || self.take.is_some()
    }
}
