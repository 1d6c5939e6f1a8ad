//! Markdown, HTML and text.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Instant;

use bootcamp_kit::source::{Notes, Places, Source};
use question_answering::discover::{Reading, discover, entries};
use question_answering::documents::MAX_BYTES;

use crate::{passages, reading, refused, told};

#[test]
fn markdown_is_cut_at_its_headings() {
    let text = "\
Before all.

# Guide

First paragraph
on two lines.

Second paragraph.

## Install `now`

- one
  - nested
- two

Setext
------

> quoted

[link]: https://example.com

### Deep

Deep text.

# Other

Last.";
    assert_eq!(
        told("a.md", text, 1000),
        [
            " | Before all.",
            "Guide | First paragraph\non two lines.\n\nSecond paragraph.",
            "Guide > Install now | - one\n  - nested\n- two",
            "Guide > Setext | > quoted\n\n[link]: https://example.com",
            "Guide > Setext > Deep | Deep text.",
            "Other | Last.",
        ]
    );
}

#[test]
fn tables_and_listings_stay_whole() {
    let rows: String = (0..30).map(|row| format!("| row {row} | {} |\n", row * row)).collect();
    let listing: String = (0..30).map(|line| format!("let x{line} = {line};\n\n")).collect();
    let table = format!("| name | square |\n|---|---|\n{rows}");
    let text = format!(
        "# T\nIntro.\n\n{table}\nBetween.\n\n```rust\n{listing}# no heading\n```\n\n1. item\n\n   ```\n   {}\n   ```\n2. last",
        "code ".repeat(50)
    );
    let found = told("a.md", text, 120);
    assert_eq!(found[0], "T | Intro.");
    assert_eq!(found[1], format!("T | {}", table.trim_end()));
    assert_eq!(found[2], "T | Between.");
    assert_eq!(found[3], format!("T | ```rust\n{listing}# no heading\n```"));
    assert!(found[5].contains("   ```\n   code code"), "{found:?}");
    assert!(found[6].ends_with("2. last"), "{found:?}");
    assert_eq!(found.len(), 7);
    // Only what no field holds is cut.
    let huge: String = (0..9000).map(|row| format!("| row {row} | x |\n")).collect();
    let found = told("a.md", format!("| a | b |\n|---|---|\n{huge}"), 1000);
    let all: String = found.iter().map(|text| text.trim_start_matches(" | ")).collect::<Vec<_>>().join("\n");
    assert_eq!(all.lines().count(), 9002);
    assert!(found.len() > 100 && found.iter().all(|passage| passage.len() <= 1003));
}

#[test]
fn front_matter_tells_of_the_document() {
    let notes = Notes::default();
    let reading = Reading { notes: notes.clone(), ..reading(1000) };
    let text = "---\ntitle: The guide\ntags: [a, b]\nlang: de-AT\ndate: 2024-01-02\n---\n# H\ntext\n";
    let (found, _) = passages("a.md", text, &reading);
    let entry = &found[0];
    assert_eq!((entry.title.as_deref(), entry.language.as_deref()), (Some("The guide"), Some("de")));
    assert_eq!((&entry.tags[..], &*entry.answer), (&["a".to_owned(), "b".to_owned()][..], "text"));
    // What is none stays text; what is no YAML is left out.
    assert_eq!(told("a.md", "---\nno end", 1000), [" | ---\nno end"]);
    assert_eq!(told("a.md", "---\n\tnot: [yaml\n---\ntext", 1000), [" | text"]);
}

#[test]
fn html_is_what_its_readers_see() {
    let text = "<!doctype html><html lang=en><head><title>A &amp; B</title><style>p { color: red }</style>
<script>document.write('<p>no</p>')</script></head><body><nav><ul><li>Home<li>More</ul></nav>
<h1>Caf&eacute;</h1><p>One <b>bold</b>, two&nbsp;<i>more</i>.<p>Unclosed <a href=x>link
<ul><li>first<li><p>second</p></ul>
<table><tr><th>k<th>v</tr><tr><td>a|b<td><p>1</p><p>2</p></table>
<pre>fn  main() {
    x();
}</pre>
<h2>Next<br>one</h2><div>Text<div>deeper</div>after</div><script>var x = '</div>';</script><p>end</p>";
    let (found, error) = passages("a.html", text, &reading(1000));
    assert_eq!(error, None);
    assert_eq!((found[0].title.as_deref(), found[0].language.as_deref()), (Some("A & B"), Some("en")));
    let found: Vec<_> =
        found.iter().map(|entry| format!("{} | {}", entry.headings.join(" > "), entry.answer)).collect();
    assert_eq!(
        found,
        [
            "Café | One bold, two more.\n\nUnclosed link\n\n- first\n- second\n\n| k | v |\n| --- | --- |\n| a\\|b | 1 2 |\n\n\
             fn  main() {\n    x();\n}",
            "Café > Next one | Text\n\ndeeper\n\nafter\n\nend",
        ]
    );
}

#[test]
fn layout_tables_are_paragraphs() {
    let text = "<table><tr><td><h1>Top</h1>Intro<td><table><tr><td>a<td>b<tr><td>c<td>d</table></td></tr></table>tail";
    assert_eq!(told("a.htm", text, 1000), ["Top | Intro\n\n| a | b |\n| --- | --- |\n| c | d |\n\ntail"]);
    assert_eq!(told("a.htm", "<table><tr><td>alone</table>", 1000), [" | alone"]);
    let apart = "<table><tr><td>a<td><td>b<tr><td>c<td><td>d<td>e</table>";
    assert_eq!(told("a.htm", apart, 1000), [" | | a | b |\n| --- | --- |\n| c | d | e |"]);
}

#[test]
fn html_of_any_depth_takes_no_more_than_its_length() {
    let started = Instant::now();
    for tag in ["div", "table", "b", "li", "nav", "svg", "pre"] {
        let text = format!("{}text", format!("<{tag}>").repeat(100_000));
        let (found, error) = passages("a.html", text, &reading(1000));
        assert_eq!(found.len(), usize::from(error.is_none()), "{tag}: {error:?}");
    }
    for text in ["<p", "<a href='", "<!--", "&", "&#xffffffff;", "</p></nav>", "<title>", "<script>", "<table><td>"] {
        let _ = passages("a.html", text.repeat(1000), &reading(1000));
    }
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn markdown_of_any_depth_is_read_in_time() {
    let started = Instant::now();
    for mark in
        [">", "> ", "- ", "  - ", "[", "![", "*", "**a", "`", "<a ", "|", "# ", "[a]: <", "1. ", "&", "\\", "~~~\n"]
    {
        let text = format!("{}text", mark.repeat(50_000));
        let (found, error) = passages("a.md", text, &reading(1000));
        assert!(!found.is_empty() || error.is_some(), "{mark}");
        assert!(started.elapsed().as_secs() < 60, "{mark}: {:?}", started.elapsed());
    }
    let tags: String = (0..20_000).map(|tag| format!("{tag},")).collect();
    let (found, error) = passages("a.md", format!("---\ntags: [{}]\n---\ntext", &tags[..60_000]), &reading(1000));
    assert_eq!((found[0].tags.len(), error), (50, None));
}

#[test]
fn an_open_end_is_told() {
    let notes = Notes::default();
    let places = folder(&[("a.html", b"<p>Text</p><nav>all the rest")]);
    let sources = discover(&Places { notes: notes.clone(), ..Places::new(vec![places.path().to_owned()]) }).unwrap();
    let reading = Reading { notes: notes.clone(), ..Reading::default() };
    for source in sources {
        assert_eq!(entries(&source.unwrap(), &reading, MAX_BYTES).unwrap().count(), 1);
    }
    assert!(format!("{notes:?}").contains("what follows a <nav> that is never closed was left out"), "{notes:?}");
}

#[test]
fn text_has_paragraphs_and_underlined_headings() {
    let text = "=====\nTitle\n=====\n\nIntro\ncontinued.\n\nPart\n----\nText - with - hyphens\n---\n\nSub\n~~~\nx1\n\nPart two\n--------\ny2\n";
    assert_eq!(
        told("a.rst", text, 1000),
        [
            "Title | Intro\ncontinued.",
            "Title > Part | Text - with - hyphens\n---",
            "Title > Part > Sub | x1",
            "Title > Part two | y2",
        ]
    );
    assert_eq!(told("a.txt", "a1\r\n\r\nb2\r\rc3", 1000), [" | a1\n\nb2\n\nc3"]);
}

#[test]
fn encodings_are_found_or_named() {
    for bytes in [
        "Größe".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
        "Größe".encode_utf16().flat_map(u16::to_be_bytes).collect(),
    ] {
        let mark: &[u8] = if bytes[0] == b'G' { &[0xff, 0xfe] } else { &[0xfe, 0xff] };
        assert_eq!(told("a.txt", [mark, &bytes].concat(), 1000), [" | Größe"]);
    }
    assert_eq!(told("a.md", b"# \xdcber\nDie Gr\xf6\xdfe \xfcberrascht.", 1000), ["Über | Die Größe überrascht."]);
    let named = Reading { encoding: Some("koi8-r".to_owned()), ..Reading::default() };
    assert_eq!(passages("a.txt", b"\xf7\xcf\xd0\xd2\xcf\xd3", &named).0[0].answer, "Вопрос");
    let declared = b"<meta charset='windows-1251'><p>\xc2\xee\xef\xf0\xee\xf1";
    assert_eq!(told("a.html", declared, 1000), [" | Вопрос"]);
}

#[test]
fn what_has_no_words_is_refused() {
    for (name, bytes) in [
        ("a.txt", &b""[..]),
        ("a.txt", b" \n\n\t"),
        ("a.md", b"*** --- ???"),
        ("a.md", b"# Only a heading"),
        ("a.html", b"<html><script>x</script></html>"),
    ] {
        assert_eq!(refused(name, bytes), "the document has no text", "{name}");
    }
    assert_eq!(refused("a.txt", [0; 5000]), "the file is no text: it is full of zero bytes");
    assert_eq!(told("a.txt", "NUL \0 and \u{1} bytes", 1000), [" | NUL   and   bytes"]);
}

#[test]
fn long_paragraphs_are_cut_between_sentences() {
    let text = "One sentence is here. Another follows it. A third one ends the paragraph.";
    assert_eq!(
        told("a.txt", text, 45),
        [" | One sentence is here. Another follows it.", " | A third one ends the paragraph."]
    );
    // No mark is left alone.
    let exact = format!("{}? Next sentence.", "abcd ".repeat(20).trim_end());
    assert_eq!(told("a.txt", exact, 99)[1], " | abcd? Next sentence.");
    let exact = format!("{}? {}", "abcd ".repeat(20).trim_end(), "x".repeat(98));
    assert_eq!(told("a.txt", exact, 99)[1..], [" | abcd?".to_owned(), format!(" | {}", "x".repeat(98))]);
    let marked = told("a.txt", format!("- {}", "x".repeat(150)), 100);
    assert_eq!(marked, [format!(" | - {}", "x".repeat(98)), format!(" | {}", "x".repeat(52))]);
    // A word and a line that never end neither fill the memory nor take long.
    for text in ["x".repeat(1 << 20), "word ".repeat(200 << 10)] {
        let (found, error) = passages("a.txt", text.as_str(), &reading(15_000));
        assert_eq!(error, None);
        let letters = |text: &str| text.bytes().filter(|byte| *byte != b' ').count();
        assert_eq!(found.iter().map(|entry| letters(&entry.answer)).sum::<usize>(), letters(&text));
    }
}

#[test]
fn a_long_text_is_read_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.txt", "a.md"] {
        let path = folder.path().join(name);
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
        let mut line = String::new();
        for part in 0..200_000 {
            line.clear();
            let _ = write!(line, "## Part {part}\n\nThe {part}th paragraph says a few words and ends here.\n\n");
            file.write_all(line.as_bytes()).unwrap();
        }
        file.flush().unwrap();
        let before = peak();
        let found = entries(&Source::file(&path).unwrap(), &Reading::default(), MAX_BYTES).unwrap();
        // Lines with `##` are text in a text.
        let found: usize = found.map(|entry| entry.unwrap().answer.matches("paragraph").count()).sum();
        assert_eq!(found, 200_000);
        assert!(peak() < before + (8 << 10), "{name}: {} KiB more", peak() - before);
    }
}

/// The most memory that the process has had, in KiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}
