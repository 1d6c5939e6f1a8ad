//! How long a million samples take. Run with `--release --run-ignored only -- a_million`; prints figures, and fails only
//! where one is far off.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::{Start, View};
use super::birds;
use crate::sample::{Field, Label, LabelKind, Labels, Metadata, ObjectId, Sample};

const CLASSES: [&str; 10] = ["cat", "dog", "swan", "bus", "car", "tree", "boat", "cup", "chair", "rare"];
const BATCH: usize = 10_000;

/// One of nine frequent classes, or in one of ten thousand the rare one.
fn made(number: usize) -> Sample {
    let mut sample = Sample::new(format!("/pictures/{:03}/{number:07}.jpg", number / 1000));
    sample.metadata = Some(Metadata { width: Some(640), height: Some(480), ..Metadata::default() });
    sample.tags = vec![if number.is_multiple_of(2) { "train" } else { "test" }.to_owned()];
    let class = if number.is_multiple_of(10_000) { "rare" } else { CLASSES[number % 9] };
    let mut label = Label::detection(Label::id_at(sample.id, "objects", 0), class, [0.1, 0.2, 0.31, 0.47]);
    label.confidence = Some((number * 7919 % 1000) as f64 / 1000.0);
    let labels = Labels { kind: LabelKind::Detections, labels: vec![label] };
    sample.fields.insert("objects".to_owned(), Field::Labels(labels));
    sample.fields.insert("number".to_owned(), Field::Value(json!(number)));
    sample
}

#[test]
#[ignore = "takes minutes"]
fn a_million() {
    let samples: usize = std::env::var("LIBRARY_TEST_SAMPLES").map_or(1_000_000, |samples| samples.parse().unwrap());
    let (home, _library, dataset) = birds();
    let mut writing = Duration::ZERO;
    for first in (0..samples).step_by(BATCH) {
        let batch: Vec<_> = (first..(first + BATCH).min(samples)).map(made).collect();
        let begun = Instant::now();
        dataset.add(batch).unwrap();
        writing += begun.elapsed();
    }
    println!("add: {:.0} samples/s", samples as f64 / writing.as_secs_f64());
    let bytes: u64 = std::fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!("on disk: {} MB; memory at most: {}", bytes >> 20, memory());
    let timed = |what: &str, limit: u64, run: &dyn Fn() -> usize| {
        let begun = Instant::now();
        let found = run();
        println!("{what}: {found} in {:.0?}", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_secs(limit), "{what} took {:?}", begun.elapsed());
        found
    };
    let page = |view: View| dataset.page(&view, Start::At(0), 50).unwrap().len();
    timed("page, no condition", 1, &|| page(View::new()));
    timed("page, a class of one in nine", 2, &|| page(View::new().labels("objects", "label == 'cat'")));
    timed("page, any label", 4, &|| page(View::new().labels("objects", "confidence >= 0")));
    let confident = "label == 'cat' and confidence > 0.5";
    timed("page, a class and a confidence", 2, &|| page(View::new().labels("objects", confident)));
    timed("page, a rare class", 2, &|| page(View::new().labels("objects", "label == 'rare'")));
    timed("page, a value", 4, &|| page(View::new().filter("number > 999000")));
    timed("page, sorted by a value", 8, &|| page(View::new().sort_descending("number")));
    let train = View::new().tag("train");
    let ids = dataset.ids(&View::new().filter(format!("number < {}", samples / 2))).unwrap();
    timed("ids of half, by a value", 4, &|| {
        dataset.ids(&View::new().filter(format!("number < {}", samples / 2))).unwrap().len()
    });
    timed("ids of half, by a tag", 8, &|| dataset.ids(&train).unwrap().len());
    timed("ids of half, by their ids", 8, &|| dataset.ids(&View::of(ids.iter().copied())).unwrap().len());
    timed("ids of all", 4, &|| dataset.ids(&View::new()).unwrap().len());
    timed("count of half, by their ids", 8, &|| dataset.count(&View::of(ids.iter().copied())).unwrap() as usize);
    timed("page of patches, a class", 2, &|| {
        dataset.patches(&View::new().labels("objects", "label == 'cat'"), "objects", Start::At(0), 50).unwrap().len()
    });
    timed("ids of patches of half", 12, &|| dataset.patch_ids(&train, "objects").unwrap().len());
    timed("counts of labels", 4, &|| dataset.value_counts("objects").unwrap().len());
    timed("contains, 10,000 ids", 2, &|| dataset.contains(&ids[..10_000.min(ids.len())]).unwrap().len());
    timed("info", 8, &|| dataset.info().unwrap().samples as usize);
    let mut seen = 0;
    let begun = Instant::now();
    dataset
        .visit(&View::new(), 1000, |batch| {
            seen += batch.len();
            Ok(())
        })
        .unwrap();
    println!("visit: {:.0} samples/s; memory at most: {}", seen as f64 / begun.elapsed().as_secs_f64(), memory());
    let nobody = ObjectId::of(&["nobody"]);
    assert_eq!(dataset.contains(&[nobody]).unwrap(), [false]);
}

/// The most memory that the process had so far, as Linux says it.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.and_then(|line| line.split_once(':')).map_or_else(String::new, |(_, most)| most.trim().to_owned())
}
