//! Bad input is refused in the same words everywhere, before anything is written.

use bootcamp_core::{
    CollectionSpec, Fields, Fusion, HybridRequest, Id, IdKind, MAX_JSON, MAX_K, MAX_PAGE, MAX_QUERIES, Metric, Output,
    PageRequest, Query, Record, ScalarField, ScalarKind, SearchRequest, Selection, Vector, VectorField,
};
use futures::TryStreamExt;
use serde_json::{Value, json};

use super::Scene;
use super::check::{self, int_ids, invalid};
use super::scene::{Checked, ensure, equal};

fn good(id: i64) -> Record {
    Record::new(id).vector("v", vec![1.0, 2.0])
}

/// Writes each record after a good one that must not be written either; all must be refused in these words.
async fn refuses(scene: &Scene<'_>, spec: &CollectionSpec, first: &Record, cases: Vec<(Record, String)>) -> Checked {
    scene.filled(spec, std::slice::from_ref(first)).await?;
    let other = Record { id: Some(Id::Int(1000)), ..first.clone() };
    for (record, message) in cases {
        let result = scene.store.upsert(&spec.name, &[other.clone(), record]).await;
        invalid(result, &format!("record 1: {message}"))?;
    }
    equal("count", scene.store.count(&spec.name, None).await?, 1)?;
    let found = scene.store.get(&spec.name, &int_ids([1, 2, 1000]), &Output::Everything).await?;
    check::records(&found, std::slice::from_ref(first))
}

pub(super) async fn bad_batches(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(2);
    scene.filled(&spec, &[good(1)]).await?;
    invalid(scene.store.upsert(&spec.name, &[]).await, "the batch of records is empty")?;
    let twice = [good(5), good(6), good(5)];
    invalid(scene.store.upsert(&spec.name, &twice).await, "record 2: id 5 is in the batch twice")?;
    equal("count", scene.store.count(&spec.name, None).await?, 1)
}

pub(super) async fn bad_vectors(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(2).vector(VectorField::f32("w", 2, Metric::Cosine));
    let record = |v: Vec<f32>, w: Vec<f32>| Record::new(2).vector("v", v).vector("w", w);
    let one = || vec![1.0, 1.0];
    let cases = [
        (record(vec![1.0; 3], one()), "field 'v': expected a vector of dimension 2, not 3"),
        (record(vec![], one()), "field 'v': expected a vector of dimension 2, not 0"),
        (record(one(), vec![1.0, f32::NAN]), "field 'w': component 1 is NaN, not a finite number"),
        (record(vec![f32::INFINITY, 0.0], one()), "field 'v': component 0 is inf, not a finite number"),
        (record(vec![0.0, f32::NEG_INFINITY], one()), "field 'v': component 1 is -inf, not a finite number"),
        (record(one(), vec![0.0, -0.0]), "field 'w': a zero vector has no COSINE similarity"),
        (Record::new(2).vector("v", one()), "vector field 'w' is missing"),
        (record(one(), one()).vector("u", one()), &format!("collection '{}' has no vector field 'u'", spec.name)),
        (
            Record::new(2).vector("v", Vector::binary([1])).vector("w", one()),
            "field 'v' holds f32 vectors, but this one is binary",
        ),
    ];
    let cases = cases.into_iter().map(|(record, message)| (record, message.to_owned())).collect();
    refuses(scene, &spec, &Record { id: Some(Id::Int(1)), ..record(one(), one()) }, cases).await
}

pub(super) async fn bad_binary_vectors(scene: &Scene<'_>) -> Checked {
    let spec = scene.spec(IdKind::Int).vector(VectorField::binary("v", 16, Metric::Jaccard));
    let record = |v: Vector| Record::new(2).vector("v", v);
    let cases = vec![
        (record(Vector::binary([1, 2, 3])), "field 'v': expected a vector of number of bits 16, not 24".to_owned()),
        (record(Vector::F32(vec![1.0; 16])), "field 'v' holds binary vectors, but this one is f32".to_owned()),
    ];
    refuses(scene, &spec, &Record { id: Some(Id::Int(1)), ..record(Vector::binary([1, 2])) }, cases).await
}

pub(super) async fn bad_fields(scene: &Scene<'_>) -> Checked {
    let spec = scene
        .plain(2)
        .scalar(ScalarField::bool("b"))
        .scalar(ScalarField::int("i"))
        .scalar(ScalarField::float("f"))
        .scalar(ScalarField::new("s", ScalarKind::String { max_len: 5 }))
        .scalar(ScalarField::json("j"))
        .scalar(ScalarField::int("maybe").nullable());
    let fields = json!({"b": true, "i": 1, "f": 0.5, "s": "abc", "j": {}});
    let fields: Fields = fields.as_object().cloned().unwrap_or_default();
    let record = |name: &str, value: Value| Record { fields: fields.clone(), ..good(2) }.field(name, value);
    let huge = json!("x".repeat(MAX_JSON));
    let cases = [
        (record("b", json!(1)), "field 'b': expected true or false, not this number"),
        (record("i", json!("1")), "field 'i': expected a 64-bit integer, not a string"),
        (record("i", json!(1.5)), "field 'i': expected a 64-bit integer, not this number"),
        (record("i", json!(u64::MAX)), "field 'i': expected a 64-bit integer, not this number"),
        (record("f", json!(true)), "field 'f': expected a number, not a boolean"),
        (record("s", json!(["a"])), "field 's': expected a string, not an array"),
        (record("s", json!("sixsix")), "field 's': the string is 6 bytes; the limit is 5"),
        // Bytes, not characters.
        (record("s", json!("äää")), "field 's': the string is 6 bytes; the limit is 5"),
        (record("s", json!("a\0b")), "field 's': the string contains a NUL character"),
        (record("i", json!(null)), "field 'i' is missing and is not nullable"),
        (record("j", json!(null)), "field 'j': expected a JSON value, not null"),
        (record("maybe", json!({})), "field 'maybe': expected a 64-bit integer, not an object"),
        (record("j", huge), "field 'j': the JSON text is 65538 bytes; the limit is 65536"),
        (record("zzz", json!(1)), &format!("collection '{}' has no field 'zzz'", spec.name)),
        (record("id", json!(1)), &format!("collection '{}' has no field 'id'", spec.name)),
        (good(2), "field 'b' is missing and is not nullable"),
    ];
    let cases = cases.into_iter().map(|(record, message)| (record, message.to_owned())).collect();
    refuses(scene, &spec, &Record { fields: fields.clone(), ..good(1) }, cases).await
}

pub(super) async fn bad_ids(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(2);
    let cases = vec![
        (
            Record { id: Some(Id::from("a")), ..good(2) },
            format!("id 'a' is a string, but ids of collection '{}' are 64-bit integers", spec.name),
        ),
        (Record { id: None, ..good(2) }, "the record has no id".to_owned()),
    ];
    refuses(scene, &spec, &good(1), cases).await
}

pub(super) async fn bad_string_ids(scene: &Scene<'_>) -> Checked {
    let spec = scene.spec(IdKind::String { max_len: 4 }).vector(VectorField::f32("v", 2, Metric::L2));
    let record = |id: &str| Record { id: Some(Id::from(id)), ..good(2) };
    scene.filled(&spec, &[record("ok")]).await?;
    let number = format!("id 7 is a number, but ids of collection '{}' are strings", spec.name);
    let cases = [
        (good(7), number.as_str()),
        (record(""), "the id is empty"),
        (record("ääa"), "id 'ääa' is 5 bytes; the limit is 4"),
        (record("a\0"), "id 'a\0' contains a NUL character"),
    ];
    for (bad, message) in cases {
        let result = scene.store.upsert(&spec.name, &[record("new"), bad]).await;
        invalid(result, &format!("record 1: {message}"))?;
    }
    let result = scene.store.upsert(&spec.name, &[record("a"), record("a")]).await;
    invalid(result, "record 1: id 'a' is in the batch twice")?;
    invalid(scene.store.get(&spec.name, &int_ids([7]), &Output::Scalars).await, &number)?;
    invalid(scene.store.delete(&spec.name, &Selection::Ids(int_ids([7]))).await, &number)?;
    equal("count", scene.store.count(&spec.name, None).await?, 1)
}

pub(super) async fn bad_auto_ids(scene: &Scene<'_>) -> Checked {
    let spec = scene.spec(IdKind::Auto).vector(VectorField::f32("v", 2, Metric::L2));
    scene.store.create(&spec).await?;
    let message = format!("record 0: collection '{}' generates ids, but the record has one", spec.name);
    invalid(scene.store.upsert(&spec.name, &[good(1)]).await, &message)?;
    equal("count", scene.store.count(&spec.name, None).await?, 0)
}

/// A collection with a record to search in vain: fields v (L2), w (Cosine), n, label, x, meta, path.
async fn searchable(scene: &Scene<'_>) -> Checked<String> {
    let spec = scene
        .plain(2)
        .vector(VectorField::f32("w", 2, Metric::Cosine))
        .scalar(ScalarField::int("n"))
        .scalar(ScalarField::float("x"))
        .scalar(ScalarField::json("meta").nullable())
        .scalar(ScalarField::string("path").not_filterable());
    let record = good(1).vector("w", vec![1.0, 0.0]).field("n", 1).field("x", 0.5).field("path", "/a");
    scene.filled(&spec, &[record]).await?;
    Ok(spec.name)
}

fn near(field: &str) -> SearchRequest {
    SearchRequest::new(field, vec![1.0, 1.0], 5)
}

/// Fails unless every search is refused in these words.
async fn refuses_search(scene: &Scene<'_>, name: &str, cases: Vec<(SearchRequest, String)>) -> Checked {
    for (request, message) in cases {
        invalid(scene.store.search(name, &request).await, &message)?;
    }
    Ok(())
}

fn owned(cases: Vec<(SearchRequest, &str)>) -> Vec<(SearchRequest, String)> {
    cases.into_iter().map(|(request, message)| (request, message.to_owned())).collect()
}

pub(super) async fn bad_searches(scene: &Scene<'_>) -> Checked {
    let name = searchable(scene).await?;
    let query = |field: &str, query: Query| SearchRequest::new(field, query, 5);
    let many = vec![Query::from(vec![1.0, 1.0]); MAX_QUERIES + 1];
    let cases = vec![
        (SearchRequest { k: 0, ..near("v") }, format!("k is 0, expected 1 to {MAX_K}")),
        (SearchRequest { k: MAX_K + 1, ..near("v") }, format!("k is {}, expected 1 to {MAX_K}", MAX_K + 1)),
        (SearchRequest::batch("v", vec![], 5), format!("a search takes 1 to {MAX_QUERIES} queries, not 0")),
        (
            SearchRequest::batch("v", many, 5),
            format!("a search takes 1 to {MAX_QUERIES} queries, not {}", MAX_QUERIES + 1),
        ),
        (near("zzz"), format!("collection '{name}' has no vector field 'zzz'")),
        (near("n"), format!("collection '{name}' has no vector field 'n'")),
        (near("v").output(Output::only(["n", "zzz"])), format!("collection '{name}' has no field 'zzz'")),
    ];
    refuses_search(scene, &name, cases).await?;
    let wrong_id = format!("query 0: id 'a' is a string, but ids of collection '{name}' are 64-bit integers");
    let cases = vec![
        (query("v", vec![1.0; 3].into()), "query 0: field 'v': expected a vector of dimension 2, not 3"),
        (query("v", vec![0.0, f32::NAN].into()), "query 0: field 'v': component 1 is NaN, not a finite number"),
        (query("w", vec![0.0; 2].into()), "query 0: field 'w': a zero vector has no COSINE similarity"),
        (query("v", Vector::binary([1]).into()), "query 0: field 'v' holds f32 vectors, but this one is binary"),
        (
            SearchRequest::batch("v", vec![vec![1.0, 1.0].into(), vec![1.0].into()], 5),
            "query 1: field 'v': expected a vector of dimension 2, not 1",
        ),
        (query("v", Id::from("a").into()), wrong_id.as_str()),
    ];
    refuses_search(scene, &name, owned(cases)).await
}

pub(super) async fn bad_text_searches(scene: &Scene<'_>) -> Checked {
    let name = searchable(scene).await?;
    let mixed = vec![Query::Text("a".to_owned()), Query::from(vec![1.0, 1.0])];
    let cases = vec![
        (SearchRequest::text("path", "a", 5), "field 'path' does not support full-text search"),
        (SearchRequest::text("v", "a", 5), "field 'v' does not support full-text search"),
        (SearchRequest::batch("v", mixed, 5), "a search takes text or vectors, not both"),
    ];
    refuses_search(scene, &name, owned(cases)).await?;
    let spec =
        CollectionSpec { name: scene.name("words"), ..scene.plain(2) }.scalar(ScalarField::string("t").full_text());
    scene.store.create(&spec).await?;
    let cases = vec![
        (SearchRequest::text("t", " ", 5), "query 0: the text is empty"),
        (SearchRequest::text("t", "a", 5).radius(1.0), "full-text search takes no radius"),
    ];
    refuses_search(scene, &spec.name, owned(cases)).await
}

pub(super) async fn bad_ranges(scene: &Scene<'_>) -> Checked {
    let name = searchable(scene).await?;
    let finite = "radius and range_filter must be finite numbers";
    let cases = vec![
        (near("v").range_filter(1.0), "range_filter is given without radius"),
        (near("v").radius(f32::NAN), finite),
        (near("v").radius(1.0).range_filter(f32::NEG_INFINITY), finite),
        (near("v").radius(1.0).range_filter(2.0), "range_filter 2 is not nearer than radius 1 under L2"),
        (near("v").radius(1.0).range_filter(1.0), "range_filter 1 is not nearer than radius 1 under L2"),
        (near("w").radius(0.5).range_filter(0.25), "range_filter 0.25 is not nearer than radius 0.5 under COSINE"),
    ];
    refuses_search(scene, &name, owned(cases)).await
}

pub(super) async fn bad_groups(scene: &Scene<'_>) -> Checked {
    let name = searchable(scene).await?;
    let cases = vec![
        (near("v").group_by("zzz", 1), format!("collection '{name}' has no field 'zzz'")),
        (near("v").group_by("x", 1), "hits cannot be grouped by field 'x' of type float".to_owned()),
        (near("v").group_by("meta", 1), "hits cannot be grouped by field 'meta' of type json".to_owned()),
        (near("v").group_by("path", 1), "hits cannot be grouped by field 'path', which is not filterable".to_owned()),
        (near("v").group_by("n", 0), format!("the group size is 0, expected 1 to {MAX_K}")),
        (
            SearchRequest { k: MAX_K, ..near("v") }.group_by("n", 2),
            format!("k times the group size is {}, expected 1 to {MAX_K}", MAX_K * 2),
        ),
    ];
    refuses_search(scene, &name, cases).await
}

pub(super) async fn bad_hybrid_searches(scene: &Scene<'_>) -> Checked {
    let name = searchable(scene).await?;
    let rrf = |searches| HybridRequest { searches, fusion: Fusion::default(), k: 5, output: Output::Scalars };
    let two = || vec![near("v"), near("w")];
    let weighted = |weights| HybridRequest { fusion: Fusion::Weighted { weights }, ..rrf(two()) };
    let batch = SearchRequest::batch("v", vec![vec![1.0, 1.0].into(), vec![1.0, 1.0].into()], 5);
    let no_field = format!("collection '{name}' has no field 'zzz'");
    let cases = [
        (rrf(vec![]), "a hybrid search needs at least one search"),
        (HybridRequest { k: 0, ..rrf(two()) }, "k is 0, expected 1 to 16384"),
        (rrf(vec![near("v"), batch]), "search 1: each search of a hybrid search must have exactly one query"),
        (rrf(vec![near("v").group_by("n", 1)]), "search 0: the searches of a hybrid search cannot be grouped"),
        (
            rrf(vec![near("v"), SearchRequest::new("w", vec![1.0], 5)]),
            "search 1: query 0: field 'w': expected a vector of dimension 2, not 1",
        ),
        (rrf(vec![SearchRequest { k: 0, ..near("v") }]), "search 0: k is 0, expected 1 to 16384"),
        (HybridRequest { output: Output::only(["zzz"]), ..rrf(two()) }, &no_field),
        (HybridRequest { fusion: Fusion::Rrf { k: 0.0 }, ..rrf(two()) }, "RRF takes k between 0 and 16384, not 0"),
        (weighted(vec![1.0]), "1 weights for 2 searches, expected one each"),
        (weighted(vec![1.0, 1.5]), "weight 1.5 is not between 0 and 1"),
        (weighted(vec![f32::NAN, 1.0]), "weight NaN is not between 0 and 1"),
    ];
    for (request, message) in cases {
        invalid(scene.store.hybrid_search(&name, &request).await, message)?;
    }
    Ok(())
}

pub(super) async fn bad_pages(scene: &Scene<'_>) -> Checked {
    let name = searchable(scene).await?;
    let page = |limit| PageRequest { limit, ..PageRequest::default() };
    let cases = [
        (page(0), format!("the page limit is 0, expected 1 to {MAX_PAGE}")),
        (page(MAX_PAGE + 1), format!("the page limit is {}, expected 1 to {MAX_PAGE}", MAX_PAGE + 1)),
        (
            PageRequest { after: Some(Id::from("a")), ..page(5) },
            format!("id 'a' is a string, but ids of collection '{name}' are 64-bit integers"),
        ),
        (PageRequest { output: Output::only(["zzz"]), ..page(5) }, format!("collection '{name}' has no field 'zzz'")),
    ];
    for (request, message) in cases {
        invalid(scene.store.page(&name, &request).await, &message)?;
    }
    Ok(())
}

pub(super) async fn bad_reads(scene: &Scene<'_>) -> Checked {
    let name = searchable(scene).await?;
    let ids = [Id::Int(1), Id::from("a")];
    let message = format!("id 'a' is a string, but ids of collection '{name}' are 64-bit integers");
    invalid(scene.store.get(&name, &ids, &Output::Scalars).await, &message)?;
    invalid(scene.store.delete(&name, &Selection::Ids(ids.to_vec())).await, &message)?;
    let unknown = format!("collection '{name}' has no field 'zzz'");
    invalid(scene.store.get(&name, &int_ids([1]), &Output::only(["zzz"])).await, &unknown)?;
    invalid(scene.store.batches(&name, None, Output::only(["zzz"])).try_next().await, &unknown)?;
    let there = scene.store.get(&name, &int_ids([1]), &Output::ids()).await?;
    ensure!(there.len() == 1, "a refused deletion deleted something");
    Ok(())
}
