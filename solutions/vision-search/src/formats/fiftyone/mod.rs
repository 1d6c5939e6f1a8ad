//! FiftyOne's own format: documents of its database in MongoDB's extended JSON, with the pictures beside them. It holds
//! all there is of a sample: ids, fields, tags of labels, embeddings.

mod labels;
mod read;
mod schema;
mod vector;
mod write;

pub(super) use read::read;
pub(super) use write::FiftyOneDataset;

const METADATA: &str = "metadata.json";
const SAMPLES: &str = "samples.json";

/// Entries of a label's document that are not attributes of the user's.
const OF_LABEL: [&str; 11] =
    ["_id", "_cls", "tags", "label", "confidence", "bounding_box", "points", "closed", "filled", "attributes", "mask"];

/// Entries of a sample's document that are not fields of the user's. FiftyOne sets the dates itself when it imports.
const OF_SAMPLE: [&str; 7] = ["id", "filepath", "tags", "metadata", "created_at", "last_modified_at", "media_type"];

/// Whether a field may be called so in FiftyOne.
fn is_usable(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['_', '$']) && !name.contains('.') && !OF_SAMPLE.contains(&name)
}
