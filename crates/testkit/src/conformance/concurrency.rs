//! Many callers at once: nothing lost, nothing doubled, no answer that never was true.

use bootcamp_core::{Output, PageRequest, Record, ScalarField, SearchRequest, scan};
use futures::TryStreamExt;
use futures::future::{join_all, try_join, try_join_all};

use super::Scene;
use super::check::{self, int_ids};
use super::scene::{Checked, ensure, equal, numbered};
use crate::truth::Random;

pub(super) async fn writers_and_readers(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(8);
    scene.store.create(&spec).await?;
    let records = numbered(1, 400, 8);
    let writers = records.chunks(100).map(async |part| {
        for batch in part.chunks(10) {
            scene.store.upsert(&spec.name, batch).await?;
        }
        Checked::Ok(())
    });
    let readers = (0..2).map(async |seed| {
        let mut random = Random::new(seed);
        for _ in 0..20 {
            let query = random.floats(8);
            let hits = scene.store.search(&spec.name, &SearchRequest::new("v", query.clone(), 10)).await?;
            check::scores(
                bootcamp_core::Metric::L2,
                &hits[0],
                &records,
                "v",
                &bootcamp_core::Vector::F32(query),
                check::TOLERANCE,
            )?;
        }
        Checked::Ok(())
    });
    try_join(try_join_all(writers), try_join_all(readers)).await?;
    equal("count", scene.store.count(&spec.name, None).await?, 400)?;
    let found = scene.store.get(&spec.name, &int_ids(0..400), &Output::Everything).await?;
    check::records(&found, &records)?;
    let hits = scene.store.search(&spec.name, &SearchRequest::new("v", vec![0.0; 8], 1000)).await?;
    equal("hits", check::sorted_ids(&hits[0]), int_ids(0..400))
}

/// One of the writers wins each record, whole.
pub(super) async fn writers_of_the_same_records(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4).scalar(ScalarField::int("writer"));
    scene.store.create(&spec).await?;
    let batch = |writer: i64| -> Vec<Record> {
        let record = |id| Record::new(id).vector("v", vec![writer as f32; 4]).field("writer", writer);
        (0..50).map(record).collect()
    };
    for result in join_all((0..4).map(async |writer| scene.store.upsert(&spec.name, &batch(writer)).await)).await {
        result?;
    }
    equal("count", scene.store.count(&spec.name, None).await?, 50)?;
    let hits = scene.store.search(&spec.name, &SearchRequest::new("v", vec![0.0; 4], 300)).await?;
    equal("hits", check::sorted_ids(&hits[0]), int_ids(0..50))?;
    for record in scene.store.get(&spec.name, &int_ids(0..50), &Output::Everything).await? {
        let writer = record.fields["writer"].as_i64().unwrap_or(-1);
        let expected = bootcamp_core::Vector::F32(vec![writer as f32; 4]);
        ensure!(record.vectors["v"] == expected, "{:?} is of two writers", record.id);
    }
    Ok(())
}

pub(super) async fn scan_beside_writes(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    let records = numbered(1, 500, 4);
    scene.filled(&spec, &records).await?;
    let later: Vec<_> = (500..700_i64).map(|id| Record::new(id).vector("v", vec![0.5; 4])).collect();
    let write = async {
        for batch in later.chunks(20) {
            scene.store.upsert(&spec.name, batch).await?;
        }
        Checked::Ok(())
    };
    let read = async {
        let request = PageRequest { limit: 50, output: Output::ids(), ..PageRequest::default() };
        Checked::Ok(scan(scene.store, &spec.name, request).try_collect::<Vec<Record>>().await?)
    };
    let ((), found) = try_join(write, read).await?;
    let found = check::record_ids(&found);
    ensure!(found.is_sorted(), "not in order: {found:?}");
    ensure!(found.windows(2).all(|pair| pair[0] != pair[1]), "twice: {found:?}");
    ensure!(found.starts_with(&int_ids(0..500)), "records that were there all the time are missing");
    Ok(())
}
