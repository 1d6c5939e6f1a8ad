//! Writes a planned filter for a Milvus server, so that servers of all versions select the same records.

use std::collections::HashSet;

use super::ast::{Arith, Cmp, Literal, Quoted, Steps};
use super::interval::Ints;
use super::pattern::{self, Pattern};
use super::plan::{Column, Inside, List, Plan, Subject, Test};
use crate::{Error, ErrorKind, Result};

/// How far a server's `like` goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Like {
    /// Only a `%` at the end.
    Prefix,
    /// `%` and `_` anywhere, but no way to mean these characters themselves.
    Wildcards,
    /// With backslash escapes, too.
    Escapes,
}

/// What a server's filters can do. Field names and types are the collection's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// The server for error messages: `Milvus 2.3.5`.
    pub(crate) server: String,
    /// Fields may be null. Without it a nullable scalar field is no field of the server's schema at all: it is written
    /// to the dynamic field under its own name, where null is left out.
    pub(crate) nullable_fields: bool,
    pub(crate) like: Like,
    /// `size + 1 < 3`; without it arithmetic goes only with `==` and `!=`.
    pub(crate) arithmetic_order: bool,
    /// `size % 2`.
    pub(crate) remainder: bool,
    /// Dividing an integer in JSON by an integer gives an integer.
    pub(crate) integer_division: bool,
    /// `meta["a"] in [1, 2]`.
    pub(crate) in_json: bool,
    /// `json_contains(meta, 1)` for a JSON field that is an array itself.
    pub(crate) contains_whole: bool,
}

impl Dialect {
    /// A Milvus server (Standalone, Distributed, Zilliz Cloud) of version `major.minor`; `server` names it in messages.
    pub(crate) fn milvus(server: impl Into<String>, major: u32, minor: u32) -> Self {
        let since = |minimum| (major, minor) >= minimum;
        Self {
            server: server.into(),
            nullable_fields: since((2, 5)),
            like: if since((2, 4)) { Like::Escapes } else { Like::Prefix },
            arithmetic_order: since((2, 4)),
            remainder: true,
            integer_division: true,
            in_json: true,
            contains_whole: false,
        }
    }

    /// Milvus Lite 3's server, which is written in Python.
    pub(crate) fn lite(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            nullable_fields: true,
            like: Like::Wildcards,
            arithmetic_order: true,
            remainder: false,
            integer_division: false,
            in_json: false,
            contains_whole: true,
        }
    }
}

/// Servers refuse lists without a record to find, but understand them on the id.
const NEVER: &str = "id in []";
const ALWAYS: &str = "id not in []";
/// Servers read a sign and a number apart, and the number alone does not fit.
const UNSAYABLE: i64 = i64::MIN;

/// Writes a plan in a dialect.
pub(super) fn write(plan: &Plan<'_>, dialect: &Dialect) -> Result<String> {
    Ok(match plan {
        Plan::All(parts) => join(&each(parts, dialect)?, "and"),
        Plan::Any(parts) => join(&each(parts, dialect)?, "or"),
        Plan::Test(test) => Writer { dialect }.test(test)?,
    })
}

fn each(parts: &[Plan<'_>], dialect: &Dialect) -> Result<Vec<String>> {
    parts.iter().map(|part| write(part, dialect)).collect()
}

/// Joins in halves: servers read a long flat chain as a deep tree, and refuse deep trees.
fn join(parts: &[impl AsRef<str>], word: &str) -> String {
    match parts {
        [] => if word == "and" { ALWAYS } else { NEVER }.to_owned(),
        [part] => part.as_ref().to_owned(),
        parts => {
            let (left, right) = parts.split_at(parts.len() / 2);
            format!("({} {word} {})", join(left, word), join(right, word))
        }
    }
}

struct Writer<'a> {
    dialect: &'a Dialect,
}

impl Writer<'_> {
    fn test(&self, test: &Test<'_>) -> Result<String> {
        Ok(match test {
            Test::Never => NEVER.to_owned(),
            Test::Null { column, negated } => self.null(column, *negated),
            Test::Bool { column, value } => format!("{} == {value}", column.name),
            Test::Int { column, ints } => self.ints(column, *ints),
            Test::Remainder { column, by, op, value } => {
                self.remainder()?;
                self.ordered(*op)?;
                // Only the value's sign counts.
                let text = format!("{} % {} {} {value}", column.name, by.unsigned_abs(), op.sign());
                self.guard(column, *op == Cmp::Ne, text)
            }
            Test::Float { column, arith, op, value } => {
                let mut left = column.name.to_owned();
                if let Some((arith, by)) = arith {
                    self.ordered(*op)?;
                    left = format!("{left} {} {by:?}", arith.sign());
                }
                self.guard(column, *op == Cmp::Ne, format!("{left} {} {value:?}", op.sign()))
            }
            Test::String { column, op, value } => {
                self.guard(column, *op == Cmp::Ne, format!("{} {} {}", column.name, op.sign(), Quoted(value)))
            }
            Test::In { column, list, negated } => self.list(column, list, *negated),
            Test::Like { subject, pattern, negated } => self.like(subject, pattern, *negated)?,
            Test::Columns { left, op, right } => self.columns(left, *op, right)?,
            Test::Exists { inside, negated } => exists(inside, *negated),
            Test::Json { inside, op, value } => {
                let text = format!("{} {} {}", json_place(inside), op.sign(), json_constant(value));
                guard_inside(inside, *op == Cmp::Ne, text)
            }
            Test::JsonArith { inside, arith, by, op, value } => self.json_arith(inside, *arith, by, *op, value)?,
            Test::JsonIn { inside, values, negated } => {
                guard_inside(inside, *negated, self.json_in(inside, values, *negated))
            }
            Test::Contains { inside, all, values, negated } => self.contains(inside, *all, values, *negated)?,
        })
    }

    fn unsupported<T>(&self, what: &str) -> Result<T> {
        let message = format!("not supported by this server ({}): {what} in a filter", self.dialect.server);
        Err(Error::new(ErrorKind::Unsupported, message))
    }

    fn remainder(&self) -> Result<()> {
        if self.dialect.remainder { Ok(()) } else { self.unsupported("'%'") }
    }

    /// For a comparison of arithmetic.
    fn ordered(&self, op: Cmp) -> Result<()> {
        if self.dialect.arithmetic_order || matches!(op, Cmp::Eq | Cmp::Ne) {
            Ok(())
        } else {
            self.unsupported(&format!("arithmetic with '{}'", op.sign()))
        }
    }

    fn null(&self, column: &Column<'_>, negated: bool) -> String {
        let not = if negated { "not " } else { "" };
        match (column.nullable, self.dialect.nullable_fields) {
            (false, _) => if negated { ALWAYS } else { NEVER }.to_owned(),
            (true, true) => format!("({} is {not}null)", column.name),
            (true, false) if negated => format!("(exists {})", column.name),
            (true, false) => format!("(not (exists {}))", column.name),
        }
    }

    /// Adds "and is not null" to a test that a server without unknown finds true for null.
    fn guard(&self, column: &Column<'_>, needed: bool, text: String) -> String {
        if needed && column.nullable { format!("({} and {text})", self.null(column, true)) } else { text }
    }

    fn ints(&self, column: &Column<'_>, ints: Ints) -> String {
        let name = column.name;
        let at_least = |low: i64| (low != i64::MIN).then(|| format!("{name} >= {low}"));
        let at_most = |high: i64| match high {
            i64::MAX => None,
            UNSAYABLE => Some(format!("{name} < {}", UNSAYABLE + 1)),
            high => Some(format!("{name} <= {high}")),
        };
        let both = |one: Option<String>, two: Option<String>, word| {
            join(&one.into_iter().chain(two).collect::<Vec<_>>(), word)
        };
        match ints {
            Ints::None => NEVER.to_owned(),
            Ints::All => self.null(column, true),
            Ints::Within(low, high) if low == high && low != UNSAYABLE => format!("{name} == {low}"),
            Ints::Outside(low, high) if low == high && low != UNSAYABLE => {
                self.guard(column, true, format!("{name} != {low}"))
            }
            Ints::Within(low, high) => both(at_least(low), at_most(high), "and"),
            Ints::Outside(low, high) => {
                both(low.checked_sub(1).and_then(at_most), high.checked_add(1).and_then(at_least), "or")
            }
        }
    }

    fn list(&self, column: &Column<'_>, list: &List<'_>, negated: bool) -> String {
        let name = column.name;
        let word = if negated { "not in" } else { "in" };
        let mut extra = None;
        let values: Vec<String> = match list {
            List::Ints(values) => {
                let sayable = values.iter().filter(|value| **value != UNSAYABLE);
                if values.contains(&UNSAYABLE) {
                    extra = Some(self.ints(
                        column,
                        if negated { Ints::Outside(UNSAYABLE, UNSAYABLE) } else { Ints::Within(UNSAYABLE, UNSAYABLE) },
                    ));
                }
                sayable.map(ToString::to_string).collect()
            }
            List::Floats(values) => values.iter().map(|value| format!("{value:?}")).collect(),
            List::Strings(values) => values.iter().map(|value| Quoted(value).to_string()).collect(),
        };
        // Lite finds a record once for every time its id is in the list.
        let mut seen = HashSet::new();
        let values: Vec<&str> = values.iter().map(String::as_str).filter(|value| seen.insert(*value)).collect();
        let mut text = format!("{name} {word} [{}]", values.join(", "));
        if let Some(extra) = extra {
            text = join(&[text, extra], if negated { "and" } else { "or" });
        }
        self.guard(column, negated, text)
    }

    fn like(&self, subject: &Subject<'_>, pattern: &Pattern, negated: bool) -> Result<String> {
        let name = match subject {
            Subject::Column(column) => column.name.to_owned(),
            Subject::Inside(inside) => json_place(inside),
        };
        let text = if let Some(text) = pattern.exact() {
            format!("{name} == {}", Quoted(&text))
        } else if let Some(prefix) = pattern.prefix() {
            let inside = matches!(subject, Subject::Inside(_));
            match self.dialect.like {
                _ if !pattern.has_escapes() => format!("{name} like {}", Quoted(&pattern.to_string())),
                Like::Escapes if inside => format!("{name} like {}", Quoted(&pattern.to_string())),
                // Without escapes a range says it, but not for what is no string.
                Like::Wildcards if inside && negated => return self.unsupported("not like with escapes on json"),
                _ => starts_with(&name, &prefix),
            }
        } else {
            match self.dialect.like {
                Like::Prefix => return self.unsupported("like with a wildcard other than % at the end"),
                Like::Wildcards if pattern.has_escapes() => {
                    return self.unsupported("like with both wildcards and escapes");
                }
                Like::Wildcards | Like::Escapes => format!("{name} like {}", Quoted(&pattern.to_string())),
            }
        };
        let text = if negated { format!("(not ({text}))") } else { text };
        Ok(match subject {
            Subject::Column(column) => self.guard(column, negated, text),
            Subject::Inside(inside) => guard_inside(inside, negated, text),
        })
    }

    fn columns(&self, left: &Column<'_>, op: Cmp, right: &Column<'_>) -> Result<String> {
        if !self.dialect.nullable_fields && (left.nullable || right.nullable) {
            return self.unsupported("a comparison of two fields, one of them nullable,");
        }
        let text = format!("{} {} {}", left.name, op.sign(), right.name);
        let text = self.guard(left, op == Cmp::Ne, text);
        Ok(self.guard(right, op == Cmp::Ne, text))
    }

    fn json_arith(&self, inside: &Inside<'_>, arith: Arith, by: &Literal, op: Cmp, value: &Literal) -> Result<String> {
        self.ordered(op)?;
        let float = [by, value].into_iter().any(|number| matches!(number, Literal::Float(_)));
        match arith {
            Arith::Mod => self.remainder()?,
            Arith::Div if !float && !self.dialect.integer_division => {
                return self.unsupported("integer division in json");
            }
            _ => {}
        }
        let number = |literal: &Literal| match literal.as_f64() {
            Some(value) if float => format!("{value:?}"),
            _ => json_constant(literal),
        };
        let place = json_place(inside);
        let text = format!("{place} {} {} {} {}", arith.sign(), number(by), op.sign(), number(value));
        // A server without unknown finds what is no number unequal to everything.
        Ok(if op == Cmp::Ne { format!("(({place} >= 0 or {place} < 0) and {text})") } else { text })
    }

    /// Servers want lists of one type, and some no lists at all.
    fn json_in(&self, inside: &Inside<'_>, values: &[&Literal], negated: bool) -> String {
        let place = json_place(inside);
        let (sign, word, joint) = if negated { ("!=", "not in", "and") } else { ("==", "in", "or") };
        if !self.dialect.in_json {
            let each: Vec<_> = values.iter().map(|value| format!("{place} {sign} {}", json_constant(value))).collect();
            return join(&each, joint);
        }
        let mut lists: [Vec<String>; 4] = Default::default();
        for value in values {
            let at = match value {
                Literal::Bool(_) => 0,
                Literal::Int(UNSAYABLE) | Literal::Float(_) => 1,
                Literal::Int(_) => 2,
                Literal::String(_) => 3,
            };
            lists[at].push(json_constant(value));
        }
        let lists = lists.iter().filter(|list| !list.is_empty());
        join(&lists.map(|list| format!("{place} {word} [{}]", list.join(", "))).collect::<Vec<_>>(), joint)
    }

    fn contains(&self, inside: &Inside<'_>, all: bool, values: &[&Literal], negated: bool) -> Result<String> {
        if inside.path.is_empty() && !self.dialect.contains_whole {
            return self.unsupported("json_contains of a whole field");
        }
        let values: Vec<_> = values.iter().map(|value| member(value)).collect();
        let place = json_place(inside);
        // Always with a list: Lite reads negative numbers only there.
        let function = if all { "json_contains_all" } else { "json_contains_any" };
        let text = format!("{function}({place}, [{}])", values.join(", "));
        Ok(if negated { format!("(not {text})") } else { text })
    }
}

fn json_place(inside: &Inside<'_>) -> String {
    format!("{}{}", inside.column.name, Steps(inside.path))
}

fn exists(inside: &Inside<'_>, negated: bool) -> String {
    let place = json_place(inside);
    if negated { format!("(not (exists {place}))") } else { format!("(exists {place})") }
}

fn guard_inside(inside: &Inside<'_>, needed: bool, text: String) -> String {
    if needed { format!("({} and {text})", exists(inside, false)) } else { text }
}

fn json_constant(value: &Literal) -> String {
    match value {
        Literal::Int(UNSAYABLE) => format!("{:?}", UNSAYABLE as f64),
        value => value.to_string(),
    }
}

/// A member of an array. Milvus finds 1 among integers only and 1.0 among all numbers, as we do with both.
fn member(value: &Literal) -> String {
    const EXACT: u64 = 1 << 53;
    match value {
        Literal::Int(value) if value.unsigned_abs() <= EXACT => format!("{:?}", *value as f64),
        value => json_constant(value),
    }
}

/// The range of strings that start with a prefix.
fn starts_with(name: &str, prefix: &str) -> String {
    let low = format!("{name} >= {}", Quoted(prefix));
    match pattern::after(prefix) {
        Some(end) => format!("({low} and {name} < {})", Quoted(&end)),
        None => low,
    }
}
