//! Hybrid searches, checked against a fusion computed here from the true rankings, or where the ranking is the
//! engine's own (BM25) from its answers to the parts.

use std::collections::HashMap;

use bootcamp_core::{
    CollectionSpec, Fusion, Hit, HybridRequest, Id, IdKind, IndexKind, Metric, Output, Query, Record, ScalarField,
    SearchRequest, Vector, VectorField,
};

use super::Scene;
use super::check;
use super::scene::{Checked, ensure, equal, filter};
use crate::truth::{Random, ranking};

const WORDS: [&str; 8] = ["cat", "dog", "sun", "rain", "red", "blue", "old", "new"];

fn spec(scene: &Scene<'_>, full_text: bool) -> CollectionSpec {
    let spec = scene
        .spec(IdKind::Int)
        .vector(VectorField::f32("a", 8, Metric::L2).index(IndexKind::Flat))
        .vector(VectorField::f32("b", 4, Metric::Cosine).index(IndexKind::Flat))
        .scalar(ScalarField::int("n"));
    let text = ScalarField::string("text");
    spec.scalar(if full_text { text.full_text() } else { text })
}

fn records() -> Vec<Record> {
    let mut random = Random::new(11);
    let vectors: Vec<_> = random.clustered(200, 8).into_iter().zip(random.clustered(200, 4)).collect();
    let mut record = |(id, (a, b)): (usize, (Vec<f32>, Vec<f32>))| {
        let words: Vec<_> = (0..4).map(|_| WORDS[random.below(8) as usize]).collect();
        let n = id as i64 % 5;
        Record::new(id as i64).vector("a", a).vector("b", b).field("n", n).field("text", words.join(" "))
    };
    vectors.into_iter().enumerate().map(&mut record).collect()
}

fn request(searches: Vec<SearchRequest>, fusion: Fusion, k: usize) -> HybridRequest {
    HybridRequest { searches, fusion, k, output: Output::ids() }
}

/// Lists of ids and scores with the metric of each; `None` for words.
type Lists = Vec<(Option<Metric>, Vec<(Id, f64)>)>;

/// The definition: the sum over the lists of 1 / (k + rank), or of weight × score brought to 0…1.
fn fuse(lists: &Lists, fusion: &Fusion) -> Vec<(Id, f64)> {
    use std::f64::consts::PI;
    let mut scores: HashMap<Id, f64> = HashMap::new();
    for (at, (metric, list)) in lists.iter().enumerate() {
        for (rank, (id, score)) in (1..).zip(list) {
            let unit = match metric {
                None => 2.0 * score.atan() / PI,
                Some(Metric::Cosine) => f64::midpoint(1.0, *score),
                Some(Metric::InnerProduct) => 0.5 + score.atan() / PI,
                Some(_) => 1.0 - 2.0 * score.atan() / PI,
            };
            *scores.entry(id.clone()).or_default() += match fusion {
                Fusion::Rrf { k } => 1.0 / (f64::from(*k) + f64::from(rank)),
                Fusion::Weighted { weights } => f64::from(weights[at]) * unit,
            };
        }
    }
    let mut fused: Vec<_> = scores.into_iter().collect();
    fused.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    fused
}

fn queries() -> (Vec<f32>, Vec<f32>) {
    let mut random = Random::new(12);
    (random.floats(8), random.floats(4))
}

fn first(mut ranking: Vec<(Id, f64)>, count: usize) -> Vec<(Id, f64)> {
    ranking.truncate(count);
    ranking
}

async fn two_vectors(scene: &Scene<'_>, fusion: Fusion) -> Checked {
    let (spec, records) = (spec(scene, false), records());
    scene.filled(&spec, &records).await?;
    let (a, b) = queries();
    let searches = vec![SearchRequest::new("a", a.clone(), 30), SearchRequest::new("b", b.clone(), 20)];
    let lists = vec![
        (Some(Metric::L2), first(ranking(Metric::L2, &records, "a", &Vector::F32(a)), 30)),
        (Some(Metric::Cosine), first(ranking(Metric::Cosine, &records, "b", &Vector::F32(b)), 20)),
    ];
    let hits = scene.store.hybrid_search(&spec.name, &request(searches, fusion.clone(), 15)).await?;
    check::exact(&hits, &fuse(&lists, &fusion), 15)
}

pub(super) async fn two_vectors_by_rank(scene: &Scene<'_>) -> Checked {
    two_vectors(scene, Fusion::Rrf { k: 60.0 }).await
}

pub(super) async fn two_vectors_by_weight(scene: &Scene<'_>) -> Checked {
    two_vectors(scene, Fusion::Weighted { weights: vec![0.3, 0.9] }).await
}

fn scored(hits: &[Hit]) -> Vec<(Id, f64)> {
    hits.iter().map(|hit| (hit.id.clone(), f64::from(hit.score))).collect()
}

async fn vector_and_text(scene: &Scene<'_>, fusion: Fusion) -> Checked {
    let (spec, records) = (spec(scene, true), records());
    scene.filled(&spec, &records).await?;
    let vector = SearchRequest::new("a", queries().0, 40);
    // As many candidates as there are, so that equal scores at the end of the list make no difference.
    let text = SearchRequest::text("text", "cat rain", 200);
    let mut lists = Vec::new();
    for (part, metric) in [(&vector, Some(Metric::L2)), (&text, None)] {
        let hits = scene.store.search(&spec.name, part).await?;
        ensure!(!hits[0].is_empty(), "a part finds nothing");
        lists.push((metric, scored(&hits[0])));
    }
    let expected = fuse(&lists, &fusion);
    let hits = scene.store.hybrid_search(&spec.name, &request(vec![vector, text], fusion, 15)).await?;
    check::exact(&hits, &expected, 15)
}

pub(super) async fn vector_and_text_by_rank(scene: &Scene<'_>) -> Checked {
    vector_and_text(scene, Fusion::default()).await
}

pub(super) async fn vector_and_text_by_weight(scene: &Scene<'_>) -> Checked {
    vector_and_text(scene, Fusion::Weighted { weights: vec![0.5, 0.5] }).await
}

pub(super) async fn with_filters(scene: &Scene<'_>) -> Checked {
    let (spec, records) = (spec(scene, false), records());
    scene.filled(&spec, &records).await?;
    let (a, b) = queries();
    let searches = vec![
        SearchRequest::new("a", a.clone(), 30).filter(filter("n == 1")?),
        SearchRequest::new("b", b.clone(), 30).filter(filter("n > 2")?),
    ];
    let of = |passes: fn(i64) -> bool| {
        records.iter().filter(move |r| passes(r.fields["n"].as_i64().unwrap_or_default())).collect::<Vec<_>>()
    };
    let lists = vec![
        (Some(Metric::L2), first(ranking(Metric::L2, of(|n| n == 1), "a", &Vector::F32(a)), 30)),
        (Some(Metric::Cosine), first(ranking(Metric::Cosine, of(|n| n > 2), "b", &Vector::F32(b)), 30)),
    ];
    let hits = scene.store.hybrid_search(&spec.name, &request(searches, Fusion::default(), 60)).await?;
    check::exact(&hits, &fuse(&lists, &Fusion::default()), 60)
}

pub(super) async fn output_and_k(scene: &Scene<'_>) -> Checked {
    let (spec, records) = (spec(scene, false), records());
    scene.filled(&spec, &records).await?;
    let (a, b) = queries();
    // What the parts say of output does not count.
    let searches = vec![SearchRequest::new("a", a, 30).output(Output::Everything), SearchRequest::new("b", b, 30)];
    for k in [1, 5, 100] {
        let output = Output::only(["n", "b"]);
        let request = HybridRequest { output, ..request(searches.clone(), Fusion::default(), k) };
        let hits = scene.store.hybrid_search(&spec.name, &request).await?;
        ensure!(hits.len() == k || (k == 100 && (30..=60).contains(&hits.len())), "{} hits, expected {k}", hits.len());
        for hit in &hits {
            let record = records.iter().find(|record| record.id.as_ref() == Some(&hit.id));
            equal("n", hit.fields.get("n"), record.and_then(|record| record.fields.get("n")))?;
            equal("fields", hit.fields.len(), 1)?;
            equal("vectors", hit.vectors.keys().map(String::as_str).collect::<Vec<_>>(), vec!["b"])?;
        }
    }
    Ok(())
}

pub(super) async fn by_stored_id(scene: &Scene<'_>) -> Checked {
    let (spec, records) = (spec(scene, false), records());
    scene.filled(&spec, &records).await?;
    let part = |field, id: i64| SearchRequest::batch(field, vec![Query::Id(Id::Int(id))], 20);
    let hits = scene
        .store
        .hybrid_search(&spec.name, &request(vec![part("a", 7), part("b", 7)], Fusion::default(), 10))
        .await?;
    let lists = vec![
        (Some(Metric::L2), first(ranking(Metric::L2, &records, "a", &records[7].vectors["a"]), 20)),
        (Some(Metric::Cosine), first(ranking(Metric::Cosine, &records, "b", &records[7].vectors["b"]), 20)),
    ];
    check::exact(&hits, &fuse(&lists, &Fusion::default()), 10)
}
