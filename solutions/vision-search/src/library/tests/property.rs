//! Random samples, edits and views: the library answers as the model does.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::super::{Dataset, LabelsLike, Sort, Start, View};
use super::birds;
use super::model::{FILTERS, LABEL_FILTERS, Model};
use crate::sample::{Field, Label, LabelKind, Labels, Metadata, ObjectId, Sample};

fn tags() -> impl Strategy<Value = Vec<String>> {
    subsequence(vec!["train", "test", "a'b"], 0..3).prop_map(|tags| tags.into_iter().map(str::to_owned).collect())
}

fn labels() -> impl Strategy<Value = Label> {
    let quarter = || (0..4_u8).prop_map(|n| f64::from(n) / 4.0);
    let boxes = of([quarter(), quarter(), quarter(), quarter()]);
    let outline = vec(vec([quarter(), quarter()], 0..3), 0..2);
    (select(vec![None, Some("cat"), Some("dog"), Some("")]), of(quarter()), tags(), boxes, outline, of(0..3_i64))
        .prop_map(|(label, confidence, tags, bounding_box, points, n)| {
            let mut made = Label::new(ObjectId::of(&[]), "");
            made.label = label.map(str::to_owned);
            made.attributes = n.map(|n| ("n".to_owned(), json!(n))).into_iter().collect::<Map<_, _>>();
            Label { confidence, tags, bounding_box, points, ..made }
        })
}

fn fields() -> impl Strategy<Value = BTreeMap<String, Field>> {
    let value = |name: &'static str, values: Vec<Value>| {
        of(select(values)).prop_map(move |value| value.map(|value| (name.to_owned(), Field::Value(value))))
    };
    let objects = of((vec(labels(), 0..4), select(vec!["objects", "others"])));
    (
        value("weather", vec![json!("sun"), json!("rain"), json!("")]),
        value("score", vec![json!(1), json!(1.5), json!(2), json!(3)]),
        value("good", vec![json!(true), json!(false)]),
        value("list", vec![json!([]), json!([1, "x"]), json!(["y"])]),
        objects,
    )
        .prop_map(|(weather, score, good, list, objects)| {
            let labels = objects.map(|(labels, field)| {
                (field.to_owned(), Field::Labels(Labels { kind: LabelKind::Detections, labels }))
            });
            [weather, score, good, list, labels].into_iter().flatten().collect()
        })
}

fn samples() -> impl Strategy<Value = Sample> {
    let vector = of(vec(-2.0..2.0_f32, 2));
    (0..8_u8, tags(), of(of((1..4_u32).prop_map(|w| w * 10))), fields(), vector).prop_map(
        |(number, tags, metadata, fields, vector)| {
            let mut sample = Sample::new(format!("/{number}.jpg"));
            sample.metadata = metadata.map(|width| Metadata { width, ..Metadata::default() });
            sample.tags = tags;
            sample.fields = fields;
            for (name, field) in &mut sample.fields {
                let Field::Labels(labels) = field else { continue };
                for (at, label) in labels.labels.iter_mut().enumerate() {
                    label.id = Label::id_at(sample.id, name, at);
                }
            }
            sample.vectors = vector.map(|vector| ("embedding".to_owned(), vector)).into_iter().collect();
            sample
        },
    )
}

fn views(sort: Vec<&'static str>) -> impl Strategy<Value = View> {
    let ids = vec((0..8_u8, of(0..3_usize)), 0..6).prop_map(|ids| {
        let id = |(number, label): (u8, Option<usize>)| {
            let id = Sample::new(format!("/{number}.jpg")).id;
            label.map_or(id, |at| Label::id_at(id, "objects", at))
        };
        ids.into_iter().map(id).collect::<Vec<_>>()
    });
    let names = || {
        let names = vec!["objects", "others", "score", "list", "embedding", "tags", "width"];
        subsequence(names, 0..2).prop_map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    let sort = of((select(sort), any::<bool>()));
    let labels = of((select(vec!["objects", "others"]), 0..LABEL_FILTERS.len()));
    (of(0..FILTERS.len()), labels, of(tags()), names(), of(names()), of(ids), sort, of(0..3_u64), of(0..5_u64))
        .prop_map(|(filter, labels, tags, exists, missing, ids, sort, skip, take)| View {
            filter: filter.map(|at| FILTERS[at].0.to_owned()),
            labels: labels.map(|(field, at)| LabelsLike { field: field.into(), filter: LABEL_FILTERS[at].0.into() }),
            tags: tags.unwrap_or_default(),
            exists,
            missing: missing.unwrap_or_default(),
            ids,
            sort: sort.map(|(by, descending)| Sort { by: by.into(), descending }),
            skip,
            take,
        })
}

#[derive(Clone, Debug)]
enum Edit {
    Add(Vec<Sample>),
    Remove(View),
    Tag(View, bool),
    Score(u8, Option<u8>),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        6 => vec(samples(), 0..6).prop_map(Edit::Add),
        1 => views(vec!["score", "width"]).prop_map(Edit::Remove),
        1 => (views(vec!["score"]), any::<bool>()).prop_map(|(view, tag)| Edit::Tag(view, tag)),
        1 => (0..8_u8, of(0..3_u8)).prop_map(|(number, score)| Edit::Score(number, score)),
    ];
    vec(edit, 1..6)
}

fn apply(dataset: &Dataset, model: &mut Model, edit: &Edit) {
    let ids = |model: &Model, view: &View| model.samples(view).iter().map(|sample| sample.id).collect::<Vec<_>>();
    match edit {
        Edit::Add(samples) => {
            let added = dataset.add(samples.clone()).unwrap();
            let mut expected = (0, 0, 0);
            for sample in samples {
                let mut sample = sample.clone();
                let before = model.samples.get(&sample.id).cloned();
                if let Some(before) = &before {
                    let kept =
                        before.vectors.clone().into_iter().filter(|(name, _)| !sample.vectors.contains_key(name));
                    sample.vectors.extend(kept.collect::<Vec<_>>());
                }
                match &before {
                    None => expected.0 += 1,
                    Some(before) if *before != sample => expected.1 += 1,
                    Some(_) => expected.2 += 1,
                }
                model.samples.insert(sample.id, sample);
            }
            assert_eq!((added.added, added.replaced, added.unchanged), expected);
        }
        Edit::Remove(view) => {
            let gone = ids(model, view);
            assert_eq!(dataset.remove(view).unwrap(), gone.len() as u64);
            model.samples.retain(|id, _| !gone.contains(id));
        }
        Edit::Tag(view, tag) => {
            let mut changed = 0;
            for id in ids(model, view) {
                let tags = &mut model.samples.get_mut(&id).unwrap().tags;
                let before = tags.len();
                tags.retain(|tag| tag != "train");
                match (tag, before == tags.len()) {
                    (true, had_not) => {
                        // A tag that was there stays in its place.
                        if had_not {
                            tags.push("train".to_owned())
                        } else {
                            tags.insert(0, "train".to_owned())
                        }
                        changed += u64::from(had_not);
                    }
                    (false, had_not) => changed += u64::from(!had_not),
                }
            }
            let done = if *tag { dataset.tag(view, "train") } else { dataset.untag(view, "train") };
            assert_eq!(done.unwrap(), changed);
        }
        Edit::Score(number, score) => {
            let id = Sample::new(format!("/{number}.jpg")).id;
            let value = score.map(|score| json!(score));
            let changed = dataset.set_values("score", vec![(id, value.clone())]).unwrap();
            let Some(sample) = model.samples.get_mut(&id) else { return assert_eq!(changed.missing, [id]) };
            match value {
                Some(value) => drop(sample.fields.insert("score".to_owned(), Field::Value(value))),
                None => drop(sample.fields.remove("score")),
            }
        }
    }
}

/// A dataset that has all fields that views may name, and no samples.
fn prepare(dataset: &Dataset) {
    let mut all = Sample::new("/first.jpg");
    let none = || Field::Labels(Labels { kind: LabelKind::Detections, labels: Vec::new() });
    let values = [("weather", json!("x")), ("score", json!(1)), ("good", json!(true)), ("list", json!([]))];
    all.fields = values.into_iter().map(|(name, value)| (name.to_owned(), Field::Value(value))).collect();
    all.fields.extend(["objects", "others"].map(|name| (name.to_owned(), none())));
    all.vectors.insert("embedding".to_owned(), vec![0.0, 1.0]);
    dataset.add(vec![all]).unwrap();
    dataset.remove(&View::new()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn views_are_those_of_the_model(
        edits in edits(),
        views in vec((views(vec!["score", "width"]), views(vec!["confidence"])), 1..8),
        page in (0..4_u64, 1..4_u64),
    ) {
        let (_home, _library, dataset) = birds();
        prepare(&dataset);
        let mut model = Model::default();
        edits.iter().for_each(|edit| apply(&dataset, &mut model, edit));
        for (view, patches) in views {
            check_samples(&dataset, &model, &view, page);
            check_patches(&dataset, &model, &patches, page);
        }
        let info = dataset.info().unwrap();
        prop_assert_eq!(info.samples, model.samples.len() as u64);
        for field in info.fields {
            let has = |sample: &&Sample| {
                sample.fields.contains_key(&field.name) || sample.vectors.contains_key(&field.name)
            };
            prop_assert_eq!(field.samples, model.samples.values().filter(has).count() as u64);
            let labels = model.samples.values().map(|sample| sample.labels(&field.name).len() as u64);
            prop_assert_eq!(field.labels, labels.sum::<u64>());
        }
    }
}

fn check_samples(dataset: &Dataset, model: &Model, view: &View, (offset, limit): (u64, u64)) {
    let expected: Vec<_> = model.samples(view).into_iter().cloned().map(without_vectors).collect();
    let ids: Vec<_> = expected.iter().map(|sample| sample.id).collect();
    assert_eq!(dataset.ids(view).unwrap(), ids, "{view:?}");
    assert_eq!(dataset.count(view).unwrap(), ids.len() as u64);
    let part: Vec<_> = expected.iter().skip(offset as usize).take(limit as usize).cloned().collect();
    assert_eq!(dataset.page(view, Start::At(offset), limit).unwrap(), part);
    if !view.is_limited() {
        let mut paged: Vec<Sample> = dataset.page(view, Start::At(0), limit).unwrap();
        while let Some(last) = paged.last() {
            let more = dataset.page(view, Start::After(last.id), limit).unwrap();
            if more.is_empty() {
                break;
            }
            paged.extend(more);
        }
        assert_eq!(paged, expected);
    }
    let vectors = ids.iter().map(|id| model.samples[id].vectors.get("embedding").cloned()).collect::<Vec<_>>();
    assert_eq!(dataset.vectors("embedding", &ids).unwrap(), vectors);
}

fn check_patches(dataset: &Dataset, model: &Model, view: &View, (offset, limit): (u64, u64)) {
    let expected = model.patches(view);
    let ids: Vec<_> = expected.iter().map(|(_, label)| label.id).collect();
    assert_eq!(dataset.patch_ids(view, "objects").unwrap(), ids, "{view:?}");
    assert_eq!(dataset.patch_count(view, "objects").unwrap(), ids.len() as u64);
    let part = dataset.patches(view, "objects", Start::At(offset), limit).unwrap();
    let part: Vec<_> = part.iter().map(|patch| (patch.sample, &patch.filepath, &patch.label)).collect();
    let expected_part = expected.iter().skip(offset as usize).take(limit as usize);
    assert_eq!(part, expected_part.map(|(sample, label)| (sample.id, &sample.filepath, *label)).collect::<Vec<_>>());
    let mut classes = BTreeMap::<&str, u64>::new();
    expected
        .iter()
        .filter_map(|(_, label)| label.label.as_deref())
        .for_each(|class| *classes.entry(class).or_default() += 1);
    let counts = dataset.label_counts("objects", view).unwrap();
    let counts: BTreeMap<_, _> = counts.iter().map(|count| (count.value.as_str().unwrap(), count.count)).collect();
    assert_eq!(counts, classes);
}

fn without_vectors(mut sample: Sample) -> Sample {
    sample.vectors.clear();
    sample
}
