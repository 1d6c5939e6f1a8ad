//! From a search request to hits: candidates from memory, their rows from SQLite.

use std::sync::Arc;

use roaring::RoaringTreemap;
use serde_json::Value;

use super::collection::Collection;
use super::db::{Db, Reader};
use super::distance::{Prepared, to_distance, to_score};
use super::field::{Field, View};
use super::follow;
use super::nearest::Nearest;
use super::table::Found;
use crate::record::{Hit, Id};
use crate::request::{Output, Query, SearchRequest};
use crate::schema::Metric;
use crate::{Error, ErrorKind, Result, rank};

/// The hits of every query, on as many threads as there are cores.
pub(super) fn run(db: &Db, collection: &Collection, request: &SearchRequest) -> Result<Vec<Vec<Hit>>> {
    let threads = super::cores().min(request.queries.len());
    if threads <= 1 {
        return request.queries.iter().map(|query| one(db, collection, request, query)).collect();
    }
    let share = request.queries.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let parts: Vec<_> = request
            .queries
            .chunks(share)
            .map(|queries| scope.spawn(|| queries.iter().map(|query| one(db, collection, request, query)).collect()))
            .collect();
        let mut hits = Vec::with_capacity(request.queries.len());
        for part in parts {
            let part: Result<Vec<Vec<Hit>>> =
                part.join().unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "a search thread panicked")));
            hits.extend(part?);
        }
        Ok(hits)
    })
}

fn one(db: &Db, collection: &Collection, request: &SearchRequest, query: &Query) -> Result<Vec<Hit>> {
    let vector = match query {
        Query::Text(words) => return by_words(db, collection, request, words),
        Query::Vector(vector) => vector,
        Query::Id(id) => &stored_vector(db, collection, &request.field, id)?,
    };
    let at = collection.table.vector_position(&request.field)?;
    let field = &collection.fields[at];
    let (view, reader) = moment(db, collection, at)?;
    let query = Prepared::new(&field.spec, vector);
    FieldSearch { collection, field, request, query, view, reader }.hits()
}

/// A view and a snapshot of the rows such that every row of the snapshot is in the view and not among its dead.
///
/// Writers add rows to the view before they commit, and note the dead after. So a view that is older than the
/// snapshot will do, as long as nothing was added in between. What another process has added is loaded first.
fn moment<'a>(db: &'a Db, collection: &Collection, at: usize) -> Result<(Arc<View>, Reader<'a>)> {
    loop {
        let view = collection.fields[at].view();
        let reader = db.reader()?;
        // The snapshot is taken by the first read.
        if view.next_key >= collection.next_key(&reader)? {
            return Ok((view, reader));
        }
        if db.is_read_only() {
            drop(reader);
            return follow::follow(db, collection, at);
        }
    }
}

fn stored_vector(db: &Db, collection: &Collection, field: &str, id: &Id) -> Result<crate::Vector> {
    let output = Output::only([field]);
    let found = collection.table.by_ids(&*db.reader()?, std::slice::from_ref(id), &output)?;
    found.into_iter().next().and_then(|mut found| found.record.vectors.remove(field)).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("there is no record {id} in collection '{}'", collection.spec().name))
    })
}

struct FieldSearch<'a> {
    collection: &'a Collection,
    field: &'a Field,
    request: &'a SearchRequest,
    query: Prepared,
    view: Arc<View>,
    reader: Reader<'a>,
}

impl FieldSearch<'_> {
    fn hits(&self) -> Result<Vec<Hit>> {
        let allowed = match &self.request.filter {
            Some(filter) => Some(self.collection.passing(&self.reader, filter)?),
            None => None,
        };
        let k = self.request.k;
        let mut count = self.request.group_by.as_ref().map_or(k, |group_by| rank::first_fetch(k, group_by));
        loop {
            let (hits, exhausted) = self.nearest(count, allowed.as_deref())?;
            match &self.request.group_by {
                None if hits.len() == k || exhausted => return Ok(hits.into_iter().map(|(hit, _)| hit).collect()),
                None => {}
                Some(group_by) => {
                    if let Some(hits) = rank::group(hits, k, group_by, exhausted) {
                        return Ok(hits);
                    }
                }
            }
            count *= 2;
        }
    }

    /// Those of the `count` nearest rows that are in range and there, with their groups' values; ungrouped at most
    /// k of them. Also whether there are no others.
    fn nearest(&self, count: usize, allowed: Option<&RoaringTreemap>) -> Result<(Vec<(Hit, Value)>, bool)> {
        let metric = self.field.spec.metric;
        let (inner, outer) = self.range(metric);
        let nearest = Nearest::within(count, outer);
        let mut candidates = self.field.search(&self.view, &self.query, nearest, self.request.params.ef, allowed)?;
        let exhausted = candidates.len() < count;
        candidates.retain(|candidate| candidate.distance >= inner);
        let rows = Rows::new(self.collection, self.request);
        let wanted = if self.request.group_by.is_some() { count } else { self.request.k };
        let mut hits = Vec::with_capacity(wanted.min(candidates.len()));
        let mut rest = candidates.as_slice();
        // Nearly always every candidate is there, and one round is all.
        while hits.len() < wanted && !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(wanted - hits.len()));
            rest = after;
            let mut distances = part.iter();
            for (key, mut hit, group) in rows.read(&self.reader, part.iter().map(|candidate| candidate.key))? {
                let distance = distances.find(|candidate| candidate.key == key).map(|candidate| candidate.distance);
                hit.score = to_score(metric, distance.unwrap_or(f32::NAN));
                hits.push((hit, group));
            }
        }
        Ok((hits, exhausted))
    }

    /// The least and the greatest distance that hits may have. The radius itself is too far.
    fn range(&self, metric: Metric) -> (f32, f32) {
        let distance = |score: Option<f32>| score.map(|score| to_distance(metric, score));
        (
            distance(self.request.range_filter).unwrap_or(f32::NEG_INFINITY),
            distance(self.request.radius).map_or(f32::INFINITY, f32::next_down),
        )
    }
}

/// Reads the rows of hits; with grouping, their groups' values too.
struct Rows<'a> {
    collection: &'a Collection,
    output: Output,
    group_by: Option<&'a str>,
    /// Whether the group's field was only read for grouping.
    hide_group: bool,
}

impl<'a> Rows<'a> {
    fn new(collection: &'a Collection, request: &'a SearchRequest) -> Self {
        let mut output = request.output.clone();
        let group_by = request.group_by.as_ref().map(|group_by| group_by.field.as_str());
        let hide_group = group_by.is_some_and(|field| !output.wants_scalar(field));
        if let (true, Some(field), Output::Only(names)) = (hide_group, group_by, &mut output) {
            names.push(field.to_owned());
        }
        Self { collection, output, group_by, hide_group }
    }

    fn read(&self, reader: &Reader<'_>, keys: impl Iterator<Item = u64>) -> Result<Vec<(u64, Hit, Value)>> {
        let found = self.collection.table.by_keys(reader, keys, &self.output)?;
        Ok(found.into_iter().filter_map(|found| self.hit(found)).collect())
    }

    fn hit(&self, Found { key, mut record }: Found) -> Option<(u64, Hit, Value)> {
        let group = match self.group_by {
            Some(field) if self.hide_group => record.fields.remove(field).unwrap_or_default(),
            Some(field) => record.fields.get(field).cloned().unwrap_or_default(),
            None => Value::Null,
        };
        Some((key, Hit { id: record.id?, score: 0.0, vectors: record.vectors, fields: record.fields }, group))
    }
}

fn by_words(db: &Db, collection: &Collection, request: &SearchRequest, words: &str) -> Result<Vec<Hit>> {
    let reader = db.reader()?;
    let rows = Rows::new(collection, request);
    let mut count = request.group_by.as_ref().map_or(request.k, |group_by| rank::first_fetch(request.k, group_by));
    loop {
        let found = collection.table.words_search(&reader, &request.field, words, request.filter.as_ref(), count)?;
        let exhausted = found.len() < count;
        let scores: std::collections::HashMap<u64, f32> = found.iter().copied().collect();
        let hits = rows.read(&reader, found.iter().map(|(key, _)| *key))?;
        let hits = hits.into_iter().map(|(key, hit, group)| (Hit { score: scores[&key], ..hit }, group));
        match &request.group_by {
            None => return Ok(hits.map(|(hit, _)| hit).collect()),
            Some(group_by) => match rank::group(hits.collect(), request.k, group_by, exhausted) {
                Some(hits) => return Ok(hits),
                None => count *= 2,
            },
        }
    }
}
