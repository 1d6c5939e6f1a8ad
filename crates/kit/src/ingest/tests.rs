mod again;
mod pruning;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bootcamp_core::{Id, IdKind, Output, PageRequest, VectorField, scan};
use futures::TryStreamExt;
use serde_json::json;

use super::*;
use crate::context::Context;
use crate::source::{Content, Scopes, Skip};
use crate::testing::{PROGRAM, context, solution};
use crate::watch::Report;

/// Sources are texts: each word becomes an item. `fail` fails after the words before it, `panic` panics.
struct Words;

#[async_trait]
impl Pipeline for Words {
    type Input = String;
    const BATCH: usize = 4;

    fn decode<'a>(&'a self, source: &'a Source) -> Result<Items<'a, String>> {
        let text = String::from_utf8_lossy(&source.read(1000)?).into_owned();
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Ok(Box::new(words.into_iter().map(|word| match word.as_str() {
            "fail" => Err(bootcamp_core::Error::invalid("a word that fails")),
            "panic" => panic!("a word that panics"),
            _ => Ok(Item {
                fields: Fields::from_iter([("label".to_owned(), json!(word))]),
                thumbnail: None,
                span: None,
                input: word,
            }),
        })))
    }

    async fn encode(&self, inputs: Vec<String>) -> Result<Vec<Vector>> {
        assert!(inputs.len() <= Self::BATCH);
        Ok(inputs.iter().map(|word| Vector::F32(crate::testing::vector(word))).collect())
    }
}

fn source(name: &str, text: &str) -> Source {
    let content = Content::Bytes(text.as_bytes().into());
    Source::new(name, content, hex(text.as_bytes()))
}

fn pruning(scope: &str) -> Prune {
    let mut scopes = Scopes::default();
    scopes.add(scope);
    Prune { scopes, allow_empty: true }
}

async fn import(context: &Context, texts: &[(&str, &str)], prune: Option<&str>) -> Report {
    let sources: Vec<_> = texts.iter().map(|(name, text)| Ok(source(name, text))).collect();
    let import = Import { prune: prune.map(pruning), ..Import::new(Box::new(sources.into_iter()), Watch::default()) };
    ingest(context, &solution(context).collection(), Words, import).await.unwrap()
}

/// Every item as `source:word`, sorted.
async fn items(context: &Context) -> Vec<String> {
    let items = items_with(context, "label").await;
    items.iter().map(|(path, word)| format!("{path}:{word}")).collect()
}

/// The path of every item and one of its fields, sorted.
async fn items_with(context: &Context, field: &str) -> Vec<(String, String)> {
    let request = PageRequest { limit: 1000, output: Output::Scalars, ..PageRequest::default() };
    let records: Vec<_> = scan(&*context.store, &context.collection, request).try_collect().await.unwrap();
    let text = |record: &bootcamp_core::Record, name: &str| record.fields[name].as_str().unwrap().to_owned();
    let mut items: Vec<_> = records.iter().map(|record| (text(record, "path"), text(record, field))).collect();
    items.sort();
    items
}

fn counts(report: &Report) -> [u64; 5] {
    [report.added, report.replaced, report.unchanged, report.removed, report.skipped]
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_again_changes_nothing_and_changed_sources_are_replaced_whole() {
    let (_folder, context) = context().await;
    let first = import(&context, &[("/a", "one two three"), ("/b", "four"), ("/c", "")], None).await;
    assert_eq!(counts(&first), [2, 0, 0, 0, 1]);
    assert_eq!(first.skips, [Skip { source: "/c".into(), reason: "it contains no items".into() }]);
    assert_eq!(items(&context).await, ["/a:one", "/a:three", "/a:two", "/b:four"]);
    assert_eq!(counts(&import(&context, &[("/a", "one two three"), ("/b", "four")], None).await), [0, 0, 2, 0, 0]);
    let changed = import(&context, &[("/a", "uno"), ("/b", "four five")], None).await;
    assert_eq!(counts(&changed), [0, 2, 0, 0, 0]);
    assert_eq!(items(&context).await, ["/a:uno", "/b:five", "/b:four"], "items of the old version are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_is_skipped_whole_and_is_tried_again() {
    let (_folder, context) = context().await;
    let report = import(&context, &[("/a", "one two fail"), ("/b", "panic"), ("/c", "three")], None).await;
    assert_eq!(counts(&report), [1, 0, 0, 0, 2]);
    let mut reasons: Vec<_> = report.skips.iter().map(|skip| (skip.source.as_str(), skip.reason.as_str())).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, [("/a", "a word that fails"), ("/b", "the decoder crashed on it: this is a bug")]);
    assert_eq!(items(&context).await, ["/c:three"], "nothing of what was decoded before the fault stays");
    assert_eq!(counts(&import(&context, &[("/a", "one two")], None).await), [1, 0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_a_source_counts_as_a_change() {
    let (_folder, context) = context().await;
    let mut labelled = source("/a", "one");
    for label in ["x", "x", "y"] {
        labelled.fields.insert("note".to_owned(), json!(label));
        let sources: Sources = Box::new(std::iter::once(Ok(labelled.clone())));
        let import = Import::new(sources, Watch::with_ids());
        let report = ingest(&context, &solution(&context).collection(), Words, import).await.unwrap();
        assert_eq!(report.ids, [source_id("/a")]);
    }
    let record = context.store.get(&context.collection, &[source_id("/a")], &Output::Scalars).await.unwrap();
    assert_eq!(record[0].fields["note"], "y");
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_removes_what_is_gone_from_the_places_and_nothing_else() {
    let (_folder, context) = context().await;
    let all = [("/p/a", "a"), ("/p/b", "b c"), ("/pq", "d"), ("/p/x.zip!/e", "e"), ("/other", "f")];
    import(&context, &all, None).await;
    let report = import(&context, &[("/p/a", "a")], Some("/p")).await;
    assert_eq!(counts(&report), [0, 0, 1, 3, 0]);
    assert_eq!(items(&context).await, ["/other:f", "/p/a:a", "/pq:d"]);
    // What cannot be read any more is not gone.
    import(&context, &[("/p/a", "a"), ("/p/b", "b")], None).await;
    let broken: Sources = Box::new([Err(Skip { source: "/p/b".into(), reason: "x".into() })].into_iter());
    let import = Import { prune: Some(pruning("/p")), ..Import::new(broken, Watch::default()) };
    ingest(&context, &solution(&context).collection(), Words, import).await.unwrap();
    assert_eq!(items(&context).await, ["/other:f", "/p/b:b", "/pq:d"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_is_clean_and_the_next_import_goes_on() {
    let (_folder, context) = context().await;
    let watch = Watch::default();
    let stopping = watch.clone();
    let names: Vec<String> = (0..500).map(|n| format!("/{n:03}")).collect();
    let endless = names.clone().into_iter().enumerate().map(move |(at, name)| {
        if at == 200 {
            stopping.cancel();
        }
        Ok(source(&name, "word"))
    });
    let import = Import { prune: Some(pruning("/")), ..Import::new(Box::new(endless), watch) };
    let report = ingest(&context, &solution(&context).collection(), Words, import).await.unwrap();
    assert!(report.interrupted && report.removed == 0 && (100..=264).contains(&report.added), "{report:?}");
    assert_eq!(items(&context).await.len() as u64, report.added, "what was counted is there");
    let texts: Vec<_> = names.iter().map(|name| (name.as_str(), "word")).collect();
    let rest = self::import(&context, &texts, None).await;
    assert_eq!((rest.added, rest.unchanged), (500 - report.added, report.added));
}

/// Memory stays bounded because finding waits for decoding, decoding for encoding, encoding for writing.
#[tokio::test(flavor = "multi_thread")]
async fn steps_wait_for_each_other() {
    struct Slow(Arc<AtomicUsize>, Arc<Mutex<usize>>);
    use std::sync::Arc;
    #[async_trait]
    impl Pipeline for Slow {
        type Input = ();
        const BATCH: usize = 8;
        fn decode<'a>(&'a self, _: &'a Source) -> Result<Items<'a, ()>> {
            let waiting = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            let mut most = self.1.lock().unwrap();
            *most = (*most).max(waiting);
            let fields = Fields::from_iter([("label".to_owned(), json!("x"))]);
            Ok(Box::new(std::iter::once(Ok(Item { fields, thumbnail: None, span: None, input: () }))))
        }
        async fn encode(&self, inputs: Vec<()>) -> Result<Vec<Vector>> {
            tokio::time::sleep(Duration::from_millis(2)).await;
            self.0.fetch_sub(inputs.len(), Ordering::SeqCst);
            Ok(inputs.iter().map(|()| Vector::F32(crate::testing::vector("x"))).collect())
        }
    }
    let (_folder, context) = context().await;
    let (waiting, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(0)));
    let sources = (0..2000).map(|n| Ok(source(&format!("/{n}"), "x")));
    let import = Import::new(Box::new(sources), Watch::default());
    let pipeline = Slow(Arc::clone(&waiting), Arc::clone(&most));
    let report = ingest(&context, &solution(&context).collection(), pipeline, import).await.unwrap();
    assert_eq!(report.added, 2000);
    let cores = std::thread::available_parallelism().unwrap().get();
    // The queue, two batches at the model and one on its way there, and one in each decoder's hand.
    let most = *most.lock().unwrap();
    assert!(most <= 8 * 2 + 8 * 3 + cores, "{most} items were in the pipeline at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_of_another_program_is_left_alone() {
    let (_folder, context) = context().await;
    let other = bootcamp_core::CollectionSpec::new(&context.collection, IdKind::Int).vector(VectorField::f32(
        &context.field,
        4,
        context.metric,
    ));
    context.store.create(&other).await.unwrap();
    let import = Import::new(Box::new(std::iter::empty()), Watch::default());
    let error = ingest(&context, &solution(&context).collection(), Words, import).await.unwrap_err();
    assert!(error.to_string().contains(&format!("was not created by {}", PROGRAM.facts.name)), "{error}");
}

#[test]
fn ids_are_stable_and_of_names_and_parts() {
    // hashlib.sha256(b"/a\0" + bytes(8)).hexdigest()[:20]
    assert_eq!(source_id("/a"), Id::from("d7e5b96a5fdf76adb278"));
    assert!(source_id("/a") != part_id("/a", "v", 1) && part_id("/a", "v", 1) != part_id("/a", "w", 1));
}

/// An error of the model or the store is the answer, and nothing waits for a step that has ended.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_middle_ends_all_steps() {
    struct Failing(AtomicUsize);
    #[async_trait]
    impl Pipeline for Failing {
        type Input = ();
        const BATCH: usize = 4;
        fn decode<'a>(&'a self, _: &'a Source) -> Result<Items<'a, ()>> {
            Ok(Box::new(std::iter::once(Ok(Item { fields: Fields::new(), thumbnail: None, span: None, input: () }))))
        }
        async fn encode(&self, inputs: Vec<()>) -> Result<Vec<Vector>> {
            if self.0.fetch_add(1, Ordering::SeqCst) == 5 {
                return Err(bootcamp_core::Error::new(bootcamp_core::ErrorKind::Unavailable, "the model is gone"));
            }
            Ok(inputs.iter().map(|()| Vector::F32(crate::testing::vector("x"))).collect())
        }
    }
    let (_folder, context) = context().await;
    let sources = (0..100_000).map(|n| Ok(source(&format!("/{n}"), "x")));
    let import = Import { prune: Some(pruning("/")), ..Import::new(Box::new(sources), Watch::default()) };
    let collection = solution(&context).collection();
    let error = ingest(&context, &collection, Failing(AtomicUsize::new(0)), import).await.unwrap_err();
    assert_eq!(error.to_string(), "the model is gone");
    // A vector that does not fit is refused by the store.
    struct Wrong;
    #[async_trait]
    impl Pipeline for Wrong {
        type Input = ();
        fn decode<'a>(&'a self, _: &'a Source) -> Result<Items<'a, ()>> {
            Ok(Box::new(std::iter::once(Ok(Item { fields: Fields::new(), thumbnail: None, span: None, input: () }))))
        }
        async fn encode(&self, inputs: Vec<()>) -> Result<Vec<Vector>> {
            Ok(inputs.iter().map(|()| Vector::F32(vec![1.0])).collect())
        }
    }
    let sources = (0..100_000).map(|n| Ok(source(&format!("/{n}"), "x")));
    let import = Import::new(Box::new(sources), Watch::default());
    let error = ingest(&context, &collection, Wrong, import).await.unwrap_err();
    assert!(error.to_string().contains("dimension"), "{error}");
}
