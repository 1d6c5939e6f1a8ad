//! What comes back is what was written, as much of it as was asked for.

use bootcamp_core::{IdKind, Metric, Output, Record, ScalarField, Vector, VectorField};

use super::Scene;
use super::check::{self, int_ids};
use super::scene::{Checked, ensure, equal, filter, numbered};
use crate::truth::Random;

pub(super) async fn get_in_the_order_asked(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    scene.filled(&spec, &numbered(1, 30, 4)).await?;
    let asked = int_ids([17, 99, 3, 29, -5, 0, 11]);
    let found = scene.store.get(&spec.name, &asked, &Output::Scalars).await?;
    equal("ids", check::record_ids(&found), int_ids([17, 3, 29, 0, 11]))?;
    let backwards = int_ids((0..30).rev());
    let found = scene.store.get(&spec.name, &backwards, &Output::ids()).await?;
    equal("ids", check::record_ids(&found), backwards)
}

pub(super) async fn get_repeated_ids(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    scene.filled(&spec, &numbered(1, 5, 4)).await?;
    let asked = int_ids([2, 4, 2]);
    let found = scene.store.get(&spec.name, &asked, &Output::Scalars).await?;
    equal("ids", check::record_ids(&found), asked)
}

pub(super) async fn get_nothing(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    scene.filled(&spec, &numbered(1, 5, 4)).await?;
    equal("records", scene.store.get(&spec.name, &[], &Output::Everything).await?, vec![])?;
    equal("records", scene.store.get(&spec.name, &int_ids([77]), &Output::Everything).await?, vec![])
}

/// Names of scalar and vector fields of a record.
fn names(record: &Record) -> (Vec<&str>, Vec<&str>) {
    (record.fields.keys().map(String::as_str).collect(), record.vectors.keys().map(String::as_str).collect())
}

pub(super) async fn output_selection(scene: &Scene<'_>) -> Checked {
    let spec = scene
        .plain(4)
        .vector(VectorField::f32("w", 2, Metric::L2))
        .scalar(ScalarField::int("a"))
        .scalar(ScalarField::string("b").not_filterable());
    let record = Record::new(1).vector("v", vec![1.0; 4]).vector("w", vec![1.0; 2]).field("a", 1).field("b", "text");
    scene.filled(&spec, &[record]).await?;
    let cases: [(Output, &[&str], &[&str]); 7] = [
        (Output::Scalars, &["a", "b"], &[]),
        (Output::Everything, &["a", "b"], &["v", "w"]),
        (Output::ids(), &[], &[]),
        (Output::only(["b"]), &["b"], &[]),
        (Output::only(["w", "a"]), &["a"], &["w"]),
        (Output::only(["id"]), &[], &[]),
        (Output::only(["id", "v"]), &[], &["v"]),
    ];
    for (output, scalars, vectors) in cases {
        let found = scene.store.get(&spec.name, &int_ids([1]), &output).await?;
        ensure!(found.len() == 1, "{output:?}: {} records", found.len());
        let (mut got, got_vectors) = names(&found[0]);
        got.sort_unstable();
        equal(format_args!("{output:?}"), got, scalars.to_vec())?;
        equal(format_args!("{output:?}"), got_vectors, vectors.to_vec())?;
    }
    Ok(())
}

pub(super) async fn vectors_come_back_bit_by_bit(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4);
    let vectors = [
        vec![0.0, -0.0, 1.0, -1.0],
        vec![0.1, 1.0 / 3.0, std::f32::consts::PI, -1e-7],
        vec![f32::MIN_POSITIVE, f32::from_bits(1), f32::EPSILON, 16_777_217.0],
        vec![1e18, -1e18, 1e-30, 123_456.79],
    ];
    let records: Vec<_> = vectors.into_iter().zip(0_i64..).map(|(v, id)| Record::new(id).vector("v", v)).collect();
    scene.filled(&spec, &records).await?;
    let found = scene.store.get(&spec.name, &int_ids(0..4), &Output::Everything).await?;
    check::records(&found, &records)
}

pub(super) async fn cosine_vectors_come_back_as_given(scene: &Scene<'_>) -> Checked {
    let spec = scene.spec(IdKind::Int).vector(VectorField::f32("v", 8, Metric::Cosine));
    let mut random = Random::new(7);
    let mut record = |id: i64| {
        let scale = 10.0_f32.powi(id as i32 - 5);
        Record::new(id).vector("v", random.floats(8).iter().map(|x| x * scale).collect::<Vec<f32>>())
    };
    let records: Vec<_> = (0..10).map(&mut record).collect();
    scene.filled(&spec, &records).await?;
    scene.store.flush(&spec.name, None).await?;
    let found = scene.store.get(&spec.name, &int_ids(0..10), &Output::Everything).await?;
    check::records(&found, &records)
}

pub(super) async fn binary_vectors_come_back(scene: &Scene<'_>) -> Checked {
    let spec = scene.spec(IdKind::Int).vector(VectorField::binary("v", 64, Metric::Hamming));
    let mut random = Random::new(8);
    let mut records: Vec<_> = (0..10_i64).map(|id| Record::new(id).vector("v", random.bits(64))).collect();
    records.push(Record::new(10).vector("v", Vector::binary([0; 8])));
    records.push(Record::new(11).vector("v", Vector::binary([255; 8])));
    scene.filled(&spec, &records).await?;
    let found = scene.store.get(&spec.name, &int_ids(0..12), &Output::Everything).await?;
    check::records(&found, &records)
}

/// More than the 4 MiB that a gRPC client takes by default, in one call.
pub(super) async fn large_answers(scene: &Scene<'_>) -> Checked {
    let dim = 2048;
    let spec = scene.plain(dim);
    let mut random = Random::new(9);
    let records: Vec<_> = (0..700_i64).map(|id| Record::new(id).vector("v", random.floats(dim))).collect();
    scene.filled(&spec, &records).await?;
    let found = scene.store.get(&spec.name, &int_ids(0..700), &Output::Everything).await?;
    check::records(&found, &records)?;
    let page = bootcamp_core::PageRequest { limit: 700, output: Output::Everything, ..Default::default() };
    check::records(&scene.store.page(&spec.name, &page).await?.records, &records)?;
    let request =
        bootcamp_core::SearchRequest::new("v", records[5].vectors["v"].clone(), 700).output(Output::Everything);
    let hits = scene.store.search(&spec.name, &request).await?;
    let found: Vec<_> = hits[0]
        .iter()
        .map(|hit| Record { id: Some(hit.id.clone()), vectors: hit.vectors.clone(), fields: hit.fields.clone() })
        .collect();
    equal("hits", found.len(), 700)?;
    let expected: Vec<_> = check::ids(&hits[0])
        .iter()
        .filter_map(|id| records.iter().find(|r| r.id.as_ref() == Some(id)))
        .cloned()
        .collect();
    check::records(&found, &expected)
}

pub(super) async fn count_with_filter(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(4).scalar(ScalarField::int("n"));
    let records: Vec<_> = numbered(1, 100, 4).into_iter().zip(0..).map(|(r, n)| r.field("n", n)).collect();
    scene.filled(&spec, &records).await?;
    for (text, expected) in [("n < 30", 30), ("n >= 30", 70), ("n == 1000", 0), ("n >= 0", 100)] {
        equal(text, scene.store.count(&spec.name, Some(&filter(text)?)).await?, expected)?;
    }
    equal("all", scene.store.count(&spec.name, None).await?, 100)
}
