//! What filters select, in every store, held against one model. `BOOTCAMP_SEED` asks others than the usual ones.

use bootcamp_core::milvus::MilvusStore;
use bootcamp_core::{LocalStore, VectorStore};
use bootcamp_testkit::filters::{Limits, compare};
use bootcamp_testkit::milvus::{MilvusLiteServer, MilvusServer};

async fn agrees(store: &dyn VectorStore, limits: &Limits, filters: usize) {
    let seed = std::env::var("BOOTCAMP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(2_026);
    for seed in [seed, seed + 1] {
        let comparison = compare(store, limits, seed, filters).await.unwrap();
        let shown = comparison.differences.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
        assert!(
            comparison.differences.is_empty(),
            "{} differences, seed {seed}:\n{shown}",
            comparison.differences.len()
        );
        assert_eq!(comparison.asked, filters);
        assert!(comparison.telling > filters / 3, "only {} filters tell records apart", comparison.telling);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn local_store() {
    let folder = tempfile::tempdir().unwrap();
    agrees(&LocalStore::open(folder.path()).unwrap(), &Limits::NONE, 500).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn milvus_2_3_5() {
    let server = MilvusServer::start().await;
    agrees(&MilvusStore::connect(&server.config()).await.unwrap(), &Limits::MILVUS_2_3, 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn milvus_lite() {
    let server = MilvusLiteServer::start().await;
    agrees(&MilvusStore::connect(&server.config()).await.unwrap(), &Limits::LITE, 300).await;
}
