//! A dataset as a list in memory, and views read naively.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::View;
use crate::sample::{Field, Label, ObjectId, Sample};

type Holds<T> = fn(&T) -> bool;

/// Filters on samples, beside what they mean.
pub(super) const FILTERS: [(&str, Holds<Sample>); 8] = [
    ("weather == 'sun'", |sample| value(sample, "weather") == json!("sun")),
    ("weather != 'sun'", |sample| value(sample, "weather").as_str().is_some_and(|weather| weather != "sun")),
    ("score > 1 and score <= 2.5", |sample| value(sample, "score").as_f64().is_some_and(|s| s > 1.0 && s <= 2.5)),
    ("width >= 20 or good", |sample| width(sample).is_some_and(|width| width >= 20) || value(sample, "good") == true),
    ("json_contains(tags, 'train')", |sample| sample.tags.iter().any(|tag| tag == "train")),
    ("objects[0]['label'] == 'cat'", |sample| {
        sample.labels("objects").first().is_some_and(|label| label.label.as_deref() == Some("cat"))
    }),
    ("objects is null and score is not null", |sample| {
        sample.labels("objects").is_empty() && !value(sample, "score").is_null()
    }),
    ("filepath like '%3.jpg' and json_contains_any(list, [1, 'x'])", |sample| {
        let list = value(sample, "list");
        let has = |member: Value| list.as_array().is_some_and(|list| list.contains(&member));
        sample.filepath.ends_with("3.jpg") && (has(json!(1)) || has(json!("x")))
    }),
];

/// Filters on labels, beside what they mean.
pub(super) const LABEL_FILTERS: [(&str, Holds<Label>); 5] = [
    ("label == 'cat'", |label| label.label.as_deref() == Some("cat")),
    ("label == 'cat' and confidence > 0.5", |label| {
        label.label.as_deref() == Some("cat") && label.confidence.is_some_and(|confidence| confidence > 0.5)
    }),
    ("confidence is null", |label| label.confidence.is_none()),
    ("area > 0.1 and x < 0.5", |label| label.bounds().is_some_and(|[x, _, w, h]| w * h > 0.1 && x < 0.5)),
    ("json_contains(tags, 'train') or attributes['n'] == 1", |label| {
        label.tags.iter().any(|tag| tag == "train") || label.attributes.get("n") == Some(&json!(1))
    }),
];

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) samples: BTreeMap<ObjectId, Sample>,
}

pub(super) fn value(sample: &Sample, field: &str) -> Value {
    match sample.fields.get(field) {
        Some(Field::Value(value)) => value.clone(),
        _ => Value::Null,
    }
}

fn width(sample: &Sample) -> Option<u32> {
    sample.metadata.as_ref()?.width
}

impl Model {
    /// The samples of a view.
    pub(super) fn samples(&self, view: &View) -> Vec<&Sample> {
        let in_ids = |sample: &&Sample| view.ids.as_ref().is_none_or(|ids| ids.contains(&sample.id));
        let mut found: Vec<_> =
            self.samples.values().filter(|sample| holds(view, sample, None)).filter(in_ids).collect();
        if let Some(sort) = &view.sort {
            let number = |sample: &Sample| match sort.by.as_str() {
                "width" => width(sample).map(f64::from),
                field => value(sample, field).as_f64(),
            };
            sort_by(&mut found, sort.descending, |sample| number(sample));
        }
        limited(found, view)
    }

    /// The labels of `objects` in a view, with their samples.
    pub(super) fn patches(&self, view: &View) -> Vec<(&Sample, &Label)> {
        let like = view
            .labels
            .as_ref()
            .filter(|like| like.field == "objects")
            .map(|like| LABEL_FILTERS.iter().find(|(text, _)| *text == like.filter).expect("an unknown filter").1);
        let labels = |sample| Sample::labels(sample, "objects").iter().map(move |label| (sample, label));
        let in_ids = |(sample, label): &(&Sample, &Label)| {
            view.ids.as_ref().is_none_or(|ids| ids.contains(&sample.id) || ids.contains(&label.id))
        };
        let samples = self.samples.values().filter(|sample| holds(view, sample, Some("objects")));
        let mut found: Vec<_> = samples.flat_map(labels).filter(in_ids).collect();
        found.retain(|(_, label)| like.is_none_or(|holds| holds(label)));
        found.sort_by_key(|(_, label)| label.id);
        if let Some(sort) = &view.sort {
            assert_eq!(sort.by, "confidence");
            sort_by(&mut found, sort.descending, |(_, label)| label.confidence);
        }
        limited(found, view)
    }
}

fn sort_by<T>(found: &mut [T], descending: bool, number: impl Fn(&T) -> Option<f64>) {
    found.sort_by(|a, b| match (number(a), number(b)) {
        (Some(a), Some(b)) if descending => b.total_cmp(&a),
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    });
}

fn limited<T>(found: Vec<T>, view: &View) -> Vec<T> {
    let take = view.take.map_or(usize::MAX, |take| take as usize);
    found.into_iter().skip(view.skip.unwrap_or(0) as usize).take(take).collect()
}

/// Whether a view has a sample, its ids aside. Labels of `patches` are not asked for.
fn holds(view: &View, sample: &Sample, patches: Option<&str>) -> bool {
    let filter = view
        .filter
        .as_ref()
        .is_none_or(|filter| FILTERS.iter().find(|(text, _)| text == filter).expect("an unknown filter").1(sample));
    let like = view.labels.as_ref().filter(|like| Some(like.field.as_str()) != patches).is_none_or(|like| {
        let (_, holds) = LABEL_FILTERS.iter().find(|(text, _)| *text == like.filter).expect("an unknown filter");
        sample.labels(&like.field).iter().any(holds)
    });
    let tags = view.tags.is_empty() || view.tags.iter().any(|tag| sample.tags.contains(tag));
    let has = |field: &String| match field.as_str() {
        "tags" => !sample.tags.is_empty(),
        "width" => width(sample).is_some(),
        field => sample.fields.contains_key(field) || sample.vectors.contains_key(field),
    };
    filter && like && tags && view.exists.iter().all(has) && !view.missing.iter().any(has)
}
