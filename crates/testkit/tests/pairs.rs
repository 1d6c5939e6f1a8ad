//! Models that score pairs of texts, against onnxruntime and tokenizers, one pair at a time.

use bootcamp_core::ErrorKind;
use bootcamp_core::encoder::{MAX_TEXT, Pair, PairEncoder};
use bootcamp_testkit::reference;
use serde_json::json;

use super::encoders::open;

/// A cross-encoder with random weights, in the shape of ms-marco-MiniLM.
fn manifest(sigmoid: bool) -> String {
    format!(
        r#"
[models.judge]
summary = "random weights"
licence = "none"

[models.judge.pair]
file = {{ source = "file:{}" }}
tokenizer = {{ source = "file:{}" }}
inputs = {{ ids = "input_ids", mask = "attention_mask", types = "token_type_ids" }}
max_tokens = 128
output = {{ tensor = "logits", sigmoid = {sigmoid} }}
"#,
        reference::models().join("pairs.onnx").display(),
        reference::models().join("pairs-tokenizer.json").display()
    )
}

/// Questions with answers of all lengths, some too long for the model.
fn texts() -> Vec<(String, String)> {
    let sentences = reference::sentences(80);
    let mut texts: Vec<_> = sentences.chunks(2).map(|two| (two[0].clone(), two[1].clone())).collect();
    for repeats in [20, 40, 60] {
        texts.push((sentences[3].clone(), sentences[repeats].repeat(repeats)));
    }
    texts
}

fn prepared(pairs: &PairEncoder, texts: &[(String, String)]) -> Vec<Pair> {
    texts.iter().map(|(query, passage)| pairs.prepare(query, passage).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn scores_equal_their_reference() {
    let encoder = tokio::task::spawn_blocking(|| open(&manifest(false), "judge").unwrap()).await.unwrap();
    let pairs = encoder.pairs().unwrap().clone();
    let texts = texts();
    let prepared = prepared(&pairs, &texts);
    let cut = prepared.iter().filter(|pair| pair.truncated()).count();
    assert!((2..30).contains(&cut), "{cut} of {}", prepared.len());
    assert!(prepared.iter().all(|pair| pair.len() <= 128));
    let ours = pairs.score(prepared).await.unwrap();
    let theirs = reference::vectors(
        &json!({
            "pairs": texts, "model": reference::models().join("pairs.onnx"), "tensor": "logits",
            "tokenizer": reference::models().join("pairs-tokenizer.json"),
            "text": {
                "inputs": {"ids": "input_ids", "mask": "attention_mask", "types": "token_type_ids"}, "max_tokens": 128,
            },
        }),
        1,
    );
    let worst = ours.iter().zip(&theirs).map(|(ours, theirs)| (ours - theirs[0]).abs()).fold(0.0, f32::max);
    let (least, most) = (ours.iter().copied().fold(9.0, f32::min), ours.iter().copied().fold(-9.0, f32::max));
    println!("{} pairs from {least} to {most}, worst difference {worst}", ours.len());
    assert!(ours.len() == theirs.len() && worst < 1e-4 && most - least > 0.5, "{worst}");
}

#[test]
fn the_logistic_function_keeps_the_order() {
    let texts = texts();
    let scores = |sigmoid: bool| {
        let encoder = open(&manifest(sigmoid), "judge").unwrap();
        let pairs = encoder.pairs().unwrap();
        pairs.score_blocking(prepared(pairs, &texts)).unwrap()
    };
    for (logit, score) in scores(false).into_iter().zip(scores(true)) {
        assert!((score - 1.0 / (1.0 + (-logit).exp())).abs() < 1e-6 && (0.0..=1.0).contains(&score));
    }
}

#[test]
fn odd_pairs_are_cut_or_told_apart() {
    let encoder = open(&manifest(false), "judge").unwrap();
    let pairs = encoder.pairs().unwrap();
    let long = "word ".repeat(1000);
    let ids = |query: &str, passage: &str| pairs.prepare(query, passage).unwrap().ids().to_vec();
    // Of two that are too long, each has half of what three special tokens leave; else the query stays whole.
    let both = ids(&long, &long);
    let end = both[127];
    assert_eq!((both.len(), both.iter().position(|id| *id == end)), (128, Some(63)));
    assert_eq!(ids(&long, "a").len(), 128);
    let whole = ids("a word", "b");
    let begun = whole.iter().position(|id| *id == end).unwrap() + 1;
    assert_eq!(ids("a word", &long)[..begun], whole[..begun]);
    for (query, passage, message) in [("", "a", "the query is empty"), ("a", " \n", "the passage is empty")] {
        let error = pairs.prepare(query, passage).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidInput, message));
    }
    let error = pairs.prepare("a", &"x".repeat(MAX_TEXT + 1)).unwrap_err();
    assert!(error.to_string().starts_with("the passage is 1048577 bytes"), "{error}");
    assert_eq!(pairs.score_blocking(Vec::new()).unwrap(), [0.0; 0]);
}

#[test]
fn models_of_pairs_and_of_vectors_are_told_apart() {
    let encoder = open(&manifest(false), "judge").unwrap();
    for error in [encoder.text().unwrap_err(), encoder.pictures().unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().starts_with("model judge takes pairs of texts to score, not "), "{error}");
    }
    let error = open("", "all-minilm-l6-v2").unwrap().pairs().unwrap_err();
    assert_eq!(error.to_string(), "model all-minilm-l6-v2 makes vectors, it does not score pairs of texts");
    let error = open(&manifest(false).replace("max_tokens = 128", "max_tokens = 4"), "judge").unwrap_err();
    assert!(error.to_string().ends_with("max_tokens, 4, leaves no room for two texts"), "{error}");
    let error = open(&manifest(false).replace("\"logits\"", "\"t9\""), "judge").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}
