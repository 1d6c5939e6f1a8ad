//! What the columns of a table are: the delimiter between them, and the type that all cells of a column have.

use std::collections::HashMap;

use bootcamp_core::{Error, Result};
use serde_json::{Number, Value};

/// Columns whose type is kept; an SDF may have others in each of its records. What goes beyond stays text.
const MAX_COLUMNS: usize = 10_000;
/// Digits before the point that a floating-point number keeps.
const EXACT_DIGITS: usize = 15;

/// The type of each column, found by a first pass over all of its cells: numbers, truth values, or else text, so that a
/// filter does not find some cells of a column and pass over others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Types {
    columns: HashMap<String, Type>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Number,
    Truth,
    Text,
}

impl Types {
    /// Takes a cell into account. Empty ones say nothing.
    pub fn note(&mut self, column: &str, cell: &str) {
        if let Some(known) = self.columns.get_mut(column) {
            // Text stays text.
            if *known != Type::Text && type_of(cell).is_some_and(|new| new != *known) {
                *known = Type::Text;
            }
        } else if let Some(new) = type_of(cell)
            && self.columns.len() < MAX_COLUMNS
        {
            self.columns.insert(column.to_owned(), new);
        }
    }

    /// The cell as a value of its column's type; `None` when it is empty.
    pub fn value(&self, column: &str, cell: String) -> Option<Value> {
        type_of(&cell)?;
        let value = match self.columns.get(column) {
            Some(Type::Number) => number(cell.trim()).map(Value::Number),
            Some(Type::Truth) => truth(cell.trim()).map(Value::Bool),
            _ => None,
        };
        Some(value.unwrap_or_else(|| cell.into()))
    }
}

fn type_of(cell: &str) -> Option<Type> {
    let cell = cell.trim();
    match cell.as_bytes().first()? {
        b'0'..=b'9' | b'+' | b'-' | b'.' if number(cell).is_some() => Some(Type::Number),
        b't' | b'T' | b'f' | b'F' if truth(cell).is_some() => Some(Type::Truth),
        _ => Some(Type::Text),
    }
}

/// As JSON, Python and spreadsheets write them.
fn truth(cell: &str) -> Option<bool> {
    match cell {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// A number that keeps what was written but for trailing zeros: `007` is an identifier, and so is an integer of twenty
/// digits.
fn number(cell: &str) -> Option<Number> {
    let digits = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    let whole = digits.bytes().take_while(u8::is_ascii_digit).count();
    let has_leading_zero = whole > 1 && digits.starts_with('0');
    // Words such as `inf` and `nan` are read as numbers, too.
    let is_written_in_digits =
        digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if has_leading_zero || !is_written_in_digits {
        return None;
    }
    if whole == digits.len() {
        return cell.parse::<i64>().ok().map(Number::from);
    }
    let value = cell.parse::<f64>().ok().filter(|_| whole <= EXACT_DIGITS)?;
    let mantissa = digits.split(['e', 'E']).next().unwrap_or(digits);
    let is_zero = mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    // Too small a number would become zero.
    if (value == 0.0) != is_zero { None } else { Number::from_f64(value) }
}

/// The cells of one row, without blanks around them.
pub(super) fn cells(row: &str, delimiter: u8) -> Result<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .trim(csv::Trim::All)
        .buffer_capacity(row.len().clamp(64, 1 << 16))
        .from_reader(row.as_bytes());
    let mut cells = csv::StringRecord::new();
    reader.read_record(&mut cells).map_err(|error| Error::invalid(format!("cannot read the row: {error}")))?;
    Ok(cells.iter().map(str::to_owned).collect())
}

/// The delimiter of a table with this header: the one that gives the wanted column, then the one that occurs most
/// outside quotes, then the first of `delimiters`. `misfit` tells how far the best of some names is from what is wanted;
/// `None` when none of them is it.
pub(super) fn delimiter(header: &str, delimiters: [u8; 4], misfit: impl Fn(&[&str]) -> Option<usize>) -> u8 {
    let rank = |delimiter: &u8| {
        let cells = cells(header, *delimiter).unwrap_or_default();
        let names: Vec<&str> = cells.iter().map(String::as_str).collect();
        (misfit(&names).unwrap_or(usize::MAX), std::cmp::Reverse(cells.len()))
    };
    delimiters.into_iter().min_by_key(rank).unwrap_or(delimiters[0])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn column(cells: &[&str]) -> Value {
        let mut types = Types::default();
        cells.iter().for_each(|cell| types.note("x", cell));
        cells.iter().map(|cell| types.value("x", (*cell).to_owned())).collect()
    }

    #[test]
    fn a_column_has_one_type() {
        assert_eq!(column(&["1.25", "1.50", "2.00", "0.10", "1e-3"]), json!([1.25, 1.5, 2.0, 0.1, 0.001]));
        assert_eq!(column(&["1", "", "-2.50", "+3", ".5", " 1E+05 ", "-0"]), json!([1, null, -2.5, 3, 0.5, 1e5, 0]));
        assert_eq!(column(&["true", "False", "TRUE", " "]), json!([true, false, true, null]));
        assert_eq!(column(&["9223372036854775807", "-1"]), json!([i64::MAX, -1]));
        for text in [
            "007",
            "n/a",
            "true",
            "NaN",
            "inf",
            "-Infinity",
            "1_000",
            "1,5",
            "0x10",
            "1e400",
            "1e-400",
            "-",
            "9223372036854775808",
            "12345678901234567890.5",
            "1.2.3",
            "2024-01-02",
            "-01.5",
            "1e",
            "e5",
            ".",
        ] {
            assert_eq!(column(&["1.50", text, "2"]), json!(["1.50", text, "2"]), "{text}");
            assert_eq!(column(&[text, "2.0"]), json!([text, "2.0"]), "{text}");
        }
        assert_eq!(column(&["true", "yes"]), json!(["true", "yes"]));
    }

    #[test]
    fn so_many_columns_are_not_kept() {
        let mut types = Types::default();
        (0..20_000).for_each(|column| types.note(&column.to_string(), "1"));
        assert_eq!(types.columns.len(), MAX_COLUMNS);
        assert_eq!(types.value("19999", "1".to_owned()), Some("1".into()));
    }

    #[test]
    fn the_delimiter_gives_the_column() {
        let of = |header: &str| {
            char::from(delimiter(header, *b",\t;|", |names| names.iter().position(|name| *name == "path").map(|_| 0)))
        };
        assert_eq!(of("path,Name (a; b; c)"), ',');
        assert_eq!(of("\"a;b;c;d\",path"), ',');
        assert_eq!(of("\"a,b,c\";path"), ';');
        assert_eq!(of("a,b\tpath"), '\t');
        assert_eq!(of("label|path"), '|');
        assert_eq!((of("path"), of("a;b;c"), of("")), (',', ';', ','));
    }
}
