//! An error in a filter, with its position: filters are typed by people.

use winnow::error::ParserError;
use winnow::stream::{Location, Stream};

use super::ast::At;
use crate::Error;

/// An error at a position in a filter's text.
#[derive(Debug)]
pub(super) struct Fault {
    at: At,
    message: String,
    hint: Option<String>,
}

impl Fault {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self::at(At(Some(at)), message)
    }

    pub(super) fn at(at: At, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts a likelier hint before the one there is.
    pub(super) fn also(self, first: impl Into<String>) -> Self {
        let first = first.into();
        let hint = self.hint.as_ref().map_or_else(|| first.clone(), |hint| format!("{first}; {hint}"));
        self.hint(hint)
    }

    /// Keeps an error's message and hint and adds the place.
    pub(super) fn from_error(at: At, error: &Error) -> Self {
        Self { at, message: error.to_string(), hint: error.hint().map(str::to_owned) }
    }

    /// The error a caller sees. `text` is the filter's.
    pub(super) fn into_error(self, text: &str) -> Error {
        let mut error = Error::invalid(format!("filter: {}", self.message));
        if let Some(at) = self.at.0 {
            error = error.with_place(text, at);
        }
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

impl<I: Stream + Location> ParserError<I> for Fault {
    type Inner = Self;

    fn from_input(input: &I) -> Self {
        Self::new(input.current_token_start(), "unexpected character")
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}
