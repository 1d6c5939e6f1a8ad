//! Grouped searches: at most so many hits of each value, as when many frames belong to one video.

use std::collections::BTreeMap;

use bootcamp_core::{Id, IdKind, Metric, Record, ScalarField, SearchRequest, Vector, VectorField};
use serde_json::{Value, json};

use super::Scene;
use super::check;
use super::scene::{Checked, ensure, equal, filter};
use super::search::hard;
use crate::truth::{Random, ranking};

/// Frames of videos: `video` the string, `number` and `even` in other types, null for some.
fn frames(count: usize, videos: u64) -> Vec<Record> {
    let mut random = Random::new(4);
    let vectors = random.clustered(count, 8);
    let frame = |(at, vector): (usize, Vec<f32>)| {
        let video = random.below(videos);
        let record =
            Record::new(at as i64).vector("v", vector).field("number", video).field("even", video.is_multiple_of(2));
        if video == 0 { record } else { record.field("video", format!("video {video}")) }
    };
    vectors.into_iter().enumerate().map(frame).collect()
}

/// A collection of frames; returns its name.
async fn filled(scene: &Scene<'_>, records: &[Record]) -> Checked<String> {
    let spec = scene
        .spec(IdKind::Int)
        .vector(VectorField::f32("v", 8, Metric::Cosine))
        .scalar(ScalarField::string("video").nullable())
        .scalar(ScalarField::int("number"))
        .scalar(ScalarField::bool("even"));
    scene.filled(&spec, records).await?;
    Ok(spec.name)
}

/// The best groups by their best hit, with at most `size` hits each, best first.
fn grouped(ranking: &[(Id, f64)], records: &[Record], field: &str, k: usize, size: usize) -> Vec<(Id, f64)> {
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    let mut hits = Vec::new();
    for (id, score) in ranking {
        let record = records.iter().find(|record| record.id.as_ref() == Some(id));
        let group = record.and_then(|record| record.fields.get(field)).unwrap_or(&Value::Null).to_string();
        if sizes.len() >= k && !sizes.contains_key(&group) {
            continue;
        }
        let taken = sizes.entry(group).or_default();
        if *taken < size {
            *taken += 1;
            hits.push((id.clone(), *score));
        }
    }
    hits
}

async fn search(scene: &Scene<'_>, name: &str, records: &[Record], field: &str, k: usize, size: usize) -> Checked {
    for query in Random::new(5).clustered(5, 8) {
        let request = hard(SearchRequest::new("v", query.clone(), k).group_by(field, size));
        let hits = scene.store.search(name, &request).await?;
        let ranking = ranking(Metric::Cosine, records, "v", &Vector::F32(query));
        let expected = grouped(&ranking, records, field, k, size);
        check::exact(&hits[0], &expected, expected.len())
            .map_err(|f| f.at(format_args!("{k} groups of {size} by {field}")))?;
    }
    Ok(())
}

pub(super) async fn best_of_each(scene: &Scene<'_>) -> Checked {
    let records: Vec<_> = frames(600, 40).into_iter().filter(|r| r.fields.contains_key("video")).collect();
    let name = filled(scene, &records).await?;
    search(scene, &name, &records, "video", 10, 1).await?;
    search(scene, &name, &records, "video", 1, 1).await
}

pub(super) async fn several_of_each(scene: &Scene<'_>) -> Checked {
    let records: Vec<_> = frames(600, 40).into_iter().filter(|r| r.fields.contains_key("video")).collect();
    let name = filled(scene, &records).await?;
    search(scene, &name, &records, "video", 8, 3).await?;
    search(scene, &name, &records, "video", 3, 10).await
}

pub(super) async fn nulls_are_one_group(scene: &Scene<'_>) -> Checked {
    let records = frames(300, 4);
    let name = filled(scene, &records).await?;
    search(scene, &name, &records, "video", 10, 1).await?;
    search(scene, &name, &records, "video", 10, 2).await
}

pub(super) async fn by_int_and_bool(scene: &Scene<'_>) -> Checked {
    let records = frames(300, 20);
    let name = filled(scene, &records).await?;
    search(scene, &name, &records, "number", 10, 1).await?;
    search(scene, &name, &records, "even", 2, 2).await
}

pub(super) async fn with_filter(scene: &Scene<'_>) -> Checked {
    let mut records = frames(600, 40);
    let name = filled(scene, &records).await?;
    let query = Random::new(6).floats(8);
    let request = hard(SearchRequest::new("v", query.clone(), 7).group_by("number", 2)).filter(filter("even == true")?);
    let hits = scene.store.search(&name, &request).await?;
    records.retain(|record| record.fields["even"] == json!(true));
    let ranking = ranking(Metric::Cosine, &records, "v", &Vector::F32(query));
    let expected = grouped(&ranking, &records, "number", 7, 2);
    check::exact(&hits[0], &expected, expected.len())
}

pub(super) async fn fewer_groups_than_asked(scene: &Scene<'_>) -> Checked {
    let records = frames(200, 3);
    let name = filled(scene, &records).await?;
    search(scene, &name, &records, "number", 50, 1).await?;
    // Groups that never fill up.
    search(scene, &name, &records, "number", 3, 100).await
}

/// Fewer groups than asked for, as values that are hard to say, and among few of the records.
pub(super) async fn few_groups_of_odd_values(scene: &Scene<'_>) -> Checked {
    let mut records = frames(300, 12);
    for record in &mut records {
        let number = record.fields["number"].as_u64().unwrap_or_default();
        let names = ["", "it's", "\"quoted\"", "back\\slash", "é\n"];
        match names.get(number as usize) {
            Some(name) => record.fields.insert("video".to_owned(), json!(name)),
            None => record.fields.remove("video"),
        };
    }
    let name = filled(scene, &records).await?;
    search(scene, &name, &records, "video", 10, 1).await?;
    search(scene, &name, &records, "video", 10, 3).await?;
    search(scene, &name, &records, "even", 10, 1).await?;
    let query = Random::new(7).floats(8);
    for (text, k) in [("number < 3", 10), ("number > 7", 3), ("number == 4 or number == 6", 5)] {
        let request = hard(SearchRequest::new("v", query.clone(), k).group_by("video", 1)).filter(filter(text)?);
        let hits = scene.store.search(&name, &request).await?;
        let is_in = |record: &Record| {
            let number = record.fields["number"].as_u64().unwrap_or_default();
            match text {
                "number < 3" => number < 3,
                "number > 7" => number > 7,
                _ => number == 4 || number == 6,
            }
        };
        let passing: Vec<Record> = records.iter().filter(|record| is_in(record)).cloned().collect();
        let ranking = ranking(Metric::Cosine, &passing, "v", &Vector::F32(query.clone()));
        let expected = grouped(&ranking, &passing, "video", k, 1);
        check::exact(&hits[0], &expected, expected.len()).map_err(|f| f.at(text))?;
    }
    Ok(())
}

/// One video has nearly all frames and all of the nearest ones: the others must still be found.
pub(super) async fn of_very_uneven_sizes(scene: &Scene<'_>) -> Checked {
    let frame = |id: i64, x: f32, video: &str, number: i64| {
        let mut vector = vec![0.0; 8];
        (vector[0], vector[1]) = (1.0, x);
        Record::new(id).vector("v", vector).field("video", video).field("number", number).field("even", false)
    };
    let mut records: Vec<_> = (0..1500).map(|id| frame(id, id as f32 * 1e-5, "long", 0)).collect();
    records.extend((1..5).map(|n| frame(1500 + n, n as f32, &format!("short {n}"), n)));
    let name = filled(scene, &records).await?;
    let mut query = vec![0.0; 8];
    query[0] = 1.0;
    let request = hard(SearchRequest::new("v", query, 5).group_by("video", 1));
    let hits = scene.store.search(&name, &request).await?;
    equal("hits", hits[0].len(), 5)?;
    let videos: Vec<_> = hits[0].iter().filter_map(|hit| hit.fields["video"].as_str()).collect();
    ensure!(videos == ["long", "short 1", "short 2", "short 3", "short 4"], "videos are {videos:?}");
    Ok(())
}
