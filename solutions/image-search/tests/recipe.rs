//! The image notebook of Milvus's 2.0 bootcamp, to the letter, on a real Milvus and a real Redis; and the program itself
//! on them.

use std::sync::Arc;

use bootcamp_core::encoder::{Encoder, EncoderOptions};
use bootcamp_core::metadata::RedisMetadata;
use bootcamp_core::milvus::MilvusStore;
use bootcamp_core::models::{ModelSettings, Registry};
use bootcamp_core::picture::{Limits, Picture};
use bootcamp_core::{
    CollectionSpec, Id, IdKind, IndexKind, Metric, Output, Query, Record, ScalarField, SearchRequest, VectorField,
    VectorStore,
};
use bootcamp_testkit::milvus::MilvusServer;
use bootcamp_testkit::redis::RedisServer;
use bootcamp_testkit::reference::{self, model_cache};
use bootcamp_testkit::truth::Random;

use crate::program::Home;

const PICTURES: usize = 120;

#[tokio::test(flavor = "multi_thread")]
async fn the_notebook_of_the_milvus_bootcamp() {
    let (milvus, redis) = (MilvusServer::start().await, RedisServer::start().await);
    let server: Arc<dyn VectorStore> = Arc::new(MilvusStore::connect(&milvus.config()).await.unwrap());
    let store = RedisMetadata::connect(Arc::clone(&server), &redis.url().into()).await.unwrap();

    let name = "image_similarity_search";
    let spec = CollectionSpec::new(name, IdKind::Auto)
        .vector(VectorField::f32("embedding", 512, Metric::L2).index(IndexKind::IvfSq8 { nlist: 2048 }))
        .scalar(ScalarField::string("path").not_filterable());
    store.create(&spec).await.unwrap();

    let manifest = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(manifest.path(), reference::resnet18()).unwrap();
    let settings = ModelSettings {
        cache: Some(model_cache()),
        manifest: Some(manifest.path().to_owned()),
        ..ModelSettings::default()
    };
    let paths = reference::stamps(PICTURES);
    let files = paths.clone();
    let vectors = tokio::task::spawn_blocking(move || {
        let registry = Registry::open(settings).unwrap();
        let encoder = Encoder::open(&registry, "resnet18", &EncoderOptions::default(), &|_| {}).unwrap();
        let pictures = encoder.pictures().unwrap();
        let prepared =
            files.iter().map(|path| pictures.prepare(&Picture::read(path, &Limits::default()).unwrap()).unwrap());
        pictures.embed_blocking(prepared.collect()).unwrap()
    })
    .await
    .unwrap();
    let records: Vec<Record> = paths
        .iter()
        .zip(&vectors)
        .map(|(path, vector)| {
            Record::auto().vector("embedding", vector.clone()).field("path", path.display().to_string())
        })
        .collect();
    let ids = store.upsert(name, &records).await.unwrap();
    store.flush(name, None).await.unwrap();

    let info = store.describe(name).await.unwrap();
    assert_eq!((info.count, info.spec.id), (PICTURES as u64, IdKind::Auto));
    assert_eq!(info.indexes[0].served_by, "IVF_SQ8 (nlist=2048)");
    let inner = server.describe(name).await.unwrap();
    assert!(inner.spec.scalars.is_empty(), "Milvus holds ids and vectors alone: {:?}", inner.spec.scalars);

    let mut random = Random::new(3);
    for _ in 0..3 {
        let at = random.below(PICTURES as u64) as usize;
        let request = SearchRequest::new("embedding", Query::Id(ids[at].clone()), 3).nprobe(32);
        let hits = store.search(name, &request).await.unwrap().remove(0);
        let found: Vec<(&Id, &str)> = hits.iter().map(|hit| (&hit.id, hit.fields["path"].as_str().unwrap())).collect();
        // The same by brute force.
        let distance = |other: &[f32]| other.iter().zip(&vectors[at]).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
        let mut order: Vec<usize> = (0..PICTURES).collect();
        order.sort_by(|a, b| distance(&vectors[*a]).total_cmp(&distance(&vectors[*b])));
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let expected: Vec<(&Id, &str)> = order[..3].iter().map(|at| (&ids[*at], names[*at].as_str())).collect();
        assert_eq!(found, expected);
    }
    // And id → path is in Redis alone.
    let bare = server.get(name, &ids[..1], &Output::Everything).await.unwrap();
    assert!(bare[0].fields.is_empty(), "{:?}", bare[0].fields);
}

/// What a user does who moves from a folder to servers: settings in the environment, nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_on_milvus_and_redis() {
    let (milvus, redis) = (MilvusServer::start().await, RedisServer::start().await);
    let home = Home::new().with_stamps(30);
    let run = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("MILVUS_URI", milvus.settings().uri.unwrap()).env("REDIS_URL", redis.url());
        bootcamp_testkit::program::Run::of(command.output().unwrap())
    };
    let imported = run(&["import", "stamps", "--json"]);
    assert!(imported.code == Some(0) && imported.out.contains("\"added\":30"), "{} {}", imported.out, imported.err);
    let again = run(&["import", "stamps", "--json"]);
    assert!(again.out.contains("\"unchanged\":30"), "{} {}", again.out, again.err);
    let picture = &home.stamps()[9];
    let edited = home.edited(picture);
    let found = run(&["search", edited.to_str().unwrap(), "-k", "3", "--json", "--filter", "width > 0"]);
    let body: serde_json::Value = serde_json::from_str(&found.out).unwrap();
    let path = picture.canonicalize().unwrap().display().to_string();
    assert_eq!(body["hits"][0]["fields"]["path"], path.as_str(), "{body} {}", found.err);
    let info = run(&["info", "--json"]);
    assert!(
        info.out.contains("\"server\":\"milvus\"") && info.out.contains("\"count\":30"),
        "{} {}",
        info.out,
        info.err
    );
    std::fs::remove_file(picture).unwrap();
    let pruned = run(&["import", "stamps", "--prune", "--json"]);
    assert!(pruned.out.contains("\"removed\":1"), "{} {}", pruned.out, pruned.err);
    assert_eq!(run(&["drop", "--yes"]).code, Some(0));
}
