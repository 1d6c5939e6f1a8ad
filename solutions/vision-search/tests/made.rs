//! Datasets and embeddings that tests make, and what a query over them must give by brute force.

use std::path::Path;

use bootcamp_testkit::program::Home;
use bootcamp_testkit::truth::Random;
use image::{Rgb, RgbImage};
use npyz::WriterBuilder;
use serde_json::{Value, json};

pub const SAMPLES: usize = 40;
pub const DIM: usize = 8;

/// A dataset `birds` of small pictures with a box or two each, every second tagged `train`, the others `test`.
pub fn birds() -> Home {
    let home = crate::home();
    write_birds(&home.path().join("birds"));
    home.json(&["dataset", "import", "birds", "--name", "birds"]);
    tag(&home, "train", |at| at % 2 == 0);
    tag(&home, "test", |at| at % 2 == 1);
    home
}

fn tag(home: &Home, tag: &str, wanted: impl Fn(usize) -> bool) {
    let ids = ids(home, None);
    let chosen: Vec<&str> = ids.iter().enumerate().filter(|(at, _)| wanted(*at)).map(|(_, id)| id.as_str()).collect();
    let list = home.path().join("chosen.txt");
    std::fs::write(&list, chosen.join("\n")).unwrap();
    let list = list.to_str().unwrap();
    let changed = home.json(&["tag", "birds", "--add", tag, "--ids-from", list]);
    assert_eq!(changed["changed"], chosen.len());
}

fn write_birds(folder: &Path) {
    std::fs::create_dir_all(folder.join("data")).unwrap();
    let mut labels = serde_json::Map::new();
    for n in 0..SAMPLES {
        let shade = u8::try_from(n * 5).unwrap();
        RgbImage::from_pixel(32, 24, Rgb([shade, 90, 200 - shade]))
            .save(folder.join(format!("data/bird-{n:02}.png")))
            .unwrap();
        let mut boxes = vec![json!({"label": 0, "bounding_box": [0.1, 0.2, 0.5, 0.5]})];
        if n % 4 == 0 {
            boxes.push(json!({"label": 1, "bounding_box": [0.6, 0.6, 0.3, 0.3]}));
        }
        labels.insert(format!("bird-{n:02}"), boxes.into());
    }
    let all = json!({"classes": ["swan", "owl"], "labels": labels});
    std::fs::write(folder.join("labels.json"), all.to_string()).unwrap();
}

/// The ids of samples, or of patches, in the order in which embeddings are given.
pub fn ids(home: &Home, patches: Option<&str>) -> Vec<String> {
    let mut arguments = vec!["samples", "birds", "--ids"];
    arguments.extend(patches.iter().flat_map(|field| ["--patches", field]));
    let ids = home.json(&arguments);
    ids.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// Embeddings of different lengths, so that no two metrics have the same order.
pub fn vectors(count: usize) -> Vec<Vec<f32>> {
    let mut random = Random::new(11);
    (0..count).map(|n| random.floats(DIM).into_iter().map(|x| x * (1.0 + n as f32 / 20.0)).collect()).collect()
}

pub fn write_npy(path: &Path, vectors: &[Vec<f32>]) {
    let shape = [vectors.len() as u64, vectors.first().map_or(DIM, Vec::len) as u64];
    let file = std::fs::File::create(path).unwrap();
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(file).begin_nd().unwrap();
    writer.extend(vectors.iter().flatten().copied()).unwrap();
    writer.finish().unwrap();
}

/// The distance of two vectors as it is documented: smaller is nearer.
pub fn distance(metric: &str, a: &[f32], b: &[f32]) -> f64 {
    let sum =
        |of: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| of(f64::from(*a), f64::from(*b))).sum::<f64>();
    let product = sum(&|a, b| a * b);
    match metric {
        "dotproduct" => -product,
        "cosine" => 1.0 - product / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt(),
        _ => sum(&|a, b| (a - b) * (a - b)).sqrt(),
    }
}

/// Ids with their distances to a query, nearest first.
pub fn ranking(metric: &str, query: &[f32], ids: &[String], vectors: &[Vec<f32>]) -> Vec<(String, f64)> {
    let scored = ids.iter().zip(vectors).map(|(id, vector)| (id.clone(), distance(metric, query, vector)));
    let mut ranking: Vec<_> = scored.collect();
    ranking.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    ranking
}

/// Fails unless the hits are these, with these distances.
#[track_caller]
pub fn assert_hits(body: &Value, expected: &[(String, f64)]) {
    let hits = body["hits"].as_array().unwrap();
    let found: Vec<&str> = hits.iter().map(|hit| hit["id"].as_str().unwrap()).collect();
    assert_eq!(found, expected.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), "{body}");
    for (hit, (id, distance)) in hits.iter().zip(expected) {
        let found = hit["distance"].as_f64().unwrap();
        assert!((found - distance).abs() < 1e-4 * distance.abs().max(1.0), "{id}: {found} instead of {distance}");
    }
}
