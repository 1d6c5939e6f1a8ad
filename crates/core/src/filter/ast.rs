//! The abstract syntax tree of filters, built by the parser or by programs.

use std::fmt::{self, Display, Formatter, Write};

use crate::record::Id;

/// A constant in a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Bool(bool),
    Int(i64),
    /// Finite; anything else is refused when the filter is used.
    Float(f64),
    String(String),
}

impl Literal {
    /// What it is, for messages: `an int`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an int",
            Self::Float(_) => "a float",
            Self::String(_) => "a string",
        }
    }

    /// As a float, when it is a number.
    pub(crate) fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Bool(_) | Self::String(_) => None,
        }
    }
}

macro_rules! literal_from {
    ($($from:ty => $variant:ident),* $(,)?) => {
        $(impl From<$from> for Literal {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}
literal_from! { bool => Bool, i64 => Int, i32 => Int, u32 => Int, f64 => Float, f32 => Float, &str => String, String => String, &String => String }

impl From<&Id> for Literal {
    fn from(id: &Id) -> Self {
        match id {
            Id::Int(id) => Self::Int(*id),
            Id::String(id) => Self::String(id.clone()),
        }
    }
}

impl From<Id> for Literal {
    fn from(id: Id) -> Self {
        Self::from(&id)
    }
}

/// Where something stands in the text, in bytes; nowhere for what a program built. Two trees are equal wherever
/// their parts stand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct At(pub(crate) Option<usize>);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// One step into a JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Key(String),
    Index(u32),
}

/// A field, or a place inside a JSON field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) field: String,
    pub(crate) path: Vec<Step>,
    pub(crate) at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cmp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Cmp {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }

    /// The comparison that says the same with its sides swapped.
    pub(crate) fn swapped(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            same => same,
        }
    }

    /// The comparison that is true where this one is false.
    pub(crate) fn negated(self) -> Self {
        match self {
            Self::Eq => Self::Ne,
            Self::Ne => Self::Eq,
            Self::Lt => Self::Ge,
            Self::Le => Self::Gt,
            Self::Gt => Self::Le,
            Self::Ge => Self::Lt,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arith {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
}

impl Arith {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
        }
    }
}

/// The side of a comparison that names a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operand {
    pub(crate) place: Place,
    /// One operation with a number, as in `size % 2`.
    pub(crate) arith: Option<(Arith, Literal)>,
}

/// The other side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Side {
    Literal(Literal, At),
    Place(Place),
}

/// Which members `json_contains`, `json_contains_all` and `json_contains_any` ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Members {
    One,
    All,
    Any,
}

impl Members {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One => "json_contains",
            Self::All => "json_contains_all",
            Self::Any => "json_contains_any",
        }
    }
}

/// A condition. Ranges, `not in`, `not like` and `is not null` are spelled with the others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Or(Vec<Expr>),
    And(Vec<Expr>),
    Not(Box<Expr>),
    /// A bool field alone.
    True(Place),
    Compare {
        left: Operand,
        op: Cmp,
        right: Side,
    },
    In {
        place: Place,
        values: Vec<(Literal, At)>,
    },
    Like {
        place: Place,
        pattern: String,
    },
    IsNull(Place),
    Exists(Place),
    Contains {
        place: Place,
        members: Members,
        values: Vec<(Literal, At)>,
    },
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::String(text) => quote(f, text),
        }
    }
}

/// Writes a string literal with the few escapes that every server reads.
fn quote(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

/// A string literal, escaped.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        quote(f, self.0)
    }
}

/// A path's steps, as they follow a field's name.
pub(crate) struct Steps<'a>(pub(crate) &'a [Step]);

impl Display for Steps<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| match step {
            Step::Key(key) => write!(f, "[{}]", Quoted(key)),
            Step::Index(index) => write!(f, "[{index}]"),
        })
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.field, Steps(&self.path))
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        match &self.arith {
            Some((arith, number)) => write!(f, " {} {number}", arith.sign()),
            None => Ok(()),
        }
    }
}

/// Literals between brackets.
struct List<'a>(&'a [(Literal, At)]);

impl Display for List<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (at, (value, _)) in self.0.iter().enumerate() {
            write!(f, "{}{value}", if at == 0 { "[" } else { ", " })?;
        }
        f.write_str(if self.0.is_empty() { "[]" } else { "]" })
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Or(parts) => join(f, parts, " or "),
            Self::And(parts) => join(f, parts, " and "),
            Self::Not(inner) => match &**inner {
                Self::In { place, values } => write!(f, "{place} not in {}", List(values)),
                Self::IsNull(place) => write!(f, "{place} is not null"),
                inner => write!(f, "not ({inner})"),
            },
            Self::True(place) => write!(f, "{place}"),
            Self::Compare { left, op, right } => {
                write!(f, "{left} {} ", op.sign())?;
                match right {
                    Side::Literal(literal, _) => write!(f, "{literal}"),
                    Side::Place(place) => write!(f, "{place}"),
                }
            }
            Self::In { place, values } => write!(f, "{place} in {}", List(values)),
            Self::Like { place, pattern } => write!(f, "{place} like {}", Quoted(pattern)),
            Self::IsNull(place) => write!(f, "{place} is null"),
            Self::Exists(place) => write!(f, "exists {place}"),
            Self::Contains { place, members: Members::One, values } => {
                let one = values.first().map_or(&Literal::Bool(false), |(value, _)| value);
                write!(f, "{}({place}, {one})", Members::One.name())
            }
            Self::Contains { place, members, values } => write!(f, "{}({place}, {})", members.name(), List(values)),
        }
    }
}

fn join(f: &mut Formatter<'_>, parts: &[Expr], word: &str) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(word)?;
        }
        match part {
            Expr::Or(_) | Expr::And(_) => write!(f, "({part})")?,
            part => write!(f, "{part}")?,
        }
    }
    Ok(())
}
