//! What the program answers on the command line, good and bad input alike.

use std::io::Write;
use std::process::Stdio;

use bootcamp_testkit::program::{Home, MASKS, Run};
use serde_json::{Value, json};

use crate::{home, imported};

macro_rules! snapshot {
    ($home:expr, $name:expr, $run:expr) => {
        let home = $home.path().canonicalize().unwrap().display().to_string();
        let masks = [(home.as_str(), "[home]"), (r"\b[0-9a-f]{20}\b", "[id]")];
        insta::with_settings!({filters => masks.into_iter().chain(MASKS)}, { insta::assert_snapshot!($name, $run.shown()); });
    };
}

fn answers(home: &Home, question: &str, flags: &[&str]) -> Vec<Value> {
    let body = home.json(&[&["ask", question], flags].concat());
    body["answers"]["hits"].as_array().unwrap().clone()
}

#[test]
fn a_first_session() {
    let home = home().with("faq.csv", include_str!("pairs.csv"));
    snapshot!(home, "before", home.run(&["ask", "Anything?"]));
    snapshot!(home, "import", home.run(&["import", "faq.csv", "-q"]));
    snapshot!(home, "import-again", home.run(&["import", "faq.csv", "-q"]));
    snapshot!(home, "ask", home.run(&["ask", "How many days until it arrives?", "-k", "1"]));
    snapshot!(home, "no-good-answer", home.run(&["ask", "What is the capital of Mongolia?"]));
    snapshot!(home, "no-words", home.run(&["ask", "?!"]));
    snapshot!(home, "bad-filter", home.run(&["ask", "money", "--filter", "langage == \"en\""]));
    snapshot!(home, "bad-mode", home.run(&["ask", "money", "--mode", "magic"]));
    snapshot!(home, "not-a-reranker", home.run(&["ask", "money back", "--rerank", "all-minilm-l6-v2"]));
}

#[test]
fn questions_find_their_answers_in_other_words() {
    let home = imported();
    let first = |question: &str| {
        answers(&home, question, &["-k", "1", "--threshold", "0"])[0]["fields"]["answer"].as_str().unwrap().to_owned()
    };
    assert!(first("I forgot my login").contains("Forgot password"));
    assert!(first("Do you accept Visa?").contains("Credit cards"));
    assert!(first("I moved to another street").contains("Settings"));
    let same = answers(&home, "how do I get my money back", &["-k", "3", "--explain"]);
    assert!(same[0]["fields"]["question"] == same[1]["fields"]["question"], "two answers, both kept: {same:?}");
    assert!(same[0]["score"].as_f64().unwrap() >= 1.0 && same[2]["score"].as_f64().unwrap() < 1.0);
    assert!(same[2]["details"]["dense"].is_number(), "{same:?}");
    let long = vec!["money"; 10_000].join(" ");
    assert!(
        answers(&home, &long, &["-k", "1", "--threshold", "0"])[0]["fields"]["question"]
            .as_str()
            .unwrap()
            .contains("money")
    );
}

#[test]
fn answers_are_narrowed_by_what_a_table_says() {
    let home = imported();
    let authors = |filter: &str| -> Vec<Value> {
        answers(&home, "money", &["--filter", filter, "--threshold", "0", "-k", "10"])
            .iter()
            .map(|hit| hit["fields"]["extra"]["author"].clone())
            .collect()
    };
    assert_eq!(authors("extra[\"author\"] == \"Ben\""), vec![json!("Ben"); 3]);
    assert_eq!(authors("json_contains(tags, \"account\")").len(), 2);
    assert_eq!(authors("language == \"de\""), Vec::<Value>::new());
}

#[test]
fn words_alone_and_embeddings_alone_are_modes() {
    let home = imported();
    let found =
        |mode: &str| answers(&home, "refunded cards", &["--mode", mode, "--threshold", "0", "-k", "2", "--explain"]);
    let text = found("text");
    assert_eq!(text[0]["fields"]["answer"], "Gift cards are not refunded.");
    assert!(text[0]["details"].get("dense").is_none() && text[0]["details"]["text"].is_number(), "{text:?}");
    let dense = found("dense");
    assert!(dense[0]["details"].get("text").is_none(), "{dense:?}");
    assert_eq!(dense[0]["score"], dense[0]["details"]["dense"]);
}

#[test]
fn the_same_text_from_two_places_is_one_answer() {
    let home =
        imported().with("copy.csv", "question,answer\nDO you have a shop  in town?,\"no, we sell online only.\"\n");
    assert_eq!(home.run(&["import", "copy.csv", "-q"]).code, Some(0));
    let hits = answers(&home, "Is there a shop?", &["-k", "10", "--threshold", "0"]);
    let online = hits.iter().filter(|hit| hit["fields"]["answer"].as_str().unwrap().contains("online")).count();
    assert_eq!(online, 1);
    // Removing one of them leaves the other.
    std::fs::write(home.path().join("copy.csv"), "question,answer\nWhere are you?,At home.\n").unwrap();
    assert_eq!(home.run(&["import", "copy.csv", "--prune", "-q"]).code, Some(0));
    let hits = answers(&home, "Is there a shop?", &["-k", "10", "--threshold", "0"]);
    assert!(hits.iter().any(|hit| hit["fields"]["answer"] == "No, we sell online only."), "{hits:?}");
}

#[test]
fn what_is_like_an_entry_is_not_the_entry_itself() {
    let home = imported();
    let hit = &answers(&home, "How long does delivery take?", &["-k", "1"])[0];
    let like = home.json(&["search", hit["id"].as_str().unwrap(), "-k", "10"]);
    let like = like["hits"].as_array().unwrap();
    assert_eq!(like.len(), 6, "{like:?}");
    assert!(like.iter().all(|other| other["fields"]["question"] != hit["fields"]["question"]), "{like:?}");
}

#[test]
fn long_answers_and_documents_are_found_by_their_best_part() {
    let filler = "The weather was fine and nothing much happened in the village on that day. ".repeat(60);
    let text =
        format!("# Chronicle\n\n## Spring\n\n{filler}\n\n## The flood\n\nIn März the river Ö rose by 4 metres. 🌊\n");
    let answer = format!(
        "{filler}🌊 The bridge was built by the engineer Amalia Stone out of granite. Building this \
         bridge took four years, and six hundred people worked on the bridge. {filler}"
    );
    let pair = json!({"question": "What happened?", "answer": answer}).to_string();
    let home = home().with("chronicle.md", text).with("long.jsonl", pair);
    assert_eq!(home.run(&["import", "chronicle.md", "long.jsonl", "-q"]).code, Some(0));
    let flood = &answers(&home, "How much did the river rise?", &["-k", "1"])[0]["fields"];
    assert_eq!((&flood["headings"], &flood["question"]), (&json!("Chronicle > The flood"), &Value::Null), "{flood}");
    let bridge = &answers(&home, "Who built the bridge?", &["-k", "1"])[0]["fields"];
    let (from, to) = (bridge["from"].as_u64().unwrap() as usize, bridge["to"].as_u64().unwrap() as usize);
    let part = &bridge["answer"].as_str().unwrap()[from..to];
    assert!(part.contains("The bridge was built") && part.len() < 2000, "{from}..{to}: {part}");
}

#[test]
fn an_edited_document_replaces_its_passages() {
    let home = home().with("a.md", "# One\n\nThe moon is made of rock.\n\n# Two\n\nThe sun is made of gas.\n");
    assert_eq!(home.run(&["import", "a.md", "-q"]).code, Some(0));
    std::fs::write(
        home.path().join("a.md"),
        "# One\n\nThe moon is made of rock.\n\n# Two\n\nThe sun is made of plasma.\n",
    )
    .unwrap();
    assert_eq!(home.run(&["import", "a.md", "-q"]).code, Some(0));
    let hits = answers(&home, "What is the sun made of?", &["-k", "10", "--threshold", "0"]);
    let texts: Vec<_> = hits.iter().map(|hit| hit["fields"]["answer"].as_str().unwrap()).collect();
    assert_eq!(texts, ["The sun is made of plasma.", "The moon is made of rock."]);
}

#[test]
fn a_conversation_goes_on_after_a_question_that_cannot_be_asked() {
    let home = imported();
    let mut chat = home.command(&["chat", "-k", "1"]);
    let mut chat = chat.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    chat.stdin.take().unwrap().write_all("…\n\nHow long does delivery take?\n".as_bytes()).unwrap();
    snapshot!(home, "chat", Run::of(chat.wait_with_output().unwrap()));
}

#[test]
fn rankings_are_measured() {
    let cases = [
        json!({"question": "when does my parcel arrive", "expected": ["How long does delivery take?"]}),
        json!({"question": "What is the capital of Mongolia?"}),
        json!({"question": "Is there a shop where I live?", "expected": ["Do you have a shop in town?"]}),
    ];
    let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
    let home = imported()
        .with("cases.jsonl", lines.join("\n"))
        .with("unknown.jsonl", r#"{"question": "a", "expected": ["b"]}"#);
    let home = home.with("broken.jsonl", "{\"question\": \"a\"}\n{\"qestion\": 1}\n");
    let told = home.json(&["eval", "cases.jsonl", "--threshold", "0.3"]);
    assert_eq!((&told["metrics"]["questions"], &told["metrics"]["mrr@10"]), (&json!(2), &json!(1.0)), "{told}");
    assert_eq!(told["unanswerable"], json!({"asked": 1, "refused": 1}));
    snapshot!(home, "eval", home.run(&["eval", "cases.jsonl", "--threshold", "0.3"]));
    snapshot!(home, "eval-unknown", home.run(&["eval", "unknown.jsonl"]));
    snapshot!(home, "eval-broken", home.run(&["eval", "broken.jsonl"]));
}
