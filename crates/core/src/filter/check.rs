//! Checks a filter against a schema and turns it into a plan.

use super::ast::{Arith, At, Cmp, Expr, Literal, Members, Operand, Place, Side};
use super::fault::Fault;
use super::interval::{self, Ints};
use super::lex::is_reserved;
use super::pattern::Pattern;
use super::plan::{Column, Inside, List, Plan, Subject, Test};
use crate::schema::{CollectionSpec, IdKind, ScalarKind, list};

/// The most tests in a filter: each may need two parameters in SQL, of which a statement has 32,766.
const MAX_TESTS: usize = 8_000;
/// The deepest tree a program may build.
const MAX_DEPTH: usize = 200;

type Checked<T> = Result<T, Fault>;

/// Plans a filter for a collection.
pub(super) fn plan<'a>(expr: &'a Expr, spec: &'a CollectionSpec) -> Checked<Plan<'a>> {
    let mut checker = Checker { spec, tests: 0 };
    checker.plan(expr, false, 0)
}

/// What a field holds, as far as filters care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Float,
    String,
    Json,
}

impl Kind {
    /// `an int`
    fn shown(self) -> &'static str {
        match self {
            Self::Bool => "a bool",
            Self::Int => "an int",
            Self::Float => "a float",
            Self::String => "a string",
            Self::Json => "a json field",
        }
    }
}

struct Checker<'a> {
    spec: &'a CollectionSpec,
    tests: usize,
}

impl<'a> Checker<'a> {
    fn plan(&mut self, expr: &'a Expr, negated: bool, depth: usize) -> Checked<Plan<'a>> {
        if depth > MAX_DEPTH {
            return Err(Fault::at(At(None), format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let test = match expr {
            Expr::Not(inner) => return self.plan(inner, !negated, depth + 1),
            Expr::Or(parts) | Expr::And(parts) => {
                let parts = parts.iter().map(|part| self.plan(part, negated, depth + 1)).collect::<Checked<_>>()?;
                let all = matches!(expr, Expr::And(_)) != negated;
                return Ok(if all { Plan::All(parts) } else { Plan::Any(parts) });
            }
            Expr::True(place) => {
                let column = self.typed(place, Kind::Bool, "stands alone")?;
                Test::Bool { column, value: !negated }
            }
            Expr::Compare { left, op, right } => self.compare(left, if negated { op.negated() } else { *op }, right)?,
            Expr::In { place, values } => self.within(place, values, negated)?,
            Expr::Like { place, pattern } => self.like(place, pattern, negated)?,
            Expr::IsNull(place) => self.is_null(place, negated)?,
            Expr::Exists(place) => match self.subject(place)? {
                (Subject::Inside(inside), _) => Test::Exists { inside, negated },
                (Subject::Column(_), _) => {
                    return Err(fault(
                        place,
                        format!("'exists' needs a key in a json field, not field '{}'", place.field),
                    )
                    .hint(format!("write {} is not null", place.field)));
                }
            },
            Expr::Contains { place, members, values } => self.contains(place, *members, values, negated)?,
        };
        self.tests += 1;
        if self.tests > MAX_TESTS {
            let fault = Fault::at(At(None), format!("more than {MAX_TESTS} conditions"));
            return Err(fault.hint("use in [...] for many values"));
        }
        Ok(Plan::Test(test))
    }

    /// The field of a place and what it holds.
    fn column(&self, place: &'a Place) -> Checked<(Column<'a>, Kind)> {
        let name = place.field.as_str();
        if is_reserved(name) {
            return Err(fault(place, format!("'{name}' is a keyword of the filter language and cannot name a field")));
        }
        if name == self.spec.id_field {
            let kind = if matches!(self.spec.id, IdKind::String { .. }) { Kind::String } else { Kind::Int };
            return Ok((Column { name, is_id: true, nullable: false }, kind));
        }
        let Some(field) = self.spec.scalar_field(name) else {
            if self.spec.vectors.iter().any(|field| field.name == name) {
                return Err(fault(place, format!("field '{name}' is a vector and cannot be used in a filter")));
            }
            return Err(Fault::from_error(place.at, &self.spec.unknown_field(name)));
        };
        if !field.filterable {
            let able = self.spec.scalars.iter().filter(|field| field.filterable).map(|field| &field.name);
            return Err(fault(place, format!("field '{name}' is not filterable")).hint(format!(
                "filterable fields of '{}' are: {}",
                self.spec.name,
                list([self.spec.id_field.as_str()].into_iter().chain(able.map(String::as_str)))
            )));
        }
        let kind = match field.kind {
            ScalarKind::Bool => Kind::Bool,
            ScalarKind::Int => Kind::Int,
            ScalarKind::Float => Kind::Float,
            ScalarKind::String { .. } => Kind::String,
            ScalarKind::Json => Kind::Json,
        };
        Ok((Column { name, is_id: false, nullable: field.nullable }, kind))
    }

    /// A column, or a place inside a JSON one.
    fn subject(&self, place: &'a Place) -> Checked<(Subject<'a>, Kind)> {
        let (column, kind) = self.column(place)?;
        if place.path.is_empty() {
            return Ok((Subject::Column(column), kind));
        }
        if kind != Kind::Json {
            return Err(fault(place, format!("field '{}' is {} and has no keys", column.name, kind.shown())));
        }
        Ok((Subject::Inside(Inside { column, path: &place.path }), kind))
    }

    /// Like `subject`, and refuses a whole JSON value.
    fn comparable(&self, place: &'a Place) -> Checked<(Subject<'a>, Kind)> {
        match self.subject(place)? {
            (Subject::Column(column), Kind::Json) => {
                Err(fault(place, format!("field '{}' is a json field and cannot be compared as a whole", column.name))
                    .hint(format!("name a key: {}[\"key\"]", column.name)))
            }
            found => Ok(found),
        }
    }

    fn typed(&self, place: &'a Place, wanted: Kind, what: &str) -> Checked<Column<'a>> {
        let (subject, kind) = self.comparable(place)?;
        match subject {
            Subject::Column(column) if kind == wanted => Ok(column),
            Subject::Column(_) => Err(fault(
                place,
                format!("field '{}' {what}, but is {}, not {}", place.field, kind.shown(), wanted.shown()),
            )
            .hint("compare it with something, as in size > 3")),
            Subject::Inside(_) => {
                Err(fault(place, "a json value alone is not a condition").hint(format!("write {place} == true")))
            }
        }
    }

    fn compare(&self, left: &'a Operand, op: Cmp, right: &'a Side) -> Checked<Test<'a>> {
        let (subject, kind) = self.comparable(&left.place)?;
        let (value, at) = match right {
            Side::Literal(value, at) => (value, *at),
            Side::Place(right) => return self.columns(left, (subject, kind), op, right),
        };
        finite(value, at)?;
        let column = match subject {
            Subject::Inside(inside) => return json_compare(inside, left, op, value, at),
            Subject::Column(column) => column,
        };
        let wrong = || mismatch(column.name, kind, value, at);
        if let (Some((arith, _)), Kind::Bool | Kind::String) = (&left.arith, kind) {
            return Err(fault(
                &left.place,
                format!("field '{}' is {}; '{}' takes a number", column.name, kind.shown(), arith.sign()),
            ));
        }
        match (kind, value) {
            (Kind::Int, Literal::Int(value)) => int_compare(column, left, op, *value),
            (Kind::Float, Literal::Int(_) | Literal::Float(_)) => float_compare(column, left, op, value),
            (Kind::String, Literal::String(value)) => Ok(Test::String { column, op, value }),
            (Kind::Bool, Literal::Bool(value)) => {
                Ok(bools(column, [false, true].map(|given| holds(op, given, *value))))
            }
            _ => Err(wrong()),
        }
    }

    /// A comparison of two fields.
    fn columns(&self, left: &'a Operand, found: (Subject<'a>, Kind), op: Cmp, right: &'a Place) -> Checked<Test<'a>> {
        let (subject, kind) = found;
        let (other, other_kind) = self.comparable(right).map_err(|fault| match kind {
            // Most likely text without its quotes.
            Kind::String | Kind::Json if right.path.is_empty() && self.spec.scalar_field(&right.field).is_none() => {
                fault.also(format!("put text in quotes: \"{}\"", right.field))
            }
            _ => fault,
        })?;
        if left.arith.is_some() {
            return Err(fault(right, "arithmetic can be compared only with a constant"));
        }
        let (Subject::Column(left), Subject::Column(right_column)) = (subject, other) else {
            return Err(fault(right, "a json value can be compared only with a constant"));
        };
        let number = |kind| matches!(kind, Kind::Int | Kind::Float);
        if kind != other_kind && !(number(kind) && number(other_kind)) {
            let message = format!(
                "field '{}' is {}, but field '{}' is {}",
                left.name,
                kind.shown(),
                right_column.name,
                other_kind.shown()
            );
            return Err(fault(right, message));
        }
        Ok(Test::Columns { left, op, right: right_column })
    }

    fn within(&mut self, place: &'a Place, values: &'a [(Literal, At)], negated: bool) -> Checked<Test<'a>> {
        let (subject, kind) = self.comparable(place)?;
        values.iter().try_for_each(|(value, at)| finite(value, *at))?;
        self.tests += values.len().min(super::sql::FEW);
        let column = match subject {
            Subject::Inside(inside) => {
                return Ok(Test::JsonIn { inside, values: values.iter().map(|(value, _)| value).collect(), negated });
            }
            Subject::Column(column) => column,
        };
        let wrong = |(value, at): &(Literal, At)| mismatch(column.name, kind, value, *at);
        if kind == Kind::Bool {
            let mut wanted = [negated; 2];
            for given in values {
                let (Literal::Bool(value), _) = given else { return Err(wrong(given)) };
                wanted[usize::from(*value)] = !negated;
            }
            return Ok(bools(column, wanted));
        }
        let list = match kind {
            Kind::Int => {
                List::Ints(collect(values, wrong, |value| if let Literal::Int(v) = value { Some(*v) } else { None })?)
            }
            Kind::Float => List::Floats(collect(values, wrong, Literal::as_f64)?),
            _ => List::Strings(collect(values, wrong, |value| {
                if let Literal::String(v) = value { Some(v.as_str()) } else { None }
            })?),
        };
        Ok(match (values.is_empty(), negated) {
            (true, false) => Test::Never,
            (true, true) => Test::Null { column, negated: true },
            (false, _) => Test::In { column, list, negated },
        })
    }

    fn like(&self, place: &'a Place, pattern: &'a str, negated: bool) -> Checked<Test<'a>> {
        let (subject, kind) = self.comparable(place)?;
        if !matches!(kind, Kind::String | Kind::Json) {
            return Err(fault(
                place,
                format!("'like' needs a string, but field '{}' is {}", place.field, kind.shown()),
            ));
        }
        Ok(Test::Like { subject, pattern: Pattern::new(pattern), negated })
    }

    fn is_null(&self, place: &'a Place, negated: bool) -> Checked<Test<'a>> {
        Ok(match self.subject(place)?.0 {
            Subject::Column(column) => Test::Null { column, negated },
            Subject::Inside(inside) => Test::Exists { inside, negated: !negated },
        })
    }

    fn contains(
        &mut self,
        place: &'a Place,
        members: Members,
        values: &'a [(Literal, At)],
        negated: bool,
    ) -> Checked<Test<'a>> {
        values.iter().try_for_each(|(value, at)| finite(value, *at))?;
        let inside = match self.subject(place)? {
            (Subject::Inside(inside), _) => inside,
            (Subject::Column(column), Kind::Json) => Inside { column, path: &[] },
            (Subject::Column(_), kind) => {
                let message =
                    format!("'{}' needs a json field, but '{}' is {}", members.name(), place.field, kind.shown());
                return Err(fault(place, message));
            }
        };
        let values = values.iter().map(|(value, _)| value).collect();
        Ok(Test::Contains { inside, all: members == Members::All, values, negated })
    }
}

fn fault(place: &Place, message: impl Into<String>) -> Fault {
    Fault::at(place.at, message)
}

/// Programs can build filters with numbers that no text has.
fn finite(value: &Literal, at: At) -> Checked<()> {
    match value {
        Literal::Float(value) if !value.is_finite() => Err(Fault::at(at, format!("{value} is not a finite number"))),
        _ => Ok(()),
    }
}

fn mismatch(field: &str, kind: Kind, value: &Literal, at: At) -> Fault {
    let shown: String = value.to_string().chars().take(40).collect();
    let fault = Fault::at(at, format!("field '{field}' is {}, but {shown} is {}", kind.shown(), value.kind()));
    match (kind, value) {
        (Kind::Int, Literal::Float(_)) => fault.hint("compare it with a whole number"),
        (Kind::String, _) => fault.hint(format!("put text in quotes: \"{shown}\"")),
        (Kind::Int | Kind::Float, Literal::String(_)) => fault.hint("write a number without quotes"),
        (Kind::Bool, _) => fault.hint("write true or false"),
        _ => fault,
    }
}

fn collect<'a, T>(
    values: &'a [(Literal, At)],
    wrong: impl Fn(&(Literal, At)) -> Fault,
    value: impl Fn(&'a Literal) -> Option<T>,
) -> Checked<Vec<T>> {
    values.iter().map(|given| value(&given.0).ok_or_else(|| wrong(given))).collect()
}

fn holds<T: PartialOrd>(op: Cmp, a: T, b: T) -> bool {
    match op {
        Cmp::Eq => a == b,
        Cmp::Ne => a != b,
        Cmp::Lt => a < b,
        Cmp::Le => a <= b,
        Cmp::Gt => a > b,
        Cmp::Ge => a >= b,
    }
}

/// The test for a field being one of the bools wanted; `wanted` is for false and for true.
fn bools(column: Column<'_>, wanted: [bool; 2]) -> Test<'_> {
    match wanted {
        [false, false] => Test::Never,
        [true, true] => Test::Null { column, negated: true },
        [_, value] => Test::Bool { column, value },
    }
}

fn int_compare<'a>(column: Column<'a>, left: &Operand, op: Cmp, value: i64) -> Checked<Test<'a>> {
    let arith = match &left.arith {
        None => None,
        Some((arith, Literal::Int(by))) => Some((*arith, *by)),
        Some((_, by)) => return Err(mismatch(column.name, Kind::Int, by, left.place.at)),
    };
    if let Some((Arith::Mod, by)) = arith {
        // What no remainder reaches is decided here; servers could not even read all of it.
        return Ok(match (value.unsigned_abs() < by.unsigned_abs(), holds(op, 0, value)) {
            (true, _) => Test::Remainder { column, by, op, value },
            (false, true) => Test::Null { column, negated: true },
            (false, false) => Test::Never,
        });
    }
    Ok(match interval::solve(arith, op, value) {
        Ints::None => Test::Never,
        Ints::All => Test::Null { column, negated: true },
        ints => Test::Int { column, ints },
    })
}

fn float_compare<'a>(column: Column<'a>, left: &Operand, op: Cmp, value: &Literal) -> Checked<Test<'a>> {
    let arith = match &left.arith {
        None => None,
        Some((Arith::Mod, _)) => {
            return Err(fault(&left.place, format!("field '{}' is a float; '%' takes an int", column.name)));
        }
        Some((arith, by)) => Some((*arith, by.as_f64().unwrap_or(f64::NAN))),
    };
    Ok(Test::Float { column, arith, op, value: value.as_f64().unwrap_or(f64::NAN) })
}

fn json_compare<'a>(inside: Inside<'a>, left: &'a Operand, op: Cmp, value: &'a Literal, at: At) -> Checked<Test<'a>> {
    match &left.arith {
        None => Ok(Test::Json { inside, op, value }),
        Some((arith, by)) if value.as_f64().is_some() => Ok(Test::JsonArith { inside, arith: *arith, by, op, value }),
        Some((arith, _)) => {
            Err(Fault::at(at, format!("'{}' makes a number, but {value} is {}", arith.sign(), value.kind())))
        }
    }
}
