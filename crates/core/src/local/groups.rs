//! Grouped searches: candidates are asked for until the best groups are known, of which only the group's value is read;
//! all else is read of the winners alone.

use std::collections::HashMap;

use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use serde_json::Value;

use super::collection::Collection;
use super::db::failed;
use super::table::{Table, from_sql};
use crate::filter::Filter;
use crate::request::{GroupBy, Output, SearchRequest};
use crate::{Result, rank};

/// A row and its score.
pub(super) type Scored = (u64, f32);

/// The best groups' candidates, best first. `fetch` gives the best so many of the request's candidates, and whether there
/// are no others.
pub(super) fn best(
    connection: &Connection,
    collection: &Collection,
    request: &SearchRequest,
    group_by: &GroupBy,
    fetch: impl Fn(usize) -> Result<(Vec<Scored>, bool)>,
) -> Result<Vec<Scored>> {
    let table = &collection.table;
    let only_group = Output::only([&group_by.field]);
    // Each row is read once, in whichever round it comes up first.
    let mut groups: HashMap<u64, Value> = HashMap::new();
    let mut whole = None;
    let mut count = rank::first_fetch(request.k, group_by);
    for round in 0.. {
        let (candidates, exhausted) = fetch(count)?;
        let new = candidates.iter().map(|(key, _)| *key).filter(|key| !groups.contains_key(key));
        for mut found in table.by_keys(connection, new.collect::<Vec<_>>().into_iter(), &only_group)? {
            groups.insert(found.key, found.record.fields.remove(&group_by.field).unwrap_or_default());
        }
        let with_group = |scored: &Scored| Some((*scored, groups.get(&scored.0)?.clone()));
        let hits: Vec<_> = candidates.iter().filter_map(with_group).collect();
        if let Some(best) = rank::group(&hits, request.k, group_by, exhausted, whole.as_ref()) {
            return Ok(best);
        }
        if round == 0 {
            // Perhaps there are fewer groups than were asked for: then there is no point in looking for more.
            whole = table.groups(connection, group_by, request.filter.as_ref(), request.k)?;
            if let Some(best) = rank::group(&hits, request.k, group_by, exhausted, whole.as_ref()) {
                return Ok(best);
            }
        }
        count *= 2;
    }
    Ok(Vec::new())
}

impl Table {
    /// The groups of all rows that pass the filter, and how many rows each has, counted up to the size of a group; `None`
    /// where there are more than `most`, or no index of the field. With an index it is a few look-ups for each.
    fn groups(
        &self,
        connection: &Connection,
        group_by: &GroupBy,
        filter: Option<&Filter>,
        most: usize,
    ) -> Result<Option<HashMap<String, usize>>> {
        let GroupBy { field, size } = group_by;
        let Some(spec) = self.spec.scalar_field(field).filter(|field| Self::has_index(field)) else { return Ok(None) };
        let condition = filter.map(|filter| filter.to_sql(&self.spec)).transpose()?;
        let (holds, parameters) =
            condition.map_or_else(Default::default, |sql| (format!(" AND ({})", sql.text), sql.params));
        let (rows, column) = (self.rows(), format!("rows.\"f_{field}\""));
        let first =
            format!("SELECT {column} FROM {rows} AS rows WHERE {column} IS NOT NULL{holds} ORDER BY {column} LIMIT 1");
        let next = format!("SELECT {column} FROM {rows} AS rows WHERE {column} > ?{holds} ORDER BY {column} LIMIT 1");
        let count =
            format!("SELECT count(*) FROM (SELECT 1 FROM {rows} AS rows WHERE {column} IS ?{holds} LIMIT {size})");
        let with = |value: Option<&Sql>| params_from_iter(value.cloned().into_iter().chain(parameters.iter().cloned()));
        let collect = || -> rusqlite::Result<Option<HashMap<String, usize>>> {
            let (mut next, mut count) = (connection.prepare_cached(&next)?, connection.prepare_cached(&count)?);
            let mut rows_of = |value: &Sql| count.query_row(with(Some(value)), |row| row.get::<_, i64>(0));
            let mut sizes = HashMap::new();
            let mut add = |value: &Sql| -> rusqlite::Result<bool> {
                let count = usize::try_from(rows_of(value)?).unwrap_or_default();
                if count > 0 {
                    sizes.insert(from_sql(spec, ValueRef::from(value))?.to_string(), count);
                }
                Ok(sizes.len() <= most)
            };
            add(&Sql::Null)?;
            let mut value: Option<Sql> =
                connection.prepare_cached(&first)?.query_row(with(None), |row| row.get(0)).optional()?;
            while let Some(found) = value {
                if !add(&found)? {
                    return Ok(None);
                }
                value = next.query_row(with(Some(&found)), |row| row.get(0)).optional()?;
            }
            Ok(Some(sizes))
        };
        collect().map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::local::LocalStore;
    use crate::record::Record;
    use crate::schema::{CollectionSpec, IdKind, Metric, ScalarField, VectorField};
    use crate::store::VectorStore;

    /// What a grouped search of 3,000 frames asks for, round by round.
    async fn asked(videos: i64, filter: Option<&str>, k: usize, size: usize) -> (usize, Vec<usize>) {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path()).unwrap();
        let spec = CollectionSpec::new("frames", IdKind::Int)
            .vector(VectorField::f32("v", 2, Metric::L2))
            .scalar(ScalarField::int("video").nullable())
            .scalar(ScalarField::int("half"));
        store.create(&spec).await.unwrap();
        let frame = |id: i64| {
            let frame = Record::new(id).vector("v", vec![id as f32, 0.0]).field("half", id % 2);
            // The first video has no name.
            if id % videos == 0 { frame } else { frame.field("video", id % videos) }
        };
        store.upsert("frames", &(0..3000).map(frame).collect::<Vec<_>>()).await.unwrap();
        let collection = store.shared.collection("frames").unwrap();
        let filter = filter.map(|text| text.parse().unwrap());
        let request = SearchRequest::new("v", vec![0.0, 0.0], k).group_by("video", size).filter(filter);
        let group_by = request.group_by.clone().unwrap();
        let rounds = RefCell::new(Vec::new());
        let fetch = |count: usize| {
            rounds.borrow_mut().push(count);
            Ok(((1..=3000).take(count).map(|key| (key, key as f32)).collect(), count > 3000))
        };
        let reader = store.shared.db.reader().unwrap();
        let best = best(&reader, &collection, &request, &group_by, fetch).unwrap();
        (best.len(), rounds.into_inner())
    }

    #[tokio::test]
    async fn no_more_groups_are_looked_for_than_there_are() {
        assert_eq!(asked(3, None, 10, 1).await, (3, vec![64]));
        assert_eq!(asked(3, None, 3, 5).await, (15, vec![64]));
        assert_eq!(asked(3, None, 10, 20).await, (60, vec![800]));
        assert_eq!(asked(30, None, 10, 1).await, (10, vec![64]));
        assert_eq!(asked(4, Some("half == 1"), 10, 1).await.1, vec![64]);
        // Groups of three frames that cannot fill up, far apart.
        assert_eq!(asked(1000, None, 1, 5).await, (3, vec![64, 128, 256, 512, 1024, 2048, 4096]));
    }
}
