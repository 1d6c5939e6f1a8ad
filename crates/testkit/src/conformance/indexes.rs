//! Every metric with every index kind that goes with it: exact ones find exactly the nearest, the others nearly all
//! of them, before and after indexing.

use bootcamp_core::{IdKind, IndexKind, Metric, Output, Query, Record, SearchRequest, Vector, VectorField, VectorKind};

use super::scene::{Checked, ensure};
use super::{Case, Scene, check};
use crate::truth::{self, Random};

const COUNT: usize = 2000;
const QUERIES: usize = 20;
const K: usize = 10;
/// Floats a vector.
const DIM: usize = 16;
/// Bits a vector.
const BITS: usize = 256;

const FLAT: IndexKind = IndexKind::Flat;
const IVF_FLAT: IndexKind = IndexKind::IvfFlat { nlist: 16 };
const IVF_SQ8: IndexKind = IndexKind::IvfSq8 { nlist: 16 };
const IVF_PQ: IndexKind = IndexKind::IvfPq { nlist: 16, m: 16, nbits: 8 };
const HNSW: IndexKind = IndexKind::Hnsw { m: 16, ef_construction: 200 };
const BIN_IVF_FLAT: IndexKind = IndexKind::BinIvfFlat { nlist: 16 };

pub(super) fn cases() -> Vec<Case> {
    use IndexKind::{Auto, BinFlat, DiskAnn};
    use Metric::{Cosine, Hamming, InnerProduct, Jaccard, L2};
    let combinations = [
        ("indexes::l2_auto", L2, Auto),
        ("indexes::l2_flat", L2, FLAT),
        ("indexes::l2_ivf_flat", L2, IVF_FLAT),
        ("indexes::l2_ivf_sq8", L2, IVF_SQ8),
        ("indexes::l2_ivf_pq", L2, IVF_PQ),
        ("indexes::l2_hnsw", L2, HNSW),
        ("indexes::l2_diskann", L2, DiskAnn),
        ("indexes::ip_auto", InnerProduct, Auto),
        ("indexes::ip_flat", InnerProduct, FLAT),
        ("indexes::ip_ivf_flat", InnerProduct, IVF_FLAT),
        ("indexes::ip_ivf_sq8", InnerProduct, IVF_SQ8),
        ("indexes::ip_hnsw", InnerProduct, HNSW),
        ("indexes::cosine_auto", Cosine, Auto),
        ("indexes::cosine_flat", Cosine, FLAT),
        ("indexes::cosine_ivf_flat", Cosine, IVF_FLAT),
        ("indexes::cosine_ivf_sq8", Cosine, IVF_SQ8),
        ("indexes::cosine_hnsw", Cosine, HNSW),
        ("indexes::cosine_diskann", Cosine, DiskAnn),
        ("indexes::hamming_auto", Hamming, Auto),
        ("indexes::hamming_bin_flat", Hamming, BinFlat),
        ("indexes::hamming_bin_ivf_flat", Hamming, BIN_IVF_FLAT),
        ("indexes::jaccard_auto", Jaccard, Auto),
        ("indexes::jaccard_bin_flat", Jaccard, BinFlat),
        ("indexes::jaccard_bin_ivf_flat", Jaccard, BIN_IVF_FLAT),
    ];
    let case = |(name, metric, index)| Case::new(name, move |scene| Box::pin(finds(scene, metric, index)));
    combinations.into_iter().map(case).collect()
}

/// What an index must reach: the least recall, and how far its scores may be off.
fn demands(index: IndexKind) -> (f64, f64) {
    match index {
        IndexKind::Flat | IndexKind::BinFlat => (1.0, check::TOLERANCE),
        // Components are kept as bytes, and scores are of what is kept.
        IndexKind::IvfSq8 { .. } => (0.9, 0.1),
        IndexKind::IvfPq { .. } => (0.8, 0.3),
        _ => (0.95, check::TOLERANCE),
    }
}

async fn finds(scene: &Scene<'_>, metric: Metric, index: IndexKind) -> Checked {
    let mut random = Random::new(metric.name().len() as u64);
    let (field, vectors) = match metric {
        Metric::Hamming | Metric::Jaccard => {
            let vectors = (0..COUNT + QUERIES).map(|_| random.bits(BITS)).collect::<Vec<_>>();
            (VectorField::binary("v", BITS, metric), vectors)
        }
        _ => {
            let vectors = random.clustered(COUNT + QUERIES, DIM).into_iter().map(Vector::F32).collect();
            (VectorField::f32("v", DIM, metric), vectors)
        }
    };
    let kind = field.kind;
    let spec = scene.spec(IdKind::Int).vector(field.index(index));
    let records: Vec<_> =
        vectors[..COUNT].iter().zip(0_i64..).map(|(v, id)| Record::new(id).vector("v", v.clone())).collect();
    scene.filled(&spec, &records).await?;
    let queries = &vectors[COUNT..];
    search_all(scene, &spec.name, (metric, index), &records, queries).await.map_err(|f| f.at("before indexing"))?;
    scene.store.flush(&spec.name, None).await?;
    search_all(scene, &spec.name, (metric, index), &records, queries).await.map_err(|f| f.at("after indexing"))?;
    let info = scene.store.describe(&spec.name).await?;
    ensure!(info.spec == spec, "the schema is {:?}, expected {spec:?}", info.spec);
    let flat = if kind == VectorKind::F32 { FLAT } else { IndexKind::BinFlat };
    ensure!(index != flat || info.indexes[0].exact, "{} is served by {:?}", index.name(), info.indexes[0]);
    Ok(())
}

async fn search_all(
    scene: &Scene<'_>,
    collection: &str,
    (metric, index): (Metric, IndexKind),
    records: &[Record],
    queries: &[Vector],
) -> Checked {
    let request = SearchRequest::batch("v", queries.iter().cloned().map(Query::from).collect(), K);
    let mut request = request.ef(400).nprobe(16).output(Output::ids());
    request.params.search_list = Some(200);
    let lists = scene.store.search(collection, &request).await?;
    ensure!(lists.len() == queries.len(), "{} lists for {} queries", lists.len(), queries.len());
    let (least, tolerance) = demands(index);
    let mut found = 0.0;
    for (hits, query) in lists.iter().zip(queries) {
        ensure!(hits.len() == K, "{} hits, expected {K}", hits.len());
        check::scores(metric, hits, records, "v", query, tolerance)?;
        let ranking = truth::ranking(metric, records, "v", query);
        // Equal scores at the end of the list make no difference.
        let last = ranking[K - 1].1;
        let ties = ranking.iter().skip(K).take_while(|(_, score)| *score == last).count();
        found += (check::recall(hits, &ranking, K + ties) * (K + ties) as f64 / K as f64).min(1.0);
        if least == 1.0 {
            check::exact(hits, &ranking, K)?;
        }
    }
    let recall = found / queries.len() as f64;
    ensure!(recall >= least, "recall is {recall:.3}, expected at least {least}");
    Ok(())
}
