//! Sample questions for `demo`: the FAQs of Perl, Python and Debian.

use std::path::Path;

use bootcamp_core::Result;
use bootcamp_kit::{Sample, Subject, WordsExample};

pub const SAMPLE: Sample = Sample {
    script: include_str!("sample-questions.sh"),
    folder: "questions",
    about: "586 questions and answers of Perl's FAQ (Artistic or GPL-1+), Python's (PSF) and Debian's (its own notice), \
        out of Debian's packages",
    query,
};

/// Questions that the sample answers, in other words than its own.
pub const EXAMPLES: [WordsExample; 5] = [
    example("Lists and tuples", "When should I use a tuple instead of a list?"),
    example("Compare floats", "Why is 0.1 + 0.2 not 0.3?"),
    example("Debian releases", "What is the difference between stable, testing and unstable?"),
    example("Trim a string", "How can I remove spaces at both ends of a string in Perl?"),
    example("Ternary operator", "Does Python have the ?: operator of C?"),
];

const fn example(title: &'static str, words: &'static str) -> WordsExample {
    WordsExample { title, words }
}

fn query(_: &Path) -> Result<(Subject, String)> {
    let question = EXAMPLES[0].words;
    Ok((Subject::Words(question.to_owned()), question.to_owned()))
}
