//! What was written is there, what was deleted is gone, at once and as often as it is done.

use bootcamp_core::{Id, IdKind, Metric, Output, Record, ScalarField, SearchRequest, Selection, VectorField};

use super::Scene;
use super::check::{self, int_ids};
use super::scene::{Checked, ensure, equal, filter, numbered};
use crate::truth::Random;

pub(super) async fn upsert_returns_ids_in_order(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(8);
    scene.store.create(&spec).await?;
    let mut records = numbered(1, 30, 8);
    records.reverse();
    let ids = scene.store.upsert(&spec.name, &records).await?;
    equal("ids", ids.clone(), check::record_ids(&records))?;
    equal("count", scene.store.count(&spec.name, None).await?, 30)?;
    check::records(&scene.store.get(&spec.name, &ids, &Output::Everything).await?, &records)
}

pub(super) async fn upsert_replaces_whole_records(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(2).scalar(ScalarField::string("label")).scalar(ScalarField::int("year").nullable());
    let old = Record::new(1).vector("v", vec![0.0, 0.0]).field("label", "old").field("year", 1999);
    let other = Record::new(2).vector("v", vec![5.0, 0.0]).field("label", "other").field("year", 2000);
    scene.filled(&spec, &[old, other]).await?;
    let new = Record::new(1).vector("v", vec![9.0, 0.0]).field("label", "new");
    scene.store.upsert(&spec.name, std::slice::from_ref(&new)).await?;
    equal("count", scene.store.count(&spec.name, None).await?, 2)?;
    check::records(&scene.store.get(&spec.name, &int_ids([1]), &Output::Everything).await?, &[new])?;
    let hits = scene.store.search(&spec.name, &SearchRequest::new("v", vec![0.0, 0.0], 5)).await?;
    equal("nearest to where it was", check::ids(&hits[0]), int_ids([2, 1]))?;
    equal("score", hits[0][1].score, 81.0)
}

pub(super) async fn upsert_mixes_new_and_old(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(8);
    scene.filled(&spec, &numbered(1, 20, 8)).await?;
    let records: Vec<Record> = numbered(2, 30, 8).into_iter().skip(10).collect();
    scene.store.upsert(&spec.name, &records).await?;
    equal("count", scene.store.count(&spec.name, None).await?, 30)?;
    let mut expected = numbered(1, 20, 8);
    expected.truncate(10);
    expected.extend(records);
    let found = scene.store.get(&spec.name, &int_ids(0..30), &Output::Everything).await?;
    check::records(&found, &expected)
}

pub(super) async fn upsert_again_changes_nothing(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(8);
    let records = numbered(1, 40, 8);
    scene.filled(&spec, &records).await?;
    for _ in 0..3 {
        scene.store.upsert(&spec.name, &records).await?;
    }
    equal("count", scene.store.count(&spec.name, None).await?, 40)?;
    let found = scene.store.get(&spec.name, &int_ids(0..40), &Output::Everything).await?;
    check::records(&found, &records)?;
    let hits = scene.store.search(&spec.name, &SearchRequest::new("v", vec![0.0; 8], 100)).await?;
    equal("hits", check::sorted_ids(&hits[0]), int_ids(0..40))
}

pub(super) async fn auto_ids_never_replace(scene: &Scene<'_>) -> Checked {
    let spec = scene.spec(IdKind::Auto).vector(VectorField::f32("v", 4, Metric::L2));
    scene.store.create(&spec).await?;
    let record = Record::auto().vector("v", vec![1.0; 4]);
    let first = scene.store.upsert(&spec.name, std::slice::from_ref(&record)).await?;
    let second = scene.store.upsert(&spec.name, &[record]).await?;
    ensure!(first != second, "both got id {first:?}");
    equal("count", scene.store.count(&spec.name, None).await?, 2)?;
    scene.store.delete(&spec.name, &Selection::Ids(first)).await?;
    let hits = scene.store.search(&spec.name, &SearchRequest::new("v", vec![1.0; 4], 5)).await?;
    equal("hits", check::ids(&hits[0]), second)
}

pub(super) async fn large_batch(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(16).scalar(ScalarField::string("label"));
    let records: Vec<_> =
        numbered(1, 5000, 16).into_iter().enumerate().map(|(at, r)| r.field("label", format!("label {at}"))).collect();
    scene.store.create(&spec).await?;
    let ids = scene.store.upsert(&spec.name, &records).await?;
    equal("number of ids", ids.len(), 5000)?;
    equal("count", scene.store.count(&spec.name, None).await?, 5000)?;
    let sample: Vec<_> = records.iter().step_by(123).cloned().collect();
    let found = scene.store.get(&spec.name, &check::record_ids(&sample), &Output::Everything).await?;
    check::records(&found, &sample)
}

pub(super) async fn delete_by_ids(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    scene.filled(&spec, &numbered(1, 20, 4)).await?;
    scene.store.delete(&spec.name, &Selection::Ids(vec![])).await?;
    equal("count", scene.store.count(&spec.name, None).await?, 20)?;
    // Ids that are not there, or twice in the list, are no error.
    scene.store.delete(&spec.name, &Selection::Ids(int_ids([3, 7, 7, 1000, -1]))).await?;
    equal("count", scene.store.count(&spec.name, None).await?, 18)?;
    let found = scene.store.get(&spec.name, &int_ids(0..9), &Output::ids()).await?;
    equal("rest", check::record_ids(&found), int_ids([0, 1, 2, 4, 5, 6, 8]))?;
    scene.store.delete(&spec.name, &Selection::Ids(int_ids([3, 7]))).await?;
    equal("count", scene.store.count(&spec.name, None).await?, 18)
}

pub(super) async fn delete_by_filter(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4).scalar(ScalarField::int("n"));
    let records: Vec<_> = numbered(1, 50, 4).into_iter().zip(0..).map(|(r, n)| r.field("n", n % 5)).collect();
    scene.filled(&spec, &records).await?;
    scene.store.delete(&spec.name, &Selection::Filter(filter("n == 7")?)).await?;
    equal("count after a filter that nothing passes", scene.store.count(&spec.name, None).await?, 50)?;
    scene.store.delete(&spec.name, &Selection::Filter(filter("n >= 3")?)).await?;
    equal("count", scene.store.count(&spec.name, None).await?, 30)?;
    let hits = scene.store.search(&spec.name, &SearchRequest::new("v", vec![0.0; 4], 100)).await?;
    equal("hits", check::sorted_ids(&hits[0]), int_ids((0..50).filter(|id| id % 5 < 3)))
}

pub(super) async fn delete_then_upsert(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(2);
    let at = |x: f32| [Record::new(1).vector("v", vec![x, 0.0])];
    scene.filled(&spec, &at(1.0)).await?;
    for x in [2.0, 3.0, 4.0] {
        scene.store.delete(&spec.name, &Selection::Ids(int_ids([1]))).await?;
        equal("count after deleting", scene.store.count(&spec.name, None).await?, 0)?;
        scene.store.upsert(&spec.name, &at(x)).await?;
        equal("count after writing", scene.store.count(&spec.name, None).await?, 1)?;
        let hits = scene.store.search(&spec.name, &SearchRequest::new("v", vec![0.0, 0.0], 5)).await?;
        equal("hits", check::ids(&hits[0]), int_ids([1]))?;
        equal("score", hits[0][0].score, x * x)?;
    }
    Ok(())
}

pub(super) async fn read_your_writes(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(8).scalar(ScalarField::int("round"));
    scene.store.create(&spec).await?;
    let mut random = Random::new(5);
    for round in 0..15_i64 {
        let record = Record::new(round).vector("v", random.floats(8)).field("round", round);
        scene.store.upsert(&spec.name, std::slice::from_ref(&record)).await?;
        equal("count", scene.store.count(&spec.name, None).await?, round as u64 + 1)?;
        let found = scene.store.get(&spec.name, &[Id::Int(round)], &Output::Everything).await?;
        check::records(&found, std::slice::from_ref(&record))?;
        let request = SearchRequest::new("v", record.vectors["v"].clone(), 1);
        let hits = scene.store.search(&spec.name, &request).await?;
        equal("nearest to what was just written", check::ids(&hits[0]), int_ids([round]))?;
        let only = filter(&format!("round == {round}"))?;
        equal("count with a filter", scene.store.count(&spec.name, Some(&only)).await?, 1)?;
    }
    Ok(())
}

pub(super) async fn read_your_deletes(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(8);
    let records = numbered(1, 12, 8);
    scene.filled(&spec, &records).await?;
    for (at, record) in records.iter().enumerate() {
        let id = Id::Int(at as i64);
        scene.store.delete(&spec.name, &Selection::Ids(vec![id.clone()])).await?;
        let rest = int_ids(at as i64 + 1..12);
        equal("count", scene.store.count(&spec.name, None).await?, rest.len() as u64)?;
        ensure!(scene.store.get(&spec.name, &[id], &Output::ids()).await?.is_empty(), "{at} is still there");
        let request = SearchRequest::new("v", record.vectors["v"].clone(), 20);
        let hits = scene.store.search(&spec.name, &request).await?;
        equal("hits", check::sorted_ids(&hits[0]), rest.clone())?;
        let page = bootcamp_core::PageRequest { limit: 20, ..Default::default() };
        equal("page", check::record_ids(&scene.store.page(&spec.name, &page).await?.records), rest)?;
    }
    Ok(())
}
