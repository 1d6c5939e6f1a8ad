//! Searches find what is nearest, as many as asked for, with what was asked for.

use bootcamp_core::{
    Consistency, ErrorKind, Id, IdKind, MAX_K, Metric, Output, Query, Record, ScalarField, SearchRequest, Selection,
    Vector, VectorField,
};

use super::Scene;
use super::check::{self, int_ids, refused};
use super::scene::{Checked, ensure, equal, filter, numbered};
use crate::truth::{Random, ranking};

/// Looks hard enough that an approximate index finds the true nearest of a small collection.
pub(super) fn hard(request: SearchRequest) -> SearchRequest {
    request.ef(2000).nprobe(1024)
}

pub(super) async fn batch_of_queries(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(8);
    let records = numbered(1, 500, 8);
    scene.filled(&spec, &records).await?;
    let queries: Vec<Vector> = Random::new(2).clustered(64, 8).into_iter().map(Vector::F32).collect();
    let batch = SearchRequest::batch("v", queries.iter().cloned().map(Query::from).collect(), 5);
    let lists = scene.store.search(&spec.name, &hard(batch)).await?;
    equal("lists", lists.len(), 64)?;
    for (at, (hits, query)) in lists.iter().zip(&queries).enumerate() {
        check::exact(hits, &ranking(Metric::L2, &records, "v", query), 5)
            .map_err(|failure| failure.at(format_args!("query {at}")))?;
    }
    Ok(())
}

pub(super) async fn more_than_there_are(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(8);
    let records = numbered(1, 30, 8);
    scene.filled(&spec, &records).await?;
    let query = Random::new(2).floats(8);
    let hits = scene.store.search(&spec.name, &SearchRequest::new("v", query.clone(), 100)).await?;
    check::exact(&hits[0], &ranking(Metric::L2, &records, "v", &Vector::F32(query)), 100)
}

pub(super) async fn most_hits(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    let records = numbered(1, 200, 4);
    scene.filled(&spec, &records).await?;
    let query = Random::new(2).floats(4);
    let request = SearchRequest::new("v", query.clone(), MAX_K).output(Output::ids());
    let hits = scene.store.search(&spec.name, &request).await?;
    check::exact(&hits[0], &ranking(Metric::L2, &records, "v", &Vector::F32(query)), MAX_K)
}

pub(super) async fn thousands_of_hits(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(8).scalar(ScalarField::string("label"));
    let label = |at: usize| format!("{at:05}-{}", "x".repeat(200));
    let records: Vec<_> =
        numbered(1, 4000, 8).into_iter().enumerate().map(|(at, r)| r.field("label", label(at))).collect();
    scene.filled(&spec, &records).await?;
    let query = Random::new(2).floats(8);
    let request = SearchRequest::new("v", query.clone(), 4000);
    let hits = scene.store.search(&spec.name, &hard(request)).await?;
    check::scores(Metric::L2, &hits[0], &records, "v", &Vector::F32(query), check::TOLERANCE)?;
    ensure!(hits[0].len() >= 3900, "{} of 4000 hits", hits[0].len());
    for hit in &hits[0] {
        let Id::Int(id) = hit.id else { continue };
        equal("label", hit.fields["label"].as_str(), Some(label(id as usize).as_str()))?;
    }
    Ok(())
}

pub(super) async fn empty_collection(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    scene.store.create(&spec).await?;
    let queries = vec![Query::from(vec![1.0; 4]); 3];
    let hits = scene.store.search(&spec.name, &SearchRequest::batch("v", queries, 10)).await?;
    equal("lists", hits, vec![vec![], vec![], vec![]])
}

/// Records with `n` = id % 10 and `half` = whether the id is even.
fn with_numbers(count: usize) -> Vec<Record> {
    let records = numbered(1, count, 8).into_iter().zip(0_i64..);
    records.map(|(record, id)| record.field("n", id % 10).field("half", id % 2 == 0)).collect()
}

async fn filtered(scene: &Scene<'_>, text: &str, passes: fn(&Record) -> bool) -> Checked {
    let spec = scene.plain(8).scalar(ScalarField::int("n")).scalar(ScalarField::bool("half"));
    let records = with_numbers(1000);
    scene.filled(&spec, &records).await?;
    for query in Random::new(2).clustered(5, 8) {
        let request = hard(SearchRequest::new("v", query.clone(), 10).filter(filter(text)?));
        let hits = scene.store.search(&spec.name, &request).await?;
        let ranking = ranking(Metric::L2, records.iter().filter(|r| passes(r)), "v", &Vector::F32(query));
        check::exact(&hits[0], &ranking, 10)?;
    }
    Ok(())
}

pub(super) async fn with_filter(scene: &Scene<'_>) -> Checked {
    filtered(scene, "half == true and n != 4", |record| record.fields["half"] == true && record.fields["n"] != 4).await
}

pub(super) async fn filter_that_nothing_passes(scene: &Scene<'_>) -> Checked {
    filtered(scene, "n > 100", |_| false).await
}

pub(super) async fn filter_that_few_pass(scene: &Scene<'_>) -> Checked {
    filtered(scene, "id in [3, 500, 999]", |record| {
        [Id::Int(3), Id::Int(500), Id::Int(999)].iter().any(|id| record.id.as_ref() == Some(id))
    })
    .await
}

pub(super) async fn output_fields(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4).scalar(ScalarField::int("a")).scalar(ScalarField::string("b"));
    let record = Record::new(1).vector("v", vec![0.1, 0.2, 0.3, 0.4]).field("a", 1).field("b", "text");
    scene.filled(&spec, std::slice::from_ref(&record)).await?;
    let cases: [(Output, &[&str], bool); 5] = [
        (Output::Scalars, &["a", "b"], false),
        (Output::Everything, &["a", "b"], true),
        (Output::ids(), &[], false),
        (Output::only(["b"]), &["b"], false),
        (Output::only(["id", "a", "v"]), &["a"], true),
    ];
    for (output, scalars, vector) in cases {
        let request = SearchRequest::new("v", vec![0.0; 4], 1).output(output.clone());
        let hits = scene.store.search(&spec.name, &request).await?;
        let hit = &hits[0][0];
        let mut names: Vec<_> = hit.fields.keys().map(String::as_str).collect();
        names.sort_unstable();
        equal(format_args!("{output:?}"), names, scalars.to_vec())?;
        let expected = if vector { record.vectors.clone() } else { Default::default() };
        ensure!(hit.vectors == expected, "{output:?}: vectors are {:?}", hit.vectors);
    }
    Ok(())
}

pub(super) async fn by_stored_id(scene: &Scene<'_>) -> Checked {
    let spec = scene.spec(IdKind::String { max_len: 20 }).vector(VectorField::f32("v", 8, Metric::Cosine));
    let vectors = Random::new(1).clustered(200, 8);
    let records: Vec<_> =
        vectors.into_iter().enumerate().map(|(at, v)| Record::new(format!("r{at}")).vector("v", v)).collect();
    scene.filled(&spec, &records).await?;
    for at in [0, 77, 199] {
        let request = hard(SearchRequest::new("v", Id::from(format!("r{at}")), 10));
        let hits = scene.store.search(&spec.name, &request).await?;
        equal("nearest is the record itself", hits[0][0].id.clone(), Id::from(format!("r{at}")))?;
        check::exact(&hits[0], &ranking(Metric::Cosine, &records, "v", &records[at].vectors["v"]), 10)?;
    }
    Ok(())
}

pub(super) async fn by_unknown_id(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    scene.filled(&spec, &numbered(1, 5, 4)).await?;
    let message = |id: i64| format!("there is no record {id} in collection '{}'", spec.name);
    let result = scene.store.search(&spec.name, &SearchRequest::new("v", Id::Int(99), 3)).await;
    refused(result, ErrorKind::NotFound, &message(99))?;
    scene.store.delete(&spec.name, &Selection::Ids(int_ids([2]))).await?;
    let queries = vec![Query::Id(Id::Int(1)), Query::Id(Id::Int(2))];
    let result = scene.store.search(&spec.name, &SearchRequest::batch("v", queries, 3)).await;
    refused(result, ErrorKind::NotFound, &message(2))
}

pub(super) async fn ids_and_vectors_in_one_batch(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(8);
    let records = numbered(1, 100, 8);
    scene.filled(&spec, &records).await?;
    let vector = Vector::F32(Random::new(3).floats(8));
    let queries =
        vec![Query::Id(Id::Int(5)), Query::Vector(vector.clone()), Query::Id(Id::Int(6)), Query::Id(Id::Int(5))];
    let hits = scene.store.search(&spec.name, &hard(SearchRequest::batch("v", queries, 7))).await?;
    let vectors = [&records[5].vectors["v"], &vector, &records[6].vectors["v"], &records[5].vectors["v"]];
    equal("lists", hits.len(), 4)?;
    hits.iter().zip(vectors).try_for_each(|(hits, v)| check::exact(hits, &ranking(Metric::L2, &records, "v", v), 7))
}

pub(super) async fn every_vector_field(scene: &Scene<'_>) -> Checked {
    let spec = scene.spec(IdKind::Int).vector(VectorField::f32("a", 4, Metric::InnerProduct)).vector(VectorField::f32(
        "b",
        16,
        Metric::Cosine,
    ));
    let mut random = Random::new(1);
    let mut record = |id| Record::new(id).vector("a", random.floats(4)).vector("b", random.floats(16));
    let records: Vec<_> = (0..200).map(&mut record).collect();
    scene.filled(&spec, &records).await?;
    for (field, dim, metric) in [("a", 4, Metric::InnerProduct), ("b", 16, Metric::Cosine)] {
        let query = Random::new(2).floats(dim);
        let request = hard(SearchRequest::new(field, query.clone(), 10));
        let hits = scene.store.search(&spec.name, &request).await?;
        check::exact(&hits[0], &ranking(metric, &records, field, &Vector::F32(query)), 10)?;
        let hits = scene.store.search(&spec.name, &hard(SearchRequest::new(field, Id::Int(9), 10))).await?;
        check::exact(&hits[0], &ranking(metric, &records, field, &records[9].vectors[field]), 10)?;
    }
    Ok(())
}

pub(super) async fn equal_vectors(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    let records: Vec<_> = (0..50_i64).map(|id| Record::new(id).vector("v", vec![0.5; 4])).collect();
    scene.filled(&spec, &records).await?;
    let hits = scene.store.search(&spec.name, &hard(SearchRequest::new("v", vec![0.5; 4], 50))).await?;
    equal("hits", check::sorted_ids(&hits[0]), int_ids(0..50))?;
    ensure!(hits[0].iter().all(|hit| hit.score == 0.0), "not all at distance 0: {hits:?}");
    let hits = scene.store.search(&spec.name, &hard(SearchRequest::new("v", vec![0.5; 4], 20))).await?;
    check::exact(&hits[0], &ranking(Metric::L2, &records, "v", &Vector::F32(vec![0.5; 4])), 20)
}

pub(super) async fn strong_consistency(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    scene.filled(&spec, &numbered(1, 10, 4)).await?;
    for consistency in [Consistency::Strong, Consistency::Session] {
        let request = SearchRequest { consistency: Some(consistency), ..SearchRequest::new("v", vec![0.0; 4], 20) };
        let hits = scene.store.search(&spec.name, &request).await?;
        equal(format_args!("{consistency:?}"), check::sorted_ids(&hits[0]), int_ids(0..10))?;
    }
    for consistency in [Consistency::Bounded, Consistency::Eventually] {
        let request = SearchRequest { consistency: Some(consistency), ..SearchRequest::new("v", vec![0.0; 4], 20) };
        scene.store.search(&spec.name, &request).await?;
    }
    Ok(())
}

pub(super) async fn after_replacing(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(8);
    scene.filled(&spec, &numbered(1, 600, 8)).await?;
    scene.store.flush(&spec.name, None).await?;
    let mut records = numbered(2, 600, 8);
    scene.store.upsert(&spec.name, &records).await?;
    scene.store.delete(&spec.name, &Selection::Ids(int_ids(0..100))).await?;
    records.drain(..100);
    for query in Random::new(3).clustered(10, 8) {
        let request = hard(SearchRequest::new("v", query.clone(), 10));
        let hits = scene.store.search(&spec.name, &request).await?;
        check::exact(&hits[0], &ranking(Metric::L2, &records, "v", &Vector::F32(query)), 10)?;
    }
    Ok(())
}

/// A zero vector has a distance and an inner product, only no direction.
pub(super) async fn zero_vectors(scene: &Scene<'_>) -> Checked {
    for (metric, expected) in [(Metric::L2, [0, 1, 2]), (Metric::InnerProduct, [2, 1, 0])] {
        let spec = scene.spec(IdKind::Int).vector(VectorField::f32("v", 2, metric));
        let records: Vec<_> = (0..3_i64).map(|id| Record::new(id).vector("v", vec![id as f32, 0.0])).collect();
        scene.filled(&spec, &records).await?;
        let query = if metric == Metric::L2 { vec![0.0, 0.0] } else { vec![1.0, 0.0] };
        let hits = scene.store.search(&spec.name, &SearchRequest::new("v", query, 3)).await?;
        equal(metric.name(), check::ids(&hits[0]), int_ids(expected))?;
        let hits = scene.store.search(&spec.name, &SearchRequest::new("v", vec![0.0, 0.0], 3)).await?;
        equal(metric.name(), check::sorted_ids(&hits[0]), int_ids([0, 1, 2]))?;
        scene.clean().await?;
    }
    Ok(())
}

pub(super) async fn empty_fingerprints(scene: &Scene<'_>) -> Checked {
    let words = "field 'v': a vector without set bits has no JACCARD distance";
    let spec = scene.spec(IdKind::Int).vector(VectorField::binary("v", 16, Metric::Jaccard));
    let record = |id: i64, bits: [u8; 2]| Record::new(id).vector("v", Vector::binary(bits));
    scene.filled(&spec, &[record(1, [0b1000_0000, 0])]).await?;
    let result = scene.store.upsert(&spec.name, &[record(2, [255, 255]), record(3, [0, 0])]).await;
    check::invalid(result, &format!("record 1: {words}"))?;
    let empty = SearchRequest::new("v", Vector::binary([0, 0]), 3);
    check::invalid(scene.store.search(&spec.name, &empty).await, &format!("query 0: {words}"))?;
    equal("count", scene.store.count(&spec.name, None).await?, 1)
}
