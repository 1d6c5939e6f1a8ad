use std::collections::BTreeSet;

use super::*;
use crate::ingest::source_id;
use crate::source::Content;
use crate::testing::context_of;

fn source(name: &str, text: &str) -> Source {
    let content = Content::Bytes(text.as_bytes().into());
    Source::new(name, content, text)
}

async fn import(toy: &Toy, sources: Vec<Source>, watch: Watch) -> Report {
    let sources = Box::new(sources.into_iter().map(Ok));
    toy.import(Import::new(sources, watch)).await.unwrap()
}

#[tokio::test]
async fn several_vectors_are_one_call_and_a_word_counts_beside_its_letters() {
    let (_folder, context) = context_of(&TOY).await;
    let toy = Toy(context);
    import(&toy, vec![source("/a", "abba xyz"), source("/b", "baba zyx")], Watch::default()).await;
    let found = async |words: &str, per_source: Option<usize>| {
        let query = SearchQuery { per_source, ..SearchQuery::like(Subject::Words(words.to_owned()), 2) };
        let hits = toy.search(&query).await.unwrap().hits;
        hits.iter().map(|hit| hit.fields["word"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let of_two: BTreeSet<_> = found("abab yxz", Some(1)).await.into_iter().collect();
    assert_eq!(of_two, ["abba", "baba", "xyz", "zyx"].map(str::to_owned).into(), "two of each vector");
    // By letters alone both are equally near; the word itself decides.
    assert_eq!(found("baba", None).await[0], "baba");
    assert_eq!(found("abba", None).await[0], "abba");
}

#[tokio::test]
async fn whoever_stops_an_import_does_not_wait_for_the_end_of_a_source() {
    let (_folder, context) = context_of(&TOY).await;
    let toy = Toy(context);
    import(&toy, vec![source("/whole", "abba")], Watch::default()).await;
    // Stopped while the source is being read: it never ends by itself.
    let stop = Watch::default();
    let import = Import::new(Box::new(std::iter::once(Ok(source("/endless", "x")))), stop.clone());
    let (context, spec) = (toy.0.clone(), toy.collection());
    let running = tokio::spawn(async move { ingest(&context, &spec, Endless, import).await.unwrap() });
    while stop.snapshot().items == 0 {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    let report = running.await.unwrap();
    assert!(report.interrupted && report.added == 0 && report.skipped == 0, "{report:?}");
    assert_eq!(toy.0.store.count("toy", None).await.unwrap(), 1, "nothing of it is left");
    assert!(stored(&toy.0, &source_id("/whole"), &Output::ids()).await.is_ok());
}

/// A film without an end.
struct Endless;

#[async_trait]
impl Pipeline for Endless {
    type Input = ();
    const BATCH: usize = 8;

    fn decode<'a>(&'a self, _: &'a Source) -> Result<Items<'a, ()>> {
        Ok(Box::new(std::iter::repeat_with(|| {
            let fields = Fields::from_iter([("word".to_owned(), json!("a"))]);
            Ok(Item { fields, thumbnail: None, span: None, input: () })
        })))
    }

    async fn encode(&self, inputs: Vec<()>) -> Result<Vec<Vector>> {
        Ok(inputs.iter().map(|()| vector("a").into()).collect())
    }
}

#[test]
fn spans_read_as_clocks_show_them() {
    let text = |start, end| Span { start, end }.to_string();
    assert_eq!(text(62.5, 67.0), "1:02.5–1:07.0");
    assert_eq!(text(0.0, 59.96), "0:00.0–1:00.0");
    assert_eq!(text(3599.96, 7261.25), "1:00:00.0–2:01:01.3");
}
