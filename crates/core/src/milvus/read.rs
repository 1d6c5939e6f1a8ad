//! Reads of any size: a server's message holds four megabytes, so large results are fetched in parts.

use std::collections::{HashMap, HashSet};

use milvus::v2::prelude as sdk;
use serde_json::Value;

use super::client::{Client, is_too_large};
use super::server::Server;
use super::{id_in, rows, schema};
use crate::filter::{Filter, Literal};
use crate::record::{Hit, Id, Record, Vector};
use crate::request::{GroupBy, Output, Page, PageRequest, Query, SearchRequest};
use crate::schema::{CollectionSpec, IdKind, Metric};
use crate::{Error, ErrorKind, Result, rank};

/// What an answer may be expected to have: half of the limit, as row sizes are estimated.
const ANSWER_BYTES: usize = 2 << 20;
/// Rows that a query may be expected to have.
const ROWS_A_QUERY: usize = 4096;
/// Candidates kept while searching an HNSW graph or a DISKANN index, where the search does not say.
const DEFAULT_EF: usize = 96;
/// Lists probed of an IVF index, where the search does not say.
const DEFAULT_NPROBE: u32 = 32;

/// Reads of one collection at one level of consistency.
pub(super) struct Reading<'a> {
    pub(super) client: &'a Client,
    pub(super) server: &'a Server,
    pub(super) spec: &'a CollectionSpec,
    pub(super) consistency: sdk::ConsistencyLevel,
}

impl Reading<'_> {
    /// A filter in this server's words.
    pub(super) fn expression(&self, filter: &Filter) -> Result<String> {
        filter.to_milvus(self.spec, &self.server.dialect())
    }

    /// How many records pass an expression.
    pub(super) async fn count(&self, expression: &str) -> Result<u64> {
        let columns = self.query(expression, vec!["count(*)".to_owned()], None).await?;
        match columns.iter().map(sdk::FieldData::inner).next() {
            Some(sdk::FieldData::Int64 { values, .. }) => Ok(values.first().copied().unwrap_or(0).max(0) as u64),
            _ => Err(Error::new(ErrorKind::Internal, "the server did not count")),
        }
    }

    async fn query(&self, expression: &str, fields: Vec<String>, limit: Option<usize>) -> Result<Vec<sdk::FieldData>> {
        let mut query = sdk::QueryRequest::builder()
            .collection_name(&self.spec.name)
            .filter(expression)
            .output_fields(fields)
            .consistency_level(self.consistency);
        if let Some(limit) = limit {
            query = query.limit(limit as i64);
        }
        let query = query.build();
        let answer = self.client.call("query", query, |sdk, request| async move { sdk.query(request).await });
        Ok(answer.await?.results().get_output_fields().to_vec())
    }

    /// The records that pass an expression, with their ids, in the server's order.
    async fn records(&self, expression: &str, output: &Output, limit: Option<usize>) -> Result<Vec<Record>> {
        let mut fields = rows::output_fields(self.spec, self.server, output);
        fields.push(self.spec.id_field.clone());
        let columns = self.query(expression, fields, limit).await?;
        let ids = match columns.iter().find(|column| column.name() == self.spec.id_field).map(sdk::FieldData::inner) {
            Some(sdk::FieldData::Int64 { values, .. }) => values.iter().copied().map(Id::Int).collect(),
            Some(sdk::FieldData::VarChar { values, .. }) => values.iter().cloned().map(Id::String).collect(),
            _ => Vec::new(),
        };
        let record = |(at, id)| {
            let (vectors, fields) = rows::from_columns(self.spec, self.server, output, &columns, at)?;
            Ok(Record { id: Some(id), vectors, fields })
        };
        ids.into_iter().enumerate().map(record).collect()
    }

    fn rows_an_answer(&self, output: &Output) -> usize {
        (ANSWER_BYTES / rows::row_bytes(self.spec, output)).clamp(1, ROWS_A_QUERY)
    }

    /// The records of these ids, in this order.
    pub(super) async fn get(&self, ids: &[Id], output: &Output) -> Result<Vec<Record>> {
        let mut found: HashMap<Id, Record> = HashMap::with_capacity(ids.len());
        let mut rest = ids;
        let mut rows = self.rows_an_answer(output);
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rows.min(rows::ids_a_call(rest)));
            let expression = id_in(&self.spec.id_field, &part.iter().collect::<Vec<_>>());
            match self.records(&expression, output, None).await {
                Ok(records) => {
                    found.extend(records.into_iter().filter_map(|record| Some((record.id.clone()?, record))));
                    rest = after;
                }
                Err(error) if is_too_large(&error) && part.len() > 1 => rows = part.len() / 2,
                Err(error) => return Err(error),
            }
        }
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
    }

    /// Records in id order. Servers answer a limited query with the smallest primary keys, in order.
    pub(super) async fn page(&self, page: &PageRequest) -> Result<Page> {
        let filter = page.filter.as_ref().map(|filter| self.expression(filter)).transpose()?;
        let mut records: Vec<Record> = Vec::new();
        let mut after = page.after.clone();
        let mut rows = self.rows_an_answer(&page.output);
        loop {
            let wanted = rows.min(page.limit - records.len());
            let expression = match self.server.pages_in_order() {
                true => self.after(after.as_ref(), filter.as_deref()),
                false => {
                    let ids = self.smallest_ids(after.as_ref(), filter.as_deref(), wanted).await?;
                    if ids.is_empty() {
                        return Ok(Page { records, next: None });
                    }
                    id_in(&self.spec.id_field, &ids.iter().collect::<Vec<_>>())
                }
            };
            let mut part = match self.records(&expression, &page.output, Some(wanted)).await {
                Ok(part) => part,
                Err(error) if is_too_large(&error) && wanted > 1 => {
                    rows = (wanted / 2).max(1);
                    continue;
                }
                Err(error) => return Err(error),
            };
            part.sort_by(|a, b| a.id.cmp(&b.id));
            let exhausted = part.len() < wanted;
            after = part.last().and_then(|record| record.id.clone()).or(after);
            records.extend(part);
            if exhausted {
                return Ok(Page { records, next: None });
            }
            if records.len() >= page.limit {
                return Ok(Page { records, next: after });
            }
        }
    }

    /// The smallest ids after an id that pass a filter, in order, on a server that answers a limited query with any:
    /// narrows the range from above until all ids in it come back.
    async fn smallest_ids(&self, after: Option<&Id>, filter: Option<&str>, wanted: usize) -> Result<Vec<Id>> {
        let lower = self.after(after, filter);
        let limit = ROWS_A_QUERY.max(wanted + 1);
        let mut upper = String::new();
        loop {
            let expression = format!("({lower}){upper}");
            let records = self.records(&expression, &Output::ids(), Some(limit)).await?;
            let mut ids: Vec<Id> = records.into_iter().filter_map(|record| record.id).collect();
            ids.sort();
            if ids.len() < limit {
                ids.truncate(wanted);
                return Ok(ids);
            }
            let name = &self.spec.id_field;
            upper = match &ids[limit / 2] {
                Id::Int(id) => format!(" and {name} <= {id}"),
                Id::String(id) => format!(" and {name} <= {}", super::quoted(id)),
            };
        }
    }

    /// An expression for the records after an id that pass a filter. Never empty: a query without one needs no limit
    /// on some servers and is refused on others.
    fn after(&self, after: Option<&Id>, filter: Option<&str>) -> String {
        let name = &self.spec.id_field;
        let after = match (after, self.spec.id) {
            (Some(Id::Int(id)), _) => format!("{name} > {id}"),
            (Some(Id::String(id)), _) => format!("{name} > {}", super::quoted(id)),
            (None, IdKind::String { .. }) => format!("{name} >= \"\""),
            (None, _) => format!("{name} >= {}", i64::MIN + 1),
        };
        match filter {
            Some(filter) => format!("({after}) and ({filter})"),
            None => after,
        }
    }

    /// The hits of every query.
    pub(super) async fn search(&self, search: &SearchRequest) -> Result<Vec<Vec<Hit>>> {
        let queries = self.with_vectors(search).await?;
        match &search.group_by {
            // Servers from 2.4 on group hits themselves, but only among the few that they happen to look at.
            Some(group_by) => {
                let mut all = Vec::with_capacity(queries.len());
                for query in &queries {
                    all.push(self.grouped(search, query, group_by).await?);
                }
                Ok(all)
            }
            None => self.flat(search, &queries, search.k).await,
        }
    }

    /// The queries, with stored records' vectors in place of their ids.
    async fn with_vectors(&self, search: &SearchRequest) -> Result<Vec<Query>> {
        let ids: Vec<Id> = search
            .queries
            .iter()
            .filter_map(|query| if let Query::Id(id) = query { Some(id.clone()) } else { None })
            .collect();
        if ids.is_empty() {
            return Ok(search.queries.clone());
        }
        let stored = self.get(&ids, &Output::only([&search.field])).await?;
        let stored: HashMap<_, _> = stored.into_iter().map(|record| (record.id, record.vectors)).collect();
        let query = |query: &Query| match query {
            Query::Id(id) => match stored.get(&Some(id.clone())).and_then(|vectors| vectors.get(&search.field)) {
                Some(vector) => Ok(Query::Vector(vector.clone())),
                None => Err(Error::new(
                    ErrorKind::NotFound,
                    format!("there is no record {id} in collection '{}'", self.spec.name),
                )),
            },
            query => Ok(query.clone()),
        };
        search.queries.iter().map(query).collect()
    }

    /// Groups hits here: asks for the groups of more and more hits until there are enough, and then for the winners'
    /// fields.
    async fn grouped(&self, search: &SearchRequest, query: &Query, group_by: &GroupBy) -> Result<Vec<Hit>> {
        let output = Output::only([&group_by.field]);
        let probe = SearchRequest { group_by: None, output, ..search.clone() };
        let mut count = rank::first_fetch(search.k, group_by);
        let mut known = HashSet::new();
        let mut whole = None;
        let best = loop {
            let mut hits = self.flat(&probe, std::slice::from_ref(query), count).await?;
            let hits = hits.pop().unwrap_or_default();
            let exhausted = hits.len() < count || count >= crate::MAX_K;
            let with_group = hits.into_iter().map(|mut hit| {
                let group = hit.fields.remove(&group_by.field).unwrap_or(Value::Null);
                (hit, group)
            });
            let hits: Vec<(Hit, Value)> = with_group.collect();
            let group = |whole: Option<&_>| rank::group(&hits, search.k, group_by, exhausted, whole);
            if let Some(best) = group(whole.as_ref()) {
                break best;
            }
            // Perhaps there are fewer groups than were asked for: then there is no point in looking for more.
            let found: HashMap<String, &Value> = hits.iter().map(|(_, group)| (group.to_string(), group)).collect();
            if found.len() < search.k && found.len() > known.len() {
                if !self.has_other_groups(search, group_by, &found).await? {
                    whole = Some(found.keys().map(|group| (group.clone(), group_by.size)).collect());
                    if let Some(best) = group(whole.as_ref()) {
                        break best;
                    }
                }
                known = found.into_keys().collect();
            }
            count = (count * 2).min(crate::MAX_K);
        };
        self.with_fields(search, best).await
    }

    /// Whether a record that passes the filter belongs to none of these groups.
    async fn has_other_groups(
        &self,
        search: &SearchRequest,
        group_by: &GroupBy,
        found: &HashMap<String, &Value>,
    ) -> Result<bool> {
        let field = &group_by.field;
        let values: Vec<Literal> = found.values().filter_map(|value| literal(value)).collect();
        // A comparison with null is unknown: nulls are in no list, and out of none.
        let nullable = self.spec.scalar_field(field).is_some_and(|field| field.nullable);
        let others = match (values.is_empty(), nullable && !found.values().any(|value| value.is_null())) {
            (true, _) => !Filter::is_null(field),
            (false, true) => (!Filter::is_in(field, values)).or(Filter::is_null(field)),
            (false, false) => !Filter::is_in(field, values),
        };
        let others = match &search.filter {
            Some(filter) => others.and(filter.clone()),
            None => others,
        };
        Ok(!self.records(&self.expression(&others)?, &Output::ids(), Some(1)).await?.is_empty())
    }

    /// Hits of queries, as many at a time as fit into an answer; where even one does not, ids first and fields after.
    async fn flat(&self, search: &SearchRequest, queries: &[Query], k: usize) -> Result<Vec<Vec<Hit>>> {
        let bytes = k * rows::row_bytes(self.spec, &search.output);
        if bytes > ANSWER_BYTES {
            return self.ids_first(search, queries, k).await;
        }
        let mut hits = Vec::with_capacity(queries.len());
        let query_bytes = queries.iter().map(rows::query_bytes).max().unwrap_or(1).max(1);
        let queries_a_call = (ANSWER_BYTES / bytes).min(rows::MAX_REQUEST_BYTES / query_bytes).max(1);
        for part in queries.chunks(queries_a_call) {
            match self.part(search, part, k).await {
                Err(error) if is_too_large(&error) => hits.extend(self.ids_first(search, part, k).await?),
                part => hits.extend(part?),
            }
        }
        Ok(hits)
    }

    async fn ids_first(&self, search: &SearchRequest, queries: &[Query], k: usize) -> Result<Vec<Vec<Hit>>> {
        let ids_only = SearchRequest { output: Output::ids(), ..search.clone() };
        let mut all = Vec::with_capacity(queries.len());
        for query in queries {
            let hits = self.part(&ids_only, std::slice::from_ref(query), k).await?.pop().unwrap_or_default();
            all.push(self.with_fields(search, hits).await?);
        }
        Ok(all)
    }

    /// Hits with the fields that were asked for. What was deleted in between is no hit any more.
    async fn with_fields(&self, search: &SearchRequest, hits: Vec<Hit>) -> Result<Vec<Hit>> {
        let ids: Vec<Id> = hits.iter().map(|hit| hit.id.clone()).collect();
        let records = self.get(&ids, &search.output).await?;
        let mut records: HashMap<_, _> = records.into_iter().map(|record| (record.id.clone(), record)).collect();
        let hits = hits.into_iter().filter_map(|hit| {
            let record = records.remove(&Some(hit.id.clone()))?;
            Some(Hit { vectors: record.vectors, fields: record.fields, ..hit })
        });
        Ok(hits.collect())
    }

    /// One call to the server.
    async fn part(&self, search: &SearchRequest, queries: &[Query], k: usize) -> Result<Vec<Vec<Hit>>> {
        let mut builder = sdk::SearchRequest::builder()
            .collection_name(&self.spec.name)
            .vectors(vectors(queries))
            .limit(k as i64)
            .output_fields(rows::output_fields(self.spec, self.server, &search.output))
            .consistency_level(self.consistency);
        builder = match self.spec.vectors.iter().find(|field| field.name == search.field) {
            Some(field) => {
                // Numbers of bits are whole, and servers cut the fractions of bounds off.
                let bound = |bound: f32| f64::from(if field.metric == Metric::Hamming { bound.ceil() } else { bound });
                builder = builder.vector_field(&search.field).metric_type(schema::metric(field.metric));
                if let Some(radius) = search.radius {
                    builder = builder.radius(bound(radius));
                }
                if let Some(range_filter) = search.range_filter {
                    builder = builder.range_filter(bound(range_filter));
                }
                builder.extra_params(self.parameters(search, k))
            }
            None => builder.vector_field(schema::sparse_field(&search.field)).metric_type(sdk::MetricType::Bm25),
        };
        if let Some(filter) = &search.filter {
            builder = builder.filter(self.expression(filter)?);
        }
        let built = builder.build();
        let answer = self.client.call("search", built, |sdk, request| async move { sdk.search(request).await });
        let answer = answer.await?;
        let mut all: Vec<Vec<Hit>> =
            answer.results().iter().map(|result| self.hits(search, result)).collect::<Result<_>>()?;
        // Some servers leave out queries without hits.
        all.resize(queries.len(), Vec::new());
        Ok(all)
    }

    fn hits(&self, search: &SearchRequest, result: &sdk::SingleResult) -> Result<Vec<Hit>> {
        let hits = rows::from_ids(result.get_ids()).into_iter().zip(result.get_scores()).enumerate();
        let by_words = self.spec.scalar_field(&search.field).is_some();
        let sign = if by_words && self.server.negates_text_scores() { -1.0 } else { 1.0 };
        let hit = |(at, (id, score)): (usize, (Id, &f32))| {
            let columns = result.get_output_fields();
            let (vectors, fields) = rows::from_columns(self.spec, self.server, &search.output, columns, at)?;
            Ok(Hit { id, score: score * sign, vectors, fields })
        };
        hits.map(hit).collect()
    }

    /// Search parameters. Servers use those of their index and ignore the rest.
    fn parameters(&self, search: &SearchRequest, k: usize) -> HashMap<String, String> {
        let ef = search.params.ef.map_or(DEFAULT_EF, |ef| ef as usize).max(k);
        let search_list = search.params.search_list.map_or(DEFAULT_EF, |list| list as usize).max(k);
        let nprobe = search.params.nprobe.unwrap_or(DEFAULT_NPROBE);
        let parameters = [("ef", ef), ("nprobe", nprobe as usize), ("search_list", search_list)];
        parameters.into_iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect()
    }
}

/// A group's value in a filter; null is none.
fn literal(value: &Value) -> Option<Literal> {
    match value {
        Value::Bool(value) => Some((*value).into()),
        Value::Number(value) => value.as_i64().map(Literal::from),
        Value::String(value) => Some(value.as_str().into()),
        _ => None,
    }
}

fn vectors(queries: &[Query]) -> sdk::SearchVectors {
    match queries.first() {
        Some(Query::Text(_)) => sdk::SearchVectors::EmbeddedText(
            queries
                .iter()
                .filter_map(|query| if let Query::Text(text) = query { Some(text.clone()) } else { None })
                .collect(),
        ),
        Some(Query::Vector(Vector::Binary { .. })) => sdk::SearchVectors::Binary(
            queries
                .iter()
                .filter_map(|query| match query {
                    Query::Vector(Vector::Binary { bits }) => Some(bits.clone()),
                    _ => None,
                })
                .collect(),
        ),
        _ => sdk::SearchVectors::Float(
            queries
                .iter()
                .filter_map(|query| match query {
                    Query::Vector(Vector::F32(values)) => Some(values.clone()),
                    _ => None,
                })
                .collect(),
        ),
    }
}
