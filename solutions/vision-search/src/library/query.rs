//! From a view to what the document store is asked: names become paths, filters are parsed, and all is checked against the
//! dataset's fields before anything is read.

use bootcamp_core::documents::{Condition, DocumentField, Fields, Matching, Order, Path, Select, Set, Source};
use bootcamp_core::{Error, Filter, Result, ScalarKind, unknown_name};

use super::field::FieldKind;
use super::stored::{labels_path, value_path};
use super::tables::Tables;
use super::view::{Sort, View};
use crate::sample::ObjectId;

/// Text of any length.
const TEXT: ScalarKind = ScalarKind::String { max_len: bootcamp_core::MAX_STRING };

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// So many from the beginning. The later, the slower.
    At(u64),
    /// After the sample or label of this id, which ended the page before. Not in a view with `skip` or `take`.
    After(ObjectId),
}

/// A view of a dataset, understood.
pub(super) struct Query<'a> {
    tables: &'a Tables,
    view: &'a View,
    filter: Option<Filter>,
    samples: Fields,
    /// What `labels` of the view asks for.
    like: Option<Like<'a>>,
}

struct Like<'a> {
    field: &'a str,
    set: &'a Set,
    fields: Fields,
    filter: Filter,
}

impl<'a> Query<'a> {
    /// # Errors
    /// `InvalidInput` for a filter that cannot be parsed, and for fields of labels that are not known.
    pub(super) fn new(tables: &'a Tables, view: &'a View) -> Result<Self> {
        let filter = view.filter.as_deref().map(Filter::parse).transpose()?;
        let like = match &view.labels {
            None => None,
            Some(like) => Some(Like {
                field: &like.field,
                set: tables.labels(&like.field)?,
                fields: label_fields(&like.field),
                filter: Filter::parse(&like.filter).map_err(|error| error.context("labels"))?,
            }),
        };
        Ok(Self { tables, view, filter, samples: sample_fields(tables), like })
    }

    /// The samples of the view.
    pub(super) fn samples(&self) -> Result<Select<'_>> {
        let mut matching = self.of_samples(None)?;
        if let Some(ids) = &self.view.ids {
            matching = matching.and(Condition::ids(ids));
        }
        let order = match &self.view.sort {
            None => Order::Id,
            Some(sort) => sort_by(sort, &format!("dataset '{}'", self.tables.body.name), self.samples_order(&sort.by))?,
        };
        Ok(self.limited(matching, order))
    }

    /// The labels of a field that are in the view, or whose samples are.
    pub(super) fn patches(&self, field: &str) -> Result<Select<'_>> {
        self.tables.labels(field)?;
        let mut matching = Matching::default();
        if let Some(like) = self.like.as_ref().filter(|like| like.field == field) {
            matching = Matching::new(&like.fields).filter(&like.filter);
        }
        let owners = self.of_samples(Some(field))?;
        if !owners.is_all() {
            matching = matching.and(Condition::Owner(self.tables.samples.clone(), owners));
        }
        if let Some(ids) = &self.view.ids {
            let ids = Condition::ids(ids);
            let owned = Condition::Owner(self.tables.samples.clone(), Matching::default().and(ids.clone()));
            matching = matching.and(Condition::Any(vec![ids, owned]));
        }
        let order = match &self.view.sort {
            None => Order::Id,
            Some(sort) => {
                let of = format!("the labels of field '{field}'");
                let known = LABEL_FIELDS.iter().filter(|(_, kind, _)| *kind != ScalarKind::Json);
                let paths = known.clone().find(|(name, ..)| *name == sort.by).map(|(.., paths)| label_paths(paths));
                sort_by(sort, &of, paths.ok_or_else(|| known.map(|(name, ..)| (*name).to_owned()).collect()))?
            }
        };
        Ok(self.limited(matching, order))
    }

    fn limited(&self, matching: Matching<'a>, order: Order) -> Select<'a>
    where
        Self: 'a,
    {
        Select { matching, order, after: None, skip: self.view.skip.unwrap_or(0), take: self.view.take }
    }

    /// What must hold of samples, other than their ids. Labels of `patches` are asked for themselves.
    fn of_samples(&self, patches: Option<&str>) -> Result<Matching<'_>> {
        let mut matching = Matching::new(&self.samples);
        if let Some(filter) = &self.filter {
            matching = matching.filter(filter);
        }
        if let Some(like) = self.like.as_ref().filter(|like| Some(like.field) != patches) {
            let labels = Matching::new(&like.fields).filter(&like.filter);
            matching = matching.and(Condition::Owns(like.set.clone(), labels));
        }
        if !self.view.tags.is_empty() {
            matching = matching.and(Condition::AnyOf(Path::of(&["tags"]), self.view.tags.clone()));
        }
        for field in &self.view.exists {
            matching = matching.and(self.exists(field)?);
        }
        for field in &self.view.missing {
            matching = matching.and(!self.exists(field)?);
        }
        Ok(matching)
    }

    fn exists(&self, field: &str) -> Result<Condition<'static>> {
        let path = match (field, own_path(field)) {
            ("tags", _) => Path::of(&["tags"]).at(0),
            ("metadata", _) => Path::of(&["metadata"]),
            (_, Some(path)) => path,
            (field, None) => match self.tables.body.fields.kind(&self.tables.body.name, field)? {
                FieldKind::Labels(_) => labels_path(field),
                FieldKind::Vector { .. } => return Ok(Condition::Blob(field.to_owned())),
                FieldKind::Number | FieldKind::String | FieldKind::Bool | FieldKind::List => value_path(field),
            },
        };
        Ok(Condition::Exists(path))
    }

    /// Where samples have what they are to be sorted by; else all that they can be sorted by.
    fn samples_order(&self, by: &str) -> Result<Vec<Path>, Vec<String>> {
        if let Some(path) = own_path(by) {
            return Ok(vec![path]);
        }
        let fields = &self.tables.body.fields.0;
        let sortable = |kind: &FieldKind| matches!(kind, FieldKind::Number | FieldKind::String | FieldKind::Bool);
        match fields.get(by) {
            Some(kind) if sortable(kind) => Ok(vec![value_path(by)]),
            _ => {
                let own = OWN.iter().map(|(name, ..)| (*name).to_owned());
                Err(own.chain(fields.iter().filter(|(_, kind)| sortable(kind)).map(|(name, _)| name.clone())).collect())
            }
        }
    }
}

/// A page of what is selected.
///
/// # Errors
/// `InvalidInput` for a page that begins after an id, of a view with `skip` or `take`.
pub(super) fn page<'a>(mut select: Select<'a>, view: &View, start: Start, limit: u64) -> Result<Select<'a>> {
    match start {
        Start::At(offset) => {
            select.skip = select.skip.saturating_add(offset);
            select.take = Some(select.take.map_or(limit, |take| take.saturating_sub(offset).min(limit)));
        }
        Start::After(_) if view.is_limited() => {
            return Err(Error::invalid("a page of a view with skip or take cannot begin after an id")
                .with_hint("give the page's offset instead"));
        }
        Start::After(id) => {
            select.after = Some(id.to_string());
            select.take = Some(limit);
        }
    }
    Ok(select)
}

fn sort_by(sort: &Sort, of: &str, found: Result<Vec<Path>, Vec<String>>) -> Result<Order> {
    match found {
        _ if sort.by == "id" && !sort.descending => Ok(Order::Id),
        Ok(paths) => Ok(Order::By { paths, descending: sort.descending }),
        Err(known) => {
            let known = known.iter().map(String::as_str);
            Err(unknown_name(of, "field to sort by called", &sort.by, known))
        }
    }
}

/// What every sample may have beside its tags: name, kind, keys.
const OWN: [(&str, ScalarKind, &[&str]); 6] = [
    ("filepath", TEXT, &["filepath"]),
    ("width", ScalarKind::Int, &["metadata", "width"]),
    ("height", ScalarKind::Int, &["metadata", "height"]),
    ("size_bytes", ScalarKind::Int, &["metadata", "size_bytes"]),
    ("mime_type", TEXT, &["metadata", "mime_type"]),
    ("num_channels", ScalarKind::Int, &["metadata", "num_channels"]),
];

/// Where samples have what is not a field.
fn own_path(name: &str) -> Option<Path> {
    OWN.iter().find(|(own, ..)| *own == name).map(|(.., keys)| Path::of(keys))
}

/// What filters on samples may name.
fn sample_fields(tables: &Tables) -> Fields {
    let own = OWN.iter().map(|(name, kind, keys)| DocumentField::new(*name, *kind, Path::of(keys)));
    let tags = DocumentField::new("tags", ScalarKind::Json, Path::of(&["tags"]));
    let fields = tables.body.fields.0.iter().filter_map(|(name, kind)| {
        let kind = match kind {
            FieldKind::Number => ScalarKind::Float,
            FieldKind::String => TEXT,
            FieldKind::Bool => ScalarKind::Bool,
            FieldKind::List => ScalarKind::Json,
            FieldKind::Vector { .. } => return None,
            FieldKind::Labels(_) => {
                let set = tables.labels.get(name)?.clone();
                let source = Source::Owned { set, path: Path::of(&["label"]), order: Path::of(&["at"]) };
                return Some(DocumentField { name: name.clone(), kind: ScalarKind::Json, source });
            }
        };
        Some(DocumentField::new(name, kind, value_path(name)))
    });
    Fields::new(format!("dataset '{}'", tables.body.name), own.chain([tags]).chain(fields).collect())
}

/// Where a label has something.
enum Place {
    Key(&'static str),
    /// A number of the box, or of what is around the outline.
    Bounds(usize),
    Area,
}

/// What filters on labels may name.
const LABEL_FIELDS: [(&str, ScalarKind, Place); 9] = [
    ("label", TEXT, Place::Key("label")),
    ("confidence", ScalarKind::Float, Place::Key("confidence")),
    ("x", ScalarKind::Float, Place::Bounds(0)),
    ("y", ScalarKind::Float, Place::Bounds(1)),
    ("width", ScalarKind::Float, Place::Bounds(2)),
    ("height", ScalarKind::Float, Place::Bounds(3)),
    ("area", ScalarKind::Float, Place::Area),
    ("tags", ScalarKind::Json, Place::Key("tags")),
    ("attributes", ScalarKind::Json, Place::Key("attributes")),
];

fn label_paths(place: &Place) -> Vec<Path> {
    match place {
        Place::Key(key) => vec![Path::of(&["label", key])],
        Place::Bounds(at) => vec![Path::of(&["label", "bounding_box"]).at(*at), Path::of(&["bounds"]).at(*at)],
        Place::Area => vec![Path::of(&["area"])],
    }
}

fn label_fields(field: &str) -> Fields {
    let fields = LABEL_FIELDS.iter().map(|(name, kind, place)| DocumentField {
        name: (*name).to_owned(),
        kind: *kind,
        source: Source::Paths(label_paths(place)),
    });
    Fields::new(format!("the labels of field '{field}'"), fields.collect())
}
