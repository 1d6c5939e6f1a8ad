//! Which column of a table is what: by the name that people give, or by the usual names.

use bootcamp_core::{Error, Fields, Result};
use bootcamp_kit::source::plain_text;
use serde_json::Value;

use super::{checked, no_column};
use crate::entry::{Entry, tidy, title};
use crate::language;
use crate::reading::Reading;

/// What columns are usually called, the likeliest first. Case, blanks, hyphens and underscores do not count.
const QUESTIONS: &[&str] = &["question", "questions", "questiontext", "q", "query", "prompt", "instruction", "input"];
const ANSWERS: &[&str] =
    &["answer", "answers", "answertext", "bestanswer", "a", "response", "reply", "completion", "output", "solution"];
/// An answer if there is a question, else a passage.
const PASSAGES: &[&str] = &[
    "text",
    "passage",
    "passagetext",
    "paragraph",
    "content",
    "contents",
    "body",
    "document",
    "article",
    "abstract",
    "context",
];
const TITLES: &[&str] = &["title"];
const LANGUAGES: &[&str] = &["language", "lang", "locale"];
const TAGS: &[&str] = &["tags", "tag", "categories", "category", "topics", "topic"];

/// The columns that are told, for what is not found by its name.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    question: Option<String>,
    answer: Option<String>,
}

/// The names of the columns in a table or an object. What is none of them is kept beside.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Columns {
    question: Option<String>,
    answer: String,
    title: Option<String>,
    language: Option<String>,
    tags: Vec<String>,
}

impl Told {
    pub(super) fn of(reading: &Reading) -> Self {
        Self { question: reading.question.clone(), answer: reading.answer.clone() }
    }

    /// How far these names are from a table of questions and answers: for the delimiter.
    pub(super) fn misfit(&self, names: &[&str]) -> Option<usize> {
        match Columns::among(names, self) {
            Ok(Columns { question: Some(_), .. }) => Some(0),
            Ok(_) => Some(1),
            Err(_) => names.iter().any(|name| is_one_of(name, QUESTIONS)).then_some(2),
        }
    }
}

impl Columns {
    /// # Errors
    /// `InvalidInput` when there is nothing that an answer can be, or a column that was told is not there.
    pub(super) fn among(names: &[&str], told: &Told) -> Result<Self> {
        let named = |told: &Option<String>, option: &str| match told {
            None => Ok(None),
            Some(told) => match names.iter().find(|name| name.eq_ignore_ascii_case(told)) {
                Some(name) => Ok(Some((*name).to_owned())),
                None => Err(no_column(&format!("column '{told}'"), names, &format!("name another with {option}"))),
            },
        };
        let question = named(&told.question, "--question-column")?;
        let answer = named(&told.answer, "--answer-column")?;
        // A column that was told is nothing else.
        let free = |name: &&str| ![&question, &answer].into_iter().flatten().any(|taken| taken == name);
        let find = |usual: &[&str]| {
            let among = |usual: &&str| names.iter().filter(|name| free(name)).find(|name| is_called(name, usual));
            usual.iter().find_map(among).map(|name| (*name).to_owned())
        };
        let mut asked = question.clone().or_else(|| find(QUESTIONS));
        let strict = answer.clone().or_else(|| find(ANSWERS));
        let mut title = find(TITLES);
        if asked.is_none() && strict.is_some() && answer.is_none() {
            // Of a forum: what is asked stands in the title.
            asked = title.take();
        }
        let found = strict
            .or_else(|| find(PASSAGES))
            .ok_or_else(|| no_column("column with answers or passages", names, "name it with --answer-column"))?;
        let tags = names.iter().filter(|name| is_one_of(name, TAGS)).map(|name| (*name).to_owned());
        Ok(Self {
            question: asked,
            answer: found,
            title,
            language: find(LANGUAGES),
            tags: tags.filter(|name| free(&name.as_str())).collect(),
        })
    }

    /// Whether a column is one of texts, which keep what is written: `1.50` is no number.
    pub(super) fn is_text(&self, name: &str) -> bool {
        let one = [&self.question, &self.title, &self.language].into_iter().flatten();
        one.chain(&self.tags).chain([&self.answer]).any(|text| text == name)
    }

    /// Whether the table has questions.
    pub(super) fn ask(&self) -> bool {
        self.question.is_some()
    }

    /// A row without blanks: what is empty is left out.
    ///
    /// # Errors
    /// `InvalidInput` for a row without a question or an answer, and for what no store takes.
    pub(super) fn entry(&self, mut fields: Fields) -> Result<Entry> {
        let missing = |what: &str| Error::invalid(format!("the row has no {what}"));
        let question = match &self.question {
            Some(name) => Some(take(&mut fields, name).ok_or_else(|| missing("question"))?),
            None => None,
        };
        let what = if question.is_some() { "answer" } else { "text" };
        let answer = take(&mut fields, &self.answer).ok_or_else(|| missing(what))?;
        let title = self.title.as_ref().and_then(|name| take(&mut fields, name)).and_then(|text| title(&text));
        let language = self.language.as_ref().and_then(|name| {
            let code = language::code(fields.get(name)?.as_str()?)?;
            fields.remove(name);
            Some(code.to_owned())
        });
        let mut tags = Vec::new();
        for name in &self.tags {
            let found = fields.get(name).and_then(tags_in);
            if let Some(found) = found {
                fields.remove(name);
                tags.extend(found);
            }
        }
        checked(Entry { question, answer, title, tags: distinct(tags), language, extra: fields, ..Entry::default() })
    }
}

/// Removes a field that is a text. Of several answers it is the first, and the field stays with the others.
fn take(fields: &mut Fields, name: &str) -> Option<String> {
    let value = fields.get(name)?;
    let (text, has_more) = match value {
        Value::Array(several) => (several.iter().find_map(plain_text), several.len() > 1),
        // As SQuAD has them: {"text": ["a", "b"], "answer_start": [3, 7]}.
        Value::Object(answers) => match answers.get("text") {
            Some(Value::Array(several)) => (several.iter().find_map(plain_text), true),
            text => (text.and_then(plain_text), true),
        },
        other => (plain_text(other), false),
    };
    if !has_more {
        fields.remove(name);
    }
    text.map(|text| tidy(&text).trim().to_owned()).filter(|text| !text.is_empty())
}

/// The tags of a list, or of a text with semicolons or commas between them. `None` for what is no list of texts.
pub(super) fn tags_in(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(tags) => tags.iter().map(|tag| plain_text(tag).as_deref().and_then(title)).collect(),
        other => {
            let text = plain_text(other)?;
            let delimiter = if text.contains(';') { ';' } else { ',' };
            Some(text.split(delimiter).filter_map(title).collect())
        }
    }
}

fn distinct(tags: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    tags.into_iter().filter(|tag| seen.insert(tag.clone())).collect()
}

fn is_one_of(name: &str, usual: &[&str]) -> bool {
    usual.iter().any(|usual| is_called(name, usual))
}

fn is_called(name: &str, usual: &str) -> bool {
    let letters = name.chars().filter(|c| !matches!(c, ' ' | '_' | '-'));
    letters.flat_map(char::to_lowercase).eq(usual.chars())
}
