//! From a search request to hits: candidates from memory, their rows from SQLite.

use std::sync::Arc;

use super::collection::Collection;
use super::db::{Db, Reader};
use super::distance::{Prepared, to_distance, to_score};
use super::field::{Field, View};
use super::follow;
use super::groups::{self, Scored};
use super::nearest::Nearest;
use super::passing::Passing;
use super::table::Found;
use crate::record::{Hit, Id};
use crate::request::{Output, Query, SearchRequest};
use crate::schema::Metric;
use crate::{Error, ErrorKind, Result};

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
        // What is written now goes to the memory of another name: there is nothing to wait for.
        collection.check_named()?;
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
        let read = |scored: &[Scored]| read_hits(self.collection, &self.reader, &self.request.output, scored);
        if let Some(group_by) = &self.request.group_by {
            let fetch = |count| self.nearest(count, allowed.as_deref());
            return read(&groups::best(&self.reader, self.collection, self.request, group_by, fetch)?);
        }
        let k = self.request.k;
        let mut count = k;
        loop {
            let (candidates, exhausted) = self.nearest(count, allowed.as_deref())?;
            let mut hits = Vec::with_capacity(k.min(candidates.len()));
            let mut rest = candidates.as_slice();
            // Nearly always every candidate is there, and one round is all.
            while hits.len() < k && !rest.is_empty() {
                let (part, after) = rest.split_at(rest.len().min(k - hits.len()));
                rest = after;
                hits.extend(read(part)?);
            }
            if hits.len() == k || exhausted {
                return Ok(hits);
            }
            count *= 2;
        }
    }

    /// Those of the `count` nearest rows that are in range, with their scores; they may turn out not to be there. Also
    /// whether there are no others.
    fn nearest(&self, count: usize, allowed: Option<&Passing>) -> Result<(Vec<Scored>, bool)> {
        let metric = self.field.spec.metric;
        let (inner, outer) = self.range(metric);
        let nearest = Nearest::within(count, outer);
        let candidates = self.field.search(&self.view, &self.query, nearest, self.request.params.ef, allowed)?;
        let exhausted = candidates.len() < count;
        let in_range = candidates.iter().filter(|candidate| candidate.distance >= inner);
        Ok((in_range.map(|candidate| (candidate.key, to_score(metric, candidate.distance))).collect(), exhausted))
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

/// The hits of these rows, as far as they are there.
fn read_hits(collection: &Collection, reader: &Reader<'_>, output: &Output, scored: &[Scored]) -> Result<Vec<Hit>> {
    let found = collection.table.by_keys(reader, scored.iter().map(|(key, _)| *key), output)?;
    // What was found is in the order of the keys.
    let mut scores = scored.iter();
    let hit = |Found { key, record }: Found| {
        let score = scores.find(|(other, _)| *other == key)?.1;
        Some(Hit { id: record.id?, score, vectors: record.vectors, fields: record.fields })
    };
    Ok(found.into_iter().filter_map(hit).collect())
}

fn by_words(db: &Db, collection: &Collection, request: &SearchRequest, words: &str) -> Result<Vec<Hit>> {
    let reader = db.reader()?;
    let fetch = |count| {
        let found = collection.table.words_search(&reader, &request.field, words, request.filter.as_ref(), count)?;
        let exhausted = found.len() < count;
        Ok((found, exhausted))
    };
    let best = match &request.group_by {
        Some(group_by) => groups::best(&reader, collection, request, group_by, fetch)?,
        None => fetch(request.k)?.0,
    };
    read_hits(collection, &reader, &request.output, &best)
}
