//! The conformance suite against every store.

use bootcamp_core::{LocalOptions, LocalStore};
use bootcamp_testkit::beside::Beside;
use bootcamp_testkit::conformance::{Gap, Suite, cases};
use bootcamp_testkit::model::ModelStore;

/// The suite itself is right: a plain map with full scans passes it.
#[tokio::test(flavor = "multi_thread")]
async fn model_store() {
    let lacks_full_text = |name: &str| name.starts_with("text::") || name.starts_with("hybrid::vector_and_text");
    let with_filters = [
        "collections::another_name_for_the_id",
        "writes::delete_by_filter",
        "writes::read_your_writes",
        "reads::count_with_filter",
        "paging::with_filter",
        "paging::in_batches_with_filter",
        "search::with_filter",
        "search::filter_that_nothing_passes",
        "search::filter_that_few_pass",
        "ranges::with_filter",
        "grouping::with_filter",
        "grouping::few_groups_of_odd_values",
        "hybrid::with_filters",
    ];
    let gaps: Vec<_> = cases()
        .iter()
        .map(|case| case.name)
        .filter(|name| with_filters.contains(name) || lacks_full_text(name) || name.starts_with("filters::"))
        // Refusing a bad one takes no evaluation.
        .filter(|name| *name != "filters::bad_filters")
        .map(|case| Gap { case, reason: "the model has neither filters nor full text" })
        .collect();
    Suite::from_env().run(&ModelStore::new(), &gaps).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn local_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    Suite::from_env().run(&store, &[]).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn local_store_read_beside_its_writer() {
    let folder = tempfile::tempdir().unwrap();
    let store = Beside::open(folder.path(), LocalOptions::default()).unwrap();
    Suite::from_env().run(&store, &[]).await.assert_passed();
}
