//! COCO's object detection: one JSON file of pictures, categories and annotations, whose boxes and outlines are in pixels.

mod read;
mod write;

use serde::Deserialize;

pub(super) use read::{has_coco_lists, read};
pub(super) use write::Coco;

const LABELS: &str = "labels.json";
const DATA: &str = "data";

/// Entries of an annotation that are not attributes of the user's.
const OF_ANNOTATION: [&str; 9] =
    ["id", "image_id", "category_id", "bbox", "segmentation", "keypoints", "num_keypoints", "score", "attributes"];

/// Ids are numbers; some programs write texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
enum Id {
    Number(i64),
    Text(String),
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(id) => id.fmt(f),
            Self::Text(id) => f.write_str(id),
        }
    }
}
