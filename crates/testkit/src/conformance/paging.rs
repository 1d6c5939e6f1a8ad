//! Whole collections, page by page, in id order: nothing twice, nothing missing.

use bootcamp_core::{
    Filter, Id, IdKind, Metric, Output, PageRequest, Record, ScalarField, Selection, VectorField, scan,
};
use futures::TryStreamExt;

use super::Scene;
use super::check::{self, int_ids};
use super::scene::{Checked, ensure, equal, filter, numbered};

fn page(after: Option<Id>, limit: usize) -> PageRequest {
    PageRequest { after, limit, ..PageRequest::default() }
}

/// Walks all pages.
async fn walk(scene: &Scene<'_>, collection: &str, request: PageRequest) -> Checked<Vec<Record>> {
    let mut records = Vec::new();
    let mut request = request;
    loop {
        let page = scene.store.page(collection, &request).await?;
        ensure!(page.records.len() <= request.limit, "{} records in a page of {}", page.records.len(), request.limit);
        records.extend(page.records);
        let Some(next) = page.next else { return Ok(records) };
        ensure!(request.after.is_none_or(|after| after < next), "the next page does not go on");
        request.after = Some(next);
    }
}

pub(super) async fn int_ids_in_order(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(2);
    let mut numbers: Vec<i64> = (-50..50).map(|n| n * 37).collect();
    let sorted = numbers.clone();
    // Written in another order than read.
    numbers.sort_by_key(|n| (n % 7, *n));
    let records: Vec<_> = numbers.iter().map(|id| Record::new(*id).vector("v", vec![0.5; 2])).collect();
    scene.filled(&spec, &records).await?;
    for limit in [1, 7, 50, 99, 100, 101, 1000] {
        let found = walk(scene, &spec.name, page(None, limit)).await?;
        equal(format_args!("ids in pages of {limit}"), check::record_ids(&found), int_ids(sorted.clone()))?;
    }
    Ok(())
}

pub(super) async fn string_ids_in_byte_order(scene: &Scene<'_>) -> Checked {
    let spec = scene.spec(IdKind::String { max_len: 32 }).vector(VectorField::f32("v", 2, Metric::L2));
    let texts = ["b", "a", "B", "10", "9", "é", "z", "\u{1F600}", "\u{FFFD}", "a b", "ab", "aa", "世", "_", "'", "a\\"];
    let records: Vec<_> = texts.iter().map(|id| Record::new(*id).vector("v", vec![0.5; 2])).collect();
    scene.filled(&spec, &records).await?;
    let mut sorted: Vec<Id> = texts.iter().map(|id| Id::from(*id)).collect();
    sorted.sort();
    for limit in [1, 3, 16, 20] {
        let found = walk(scene, &spec.name, page(None, limit)).await?;
        equal(format_args!("ids in pages of {limit}"), check::record_ids(&found), sorted.clone())?;
    }
    Ok(())
}

pub(super) async fn after_an_id_that_is_not_there(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(2);
    let records: Vec<_> = (0..20_i64).map(|n| Record::new(n * 10).vector("v", vec![0.5; 2])).collect();
    scene.filled(&spec, &records).await?;
    let cases = [(Some(55), vec![60, 70, 80]), (Some(60), vec![70, 80, 90]), (Some(-5), vec![0, 10, 20])];
    for (after, expected) in cases {
        let found = scene.store.page(&spec.name, &page(after.map(Id::Int), 3)).await?;
        equal(format_args!("after {after:?}"), check::record_ids(&found.records), int_ids(expected))?;
    }
    let found = scene.store.page(&spec.name, &page(Some(Id::Int(190)), 3)).await?;
    equal("after the last", (found.records, found.next), (vec![], None))
}

pub(super) async fn with_filter(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(2).scalar(ScalarField::int("n"));
    let records: Vec<_> = (0..200_i64).map(|id| Record::new(id).vector("v", vec![0.5; 2]).field("n", id % 3)).collect();
    scene.filled(&spec, &records).await?;
    let request = PageRequest { filter: Some(filter("n == 1")?), ..page(None, 7) };
    let found = walk(scene, &spec.name, request).await?;
    let expected: Vec<_> = records.into_iter().filter(|record| record.fields["n"] == 1).collect();
    check::records(&found, &check::without_vectors(&expected))?;
    let request = PageRequest { filter: Some(filter("n == 5")?), ..page(None, 7) };
    equal("records", walk(scene, &spec.name, request).await?, vec![])
}

pub(super) async fn output_selection(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(2).scalar(ScalarField::int("n")).scalar(ScalarField::int("m"));
    let record = Record::new(1).vector("v", vec![1.0, 2.0]).field("n", 1).field("m", 2);
    scene.filled(&spec, std::slice::from_ref(&record)).await?;
    let all = PageRequest { output: Output::Everything, ..page(None, 5) };
    check::records(&scene.store.page(&spec.name, &all).await?.records, std::slice::from_ref(&record))?;
    let some = PageRequest { output: Output::only(["m"]), ..page(None, 5) };
    let found = scene.store.page(&spec.name, &some).await?.records;
    check::records(&found, &[Record::new(1).field("m", 2)])?;
    ensure!(!found[0].fields.contains_key("n"), "a field came back that was not asked for");
    let none = PageRequest { output: Output::ids(), ..page(None, 5) };
    check::records(&scene.store.page(&spec.name, &none).await?.records, &[Record::new(1)])
}

pub(super) async fn scan_of_thousands(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4).scalar(ScalarField::string("label"));
    let records: Vec<_> =
        numbered(1, 3000, 4).into_iter().zip(0..).map(|(r, n)| r.field("label", format!("label {n}"))).collect();
    scene.filled(&spec, &records).await?;
    for (limit, output) in [(97, Output::Scalars), (1000, Output::Everything)] {
        let request = PageRequest { output: output.clone(), ..page(None, limit) };
        let found: Vec<Record> = scan(scene.store, &spec.name, request).try_collect().await?;
        match output {
            Output::Everything => check::records(&found, &records)?,
            _ => check::records(&found, &check::without_vectors(&records))?,
        }
    }
    Ok(())
}

/// In whatever order: each record once, with the fields asked for.
pub(super) async fn in_batches(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4).scalar(ScalarField::string("label"));
    let records: Vec<_> =
        numbered(1, 1500, 4).into_iter().zip(0..).map(|(r, n)| r.field("label", format!("label {n}"))).collect();
    scene.store.create(&spec).await?;
    equal("batches of nothing", batches(scene, &spec.name, None, Output::Scalars).await?, vec![])?;
    scene.store.upsert(&spec.name, &records).await?;
    check::records(&batches(scene, &spec.name, None, Output::Everything).await?, &records)?;
    let expected = check::without_vectors(&records);
    check::records(&batches(scene, &spec.name, None, Output::Scalars).await?, &expected)?;
    // Whoever wants no more is not read to the end, and disturbs nobody.
    let first = scene.store.batches(&spec.name, None, Output::ids()).try_next().await?;
    ensure!(first.is_some_and(|batch| !batch.is_empty() && batch.len() < records.len()), "not in batches");
    let ids: Vec<Id> = records.iter().filter_map(|record| record.id.clone()).collect();
    scene.store.delete(&spec.name, &Selection::Ids(ids)).await?;
    equal("batches of nothing any more", batches(scene, &spec.name, None, Output::ids()).await?, vec![])
}

pub(super) async fn in_batches_with_filter(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(2).scalar(ScalarField::int("n"));
    let record = |id: i64| Record::new(id).vector("v", vec![0.5; 2]).field("n", id % 3);
    scene.filled(&spec, &(0..900).map(record).collect::<Vec<_>>()).await?;
    let found = batches(scene, &spec.name, Some(filter("n == 1")?), Output::ids()).await?;
    equal("ids", check::record_ids(&found), int_ids((0..900).filter(|id| id % 3 == 1)))?;
    equal("records", batches(scene, &spec.name, Some(filter("n == 5")?), Output::ids()).await?, vec![])
}

/// All records of all batches, in id order.
async fn batches(scene: &Scene<'_>, collection: &str, filter: Option<Filter>, output: Output) -> Checked<Vec<Record>> {
    let batches: Vec<Vec<Record>> = scene.store.batches(collection, filter, output).try_collect().await?;
    ensure!(batches.iter().all(|batch| !batch.is_empty()), "an empty batch");
    let mut records = batches.concat();
    records.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(records)
}

/// Records that were there all the time are in one batch, whatever happens to others between two.
pub(super) async fn batches_while_records_come_and_go(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(2);
    let record = |id: i64| Record::new(id).vector("v", vec![0.5; 2]);
    let steady: Vec<i64> = (0..3000).map(|n| n * 10).collect();
    scene.filled(&spec, &steady.iter().map(|id| record(*id)).collect::<Vec<_>>()).await?;
    let mut seen = Vec::new();
    let mut found = scene.store.batches(&spec.name, None, Output::ids());
    let mut step = 1;
    while let Some(batch) = found.try_next().await? {
        seen.extend(check::record_ids(&batch));
        scene.store.upsert(&spec.name, &[record(step), record(15_000 + step), record(29_990 + step)]).await?;
        scene.store.delete(&spec.name, &Selection::Ids(int_ids([15_000 + step]))).await?;
        step += 2;
    }
    seen.retain(|id| matches!(id, Id::Int(n) if n % 10 == 0));
    seen.sort();
    equal("records that were there all the time", seen, int_ids(steady))
}

/// Records that were there all the time are seen once, whatever happens to others between two pages.
pub(super) async fn while_records_come_and_go(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(2);
    let record = |id: i64| Record::new(id).vector("v", vec![0.5; 2]);
    let steady: Vec<i64> = (0..60).map(|n| n * 10).collect();
    scene.filled(&spec, &steady.iter().map(|id| record(*id)).collect::<Vec<_>>()).await?;
    let mut seen = Vec::new();
    let mut request = page(None, 7);
    loop {
        let page = scene.store.page(&spec.name, &request).await?;
        seen.extend(check::record_ids(&page.records));
        let Some(Id::Int(next)) = page.next else { break };
        scene.store.upsert(&spec.name, &[record(next - 5), record(next + 5), record(next + 15)]).await?;
        scene.store.delete(&spec.name, &Selection::Ids(int_ids([next + 15]))).await?;
        request.after = Some(Id::Int(next));
    }
    ensure!(seen.is_sorted(), "not in order: {seen:?}");
    let found: Vec<_> = seen.into_iter().filter(|id| matches!(id, Id::Int(n) if n % 10 == 0)).collect();
    equal("records that were there all the time", found, int_ids(steady))
}

pub(super) async fn empty_collection(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(2);
    scene.store.create(&spec).await?;
    let found = scene.store.page(&spec.name, &page(None, 5)).await?;
    equal("page", (found.records, found.next), (vec![], None))
}

pub(super) async fn auto_ids_in_order(scene: &Scene<'_>) -> Checked {
    let spec = scene.spec(IdKind::Auto).vector(VectorField::f32("v", 2, Metric::L2));
    scene.store.create(&spec).await?;
    let mut ids = Vec::new();
    for _ in 0..4 {
        let batch = vec![Record::auto().vector("v", vec![0.5; 2]); 25];
        ids.extend(scene.store.upsert(&spec.name, &batch).await?);
    }
    ids.sort();
    let found = walk(scene, &spec.name, page(None, 9)).await?;
    equal("ids", check::record_ids(&found), ids)
}
