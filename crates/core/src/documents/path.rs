//! A place in a document's body.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

/// A place in a body: keys and positions from its root. Any key is possible.
///
/// ```
/// use bootcamp_core::documents::Path;
/// assert_eq!(Path::of(&["box", "left top"]).at(0).to_string(), r#"$."box"."left top"[0]"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Path(String);

impl Path {
    /// The place that these keys lead to.
    pub fn of(keys: &[&str]) -> Self {
        keys.iter().fold(Self("$".to_owned()), |path, key| path.key(key))
    }

    /// The value under a key of the object there.
    pub fn key(mut self, key: &str) -> Self {
        // SQLite reads keys in quotes as JSON strings.
        let _ = write!(self.0, ".{}", serde_json::Value::from(key));
        self
    }

    /// The member of the array there, counted from 0.
    pub fn at(mut self, index: usize) -> Self {
        let _ = write!(self.0, "[{index}]");
        self
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// As SQLite spells it.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
