//! What people see of an item.

use bootcamp_core::Fields;

use super::MediaKind;

/// What people see of an item at its full size.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// A file, by its path or as `archive.zip!/member`, if it is of one of these kinds.
    File {
        name: String,
        kinds: &'static [MediaKind],
    },
    /// An SVG that needs nothing else.
    Drawing(String),
    Nothing,
}

impl Look {
    /// The file that an item came from, where files of any kind are shown.
    pub fn source(fields: &Fields, kinds: &'static [MediaKind]) -> Self {
        match fields.get("path").and_then(|path| path.as_str()) {
            Some(path) if !kinds.is_empty() => Self::File { name: path.to_owned(), kinds },
            _ => Self::Nothing,
        }
    }
}

/// What people see of an item among others.
#[derive(Debug)]
pub enum Thumbnail {
    Jpeg(Vec<u8>),
    /// An SVG.
    Drawing(String),
    /// It has none, or the file is gone.
    Nothing,
}
