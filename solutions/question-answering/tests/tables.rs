//! Tables and conversations, as they are found in folders.

use std::io::Write as _;
use std::path::Path;

use bootcamp_kit::source::{Places, Skip, Source};
use bootcamp_kit::{Content, Options};
use question_answering::discover::{Reading, discover, entries, sources};
use question_answering::documents::MAX_BYTES;
use question_answering::entry::Entry;
use serde_json::{Value, json};

/// What a file gives: pairs by the ends of their names, and reasons of what is skipped.
fn found(name: &str, bytes: impl AsRef<[u8]>, reading: &Reading) -> Vec<(String, Result<Entry, String>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let file = Source::file(&path).unwrap();
    let root = format!("{}/", path.parent().unwrap().display());
    let pairs = sources(Box::new(std::iter::once(Ok(file))), reading.clone());
    pairs.map(|found| pair(found, reading)).map(|(name, entry)| (name.replace(&root, ""), entry)).collect()
}

fn pair(found: Result<Source, Skip>, reading: &Reading) -> (String, Result<Entry, String>) {
    match found {
        Ok(source) => {
            let mut entries = entries(&source, reading, MAX_BYTES).unwrap();
            let entry = entries.next().unwrap().unwrap();
            assert!(entries.next().is_none());
            (source.name, Ok(entry))
        }
        Err(skip) => (skip.source, Err(skip.reason)),
    }
}

/// Lines for people: question, answer, and what else there is.
fn told(name: &str, bytes: impl AsRef<[u8]>, reading: &Reading) -> Vec<String> {
    let line = |(name, entry): (String, Result<Entry, String>)| match entry {
        Err(reason) => format!("{name} ! {reason}"),
        Ok(entry) => {
            let mut more = json!(entry);
            let fields = more.as_object_mut().unwrap();
            fields.retain(|name, value| {
                let is_empty = value.is_null() || *value == json!([]) || *value == json!({});
                !is_empty && !matches!(name.as_str(), "question" | "answer")
            });
            format!("{name} {} -> {} {more}", entry.question.as_deref().unwrap_or("-"), entry.answer)
        }
    };
    found(name, bytes, reading).into_iter().map(line).collect()
}

#[test]
fn rows_are_pairs_with_what_else_they_have() {
    let text = "ID;Question;Best Answer;Lang;Tags;votes;Title\n\
                7;How?;So.;EN-us;a, b,a;3;T\n\
                8;Why?;\"Because;\nof that\";klingon;;4.5;\n";
    let expected = [
        r#"a.csv:2 How? -> So. {"extra":{"ID":7,"votes":3},"language":"en","tags":["a","b"],"title":"T"}"#,
        "a.csv:3 Why? -> Because;\nof that {\"extra\":{\"ID\":8,\"Lang\":\"klingon\",\"votes\":4.5}}",
    ];
    assert_eq!(told("a.csv", text, &Reading::default()), expected);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    let expected = expected.map(|line| line.replace("a.csv", "a.csv.gz"));
    assert_eq!(told("a.csv.gz", packed.finish().unwrap(), &Reading::default()), expected);
    let names = Reading { names_only: true, ..Reading::default() };
    assert_eq!(found("a.tsv", "q\ta\nx\ty\n", &names)[0].0, "a.tsv:2");
}

#[test]
fn columns_are_found_or_named() {
    for (header, expected) in [
        ("prompt,response", Ok("x -> y")),
        ("title,answer", Ok("x -> y")),
        ("q,text", Ok("x -> y")),
        ("title,text", Ok("- -> y")),
        ("passage", Ok("- -> x")),
        (
            "question,votes",
            Err(
                "there is no column with answers or passages; the columns are: question, votes (name it with --answer-column)",
            ),
        ),
        (
            "alpha,beta",
            Err(
                "there is no column with answers or passages; the columns are: alpha, beta (name it with --answer-column)",
            ),
        ),
    ] {
        let cells = if header.contains(',') { "x,y" } else { "x" };
        let line = told("a.csv", format!("{header}\n{cells}\n"), &Reading::default()).remove(0);
        let rest = match expected {
            Ok(pair) => line.strip_prefix("a.csv:2 ").unwrap().starts_with(pair),
            Err(reason) => line == format!("a.csv ! {reason}"),
        };
        assert!(rest, "{header}: {line}");
    }
    let named = |question: &str, answer: &str| Reading {
        question: Some(question.to_owned()),
        answer: Some(answer.to_owned()),
        ..Reading::default()
    };
    let text = "frage,antwort,answer\nx,y,z\n";
    assert_eq!(told("a.csv", text, &named("Frage", "antwort")), [r#"a.csv:2 x -> y {"extra":{"answer":"z"}}"#]);
    assert_eq!(
        told("a.csv", text, &named("fragen", "antwort")),
        [
            "a.csv ! there is no column 'fragen'; the columns are: frage, antwort, answer (name another with --question-column)"
        ]
    );
}

#[test]
fn json_lines_of_known_datasets() {
    let beir = r#"{"_id": "d1", "title": "Cells", "text": "Cells divide.", "metadata": {"url": "http://x"}}"#;
    assert_eq!(
        told("corpus.jsonl", beir, &Reading::default()),
        [r#"corpus.jsonl:1 - -> Cells divide. {"extra":{"_id":"d1","metadata":{"url":"http://x"}},"title":"Cells"}"#]
    );
    let squad = r#"{"id": "1", "title": "Rome", "context": "In Rome.", "question": "Where?", "answers": {"text": ["Rome", "in Rome"], "answer_start": [3, 0]}}"#;
    let entry = found("squad.jsonl", squad, &Reading::default()).remove(0).1.unwrap();
    assert_eq!(
        (entry.question.as_deref(), &*entry.answer, entry.title.as_deref()),
        (Some("Where?"), "Rome", Some("Rome"))
    );
    assert_eq!(entry.extra["context"], "In Rome.");
    let several = "{\"question\": \"Who?\", \"answer\": [\"A\", \"B\"], \"tags\": [\"x\", 1]}\n{\"answer\": \"C\"}\n[1]\n{\"question\": null, \"answer\": \"D\"}";
    let lines = told("nq.ndjson", several, &Reading::default());
    assert_eq!(lines[0], r#"nq.ndjson:1 Who? -> A {"extra":{"answer":["A","B"]},"tags":["x","1"]}"#);
    assert_eq!(lines[1], "nq.ndjson:2 ! the row has no question, but others have one");
    assert!(lines[2].starts_with("nq.ndjson:3 ! the line is not a JSON object"));
    assert_eq!(lines[3], "nq.ndjson:4 ! the row has no question");
}

#[test]
fn a_bad_row_costs_no_other() {
    let long = "x".repeat(60_001);
    let wide = format!("{{\"question\": \"a?\", \"answer\": \"b\", \"more\": \"{}\"}}", "y".repeat(70_000));
    let text = format!(
        "question,answer\nSame?,one\nSame?,two\nragged\n,no question\nno answer?,\n?!,mark\nlong?,{long}\nnul?,a\0b\nsmile?,:)\n"
    );
    let lines = told("a.csv", text, &Reading::default());
    let limit =
        "the answer is 60001 bytes; the limit is 60000 (import a long text as a document: it is cut into passages)";
    assert_eq!(
        lines,
        [
            "a.csv:2 Same? -> one {}",
            "a.csv:3 Same? -> two {}",
            "a.csv:4 ! the row has 1 cells, but the header has 2",
            "a.csv:5 ! the row has no question",
            "a.csv:6 ! the row has no answer",
            "a.csv:7 ! the question has no letter or digit",
            &format!("a.csv:8 ! {limit}"),
            "a.csv:9 nul? -> a b {}",
            "a.csv:10 smile? -> :) {}",
        ]
    );
    assert_eq!(
        told("a.jsonl", wide, &Reading::default()),
        ["a.jsonl:1 ! its other columns are larger than 65536 bytes"]
    );
    let huge = format!("question,answer\na?,{}\nb?,c\n", "z".repeat(20 << 20));
    let lines = told("a.csv", huge, &Reading::default());
    assert_eq!(lines, ["a.csv:2 ! the line is longer than 1048576 bytes", "a.csv:3 b? -> c {}"]);
    for (empty, reason) in [("", "the table is empty, without a header"), ("question,answer\n", "")] {
        let lines = told("a.csv", empty, &Reading::default());
        assert!(if reason.is_empty() { lines.is_empty() } else { lines == [format!("a.csv ! {reason}")] }, "{lines:?}");
    }
}

#[test]
fn tables_in_other_encodings() {
    let table = "question,answer\nGröße?,5 €\n";
    let wide: Vec<u8> = std::iter::once(0xfeff).chain(table.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(told("a.csv", wide, &Reading::default()), ["a.csv:2 Größe? -> 5 € {}"]);
    assert_eq!(
        told("a.csv", b"question,answer\nGr\xf6\xdfe?,5 \x80\n", &Reading::default()),
        ["a.csv:2 Größe? -> 5 € {}"]
    );
    let named = Reading { encoding: Some("windows-1251".to_owned()), ..Reading::default() };
    assert_eq!(told("a.csv", b"question,answer\n\xc2\xee\xef\xf0\xee\xf1,1\n", &named), ["a.csv:2 Вопрос -> 1 {}"]);
}

#[test]
fn a_pair_keeps_its_version_until_it_changes() {
    let versions = |text: &str| -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), text).unwrap();
        let places = Places::new(vec![folder.path().to_owned()]);
        discover(&places).unwrap().map(|found| found.unwrap().version).collect()
    };
    let (before, after) = (versions("question,answer\na,b\nc,d\n"), versions("question,answer\na,b\nc,e\n"));
    assert_eq!(before[0], after[0]);
    assert_ne!(before[1], after[1]);
    // A document's passages depend on how it is read.
    let document = |reading: Reading| {
        let once = |source| Box::new(std::iter::once(source));
        let source = sources(once(Ok(Source::new("a.md", Content::from(b"a".to_vec()), "7"))), reading.clone());
        let source = source.map(Result::unwrap).next().unwrap();
        assert_eq!(sources(once(Ok(source.clone())), reading).next().unwrap().unwrap().version, source.version);
        source.version
    };
    assert_eq!(document(Reading::default()), "7");
    assert_eq!(document(Reading { passage_chars: 500, ..Reading::default() }), "7-500");
}

const CORPUS: &str = "categories:\n- AI\n- small talk\nconversations:\n- - What is AI?\n  - A branch of science.\n\
                      - - Hi\n  - Hello: you\n- - One?\n  - No\n  - 007\n  - \"4\"\n- - alone\n- text\n- [a1, b2, c3]\n";

#[test]
fn conversations_are_pairs_of_statements() {
    let lines = told("german/ai.yml", CORPUS, &Reading::default());
    let about = r#"{"language":"de","tags":["AI","small talk"]}"#;
    assert_eq!(
        lines,
        [
            &*format!("ai.yml:5 What is AI? -> A branch of science. {about}"),
            "ai.yml:7 ! the answer in line 8 is no text (put it in quotes if it has a colon)",
            &*format!("ai.yml:9 One? -> No {about}"),
            &*format!("ai.yml:10 No -> 007 {about}"),
            &*format!("ai.yml:11 007 -> 4 {about}"),
            "ai.yml:13 ! the conversation has no answer",
            "ai.yml:14 ! the conversation is no list of a question and its answers (begin it with '- -')",
            &*format!("ai.yml:15 a1 -> b2 {about}"),
            &*format!("ai.yml:15:2 b2 -> c3 {about}"),
        ]
    );
    let broken = told("ai.yml", "conversations:\n- - a\n  - \"b\n", &Reading::default());
    assert!(broken[0].starts_with("ai.yml ! it is no YAML of conversations: line "), "{broken:?}");
    assert_eq!(told("ai.yml", "conversations: 5", &Reading::default()).len(), 1);
    let bomb = format!("conversations: {}", "[".repeat(100_000));
    assert!(told("ai.yml", bomb, &Reading::default())[0].contains("it is no YAML"));
}

#[test]
fn folders_give_what_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("a.csv", "question,answer\nx,y\n");
    write("b.md", "# Guide");
    write("english/ai.yml", CORPUS);
    write("mkdocs.yml", "site_name: x\n");
    write("dump.sql.gz", "x");
    write("picture.png", "x");
    let places = Places::new(vec![folder.path().to_owned()]);
    let all = || discover(&places).unwrap();
    let name = |found: Result<Source, Skip>| {
        let name = found.map_or_else(|skip| skip.source, |source| source.name);
        Path::new(&name).file_name().unwrap().to_string_lossy().into_owned()
    };
    let names: Vec<String> = all().map(name).collect();
    assert_eq!((&*names[0], &*names[1], names.len()), ("a.csv:2", "b.md", 11));
    let passed_over = format!("{:?}", places.notes);
    assert!([".yml\": 1", ".gz\": 1", ".png\": 1"].iter().all(|kind| passed_over.contains(kind)), "{passed_over}");
    let again: Vec<_> = sources(all(), Reading::default()).map(name).collect();
    assert_eq!(again, names, "sources stay what they are");
    // Who names a file learns why it is none.
    for (name, reason) in [("mkdocs.yml", "there are no 'conversations'"), ("picture.png", "it is neither a table nor")]
    {
        let places = Places::new(vec![folder.path().join(name)]);
        let skip = discover(&places).unwrap().next().unwrap().unwrap_err();
        assert!(skip.reason.starts_with(reason), "{}", skip.reason);
    }
}

#[test]
fn options_say_how_to_read() {
    let reading = Reading::of(&Options::default());
    assert_eq!((reading.passage_chars, reading.question, reading.encoding), (1000, None, None));
    assert_eq!(Value::from(reading.passage_chars), 1000);
}
