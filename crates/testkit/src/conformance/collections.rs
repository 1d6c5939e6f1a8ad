//! Collections come, are described as they were asked for, are renamed, and go.

use std::sync::{Arc, Mutex};

use bootcamp_core::{
    CollectionSpec, ErrorKind, Filter, Id, IdKind, IndexKind, IndexProgress, MAX_DIM, MAX_NAME, MAX_STRING, Metric,
    Output, PageRequest, Query, Record, ScalarField, ScalarKind, SearchRequest, Selection, Vector, VectorField,
};
use futures::TryStreamExt;

use super::Scene;
use super::check::{self, invalid, refused};
use super::scene::{Checked, ensure, equal, numbered};
use crate::truth::Random;

pub(super) async fn create_and_describe(scene: &Scene<'_>) -> Checked {
    let spec = scene
        .spec(IdKind::String { max_len: 100 })
        .vector(VectorField::f32("v", 16, Metric::Cosine).index(IndexKind::Hnsw { m: 8, ef_construction: 64 }))
        .scalar(ScalarField::bool("flag"))
        .scalar(ScalarField::int("number").nullable())
        .scalar(ScalarField::float("size"))
        .scalar(ScalarField::new("label", ScalarKind::String { max_len: 64 }))
        .scalar(ScalarField::string("path").not_filterable())
        .scalar(ScalarField::json("meta").nullable());
    scene.store.create(&spec).await?;
    let info = scene.store.describe(&spec.name).await?;
    equal("schema", &info.spec, &spec)?;
    equal("count", info.count, 0)?;
    equal("indexed fields", info.indexes.iter().map(|index| index.field.as_str()).collect::<Vec<_>>(), vec!["v"])?;
    ensure!(!info.indexes[0].served_by.is_empty(), "describe does not say what serves the field");
    let record = Record::new("a")
        .vector("v", Random::new(1).floats(16))
        .field("flag", true)
        .field("size", 1.0)
        .field("label", "x")
        .field("path", "/a");
    scene.store.upsert(&spec.name, &[record]).await?;
    equal("count", scene.store.describe(&spec.name).await?.count, 1)
}

/// A layout that another program prescribes, with a primary key of another name.
pub(super) async fn another_name_for_the_id(scene: &Scene<'_>) -> Checked {
    let spec = scene
        .spec(IdKind::String { max_len: 64_000 })
        .id_field("pk")
        .vector(
            VectorField::f32("vector", 4, Metric::InnerProduct).index(IndexKind::Hnsw { m: 8, ef_construction: 64 }),
        )
        .scalar(ScalarField::new("sample_id", ScalarKind::String { max_len: 64_000 }));
    scene.store.create(&spec).await?;
    equal("schema", &scene.store.describe(&spec.name).await?.spec, &spec)?;
    let mut random = Random::new(7);
    let mut record =
        |id: &str| Record::new(id).vector("vector", random.floats(4)).field("sample_id", format!("of {id}"));
    let records = ["a", "b", "c\"d"].map(&mut record);
    scene.store.upsert(&spec.name, &records).await?;
    scene.store.upsert(&spec.name, &records[1..]).await?;
    let ids = ["c\"d", "x", "a"].map(Id::from);
    let found = scene.store.get(&spec.name, &ids, &Output::Everything).await?;
    check::records(&found, &[records[2].clone(), records[0].clone()])?;
    let filter = Filter::parse("pk in [\"a\", \"c\\\"d\"] and sample_id != \"of a\"")?;
    let nearest = SearchRequest::new("vector", Id::from("a"), 3).filter(filter.clone());
    equal("hits", check::ids(&scene.store.search(&spec.name, &nearest).await?[0]), vec![Id::from("c\"d")])?;
    equal("count", scene.store.count(&spec.name, Some(&filter)).await?, 1)?;
    invalid(
        scene.store.count(&spec.name, Some(&Filter::eq("id", "a"))).await,
        &format!("filter: collection '{}' has no field 'id'", spec.name),
    )?;
    let mut request = PageRequest { limit: 2, ..PageRequest::default() };
    let page = scene.store.page(&spec.name, &request).await?;
    equal("first page", check::record_ids(&page.records), vec![Id::from("a"), Id::from("b")])?;
    request.after = page.next;
    let page = scene.store.page(&spec.name, &request).await?;
    equal("second page", check::record_ids(&page.records), vec![Id::from("c\"d")])?;
    scene.store.delete(&spec.name, &Selection::Ids(ids.to_vec())).await?;
    equal("count after removing", scene.store.count(&spec.name, None).await?, 1)
}

pub(super) async fn create_twice(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    scene.filled(&spec, &numbered(1, 3, 4)).await?;
    let message = format!("collection '{}' already exists", spec.name);
    refused(scene.store.create(&spec).await, ErrorKind::AlreadyExists, &message)?;
    let other = CollectionSpec::new(&spec.name, IdKind::Int).vector(VectorField::f32("w", 8, Metric::Cosine));
    refused(scene.store.create(&other).await, ErrorKind::AlreadyExists, &message)?;
    equal("schema", &scene.store.describe(&spec.name).await?.spec, &spec)?;
    equal("count", scene.store.count(&spec.name, None).await?, 3)
}

pub(super) async fn list_is_sorted(scene: &Scene<'_>) -> Checked {
    let names = [scene.name("b"), scene.name("a"), scene.name("B")];
    for name in &names {
        scene.store.create(&CollectionSpec { name: name.clone(), ..scene.plain(4) }).await?;
    }
    let list = scene.store.list().await?;
    ensure!(list.is_sorted(), "{list:?} is not sorted");
    let mine: Vec<_> = list.iter().filter(|name| names.contains(name)).collect();
    equal("list", mine, vec![&names[2], &names[1], &names[0]])
}

pub(super) async fn rename(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    let records = numbered(1, 5, 4);
    scene.filled(&spec, &records).await?;
    let name = scene.name("renamed");
    scene.store.rename(&spec.name, &name).await?;
    refused(
        scene.store.count(&spec.name, None).await,
        ErrorKind::NotFound,
        &format!("there is no collection '{}'", spec.name),
    )?;
    equal("schema", scene.store.describe(&name).await?.spec, CollectionSpec { name: name.clone(), ..spec.clone() })?;
    let found = scene.store.page(&name, &PageRequest { limit: 10, ..PageRequest::default() }).await?;
    check::records(&found.records, &check::without_vectors(&records))?;
    let hits = scene.store.search(&name, &SearchRequest::new("v", Id::Int(3), 1)).await?;
    equal("nearest to 3", check::ids(&hits[0]), vec![Id::Int(3)])?;
    // The old name is free again.
    scene.store.create(&spec).await?;
    equal("count under the old name", scene.store.count(&spec.name, None).await?, 0)?;
    scene.store.upsert(&name, &numbered(2, 7, 4)).await?;
    equal("count under the new name", scene.store.count(&name, None).await?, 7)
}

pub(super) async fn rename_refuses(scene: &Scene<'_>) -> Checked {
    let (spec, other) = (scene.plain(4), CollectionSpec { name: scene.name("other"), ..scene.plain(4) });
    scene.filled(&spec, &numbered(1, 2, 4)).await?;
    scene.store.create(&other).await?;
    let missing = scene.name("missing");
    refused(
        scene.store.rename(&missing, &scene.name("new")).await,
        ErrorKind::NotFound,
        &format!("there is no collection '{missing}'"),
    )?;
    refused(
        scene.store.rename(&spec.name, &other.name).await,
        ErrorKind::AlreadyExists,
        &format!("collection '{}' already exists", other.name),
    )?;
    invalid(scene.store.rename(&spec.name, "so not").await, "'so not' is not a valid collection name")?;
    equal("count", scene.store.count(&spec.name, None).await?, 2)?;
    equal("count of the other", scene.store.count(&other.name, None).await?, 0)
}

pub(super) async fn remove(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    scene.filled(&spec, &numbered(1, 5, 4)).await?;
    scene.store.remove(&spec.name).await?;
    let message = format!("there is no collection '{}'", spec.name);
    refused(scene.store.describe(&spec.name).await, ErrorKind::NotFound, &message)?;
    refused(scene.store.remove(&spec.name).await, ErrorKind::NotFound, &message)?;
    let again = CollectionSpec::new(&spec.name, IdKind::String { max_len: 10 }).vector(VectorField::f32(
        "w",
        8,
        Metric::InnerProduct,
    ));
    scene.store.create(&again).await?;
    equal("count", scene.store.count(&again.name, None).await?, 0)?;
    let record = Record::new("a").vector("w", vec![1.0; 8]);
    scene.store.upsert(&again.name, &[record]).await?;
    let hits = scene.store.search(&again.name, &SearchRequest::new("w", vec![1.0; 8], 5)).await?;
    equal("hits", check::ids(&hits[0]), vec![Id::from("a")])
}

pub(super) async fn unknown_collection(scene: &Scene<'_>) -> Checked {
    let name = scene.name("missing");
    let message = format!("there is no collection '{name}'");
    let unknown = |result| refused(result, ErrorKind::NotFound, &message);
    let (store, name) = (scene.store, name.as_str());
    let record = Record::new(1).vector("v", vec![1.0; 4]);
    let search = SearchRequest::new("v", vec![1.0; 4], 1);
    unknown(store.describe(name).await.map(drop))?;
    unknown(store.remove(name).await)?;
    unknown(store.upsert(name, &[record]).await.map(drop))?;
    unknown(store.delete(name, &Selection::Ids(vec![Id::Int(1)])).await)?;
    unknown(store.get(name, &[Id::Int(1)], &Output::Scalars).await.map(drop))?;
    unknown(store.search(name, &search).await.map(drop))?;
    let hybrid = bootcamp_core::HybridRequest {
        searches: vec![search],
        fusion: bootcamp_core::Fusion::default(),
        k: 1,
        output: Output::Scalars,
    };
    unknown(store.hybrid_search(name, &hybrid).await.map(drop))?;
    unknown(store.page(name, &PageRequest { limit: 1, ..PageRequest::default() }).await.map(drop))?;
    unknown(store.batches(name, None, Output::ids()).try_next().await.map(drop))?;
    unknown(store.count(name, None).await.map(drop))?;
    unknown(store.flush(name, None).await)
}

pub(super) async fn bad_names(scene: &Scene<'_>) -> Checked {
    let long = "a".repeat(MAX_NAME + 1);
    for name in ["", "1a", "a b", "a-b", "ä", "a.b", "a'b", "a\"; DROP TABLE x", "$a", &long] {
        let spec = CollectionSpec { name: name.to_owned(), ..scene.plain(4) };
        let shown: String = name.chars().take(64).collect();
        invalid(scene.store.create(&spec).await, &format!("'{shown}' is not a valid collection name"))?;
        let spec = scene.plain(4).scalar(ScalarField::int(name));
        invalid(scene.store.create(&spec).await, &format!("'{shown}' is not a valid field name"))?;
    }
    let longest = format!("{:a<MAX_NAME$}", scene.name("l"));
    let spec = CollectionSpec { name: longest.clone(), ..scene.plain(4) };
    scene.store.create(&spec).await?;
    equal("schema", scene.store.describe(&longest).await?.spec, spec)?;
    scene.store.remove(&longest).await?;
    Ok(())
}

pub(super) async fn bad_schemas(scene: &Scene<'_>) -> Checked {
    let v = |dim| VectorField::f32("v", dim, Metric::L2);
    let bare = || scene.spec(IdKind::Int);
    let cases = [
        (bare(), format!("collection '{}' has no vector field", bare().name)),
        (bare().vector(v(4)).scalar(ScalarField::int("v")), "field name 'v' is used twice".to_owned()),
        (bare().vector(v(4)).scalar(ScalarField::int("id")), "field name 'id' is used twice".to_owned()),
        (bare().vector(v(0)), format!("vector field 'v' has dimension 0, expected 1 to {MAX_DIM}")),
        (
            bare().vector(v(MAX_DIM + 1)),
            format!("vector field 'v' has dimension {}, expected 1 to {MAX_DIM}", MAX_DIM + 1),
        ),
        (
            bare().vector(VectorField::binary("v", 12, Metric::Hamming)),
            "binary vector field 'v' has 12 bits, expected a multiple of 8".to_owned(),
        ),
        (
            bare().vector(VectorField::binary("v", 16, Metric::L2)),
            "a binary vector field ('v') cannot use metric L2, expected HAMMING or JACCARD".to_owned(),
        ),
        (
            bare().vector(VectorField::f32("v", 16, Metric::Jaccard)),
            "an f32 vector field ('v') cannot use metric JACCARD, expected L2, IP or COSINE".to_owned(),
        ),
        (
            bare().vector(v(4)).scalar(ScalarField::int("n").full_text()),
            "field 'n' is of type int, but only string fields support full-text search".to_owned(),
        ),
        (
            bare().vector(v(4)).scalar(ScalarField::new("s", ScalarKind::String { max_len: 0 })),
            format!("string field 's' has max_len 0, expected 1 to {MAX_STRING}"),
        ),
        (
            scene.spec(IdKind::String { max_len: MAX_STRING + 1 }).vector(v(4)),
            format!("string field 'id' has max_len {}, expected 1 to {MAX_STRING}", MAX_STRING + 1),
        ),
    ];
    for (spec, message) in cases {
        invalid(scene.store.create(&spec).await, &message)?;
        let described = scene.store.describe(&spec.name).await;
        refused(described, ErrorKind::NotFound, &format!("there is no collection '{}'", spec.name))?;
    }
    Ok(())
}

pub(super) async fn bad_indexes(scene: &Scene<'_>) -> Checked {
    let cases = [
        (IndexKind::BinFlat, "index BIN_FLAT does not work on the f32 vector field 'v'"),
        (IndexKind::IvfFlat { nlist: 0 }, "vector field 'v': IVF_FLAT takes nlist from 1 to 65536, not 0"),
        (IndexKind::Hnsw { m: 1, ef_construction: 8 }, "vector field 'v': HNSW takes M from 2 to 2048, not 1"),
        (
            IndexKind::Hnsw { m: 8, ef_construction: 0 },
            "vector field 'v': HNSW takes ef_construction from 1 to 1000000, not 0",
        ),
        (
            IndexKind::IvfPq { nlist: 4, m: 3, nbits: 8 },
            "vector field 'v': IVF_PQ's m must divide the dimension 16, but m is 3",
        ),
        (IndexKind::IvfPq { nlist: 4, m: 4, nbits: 17 }, "vector field 'v': IVF_PQ takes nbits from 1 to 16, not 17"),
    ];
    for (index, message) in cases {
        let spec = scene.spec(IdKind::Int).vector(VectorField::f32("v", 16, Metric::L2).index(index));
        invalid(scene.store.create(&spec).await, message)?;
    }
    let spec = scene.spec(IdKind::Int).vector(VectorField::binary("v", 16, Metric::Hamming).index(IndexKind::Flat));
    invalid(scene.store.create(&spec).await, "index FLAT does not work on the binary vector field 'v'")
}

pub(super) async fn int_ids(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    let records: Vec<_> =
        [5, -3, 0, 1 << 60].into_iter().map(|id| Record::new(id).vector("v", vec![id as f32; 4])).collect();
    scene.store.create(&spec).await?;
    let ids = scene.store.upsert(&spec.name, &records).await?;
    equal("ids", ids.clone(), check::record_ids(&records))?;
    check::records(&scene.store.get(&spec.name, &ids, &Output::Everything).await?, &records)
}

pub(super) async fn string_ids(scene: &Scene<'_>) -> Checked {
    let spec = scene.spec(IdKind::String { max_len: 40 }).vector(VectorField::f32("v", 4, Metric::L2));
    let texts = ["b", "a/b.png#3", "42", "it's \"quoted\"", "back\\slash"];
    let records: Vec<_> =
        texts.iter().zip(1..).map(|(id, at)| Record::new(*id).vector("v", vec![at as f32; 4])).collect();
    scene.store.create(&spec).await?;
    let ids = scene.store.upsert(&spec.name, &records).await?;
    equal("ids", ids.clone(), check::record_ids(&records))?;
    check::records(&scene.store.get(&spec.name, &ids, &Output::Everything).await?, &records)?;
    for (at, id) in ids.iter().enumerate() {
        let hits = scene.store.search(&spec.name, &SearchRequest::new("v", vec![at as f32 + 1.0; 4], 1)).await?;
        equal("nearest", check::ids(&hits[0]), vec![id.clone()])?;
    }
    scene.store.delete(&spec.name, &Selection::Ids(ids[1..].to_vec())).await?;
    equal("count", scene.store.count(&spec.name, None).await?, 1)
}

pub(super) async fn auto_ids(scene: &Scene<'_>) -> Checked {
    let spec = scene.spec(IdKind::Auto).vector(VectorField::f32("v", 4, Metric::L2)).scalar(ScalarField::int("at"));
    scene.store.create(&spec).await?;
    let record = |at: i64| Record::auto().vector("v", vec![at as f32; 4]).field("at", at);
    let ids = scene.store.upsert(&spec.name, &(0..50).map(record).collect::<Vec<_>>()).await?;
    equal("number of ids", ids.len(), 50)?;
    equal("distinct ids", ids.iter().collect::<std::collections::HashSet<_>>().len(), 50)?;
    ensure!(ids.iter().all(|id| matches!(id, Id::Int(_))), "not all ids are numbers: {ids:?}");
    let expected: Vec<_> = (0..50).map(|at| Record { id: Some(ids[at].clone()), ..record(at as i64) }).collect();
    check::records(&scene.store.get(&spec.name, &ids, &Output::Everything).await?, &expected)?;
    let hits = scene.store.search(&spec.name, &SearchRequest::new("v", vec![7.0; 4], 1)).await?;
    equal("nearest", check::ids(&hits[0]), vec![ids[7].clone()])
}

pub(super) async fn several_vector_fields(scene: &Scene<'_>) -> Checked {
    let spec = scene.spec(IdKind::Int).vector(VectorField::f32("small", 4, Metric::L2)).vector(VectorField::f32(
        "large",
        32,
        Metric::Cosine,
    ));
    let mut random = Random::new(3);
    let mut record = |id| Record::new(id).vector("small", random.floats(4)).vector("large", random.floats(32));
    let records: Vec<_> = (0..20).map(&mut record).collect();
    scene.filled(&spec, &records).await?;
    let info = scene.store.describe(&spec.name).await?;
    equal("schema", info.spec, spec.clone())?;
    let fields: Vec<_> = info.indexes.iter().map(|index| index.field.as_str()).collect();
    equal("indexed fields", fields, vec!["small", "large"])?;
    let ids = check::record_ids(&records);
    check::records(&scene.store.get(&spec.name, &ids, &Output::Everything).await?, &records)
}

pub(super) async fn health(scene: &Scene<'_>) -> Checked {
    let health = scene.store.health().await?;
    ensure!(!health.version.is_empty(), "the version is empty");
    ensure!(health.version.chars().any(|c| c.is_ascii_digit()), "'{}' is no version", health.version);
    equal("health, asked again", scene.store.health().await?, health)
}

pub(super) async fn flush_with_progress(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(8);
    let records = numbered(1, 1000, 8);
    scene.filled(&spec, &records).await?;
    let seen = Arc::new(Mutex::new(Vec::<IndexProgress>::new()));
    let told = Arc::clone(&seen);
    let on_progress = move |progress| {
        if let Ok(mut told) = told.lock() {
            told.push(progress);
        }
    };
    scene.store.flush(&spec.name, Some(Arc::new(on_progress))).await?;
    let seen = seen.lock().map(|seen| seen.clone()).unwrap_or_default();
    ensure!(seen.iter().all(|progress| progress.indexed <= progress.total), "more indexed than there is: {seen:?}");
    if let Some(last) = seen.last() {
        equal("indexed at the end", last.indexed, last.total)?;
    }
    equal("count", scene.store.count(&spec.name, None).await?, 1000)?;
    let query = Query::Vector(Vector::F32(Random::new(9).floats(8)));
    let request = SearchRequest::batch("v", vec![query.clone()], 10).ef(500).nprobe(64);
    let hits = scene.store.search(&spec.name, &request).await?;
    let Query::Vector(query) = query else { return Ok(()) };
    check::scores(Metric::L2, &hits[0], &records, "v", &query, check::TOLERANCE)?;
    equal("hits", hits[0].len(), 10)?;
    scene.store.flush(&spec.name, None).await?;
    Ok(())
}

pub(super) async fn flush_when_empty(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(8);
    scene.store.create(&spec).await?;
    scene.store.flush(&spec.name, None).await?;
    equal("count", scene.store.count(&spec.name, None).await?, 0)
}
