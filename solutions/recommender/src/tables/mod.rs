//! Tables of ratings, of items and of users, in every form in which they usually come.

mod columns;
mod facts;
mod layout;
mod time;

use bootcamp_core::{Error, Result};
use bootcamp_kit::source::Notes;
use bootcamp_kit::{Content, Options};

pub use columns::Kind;
pub use facts::{Facts, facts, join};
pub use layout::Layout;
pub use time::milliseconds;

use layout::{Rows, Value};

/// What is told of tables, for what is not found by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub kind: Option<Kind>,
    pub user: Option<String>,
    pub item: Option<String>,
    pub value: Option<String>,
    pub time: Option<String>,
}

impl Told {
    /// Of the program's import options.
    pub fn of(options: &Options) -> Self {
        let column = |name| options.get(name).map(str::to_owned);
        let kind = match options.get("kind") {
            Some("ratings") => Some(Kind::Ratings),
            Some("items") => Some(Kind::Items),
            Some("users") => Some(Kind::Users),
            _ => None,
        };
        Self {
            kind,
            user: column("user-column"),
            item: column("item-column"),
            value: column("value-column"),
            time: column("time-column"),
        }
    }
}

/// A row of ratings.
#[derive(Clone, Debug, PartialEq)]
pub struct RatingRow {
    pub user: String,
    pub item: String,
    /// 1 in a table without values.
    pub value: f32,
    /// Milliseconds since 1970.
    pub time: Option<i64>,
}

/// The longest name of a user or an item, in bytes.
pub const MAX_NAME: usize = 1024;

/// The ratings of a table with their lines; a bad row is an error of its own.
///
/// # Errors
/// Those of reading the beginning of the file.
pub fn ratings(
    name: &str,
    content: &Content,
    layout: &Layout,
    notes: &Notes,
) -> Result<impl Iterator<Item = (u64, Result<RatingRow>)> + use<>> {
    let columns = layout.columns.clone();
    let rows: Rows = layout.rows(name, content, notes)?;
    Ok(rows.map(move |(line, row)| {
        let rating = row.and_then(|row| {
            let text = |at: Option<usize>| at.and_then(|at| row.get(at)).and_then(Value::text);
            let user = named(text(columns.user), "user")?;
            let item = named(text(columns.item), "item")?;
            let value = match columns.value {
                Some(_) => number(text(columns.value))?,
                None => 1.0,
            };
            let time = text(columns.time).map(|text| milliseconds(&text)).transpose()?;
            Ok(RatingRow { user, item, value, time })
        });
        (line, rating)
    }))
}

/// The name of a user or an item.
///
/// # Errors
/// `InvalidInput` when there is none, or it is too long.
pub fn named(text: Option<String>, what: &str) -> Result<String> {
    let text = text.filter(|text| !text.is_empty()).ok_or_else(|| Error::invalid(format!("the row has no {what}")))?;
    if text.len() > MAX_NAME {
        return Err(Error::invalid(format!("the name of the {what} is longer than {MAX_NAME} bytes")));
    }
    Ok(text)
}

fn number(text: Option<String>) -> Result<f32> {
    let text = text.ok_or_else(|| Error::invalid("the row has no value"))?;
    finite(text.parse().ok()).ok_or_else(|| Error::invalid(format!("the value '{text}' is not a finite number")))
}

/// A value that can be learned from.
pub fn finite(value: Option<f32>) -> Option<f32> {
    value.filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests;
