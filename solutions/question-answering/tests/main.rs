//! Sources as people have them, whole and broken, against what is in them.

#![cfg(test)] // clippy allows `unwrap` in what says so

mod documents;
mod office;
mod properties;
mod tables;

use bootcamp_kit::Content;
use bootcamp_kit::source::Source;
use question_answering::discover::{Reading, entries};
use question_answering::documents::MAX_BYTES;
use question_answering::entry::Entry;

fn reading(passage_chars: usize) -> Reading {
    Reading { passage_chars, ..Reading::default() }
}

/// The passages of a document, and why it ended if that was an error.
fn passages(name: &str, bytes: impl Into<Vec<u8>>, reading: &Reading) -> (Vec<Entry>, Option<String>) {
    let source = Source::new(name, Content::from(bytes.into()), "");
    let mut found = Vec::new();
    let all = match entries(&source, reading, MAX_BYTES) {
        Ok(all) => all,
        Err(error) => return (found, Some(error.to_string())),
    };
    for entry in all {
        match entry {
            Ok(entry) => {
                entry.check().unwrap();
                found.push(entry);
            }
            Err(error) => return (found, Some(error.to_string())),
        }
    }
    (found, None)
}

/// Headings and texts of a document that is read to its end.
fn told(name: &str, bytes: impl Into<Vec<u8>>, chars: usize) -> Vec<String> {
    let (found, error) = passages(name, bytes, &reading(chars));
    assert_eq!(error, None);
    found.iter().map(|entry| format!("{} | {}", entry.headings.join(" > "), entry.answer)).collect()
}

/// Why a document gives nothing.
fn refused(name: &str, bytes: impl Into<Vec<u8>>) -> String {
    let (found, error) = passages(name, bytes, &reading(1000));
    assert_eq!(found, []);
    error.unwrap()
}
