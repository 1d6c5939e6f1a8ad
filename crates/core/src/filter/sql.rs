//! Writes a planned filter as SQL for SQLite, with values only as parameters. What an index can serve is plain SQL;
//! what SQL cannot say exactly goes through the functions of [`super::functions`].

use rusqlite::types::Value;
use serde_json::json;

use super::ast::{Cmp, Literal, Step};
use super::interval::Ints;
use super::pattern::{self, Pattern};
use super::plan::{Column, Inside, List, Plan, Subject, Test};

/// Lists up to this long are written out; longer ones go as one JSON parameter.
pub(super) const FEW: usize = 16;

/// A condition for a WHERE clause, in parentheses where it needs them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sql {
    /// With a plain `?` for each parameter, in order.
    pub(crate) text: String,
    pub(crate) params: Vec<Value>,
}

/// Writes a plan as SQL. Columns are `"id"` and `"f_" + field`.
pub(super) fn write(plan: &Plan<'_>) -> Sql {
    let mut writer = Writer { params: Vec::new() };
    let text = writer.plan(plan);
    Sql { text, params: writer.params }
}

struct Writer {
    params: Vec<Value>,
}

impl Writer {
    fn plan(&mut self, plan: &Plan<'_>) -> String {
        match plan {
            Plan::All(parts) => self.join(parts, "AND"),
            Plan::Any(parts) => self.join(parts, "OR"),
            Plan::Test(test) => self.test(test),
        }
    }

    /// Joins in halves: SQLite allows expressions a thousand levels deep, and a flat chain is a deep one.
    fn join(&mut self, parts: &[Plan<'_>], word: &str) -> String {
        match parts {
            [] => if word == "AND" { "1" } else { "0" }.to_owned(),
            [part] => self.plan(part),
            parts => {
                let (left, right) = parts.split_at(parts.len() / 2);
                let left = self.join(left, word);
                let right = self.join(right, word);
                format!("({left} {word} {right})")
            }
        }
    }

    fn bind(&mut self, value: impl Into<Value>) -> &'static str {
        self.params.push(value.into());
        "?"
    }

    fn test(&mut self, test: &Test<'_>) -> String {
        match test {
            Test::Never => "0".to_owned(),
            Test::Null { column, negated } => format!("{} IS{} NULL", name(column), not(*negated)),
            Test::Bool { column, value } => format!("{} = {}", name(column), self.bind(i64::from(*value))),
            Test::Int { column, ints } => self.ints(column, *ints),
            Test::Remainder { column, by, op, value } => {
                format!("{} % {} {} {}", name(column), self.bind(*by), sign(*op), self.bind(*value))
            }
            Test::Float { column, arith, op, value } => {
                let mut left = name(column);
                if let Some((arith, by)) = arith {
                    left = format!("({left} {} {})", arith.sign(), self.bind(*by));
                }
                format!("{left} {} {}", sign(*op), self.bind(*value))
            }
            Test::String { column, op, value } => {
                format!("{} {} {}", name(column), sign(*op), self.bind((*value).to_owned()))
            }
            Test::In { column, list, negated } => self.list(column, list, *negated),
            Test::Like { subject, pattern, negated } => {
                let like = self.like(subject, pattern);
                if *negated { format!("NOT {like}") } else { like }
            }
            Test::Columns { left, op, right } => format!("{} {} {}", name(left), sign(*op), name(right)),
            Test::Exists { inside, negated } => self.call("exists", inside, None, *negated),
            Test::Json { inside, op: op @ (Cmp::Eq | Cmp::Ne), value } => {
                self.call("in", inside, Some(array(&[*value])), *op == Cmp::Ne)
            }
            Test::Json { inside, op, value } => {
                let left = self.value(inside, value);
                format!("{left} {} {}", sign(*op), self.bind(constant(value)))
            }
            Test::JsonArith { inside, arith, by, op, value } => {
                let left = self.value(inside, value);
                // A float on either side makes all of it float arithmetic.
                let float = [by, value].into_iter().any(|number| matches!(number, Literal::Float(_)));
                let number = |literal: &Literal| if float { real(literal) } else { constant(literal) };
                let by = self.bind(number(by));
                format!("({left} {} {by}) {} {}", arith.sign(), sign(*op), self.bind(number(value)))
            }
            Test::JsonIn { inside, values, negated } => self.call("in", inside, Some(array(values)), *negated),
            Test::Contains { inside, all, values, negated } => {
                let function = if *all { "contains_all" } else { "contains_any" };
                self.call(function, inside, Some(array(values)), *negated)
            }
        }
    }

    fn ints(&mut self, column: &Column<'_>, ints: Ints) -> String {
        let name = name(column);
        match ints {
            Ints::None => "0".to_owned(),
            Ints::All => format!("{name} IS NOT NULL"),
            Ints::Within(low, high) if low == high => format!("{name} = {}", self.bind(low)),
            Ints::Outside(low, high) if low == high => format!("{name} <> {}", self.bind(low)),
            Ints::Within(i64::MIN, high) => format!("{name} <= {}", self.bind(high)),
            Ints::Within(low, i64::MAX) => format!("{name} >= {}", self.bind(low)),
            Ints::Within(low, high) => format!("{name} BETWEEN {} AND {}", self.bind(low), self.bind(high)),
            Ints::Outside(low, high) => format!("{name} NOT BETWEEN {} AND {}", self.bind(low), self.bind(high)),
        }
    }

    fn list(&mut self, column: &Column<'_>, list: &List<'_>, negated: bool) -> String {
        let name = name(column);
        let values: Vec<Value> = match list {
            List::Ints(values) => values.iter().map(|value| Value::from(*value)).collect(),
            List::Floats(values) => values.iter().map(|value| Value::from(*value)).collect(),
            // SQLite's strings inside JSON end at a NUL, and no stored string has one.
            List::Strings(values) => values
                .iter()
                .filter(|value| !value.contains('\0'))
                .map(|value| Value::from((*value).to_owned()))
                .collect(),
        };
        let not = if negated { " NOT" } else { "" };
        if values.len() <= FEW {
            let marks = vec!["?"; values.len()].join(", ");
            self.params.extend(values);
            // An empty list makes SQLite answer for a null, too.
            return if marks.is_empty() && negated {
                format!("{name} IS NOT NULL")
            } else {
                format!("{name}{not} IN ({marks})")
            };
        }
        match list {
            List::Ints(values) => {
                format!("{name}{not} IN (SELECT value FROM json_each({}))", self.bind(json!(values).to_string()))
            }
            List::Strings(values) => {
                let values: Vec<_> = values.iter().filter(|value| !value.contains('\0')).collect();
                format!("{name}{not} IN (SELECT value FROM json_each({}))", self.bind(json!(values).to_string()))
            }
            // SQLite does not read every float to its last bit.
            List::Floats(values) => {
                let not = if negated { "NOT " } else { "" };
                format!("{not}{}({name}, {})", function("float_in"), self.bind(json!(values).to_string()))
            }
        }
    }

    fn like(&mut self, subject: &Subject<'_>, pattern: &Pattern) -> String {
        let column = match subject {
            Subject::Inside(inside) => {
                let source = self.place(inside);
                return format!("{}({source}, {})", function("json_like"), self.bind(pattern.to_string()));
            }
            Subject::Column(column) => name(column),
        };
        if let Some(text) = pattern.exact() {
            return format!("({column} = {})", self.bind(text));
        }
        let Some(prefix) = pattern.prefix() else {
            return format!("{}({column}, {})", function("like"), self.bind(pattern.to_string()));
        };
        let end = pattern::after(&prefix);
        let low = format!("{column} >= {}", self.bind(prefix));
        match end {
            Some(end) => format!("({low} AND {column} < {})", self.bind(end)),
            None => format!("({low})"),
        }
    }

    /// The two arguments that lead to a place: the document, and the path as JSON.
    fn place(&mut self, inside: &Inside<'_>) -> String {
        let path: Vec<_> = inside
            .path
            .iter()
            .map(|step| match step {
                Step::Key(key) => json!(key),
                Step::Index(index) => json!(index),
            })
            .collect();
        format!("{}, {}", name(&inside.column), self.bind(json!(path).to_string()))
    }

    fn call(&mut self, what: &str, inside: &Inside<'_>, list: Option<String>, negated: bool) -> String {
        let place = self.place(inside);
        let list = list.map_or_else(String::new, |list| format!(", {}", self.bind(list)));
        format!("{}{}({place}{list})", if negated { "NOT " } else { "" }, function(&format!("json_{what}")))
    }

    /// The value at a place when it is of the constant's type, else null.
    fn value(&mut self, inside: &Inside<'_>, like: &Literal) -> String {
        let what = match like {
            Literal::Bool(_) => "json_bool",
            Literal::Int(_) | Literal::Float(_) => "json_number",
            Literal::String(_) => "json_string",
        };
        format!("{}({})", function(what), self.place(inside))
    }
}

/// The registered name of one of [`super::functions`].
fn function(name: &str) -> String {
    format!("bootcamp_{name}")
}

fn name(column: &Column<'_>) -> String {
    if column.is_id { "\"id\"".to_owned() } else { format!("\"f_{}\"", column.name) }
}

fn not(negated: bool) -> &'static str {
    if negated { " NOT" } else { "" }
}

fn sign(op: Cmp) -> &'static str {
    match op {
        Cmp::Eq => "=",
        Cmp::Ne => "<>",
        other => other.sign(),
    }
}

fn constant(literal: &Literal) -> Value {
    match literal {
        Literal::Bool(value) => Value::from(i64::from(*value)),
        Literal::Int(value) => Value::from(*value),
        Literal::Float(value) => Value::from(*value),
        Literal::String(value) => Value::from(value.clone()),
    }
}

fn real(literal: &Literal) -> Value {
    literal.as_f64().map_or_else(|| constant(literal), Value::from)
}

fn array(values: &[&Literal]) -> String {
    let values: Vec<_> = values
        .iter()
        .map(|value| match value {
            Literal::Bool(value) => json!(value),
            Literal::Int(value) => json!(value),
            Literal::Float(value) => json!(value),
            Literal::String(value) => json!(value),
        })
        .collect();
    json!(values).to_string()
}
