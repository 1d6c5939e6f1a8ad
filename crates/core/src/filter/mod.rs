//! One filter language for both stores: Milvus's boolean expressions.
//!
//! A filter is parsed once and checked against the collection's schema; the local store turns it into SQL, the Milvus
//! store into text that the server at hand understands. Both select the same records.
//!
//! ```
//! use bootcamp_core::Filter;
//! let typed: Filter = "label == 'cat' and (size > 3 or meta[\"tags\"][0] in ['new', 'rare'])".parse()?;
//! let built = Filter::eq("label", "cat").and(Filter::is_in("size", [1, 2, 3]));
//! assert_eq!(built.to_string(), "label == \"cat\" and size in [1, 2, 3]");
//! # Ok::<(), bootcamp_core::Error>(())
//! ```
//!
//! # The language
//! - `== != < <= > >=` between a field and a constant or another field; ranges `1 < size <= 3`.
//! - `in [...]`, `not in [...]`, `like "a%"` (case-sensitive; `%` any text, `_` one character, `\%` and `\_` themselves),
//!   `is null`, `is not null`; a bool field alone.
//! - JSON places `meta["a"]["b"][0]`, `exists meta["a"]`, `json_contains(meta["tags"], "x")`, `json_contains_all` and
//!   `json_contains_any` with a list.
//! - One operation `+ - * / %` of a number field with a constant: `size % 2 == 1`. Constants may be calculated with
//!   those and `**`. Integers divide towards zero.
//! - `and or not` or `&& || !`, parentheses. Words are the same in any case. `not` takes the whole comparison after it.
//! - Strings in either quotes with C's escapes, `true` and `false`, integers also as `0x1f` and `0b11`, floats.
//!
//! # What is null, and what differs between servers
//! Logic has three values, as in SQL, in Milvus since it has nullable fields, and in Milvus Lite: a comparison with a
//! null is unknown, `not` leaves it unknown, and only records for which the filter is true are selected. A place in a
//! JSON field is null when it is missing or holds null. Values of different JSON types are unequal and in no order
//! (`<` is unknown); true and false are not numbers; 1 equals 1.0. `json_contains` is false, not unknown, where there
//! is no array.
//!
//! Servers before 2.5 (seen: 2.3.5) know no unknown: there a missing key is "not equal to 1". The text we send them
//! says `exists` where it matters, so the answers are the same. What text cannot mend:
//! - a null inside JSON counts as present before 2.5: `exists meta["a"]` is true, `meta["a"] != 1` is true;
//! - Milvus finds `meta["0"]` and `meta[0]` alike; the local store and Lite tell keys from positions;
//! - Milvus compares an integer in JSON with a float constant as floats, which differs beyond 2^53;
//! - Milvus 2.3 calculates `%` of integers beyond 2^53 as floats;
//! - Milvus Lite takes true for 1 and false for 0 in JSON.
//!
//! What a server cannot do at all is an error of kind `Unsupported`: before 2.4 `like` with another wildcard than a
//! `%` at the end, and `<` of arithmetic where no range of the field says the same; on Lite `%` as an operation,
//! integer division in JSON, and some patterns with escapes; on Milvus `json_contains` of a whole field.

mod ast;
mod check;
mod fault;
mod fields;
mod fold;
mod functions;
mod interval;
mod lex;
#[cfg(any(feature = "milvus", test))]
mod milvus;
// The testkit's, taken as a file: core's tests would have to compile core a second time to depend on the testkit.
#[cfg(test)]
#[path = "../../../testkit/src/filters/model/mod.rs"]
mod model;
mod node;
mod parse;
mod pattern;
mod plan;
mod sql;
#[cfg(test)]
mod sql_tests;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use ast::{At, Cmp, Expr, Operand, Place, Side};

pub use ast::Literal;
pub(crate) use functions::register;
#[cfg(any(feature = "milvus", test))]
pub(crate) use milvus::Dialect;
pub(crate) use sql::Sql;

use crate::schema::CollectionSpec;
use crate::{Error, Result};

/// A condition on records. Two are equal when they mean the same by structure, however they are spelled.
#[derive(Clone)]
pub struct Filter {
    /// As it was typed; what a program built has none.
    text: Option<String>,
    expr: Expr,
}

impl Filter {
    /// Parses an expression.
    ///
    /// # Errors
    /// `InvalidInput` with a caret under the place.
    pub fn parse(text: &str) -> Result<Self> {
        match parse::parse(text) {
            Ok(expr) => Ok(Self { text: Some(text.to_owned()), expr }),
            Err(fault) => Err(fault.into_error(text)),
        }
    }

    /// Checks names and types against a schema.
    ///
    /// # Errors
    /// `InvalidInput` for a field that is unknown, not filterable, or of another type than what it is compared with.
    pub fn check(&self, spec: &CollectionSpec) -> Result<()> {
        self.plan(spec).map(drop)
    }

    /// `field == value`
    pub fn eq(field: impl Into<String>, value: impl Into<Literal>) -> Self {
        Self::compare(field, Cmp::Eq, value)
    }

    /// `field != value`
    pub fn ne(field: impl Into<String>, value: impl Into<Literal>) -> Self {
        Self::compare(field, Cmp::Ne, value)
    }

    /// `field < value`
    pub fn lt(field: impl Into<String>, value: impl Into<Literal>) -> Self {
        Self::compare(field, Cmp::Lt, value)
    }

    /// `field <= value`
    pub fn le(field: impl Into<String>, value: impl Into<Literal>) -> Self {
        Self::compare(field, Cmp::Le, value)
    }

    /// `field > value`
    pub fn gt(field: impl Into<String>, value: impl Into<Literal>) -> Self {
        Self::compare(field, Cmp::Gt, value)
    }

    /// `field >= value`
    pub fn ge(field: impl Into<String>, value: impl Into<Literal>) -> Self {
        Self::compare(field, Cmp::Ge, value)
    }

    /// `field in [values]`: also many thousands.
    pub fn is_in<L: Into<Literal>>(field: impl Into<String>, values: impl IntoIterator<Item = L>) -> Self {
        let values = values.into_iter().map(|value| (value.into(), At(None))).collect();
        Self::from(Expr::In { place: place(field), values })
    }

    /// `field is null`
    pub fn is_null(field: impl Into<String>) -> Self {
        Self::from(Expr::IsNull(place(field)))
    }

    /// Both hold.
    pub fn and(self, other: Self) -> Self {
        let parts = |expr| if let Expr::And(parts) = expr { parts } else { vec![expr] };
        let mut all = parts(self.expr);
        all.extend(parts(other.expr));
        Self::from(Expr::And(all))
    }

    /// At least one holds.
    pub fn or(self, other: Self) -> Self {
        let parts = |expr| if let Expr::Or(parts) = expr { parts } else { vec![expr] };
        let mut any = parts(self.expr);
        any.extend(parts(other.expr));
        Self::from(Expr::Or(any))
    }

    fn compare(field: impl Into<String>, op: Cmp, value: impl Into<Literal>) -> Self {
        let left = Operand { place: place(field), arith: None };
        Self::from(Expr::Compare { left, op, right: Side::Literal(value.into(), At(None)) })
    }

    /// As a condition for SQLite, on a connection prepared by [`register`].
    ///
    /// # Errors
    /// As [`Filter::check`].
    pub(crate) fn to_sql(&self, spec: &CollectionSpec) -> Result<Sql> {
        Ok(sql::write(&self.plan(spec)?))
    }

    /// As an expression for a Milvus server.
    ///
    /// # Errors
    /// As [`Filter::check`], and `Unsupported` for what that server cannot do.
    #[cfg(any(feature = "milvus", test))]
    pub(crate) fn to_milvus(&self, spec: &CollectionSpec, dialect: &Dialect) -> Result<String> {
        milvus::write(&self.plan(spec)?, dialect)
    }

    fn plan<'a>(&'a self, spec: &'a CollectionSpec) -> Result<plan::Plan<'a>> {
        check::plan(&self.expr, spec).map_err(|fault| fault.into_error(self.text.as_deref().unwrap_or_default()))
    }
}

/// The opposite: true where the filter is false, and unknown where it is unknown.
impl std::ops::Not for Filter {
    type Output = Self;

    fn not(self) -> Self {
        Self::from(match self.expr {
            Expr::Not(inner) => *inner,
            other => Expr::Not(Box::new(other)),
        })
    }
}

fn place(field: impl Into<String>) -> Place {
    Place { field: field.into(), path: Vec::new(), at: At(None) }
}

impl From<Expr> for Filter {
    fn from(expr: Expr) -> Self {
        Self { text: None, expr }
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.expr == other.expr
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// The filter as it was typed, or in normal spelling when a program built it.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => f.write_str(text),
            None => write!(f, "{}", self.expr),
        }
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({self})")
    }
}
