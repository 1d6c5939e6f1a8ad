//! The JSON bodies of the API.

use bootcamp_kit::api::in_url;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::library::{DatasetInfo, Patch, Run, View};
use crate::sample::{Label, ObjectId, Sample};

/// Samples of a page, unless the request says otherwise, and at most.
pub const PAGE: u64 = 50;
pub const MAX_PAGE: u64 = 200;

/// A dataset at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub struct DatasetBody {
    #[schema(example = "scenes")]
    pub name: String,
    /// Milliseconds since 1970.
    pub created_at: u64,
    pub modified_at: u64,
    pub samples: u64,
    pub tags: Vec<CountBody>,
    /// Its fields: name, kind, and how many samples and labels have something in it.
    #[schema(value_type = Vec<Object>)]
    pub fields: Vec<crate::library::FieldInfo>,
}

/// A value and how often it occurs.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountBody {
    pub value: serde_json::Value,
    pub count: u64,
}

impl From<DatasetInfo> for DatasetBody {
    fn from(info: DatasetInfo) -> Self {
        let DatasetInfo { name, created_at, modified_at, samples, tags, fields } = info;
        let tags = tags.into_iter().map(|(tag, count)| CountBody { value: tag.into(), count }).collect();
        Self { name, created_at, modified_at, samples, tags, fields }
    }
}

/// A sample with the addresses of its picture.
#[derive(Debug, Serialize, ToSchema)]
pub struct SampleBody {
    /// Its id, file, tags, metadata and fields.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub sample: Sample,
    pub title: String,
    pub thumbnail: String,
    pub media: String,
}

impl SampleBody {
    pub fn new(dataset: &str, sample: Sample) -> Self {
        let Places { title, media, place } = Places::new(dataset, sample.id, &sample.filepath);
        Self { title, thumbnail: format!("{place}/thumbnail"), media, sample }
    }
}

/// A patch with the addresses of its picture.
#[derive(Debug, Serialize, ToSchema)]
pub struct PatchBody {
    #[schema(value_type = Object)]
    pub label: Label,
    #[schema(value_type = String, example = "5f2a6c1b9d3e4a7788990011")]
    pub sample: ObjectId,
    pub filepath: String,
    pub title: String,
    /// The part of the picture that the label stands for.
    pub thumbnail: String,
    /// The whole picture.
    pub media: String,
}

impl PatchBody {
    pub fn new(dataset: &str, patch: Patch) -> Self {
        let Places { title, media, .. } = Places::new(dataset, patch.sample, &patch.filepath);
        let thumbnail = format!("/api/v1/datasets/{}/patches/{}/thumbnail", in_url(dataset), patch.label.id);
        Self { label: patch.label, sample: patch.sample, filepath: patch.filepath, title, thumbnail, media }
    }
}

struct Places {
    title: String,
    media: String,
    place: String,
}

impl Places {
    fn new(dataset: &str, id: ObjectId, filepath: &str) -> Self {
        let place = format!("/api/v1/datasets/{}/samples/{id}", in_url(dataset));
        let title = filepath.rsplit('/').next().unwrap_or(filepath).to_owned();
        Self { title, media: format!("{place}/media"), place }
    }
}

/// A view, and which page of it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PageInput {
    /// Which samples: `filter`, `labels`, `tags`, `exists`, `missing`, `ids`, `sort`, `skip`, `take`.
    #[schema(value_type = Object)]
    pub view: View,
    /// Of label fields: which one.
    pub field: Option<String>,
    pub offset: u64,
    /// At most 200; the default is 50.
    #[schema(minimum = 1, maximum = 200)]
    pub limit: Option<u64>,
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunBody {
    #[schema(example = "img_sim")]
    pub key: String,
    /// `similarity` or `visualization`.
    pub kind: String,
    /// The backend, or how it was computed.
    pub method: String,
    pub created_at: u64,
    #[schema(value_type = Object)]
    pub config: serde_json::Value,
}

impl From<Run> for RunBody {
    fn from(run: Run) -> Self {
        let Run { key, kind, method, created_at, mut config } = run;
        // Points have a route of their own.
        if let Some(points) = config.get_mut("points") {
            *points = points.as_array().map_or(0, Vec::len).into();
        }
        Self { key, kind, method, created_at, config }
    }
}

/// A new name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NameInput {
    pub name: String,
}
