//! Range searches: nearer than the radius, not nearer than the range filter, whichever way nearer is. Scores are
//! numbers that floats hold exactly, so that both ends are sharp.

use bootcamp_core::{IdKind, IndexKind, Metric, Record, ScalarField, SearchRequest, Vector, VectorField};

use super::Scene;
use super::check::{self, int_ids};
use super::scene::{Checked, equal, filter};

/// Fails unless the hits are these, best first.
async fn hits(scene: &Scene<'_>, collection: &str, request: SearchRequest, expected: &[i64]) -> Checked {
    let what = format!("radius {:?}, range_filter {:?}", request.radius, request.range_filter);
    let hits = scene.store.search(collection, &request).await?;
    equal(what, check::ids(&hits[0]), int_ids(expected.iter().copied()))
}

/// Ten records; vector `id` is (id, 0).
async fn line(scene: &Scene<'_>, metric: Metric) -> Checked<String> {
    let field = VectorField::f32("v", 2, metric).index(IndexKind::Flat);
    let spec = scene.spec(IdKind::Int).vector(field).scalar(ScalarField::int("n"));
    let record = |id: i64| Record::new(id).vector("v", vec![id as f32, 0.0]).field("n", id % 2);
    scene.filled(&spec, &(0..10).map(record).collect::<Vec<_>>()).await?;
    Ok(spec.name)
}

pub(super) async fn l2(scene: &Scene<'_>) -> Checked {
    let name = line(scene, Metric::L2).await?;
    let search = || SearchRequest::new("v", vec![0.0, 0.0], 20);
    hits(scene, &name, search().radius(16.0), &[0, 1, 2, 3]).await?;
    hits(scene, &name, search().radius(16.5), &[0, 1, 2, 3, 4]).await?;
    hits(scene, &name, search().radius(26.0).range_filter(4.0), &[2, 3, 4, 5]).await?;
    hits(scene, &name, search().radius(26.0).range_filter(4.5), &[3, 4, 5]).await
}

pub(super) async fn inner_product(scene: &Scene<'_>) -> Checked {
    let name = line(scene, Metric::InnerProduct).await?;
    let search = || SearchRequest::new("v", vec![1.0, 0.0], 20);
    hits(scene, &name, search().radius(6.0), &[9, 8, 7]).await?;
    hits(scene, &name, search().radius(5.5), &[9, 8, 7, 6]).await?;
    hits(scene, &name, search().radius(2.0).range_filter(5.0), &[5, 4, 3]).await
}

pub(super) async fn cosine(scene: &Scene<'_>) -> Checked {
    let field = VectorField::f32("v", 2, Metric::Cosine).index(IndexKind::Flat);
    let spec = scene.spec(IdKind::Int).vector(field);
    // Cosines with (1, 0): 1, 0.8, 0.6, 0, −0.6, −1, whatever the length.
    let vectors = [[2.0, 0.0], [4.0, 3.0], [30.0, 40.0], [0.0, 0.1], [-3.0, 4.0], [-7.0, 0.0]];
    let records: Vec<_> = vectors.iter().zip(0_i64..).map(|(v, id)| Record::new(id).vector("v", v.to_vec())).collect();
    scene.filled(&spec, &records).await?;
    let search = || SearchRequest::new("v", vec![5.0, 0.0], 20);
    hits(scene, &spec.name, search().radius(0.5), &[0, 1, 2]).await?;
    hits(scene, &spec.name, search().radius(-0.7), &[0, 1, 2, 3, 4]).await?;
    hits(scene, &spec.name, search().radius(-0.5).range_filter(0.9), &[1, 2, 3]).await?;
    hits(scene, &spec.name, search().radius(-0.9).range_filter(0.1), &[3, 4]).await
}

/// Vector `id` has its first `id` bits of 16 set.
async fn staircase(scene: &Scene<'_>, metric: Metric) -> Checked<String> {
    let spec = scene.spec(IdKind::Int).vector(VectorField::binary("v", 16, metric));
    let record = |id: i64| Record::new(id).vector("v", first_bits(id as u32));
    scene.filled(&spec, &(1..=8).map(record).collect::<Vec<_>>()).await?;
    Ok(spec.name)
}

fn first_bits(count: u32) -> Vector {
    let bits = 0xFFFF_u16.checked_shl(16 - count).unwrap_or(0);
    Vector::binary(bits.to_be_bytes())
}

pub(super) async fn hamming(scene: &Scene<'_>) -> Checked {
    let name = staircase(scene, Metric::Hamming).await?;
    let search = || SearchRequest::new("v", first_bits(8), 20);
    hits(scene, &name, search().radius(3.0), &[8, 7, 6]).await?;
    hits(scene, &name, search().radius(3.5), &[8, 7, 6, 5]).await?;
    hits(scene, &name, search().radius(5.0).range_filter(2.0), &[6, 5, 4]).await
}

pub(super) async fn jaccard(scene: &Scene<'_>) -> Checked {
    let name = staircase(scene, Metric::Jaccard).await?;
    // Distances to eight bits: 1 − id/8, exact in floats.
    let search = || SearchRequest::new("v", first_bits(8), 20);
    hits(scene, &name, search().radius(0.25), &[8, 7]).await?;
    hits(scene, &name, search().radius(0.3), &[8, 7, 6]).await?;
    hits(scene, &name, search().radius(0.55).range_filter(0.25), &[6, 5, 4]).await
}

pub(super) async fn nothing_in_range(scene: &Scene<'_>) -> Checked {
    let name = line(scene, Metric::L2).await?;
    let search = SearchRequest::new("v", vec![0.0, 100.0], 20);
    hits(scene, &name, search.clone().radius(5.0), &[]).await?;
    hits(scene, &name, search.radius(30_000.0).range_filter(20_000.0), &[]).await
}

pub(super) async fn at_most_k(scene: &Scene<'_>) -> Checked {
    let name = line(scene, Metric::L2).await?;
    let search = |k| SearchRequest::new("v", vec![0.0, 0.0], k);
    hits(scene, &name, search(2).radius(50.0), &[0, 1]).await?;
    // The nearest of the ring, though nearer ones lie inside of it.
    hits(scene, &name, search(2).radius(60.0).range_filter(9.0), &[3, 4]).await
}

pub(super) async fn with_filter(scene: &Scene<'_>) -> Checked {
    let name = line(scene, Metric::L2).await?;
    let search = SearchRequest::new("v", vec![0.0, 0.0], 20).filter(filter("n == 1")?);
    hits(scene, &name, search.clone().radius(30.0), &[1, 3, 5]).await?;
    hits(scene, &name, search.radius(60.0).range_filter(9.0), &[3, 5, 7]).await
}
