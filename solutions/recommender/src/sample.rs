//! Sample ratings for `demo`: MovieLens 100K.

use std::path::Path;

use bootcamp_core::Result;
use bootcamp_kit::{Sample, Subject, WordsExample};

pub const SAMPLE: Sample = Sample {
    script: include_str!("sample-ratings.sh"),
    folder: "ratings",
    about: "100,000 ratings of 1,682 films by 943 people: MovieLens 100K of GroupLens (research use, see LICENCE there), out \
        of PyPI's recbole",
    query,
};

/// Films that many know, and a user of the sample.
pub const EXAMPLES: [WordsExample; 4] = [
    example("User 42", "user:42"),
    example("Toy Story", "Toy Story"),
    example("The Silence of the Lambs", "Silence of the Lambs, The"),
    example("Casablanca", "Casablanca"),
];

const fn example(title: &'static str, words: &'static str) -> WordsExample {
    WordsExample { title, words }
}

fn query(_: &Path) -> Result<(Subject, String)> {
    Ok((Subject::Words("user:42".to_owned()), "what user 42 would want to watch next".to_owned()))
}
