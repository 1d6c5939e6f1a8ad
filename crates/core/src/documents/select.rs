//! What documents can be asked for: which of a set, in which order, and how many.

use super::path::Path;
use super::set::Set;
use crate::filter::Filter;
use crate::schema::{CollectionSpec, IdKind, MAX_STRING, ScalarField, ScalarKind, check_name};

/// A field that filters may name, and where its values are.
#[derive(Clone, Debug)]
pub struct DocumentField {
    pub name: String,
    pub kind: ScalarKind,
    pub source: Source,
}

impl DocumentField {
    /// A field whose values are at a path.
    pub fn new(name: impl Into<String>, kind: ScalarKind, path: Path) -> Self {
        Self { name: name.into(), kind, source: Source::Paths(vec![path]) }
    }
}

/// Where a field's values are.
#[derive(Clone, Debug)]
pub enum Source {
    /// At the first of these paths that leads to something.
    Paths(Vec<Path>),
    /// In the documents of an owned set: for each the value at `path`, as a JSON list in the order of what is at `order`.
    /// Null where a document owns none. Of kind [`ScalarKind::Json`].
    Owned { set: Set, path: Path, order: Path },
}

/// The fields that filters may name. Beside them there is `id`.
#[derive(Clone, Debug)]
pub struct Fields {
    of: String,
    pub(super) fields: Vec<DocumentField>,
    pub(super) spec: CollectionSpec,
}

impl Fields {
    /// `of` says in errors whose fields they are: `dataset 'birds'`. Fields with names that no filter can spell are left
    /// out.
    pub fn new(of: impl Into<String>, fields: Vec<DocumentField>) -> Self {
        let fields: Vec<_> = fields.into_iter().filter(|field| check_name("field", &field.name).is_ok()).collect();
        let mut spec = CollectionSpec::new("", IdKind::String { max_len: MAX_STRING });
        spec.scalars = fields.iter().map(|field| ScalarField::new(&field.name, field.kind).nullable()).collect();
        Self { of: of.into(), fields, spec }
    }

    pub(super) fn check(&self, filter: &Filter) -> crate::Result<()> {
        let names: Vec<_> = self.fields.iter().map(|field| field.name.as_str()).collect();
        filter.check_fields(&self.of, &names)
    }
}

/// Which documents of a set: those for which all filters and conditions hold.
#[derive(Clone, Debug, Default)]
pub struct Matching<'a> {
    pub(super) fields: Option<&'a Fields>,
    pub(super) filters: Vec<&'a Filter>,
    pub(super) conditions: Vec<Condition<'a>>,
}

impl<'a> Matching<'a> {
    /// All documents, for now. The fields are what filters may name.
    pub fn new(fields: &'a Fields) -> Self {
        Self { fields: Some(fields), ..Self::default() }
    }

    /// And this filter holds.
    pub fn filter(mut self, filter: &'a Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// And this holds.
    pub fn and(mut self, condition: Condition<'a>) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Whether it says nothing, so that all documents match.
    pub fn is_all(&self) -> bool {
        self.filters.is_empty() && self.conditions.is_empty()
    }
}

/// A condition on a document. None is ever unknown.
#[derive(Clone, Debug)]
pub enum Condition<'a> {
    /// Its id is one of these: a JSON list, made by [`Condition::ids`].
    Ids(String),
    /// There is something other than null at the path.
    Exists(Path),
    /// The list at the path has at least one of these strings.
    AnyOf(Path, Vec<String>),
    /// It has a blob of this name.
    Blob(String),
    /// It owns a document of that set which matches.
    Owns(Set, Matching<'a>),
    /// The document of that set which owns it matches.
    Owner(Set, Matching<'a>),
    Not(Box<Condition<'a>>),
    /// At least one holds.
    Any(Vec<Condition<'a>>),
}

impl Condition<'_> {
    /// Its id is one of these, of which there may be a million.
    pub fn ids<S: std::fmt::Display>(ids: impl IntoIterator<Item = S>) -> Self {
        let mut list = String::from("[");
        for id in ids {
            if list.len() > 1 {
                list.push(',');
            }
            list += &serde_json::Value::from(id.to_string()).to_string();
        }
        list.push(']');
        Self::Ids(list)
    }
}

impl std::ops::Not for Condition<'_> {
    type Output = Self;

    fn not(self) -> Self {
        Self::Not(Box::new(self))
    }
}

/// The order of documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Id,
    /// Whichever is fastest.
    Any,
    /// By the value at the first of the paths that leads to something: numbers and truth values before strings, nulls
    /// last in both directions, equals in the order of ids.
    By { paths: Vec<Path>, descending: bool },
}

/// Documents of a set, in an order, and how many of them.
#[derive(Clone, Debug, Default)]
pub struct Select<'a> {
    pub matching: Matching<'a>,
    pub order: Order,
    /// Only those after the document of this id, in the order: the next page begins where the last one ended. Costs no
    /// more for the last page than for the first.
    pub after: Option<String>,
    /// So many of the first are left out.
    pub skip: u64,
    /// At most so many; `None` for all.
    pub take: Option<u64>,
}

impl<'a> Select<'a> {
    /// All that match, in the order of ids.
    pub fn new(matching: Matching<'a>) -> Self {
        Self { matching, ..Self::default() }
    }

    pub(super) fn is_limited(&self) -> bool {
        self.skip > 0 || self.take.is_some() || self.after.is_some()
    }
}
