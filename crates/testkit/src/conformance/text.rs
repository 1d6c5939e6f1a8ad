//! Searches by words, ranked by BM25. Scores differ between engines; which documents are found, and that rarer words
//! and denser documents come first, does not.

use bootcamp_core::{Hit, IdKind, Metric, Query, Record, ScalarField, SearchRequest, Selection, VectorField};

use super::Scene;
use super::check::{self, int_ids};
use super::scene::{Checked, ensure, equal, filter};

const TEXTS: [&str; 10] = [
    "How do I reset my password?",
    "Where can I change the language of the program?",
    "The program does not start. What can I do?",
    "password password password",
    "A long text about many things, among them a password, that goes on and on about weather, food and travel.",
    "What does the word \"quokka\" mean?",
    "Größe und Übermut",
    "機械 学習 is machine learning",
    "Is C++ faster than Rust? It's complicated...",
    "LANGUAGE, language; Language!",
];

/// Documents with ids from 0, in a field `text` that is searched by words.
async fn filled(scene: &Scene<'_>, texts: &[&str]) -> Checked<String> {
    let spec = scene
        .spec(IdKind::Int)
        .vector(VectorField::f32("v", 2, Metric::L2))
        .scalar(ScalarField::string("text").full_text().nullable())
        .scalar(ScalarField::int("n"));
    let records: Vec<_> = texts.iter().zip(0_i64..).map(|(text, id)| document(id, text)).collect();
    scene.filled(&spec, &records).await?;
    Ok(spec.name)
}

fn document(id: i64, text: &str) -> Record {
    Record::new(id).vector("v", vec![id as f32, 0.0]).field("text", text).field("n", id)
}

async fn search(scene: &Scene<'_>, name: &str, words: &str) -> Checked<Vec<Hit>> {
    let hits = scene.store.search(name, &SearchRequest::text("text", words, 20)).await?;
    ensure!(hits.len() == 1, "{} lists for one query", hits.len());
    let ordered = hits[0].windows(2).all(|pair| pair[0].score >= pair[1].score);
    ensure!(ordered, "'{words}': hits do not come best first: {hits:?}");
    ensure!(hits[0].iter().all(|hit| hit.score.is_finite()), "'{words}': scores are no numbers: {hits:?}");
    Ok(hits.into_iter().flatten().collect())
}

/// Fails unless the words find these documents, in any order.
async fn finds(scene: &Scene<'_>, name: &str, words: &str, expected: &[i64]) -> Checked {
    let hits = search(scene, name, words).await?;
    equal(format_args!("'{words}'"), check::sorted_ids(&hits), int_ids(expected.iter().copied()))
}

pub(super) async fn rare_word(scene: &Scene<'_>) -> Checked {
    let name = filled(scene, &TEXTS).await?;
    let hits = search(scene, &name, "quokka").await?;
    equal("hits", check::ids(&hits), int_ids([5]))?;
    equal("text", hits[0].fields["text"].as_str(), Some(TEXTS[5]))?;
    ensure!(hits[0].score > 0.0, "the score is {}", hits[0].score);
    Ok(())
}

pub(super) async fn ranking(scene: &Scene<'_>) -> Checked {
    let name = filled(scene, &TEXTS).await?;
    let hits = search(scene, &name, "password").await?;
    equal("denser documents first", check::ids(&hits), int_ids([3, 0, 4]))?;
    let hits = search(scene, &name, "what quokka").await?;
    equal("both words before one", hits.first().map(|hit| hit.id.clone()), Some(check::int(5)))?;
    let request = SearchRequest::text("text", "password", 2);
    let hits = scene.store.search(&name, &request).await?;
    equal("at most k", check::ids(&hits[0]), int_ids([3, 0]))
}

pub(super) async fn any_of_several_words(scene: &Scene<'_>) -> Checked {
    let name = filled(scene, &TEXTS).await?;
    finds(scene, &name, "quokka password", &[0, 3, 4, 5]).await?;
    finds(scene, &name, "quokka zebra", &[5]).await
}

pub(super) async fn no_match(scene: &Scene<'_>) -> Checked {
    let name = filled(scene, &TEXTS).await?;
    finds(scene, &name, "zebra", &[]).await?;
    // Words are whole words.
    finds(scene, &name, "pass", &[]).await?;
    // Nothing in it is a word.
    finds(scene, &name, "?!", &[]).await
}

pub(super) async fn case_and_punctuation(scene: &Scene<'_>) -> Checked {
    let name = filled(scene, &TEXTS).await?;
    finds(scene, &name, "QUOKKA?", &[5]).await?;
    finds(scene, &name, "language", &[1, 9]).await?;
    finds(scene, &name, "(Language)", &[1, 9]).await?;
    finds(scene, &name, "rust!", &[8]).await
}

pub(super) async fn unicode(scene: &Scene<'_>) -> Checked {
    let name = filled(scene, &TEXTS).await?;
    finds(scene, &name, "größe", &[6]).await?;
    finds(scene, &name, "ÜBERMUT", &[6]).await?;
    finds(scene, &name, "ubermut", &[]).await?;
    finds(scene, &name, "機械", &[7]).await
}

pub(super) async fn with_filter(scene: &Scene<'_>) -> Checked {
    let name = filled(scene, &TEXTS).await?;
    let request = SearchRequest::text("text", "password", 20).filter(filter("n < 4")?);
    let hits = scene.store.search(&name, &request).await?;
    equal("hits", check::ids(&hits[0]), int_ids([3, 0]))
}

pub(super) async fn follows_writes(scene: &Scene<'_>) -> Checked {
    let name = filled(scene, &TEXTS).await?;
    scene.store.upsert(&name, &[document(5, "nothing to see"), document(20, "a quokka")]).await?;
    finds(scene, &name, "quokka", &[20]).await?;
    scene.store.delete(&name, &Selection::Ids(int_ids([20, 3]))).await?;
    finds(scene, &name, "quokka", &[]).await?;
    finds(scene, &name, "password", &[0, 4]).await?;
    finds(scene, &name, "nothing", &[5]).await
}

pub(super) async fn nulls_and_empty_texts(scene: &Scene<'_>) -> Checked {
    let name = filled(scene, &["", "word", " "]).await?;
    let silent = Record::new(3).vector("v", vec![3.0, 0.0]).field("n", 3);
    scene.store.upsert(&name, &[silent]).await?;
    finds(scene, &name, "word", &[1]).await?;
    let found = scene.store.get(&name, &int_ids([0, 3]), &bootcamp_core::Output::Scalars).await?;
    equal("text", found[0].fields["text"].as_str(), Some(""))?;
    ensure!(found[1].fields.get("text").is_none_or(serde_json::Value::is_null), "a null text came back as {found:?}");
    Ok(())
}

pub(super) async fn batch_of_queries(scene: &Scene<'_>) -> Checked {
    let name = filled(scene, &TEXTS).await?;
    let queries = ["quokka", "zebra", "language"].map(|words| Query::Text(words.to_owned())).to_vec();
    let hits = scene.store.search(&name, &SearchRequest::batch("text", queries, 20)).await?;
    let found: Vec<_> = hits.iter().map(|hits| check::sorted_ids(hits)).collect();
    equal("hits", found, vec![int_ids([5]), vec![], int_ids([1, 9])])
}

/// What an engine's own query language would take for something else is words like any other.
pub(super) async fn words_of_the_query_language(scene: &Scene<'_>) -> Checked {
    let name = filled(scene, &["cats AND dogs", "NOT a NEAR miss", "text: column", "star*"]).await?;
    finds(scene, &name, "cats NOT dogs", &[0, 1]).await?;
    finds(scene, &name, "\"cats birds\"", &[0]).await?;
    finds(scene, &name, "text:column OR", &[2]).await?;
    finds(scene, &name, "sta*", &[]).await?;
    finds(scene, &name, "NEAR(cats', \"", &[0, 1]).await
}
