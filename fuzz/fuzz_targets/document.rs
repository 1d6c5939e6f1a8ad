//! Feeds the readers of documents, tables and conversations whatever libFuzzer finds: files come from strangers. The
//! first byte picks the format.
#![no_main]

use bootcamp_kit::Content;
use bootcamp_kit::source::Source;
use libfuzzer_sys::fuzz_target;
use question_answering::discover::{Reading, entries, sources};

const MAX_BYTES: u64 = 1 << 20;
/// PDF is not among them: a panic in its decoder is caught, but would end the fuzzing.
const NAMES: &[&str] = &["a.md", "a.html", "a.txt", "a.docx", "a.csv", "a.tsv", "a.jsonl", "a.yml"];

fuzz_target!(|data: &[u8]| {
    let Some((pick, bytes)) = data.split_first() else { return };
    let name = NAMES[usize::from(*pick) % NAMES.len()];
    let reading = Reading { passage_chars: 100, ..Reading::default() };
    let file = Source::new(name, Content::from(bytes.to_vec()), "");
    for source in sources(Box::new(std::iter::once(Ok(file))), reading.clone()).flatten() {
        let Ok(found) = entries(&source, &reading, MAX_BYTES) else { continue };
        for entry in found.flatten() {
            assert!(entry.check().is_ok(), "{entry:?}");
        }
    }
});
