//! A filter after it met the schema: names resolved, types right, and every `not` pushed down to the tests.
//!
//! Without a `not` above a test, "false" and "unknown" never need to be told apart again, which not every server can.

use super::ast::{Arith, Cmp, Literal, Step};
use super::interval::Ints;
use super::pattern::Pattern;

/// A field of the collection, or its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column<'a> {
    pub(super) name: &'a str,
    pub(super) is_id: bool,
    pub(super) nullable: bool,
}

/// A place in a JSON field. An empty path is the whole value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inside<'a> {
    pub(super) column: Column<'a>,
    pub(super) path: &'a [Step],
}

/// What can be looked for in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject<'a> {
    Column(Column<'a>),
    Inside(Inside<'a>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plan<'a> {
    All(Vec<Plan<'a>>),
    Any(Vec<Plan<'a>>),
    Test(Test<'a>),
}

/// A list of constants of a field's type; all bools are written out as [`Test::Bool`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum List<'a> {
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Strings(Vec<&'a str>),
}

/// A test of one record. Unknown where the field is null or the JSON place is missing or null, unless it says
/// otherwise.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test<'a> {
    /// True for no record.
    Never,
    /// Whether a field is null; never unknown.
    Null {
        column: Column<'a>,
        negated: bool,
    },
    Bool {
        column: Column<'a>,
        value: bool,
    },
    /// Neither [`Ints::None`] nor [`Ints::All`].
    Int {
        column: Column<'a>,
        ints: Ints,
    },
    /// The remainder has the sign of the field's value.
    Remainder {
        column: Column<'a>,
        by: i64,
        op: Cmp,
        value: i64,
    },
    Float {
        column: Column<'a>,
        arith: Option<(Arith, f64)>,
        op: Cmp,
        value: f64,
    },
    String {
        column: Column<'a>,
        op: Cmp,
        value: &'a str,
    },
    In {
        column: Column<'a>,
        list: List<'a>,
        negated: bool,
    },
    /// False for a JSON value that is no string.
    Like {
        subject: Subject<'a>,
        pattern: Pattern,
        negated: bool,
    },
    Columns {
        left: Column<'a>,
        op: Cmp,
        right: Column<'a>,
    },
    /// Whether a place holds something other than null; never unknown.
    Exists {
        inside: Inside<'a>,
        negated: bool,
    },
    /// Values of different types are unequal, and unknown in any other comparison. True and false are no numbers.
    Json {
        inside: Inside<'a>,
        op: Cmp,
        value: &'a Literal,
    },
    /// Unknown for a value that is no number.
    JsonArith {
        inside: Inside<'a>,
        arith: Arith,
        by: &'a Literal,
        op: Cmp,
        value: &'a Literal,
    },
    JsonIn {
        inside: Inside<'a>,
        values: Vec<&'a Literal>,
        negated: bool,
    },
    /// False for what is no array; never unknown.
    Contains {
        inside: Inside<'a>,
        all: bool,
        values: Vec<&'a Literal>,
        negated: bool,
    },
}
