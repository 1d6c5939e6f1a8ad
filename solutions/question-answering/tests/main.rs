//! Sources as people have them, whole and broken, against what is in them; the program as its users have it.

#![cfg(test)] // clippy allows `unwrap` in what says so

mod ask;
mod browser;
mod documents;
mod office;
mod properties;
mod server;
mod stores;
mod tables;
mod written;

use bootcamp_kit::Content;
use bootcamp_kit::source::Source;
use bootcamp_testkit::program::Home;
use question_answering::discover::{Reading, entries};
use question_answering::documents::MAX_BYTES;
use question_answering::entry::Entry;

/// A folder to run the program in.
fn home() -> Home {
    Home::of(env!("CARGO_BIN_EXE_question-answering"))
}

/// The same with some pairs imported.
fn imported() -> Home {
    let home = home().with("faq.csv", include_str!("pairs.csv"));
    let run = home.run(&["import", "faq.csv", "-q"]);
    assert_eq!(run.code, Some(2), "one row has no question: {}", run.err);
    home
}

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
