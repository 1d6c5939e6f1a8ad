//! An error in a SMILES, with its position: people type them.

use bootcamp_core::Error;

/// An error at a position in a text.
#[derive(Debug)]
pub(crate) struct Fault {
    /// A byte of the text.
    at: Option<usize>,
    message: String,
    hint: Option<&'static str>,
}

impl Fault {
    pub(crate) fn new(at: impl Into<Option<usize>>, message: impl Into<String>) -> Self {
        Self { at: at.into(), message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The error a caller sees; `what` the text is, such as "SMILES".
    pub(crate) fn into_error(self, what: &str, text: &str) -> Error {
        let mut error = Error::invalid(format!("{what}: {}", self.message));
        if let Some(at) = self.at {
            error = error.with_place(text, at);
        }
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
