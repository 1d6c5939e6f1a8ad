//! What manifests say of models for text alone: prefixes, and pairs.

use super::tests::{MODEL, message, parse};

const PAIR: &str = r#"
[models.judge]
summary = "mine"
licence = "MIT"

[models.judge.pair]
file = { source = "file:pairs.onnx" }
tokenizer = { source = "file:tokenizer.json" }
inputs = { ids = "input_ids", mask = "attention_mask", types = "token_type_ids" }
max_tokens = 512
output = { tensor = "logits", sigmoid = true }
"#;

fn with(old: &str, new: &str) -> String {
    assert!(PAIR.contains(old), "{old}");
    message(&PAIR.replacen(old, new, 1))
}

#[test]
fn a_model_of_pairs_has_no_vectors() {
    let judge = &parse(PAIR).unwrap().models["judge"];
    assert!(!judge.makes_vectors() && !judge.takes_text());
    assert!(judge.pair.as_ref().unwrap().output.sigmoid);
    let files: Vec<_> = judge.files().map(|(role, file)| format!("{role}: {}", file.source)).collect();
    assert_eq!(files, ["pair: file:folder/pairs.onnx", "pair tokenizer: file:folder/tokenizer.json"]);
    let weights = PAIR.replace("tokenizer =", "weights = { source = \"file:w.bin\" }\ntokenizer =");
    let roles: Vec<_> = parse(&weights).unwrap().models["judge"].files().map(|(role, _)| role).collect();
    assert_eq!(roles, ["pair", "pair weights", "pair tokenizer"]);
    for field in ["dim = 3", "metric = \"L2\""] {
        let name = field.split(' ').next().unwrap();
        assert_eq!(
            with("licence = \"MIT\"", &format!("licence = \"MIT\"\n{field}")),
            format!("models.toml:5: models.judge.{name}: makes sense only beside `picture`, `audio` or `text`")
        );
    }
    let beside = format!("{MODEL}{}", PAIR.split_once("\n\n").unwrap().1.replace("judge", "mine"));
    assert_eq!(parse(&beside).unwrap().models["mine"].files().count(), 5);
}

#[test]
fn a_model_of_vectors_says_how_many_numbers_they_have() {
    for field in ["dim", "metric"] {
        let line = MODEL.lines().find(|line| line.starts_with(field)).unwrap();
        let without = message(&MODEL.replacen(&format!("{line}\n"), "", 1));
        assert_eq!(without, format!("models.toml:2: models.mine: missing field `{field}`"));
    }
}

#[test]
fn mistakes_about_pairs_and_prefixes_are_named_by_line_and_field() {
    assert_eq!(
        with("max_tokens = 512", "max_tokens = 1"),
        "models.toml:10: models.judge.pair.max_tokens: 1 is not within 2 to 32768"
    );
    assert_eq!(with("\"logits\"", "\"\""), "models.toml:11: models.judge.pair.output.tensor: is empty");
    assert_eq!(with("\"input_ids\"", "\"\""), "models.toml:9: models.judge.pair.inputs.ids: is empty");
    let pooled = with("sigmoid = true", "pooling = \"none\"");
    assert!(
        pooled.starts_with("models.toml:11: models.judge.pair.output.pooling: unknown field `pooling`"),
        "{pooled}"
    );
    assert_eq!(
        with("file:pairs.onnx", "hf:a/b@1/c"),
        "models.toml:7: models.judge.pair.file.sha256: is missing; hf:a/b@1/c needs one"
    );
    let prefixes =
        MODEL.replace("max_tokens = 77", "max_tokens = 77\nquery_prefix = \"query: \"\npassage_prefix = \"\"");
    assert_eq!(message(&prefixes), "models.toml:24: models.mine.text.passage_prefix: is empty");
    let text = parse(&prefixes.replace("\"\"", "\"passage: \"")).unwrap().models["mine"].text.clone().unwrap();
    assert_eq!(text.query_prefix.as_deref().zip(text.passage_prefix.as_deref()), Some(("query: ", "passage: ")));
}
