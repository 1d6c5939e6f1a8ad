//! A table, one row a picture, or one row a box; [`Format::Csv`](super::Format::Csv) says which columns it has. Those with a
//! dot are as FiftyOne writes them; it reads its own and ours only when told which columns to take.

mod read;
mod write;

use serde_json::{Number, Value};

pub(super) use read::{file, read};
pub(super) use write::Table;

/// Names of columns that are not fields.
const FILEPATH: &str = "filepath";
const TAGS: &str = "tags";
const LABEL: &str = "label";
const CONFIDENCE: &str = "confidence";
const BOX: [&str; 4] = ["x", "y", "width", "height"];
const DATA: &str = "data";

/// What a cell says; nothing for an empty one.
fn value_of(cell: &str) -> Option<Value> {
    match cell {
        "" => return None,
        "true" | "True" => return Some(true.into()),
        "false" | "False" => return Some(false.into()),
        _ => {}
    }
    if cell.starts_with('[')
        && let Ok(list @ Value::Array(_)) = serde_json::from_str(cell)
        && list.as_array().is_some_and(|list| list.iter().all(|it| !it.is_array() && !it.is_object()))
    {
        return Some(list);
    }
    Some(number_of(cell).unwrap_or_else(|| cell.into()))
}

/// The number that a cell is. One with leading zeros is a text, as a postal code.
fn number_of(cell: &str) -> Option<Value> {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let starts_with_digit = digits.starts_with(|first: char| first.is_ascii_digit());
    let has_zeros = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    if !starts_with_digit || has_zeros {
        return None;
    }
    let whole = cell.parse::<i64>().ok().map(Value::from);
    whole.or_else(|| Number::from_f64(cell.parse().ok()?).map(Value::Number))
}

/// A value as a cell.
fn cell_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_what_they_look_like() {
        for (cell, value) in [
            ("7", json!(7)),
            ("-7", json!(-7)),
            ("0", json!(0)),
            ("0.50", json!(0.5)),
            ("1e3", json!(1000.0)),
            ("9223372036854775808", json!(9223372036854775808.0)),
            ("007", json!("007")),
            ("-", json!("-")),
            (".5", json!(".5")),
            ("inf", json!("inf")),
            ("1e999", json!("1e999")),
            ("nan", json!("nan")),
            ("True", json!(true)),
            ("[1, \"a\"]", json!([1, "a"])),
            ("[1, [2]]", json!("[1, [2]]")),
            ("[", json!("[")),
            (" 7", json!(" 7")),
        ] {
            assert_eq!(value_of(cell), Some(value), "{cell}");
        }
        assert_eq!(value_of(""), None);
    }

    proptest! {
        #[test]
        fn numbers_come_back(whole: i64, number in proptest::num::f64::NORMAL) {
            prop_assert_eq!(value_of(&cell_of(&json!(whole))), Some(json!(whole)));
            prop_assert_eq!(value_of(&cell_of(&json!(number))), Some(json!(number)));
        }

        #[test]
        fn no_cell_makes_it_panic(cell in "\\PC*") {
            value_of(&cell);
        }
    }
}
