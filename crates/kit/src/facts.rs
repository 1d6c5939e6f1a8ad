//! A program's description as plain data: its name, its collection, what makes its embeddings, what a query and
//! an import may be. Everything in the kit reads it; what a program *does* stands in [`Program`](crate::Program).

use bootcamp_core::{Metric, VectorField, VectorKind};

use crate::media::MediaKind;
use crate::options::ProgramOption;

/// The facts about a program. A solution writes those that differ from [`Facts::DEFAULT`].
#[derive(Debug)]
pub struct Facts {
    /// Of the binary: `image-search`.
    pub name: &'static str,
    /// For people: `Image search`.
    pub title: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    pub version: &'static str,
    /// The collection, unless settings name another.
    pub collection: &'static str,
    /// What makes the embeddings.
    pub vectors: Vectors,
    /// What a query may be besides text: `picture`.
    pub accepts: &'static [&'static str],
    /// What text queries are, if the program parses them itself: `SMILES`. Otherwise the model determines
    /// whether text queries are supported.
    pub words: Option<&'static str>,
    /// Example text queries for new users.
    pub examples: &'static [WordsExample],
    /// Options of a query.
    pub options: &'static [ProgramOption],
    /// Options of an import.
    pub import_options: &'static [ProgramOption],
    /// Whether an item is a span of its source, such as a shot of a video. Then items have `start` and `end` in seconds,
    /// and a search for k hits gives k sources with the best spans of each.
    pub spans: bool,
    /// The default score from which two items count as near-duplicates, where the model does not say one. `None`: the
    /// program does not look for duplicates.
    pub duplicates: Option<f32>,
    /// Kinds of files that items are shown as. Where there are none, no file leaves the disk and uploads are not kept:
    /// items are drawn, or not shown.
    pub media: &'static [MediaKind],
}

impl Facts {
    /// A program that has no more than a name: no model, no options, no duplicates.
    pub const DEFAULT: Self = Self {
        name: "",
        title: "",
        summary: "",
        version: "",
        collection: "",
        vectors: Vectors::Computed(Metric::Cosine),
        accepts: &[],
        words: None,
        examples: &[],
        options: &[],
        import_options: &[],
        spans: false,
        duplicates: None,
        media: &[],
    };
}

/// What makes a program's embeddings. The collection's vector field is named after it, so that embeddings of two makers
/// are never compared, though they may have the same dimension.
#[derive(Debug)]
pub enum Vectors {
    /// A model: this one, unless the collection or settings name another.
    Model(&'static str),
    /// The program itself: the fingerprints of molecules, for one. `--model` chooses among these; the first is the default.
    Own(&'static [OwnVector]),
    /// The program itself, in a dimension that it finds out when it runs, as by training. The field is `embedding`; the
    /// metric is the collection's, or this one before there is a collection.
    Computed(Metric),
}

/// Embeddings that a program makes without a model.
#[derive(Debug)]
pub struct OwnVector {
    pub name: &'static str,
    /// What it is, for people.
    pub summary: &'static str,
    pub kind: VectorKind,
    /// The dimension; for binary vectors in bits.
    pub dim: usize,
    pub metric: Metric,
}

impl OwnVector {
    /// The field that holds them.
    pub fn field(&self) -> VectorField {
        let Self { kind, dim, metric, .. } = *self;
        VectorField { kind, ..VectorField::f32(field_of(self.name), dim, metric) }
    }
}

/// The name of the vector field that holds the embeddings of one maker.
pub(crate) fn field_of(maker: &str) -> String {
    let plain: String = maker.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_ascii_digit()) { format!("_{plain}") } else { plain }
}

/// An example text query.
#[derive(Debug)]
pub struct WordsExample {
    pub title: &'static str,
    pub words: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_after_models() {
        assert_eq!(field_of("sscd-distilled"), "sscd_distilled");
        assert_eq!(field_of("7b.model"), "_7b_model");
    }
}
