//! The store held against a model in memory, and what it does when it is misused, shared or stopped in the middle.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{ErrorKind, Filter, ScalarKind};

fn documents() -> (tempfile::TempDir, Documents) {
    let folder = tempfile::tempdir().unwrap();
    let documents = Documents::at(folder.path().join("deep/er/documents.sqlite3"));
    (folder, documents)
}

fn score() -> Path {
    Path::of(&["score"])
}

/// Sets `pictures` and, owned by it, `labels` with an index on names and scores.
fn create(documents: &Documents) {
    let create = |writing: &Writing<'_>| {
        writing.create("pictures", &SetSpec::default())?;
        let indexes = vec![vec![Path::of(&["name"]), score()]];
        writing.create("labels", &SetSpec { owner: Some("pictures".to_owned()), indexes })
    };
    documents.write(create).unwrap();
}

fn fields(of: &str) -> Fields {
    let field = |name: &str, kind| DocumentField::new(name, kind, Path::of(&[name]));
    let text = ScalarKind::String { max_len: 100 };
    let other = ["missing", "name"].map(|key| Path::of(&[key])).to_vec();
    Fields::new(
        of,
        vec![
            field("name", text),
            field("score", ScalarKind::Float),
            field("tags", ScalarKind::Json),
            DocumentField { name: "other".to_owned(), kind: text, source: Source::Paths(other) },
            field("good", ScalarKind::Bool),
        ],
    )
}

/// A document of the model: its body, its owner, and whether it has a blob.
#[derive(Clone, Debug)]
struct Modelled {
    body: Value,
    owner: Option<String>,
    blob: bool,
}

type Model = BTreeMap<String, Modelled>;

/// Something that can be asked of both.
#[derive(Clone, Debug)]
enum Question {
    Filter(usize),
    Ids(Vec<String>),
    ScoreExists(bool),
    Tags(Vec<String>),
    Blob(bool),
    Owns(usize),
}

type Check = fn(&Value) -> bool;

/// Filters beside what they mean.
const FILTERS: [(&str, Check); 7] = [
    ("name == 'b'", |body| body["name"] == "b"),
    ("score > 2", |body| body["score"].as_f64().is_some_and(|score| score > 2.0)),
    ("not (score > 2)", |body| body["score"].as_f64().is_some_and(|score| score <= 2.0)),
    ("score is null or name in ['a', 'b']", |body| {
        body["score"].is_null() || body["name"] == "a" || body["name"] == "b"
    }),
    ("json_contains(tags, 'x\"y')", |body| body["tags"].as_array().is_some_and(|tags| tags.contains(&json!("x\"y")))),
    ("other == 'c' and good", |body| body["name"] == "c" && body["good"] == true),
    ("name == 'b' and score >= 1.5", |body| body["name"] == "b" && body["score"].as_f64().is_some_and(|s| s >= 1.5)),
];

impl Question {
    fn holds(&self, id: &str, document: &Modelled, labels: &Model) -> bool {
        match self {
            Self::Filter(at) => FILTERS[*at].1(&document.body),
            Self::Ids(ids) => ids.iter().any(|other| other == id),
            Self::ScoreExists(wanted) => document.body["score"].is_null() != *wanted,
            Self::Tags(tags) => {
                let has = document.body["tags"].as_array();
                has.is_some_and(|has| tags.iter().any(|tag| has.contains(&json!(tag))))
            }
            Self::Blob(wanted) => document.blob == *wanted,
            Self::Owns(at) => {
                labels.values().any(|label| label.owner.as_deref() == Some(id) && FILTERS[*at].1(&label.body))
            }
        }
    }
}

fn ids() -> impl Strategy<Value = String> {
    "[a-f]"
}

fn bodies() -> impl Strategy<Value = Value> {
    let score = prop_oneof![
        Just(Value::Null),
        (0..8_u8).prop_map(|score| json!(f64::from(score) / 2.0)),
        (0..4_u8).prop_map(|score| json!(score))
    ];
    let tags = proptest::collection::vec(proptest::sample::select(vec!["x\"y", "z", "'; --"]), 0..3);
    (proptest::sample::select(vec!["a", "b", "c", "ä'\"\\"]), score, tags, any::<bool>())
        .prop_map(|(name, score, tags, good)| json!({"name": name, "score": score, "tags": tags, "good": good}))
}

fn questions() -> impl Strategy<Value = Vec<Question>> {
    let filter = || 0..FILTERS.len();
    let tags = proptest::sample::subsequence(vec!["x\"y".to_owned(), "z".to_owned(), "'; --".to_owned()], 0..3);
    let question = prop_oneof![
        filter().prop_map(Question::Filter),
        proptest::collection::vec(ids(), 0..4).prop_map(Question::Ids),
        any::<bool>().prop_map(Question::ScoreExists),
        tags.prop_map(Question::Tags),
        any::<bool>().prop_map(Question::Blob),
        filter().prop_map(Question::Owns),
    ];
    proptest::collection::vec(question, 0..3)
}

#[derive(Clone, Debug)]
enum Edit {
    Picture(String, Value),
    Label(String, String, Value),
    Blob(String, bool),
    Delete(String),
    DeleteSelected(Vec<Question>),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        4 => (ids(), bodies()).prop_map(|(id, body)| Edit::Picture(id, body)),
        6 => ("[0-9]", ids(), bodies()).prop_map(|(id, owner, body)| Edit::Label(id, owner, body)),
        2 => (ids(), any::<bool>()).prop_map(|(id, put)| Edit::Blob(id, put)),
        1 => ids().prop_map(Edit::Delete),
        1 => questions().prop_map(Edit::DeleteSelected),
    ];
    proptest::collection::vec(edit, 0..40)
}

fn matching<'a>(asked: &[Question], fields: &'a Fields, filters: &'a [Filter], labels: &Set) -> Matching<'a> {
    let mut matching = Matching::new(fields);
    for question in asked {
        matching = match question {
            Question::Filter(at) => matching.filter(&filters[*at]),
            Question::Ids(ids) => matching.and(Condition::ids(ids)),
            Question::ScoreExists(true) => matching.and(Condition::Exists(score())),
            Question::ScoreExists(false) => matching.and(!Condition::Exists(score())),
            Question::Tags(tags) => matching.and(Condition::AnyOf(Path::of(&["tags"]), tags.clone())),
            Question::Blob(true) => matching.and(Condition::Blob("bytes".to_owned())),
            Question::Blob(false) => matching.and(Condition::Any(vec![!Condition::Blob("bytes".to_owned())])),
            Question::Owns(at) => {
                matching.and(Condition::Owns(labels.clone(), Matching::new(fields).filter(&filters[*at])))
            }
        };
    }
    matching
}

/// Does the same to the store and the model.
fn apply(writing: &Writing<'_>, edit: &Edit, model: &mut (Model, Model), fields: &Fields, filters: &[Filter]) {
    let (pictures, labels) = (writing.set("pictures").unwrap(), writing.set("labels").unwrap());
    match edit {
        Edit::Picture(id, body) => {
            writing.put(&pictures, &Document::new(id, body.to_string())).unwrap();
            let blob = model.0.get(id).is_some_and(|before| before.blob);
            model.0.insert(id.clone(), Modelled { body: body.clone(), owner: None, blob });
        }
        Edit::Label(id, owner, body) => {
            let written = writing.put(&labels, &Document::owned(id, owner, body.to_string()));
            let other = model.1.get(id).is_some_and(|before| before.owner.as_ref() != Some(owner));
            match written {
                Ok(()) => {
                    assert!(!other && model.0.contains_key(owner));
                    let label = Modelled { body: body.clone(), owner: Some(owner.clone()), blob: false };
                    model.1.insert(id.clone(), label);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => assert!(!model.0.contains_key(owner)),
                Err(error) => assert!(other && error.kind() == ErrorKind::AlreadyExists, "{error}"),
            }
        }
        Edit::Blob(id, put) => {
            let found = writing.put_blob(&pictures, id, "bytes", put.then_some(b"\0x".as_slice())).unwrap();
            assert_eq!(found, model.0.contains_key(id));
            if let Some(picture) = model.0.get_mut(id) {
                picture.blob = *put;
            }
        }
        Edit::Delete(id) => {
            assert_eq!(writing.delete(&pictures, id).unwrap(), model.0.remove(id).is_some());
            model.1.retain(|_, label| label.owner.as_ref() != Some(id));
        }
        Edit::DeleteSelected(asked) => {
            let select = Select::new(matching(asked, fields, filters, &labels));
            let deleted = writing.delete_selected(&pictures, &select).unwrap();
            let labels = model.1.clone();
            let before = model.0.len();
            model.0.retain(|id, picture| !asked.iter().all(|question| question.holds(id, picture, &labels)));
            assert_eq!(deleted as usize, before - model.0.len());
            model.1.retain(|_, label| model.0.contains_key(label.owner.as_ref().unwrap()));
        }
    }
}

/// What the model has of pictures, in the order asked.
fn expected(asked: &[Question], order: &Order, (pictures, labels): &(Model, Model)) -> Vec<String> {
    let holds = |(id, picture): &(&String, &Modelled)| asked.iter().all(|question| question.holds(id, picture, labels));
    let mut found: Vec<_> = pictures.iter().filter(holds).collect();
    if let Order::By { descending, .. } = order {
        found.sort_by(|(_, a), (_, b)| match [a, b].map(|picture| picture.body["score"].as_f64()) {
            [Some(a), Some(b)] if *descending => b.total_cmp(&a),
            [Some(a), Some(b)] => a.total_cmp(&b),
            [a, b] => a.is_none().cmp(&b.is_none()),
        });
    }
    found.into_iter().map(|(id, _)| id.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn documents_are_those_of_the_model(
        edits in edits(), asked in questions(), skip in 0..4_u64, take in proptest::option::of(0..4_u64),
        order in proptest::sample::select(vec![
            Order::Id,
            Order::By { paths: vec![score()], descending: false },
            Order::By { paths: vec![Path::of(&["no"]), score()], descending: true },
        ]),
    ) {
        let (_folder, documents) = documents();
        create(&documents);
        let fields = fields("pictures");
        let filters = FILTERS.map(|(text, _)| text.parse::<Filter>().unwrap());
        let mut model = (Model::new(), Model::new());
        documents.write(|writing| {
            edits.iter().for_each(|edit| apply(writing, edit, &mut model, &fields, &filters));
            Ok(())
        }).unwrap();
        documents.read(|reading| {
            let (pictures, labels) = (reading.set("pictures")?, reading.set("labels")?);
            let mut select = Select { order: order.clone(), ..Select::new(matching(&asked, &fields, &filters, &labels)) };
            let all = expected(&asked, &order, &model);
            assert_eq!(reading.count(&pictures, &select)?, all.len() as u64);
            check_pages(reading, &pictures, &select, &all)?;
            (select.skip, select.take) = (skip, take);
            let part: Vec<_> = all.iter().skip(skip as usize).take(take.map_or(99, |take| take as usize)).collect();
            let found = reading.select(&pictures, &select)?;
            assert_eq!(found.iter().map(|document| &document.id).collect::<Vec<_>>(), part);
            assert_eq!(reading.count(&pictures, &select)?, part.len() as u64);
            for document in found {
                let body: Value = serde_json::from_str(&document.body).unwrap();
                assert_eq!(body, model.0[&document.id].body);
            }
            // What pictures own, from the other side.
            let owners = Matching::default().and(Condition::Owner(pictures.clone(), select.matching.clone()));
            let mut owned = Vec::new();
            reading.visit(&labels, &Select::new(owners), |id, _| { owned.push(id.to_owned()); Ok(()) })?;
            let of = |(_, label): &(&String, &Modelled)| all.contains(label.owner.as_ref().unwrap());
            assert_eq!(owned, model.1.iter().filter(of).map(|(id, _)| id.clone()).collect::<Vec<_>>());
            Ok(())
        }).unwrap();
    }
}

/// Pages of two, each after the last one's end, are all there is.
fn check_pages(reading: &Reading<'_>, set: &Set, select: &Select<'_>, all: &[String]) -> Result<()> {
    let mut paged: Vec<String> = Vec::new();
    loop {
        let page = Select { after: paged.last().cloned(), take: Some(2), ..select.clone() };
        let found = reading.select(set, &page)?;
        if found.is_empty() {
            assert_eq!(paged, all);
            return Ok(());
        }
        paged.extend(found.into_iter().map(|document| document.id));
    }
}

#[test]
fn values_are_counted() {
    let (_folder, documents) = documents();
    create(&documents);
    let counted = documents.write(|writing| {
        let (pictures, labels) = (writing.set("pictures")?, writing.set("labels")?);
        for (id, body) in [
            ("a", json!({"name": "null", "tags": ["x", "y"], "good": true})),
            ("b", json!({"name": null, "tags": ["x"], "good": 1})),
            ("c", json!({"name": "null", "tags": [null]})),
        ] {
            writing.put(&pictures, &Document::new(id, body.to_string()))?;
            writing.put(&labels, &Document::owned(id, "a", body.to_string()))?;
        }
        let all = Matching::default();
        let count = |set: &Set, key: &str| -> Result<Vec<_>> {
            let groups = writing.groups(set, &all, &Path::of(&[key]))?;
            Ok(groups.into_iter().map(|group| (group.value, group.count)).collect())
        };
        Ok([count(&pictures, "name")?, count(&labels, "name")?, count(&pictures, "tags")?, count(&pictures, "good")?])
    });
    let names = vec![(json!("null"), 2)];
    let good = vec![(json!(1), 1), (json!(true), 1)];
    let tags = vec![(json!("x"), 2), (json!("y"), 1)];
    assert_eq!(counted.unwrap(), [names.clone(), names, tags, good]);
}

#[test]
fn every_key_leads_to_its_value() {
    let (_folder, documents) = documents();
    let keys = ["a", "a b", "a.b", "ä", "a'b", "a\"b", "a\\b", "a\nb", "$", "[0]", "", "\\u0061"];
    let found = documents.write(|writing| {
        let set = writing.create("a\"';--", &SetSpec::default())?;
        for (at, key) in keys.iter().enumerate() {
            writing.put(&set, &Document::new(at.to_string(), json!({*key: {"in": [at]}}).to_string()))?;
        }
        let find = |key: &&str| {
            let path = Path::of(&[key, "in"]).at(0);
            Ok(writing.groups(&set, &Matching::default(), &path)?.into_iter().map(|group| group.value).collect())
        };
        keys.iter().map(find).collect::<Result<Vec<Vec<Value>>>>()
    });
    let expected: Vec<_> = (0..keys.len()).map(|at| vec![json!(at)]).collect();
    assert_eq!(found.unwrap(), expected);
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_kept() {
    let (folder, documents) = documents();
    assert!(!documents.exists().unwrap());
    assert_eq!(documents.read(|_| Ok(())).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "reading makes nothing");
    create(&documents);
    let error = documents.write(|writing| {
        let set = writing.set("pictures")?;
        writing.put(&set, &Document::new("a", "{}"))?;
        writing.put(&set, &Document::new("b", "{"))
    });
    assert_eq!(error.unwrap_err().to_string(), "the body of document 'b' is not JSON");
    let ask = |filter: &str| {
        let (fields, filter) = (fields("the pictures"), filter.parse::<Filter>()?);
        documents.read(|reading| {
            reading.count(&reading.set("pictures")?, &Select::new(Matching::new(&fields).filter(&filter)))
        })
    };
    assert_eq!(ask("good or name == '\\' or 1 == 1'").unwrap(), 0, "the put before was undone");
    let error = ask("good and scroe > 1").unwrap_err();
    assert_eq!(error.to_string(), "filter: the pictures has no field 'scroe'\n  good and scroe > 1\n           ^");
    assert_eq!(error.hint(), Some("did you mean 'score'?"));
    assert_eq!(ask("name > 1").unwrap_err().kind(), ErrorKind::InvalidInput);
    // A program can build what no text can spell.
    let built = Filter::eq("name\" OR 1 OR \"", "x");
    let fields = Fields::new("x", vec![DocumentField::new("name\" OR 1 OR \"", ScalarKind::Bool, Path::of(&["x"]))]);
    let select = Select::new(Matching::new(&fields).filter(&built));
    let error = documents.read(|reading| reading.count(&reading.set("pictures")?, &select)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn sets_are_copied_and_dropped_with_what_they_own() {
    let (_folder, documents) = documents();
    create(&documents);
    documents
        .write(|writing| {
            let (pictures, labels) = (writing.set("pictures")?, writing.set("labels")?);
            writing.put(&pictures, &Document::new("a", "{}"))?;
            writing.put(&labels, &Document::owned("1", "a", r#"{"name": "b"}"#))?;
            writing.put_blob(&labels, "1", "bytes", Some(b"x"))?;
            let copy = writing.copy(&pictures, "copy", None)?;
            let owned = writing.copy(&labels, "owned copy", Some(&copy))?;
            writing.drop_set(&pictures)?;
            assert!(writing.find_set("labels")?.is_none());
            assert_eq!(writing.owned(&owned, "a")?[0].owner.as_deref(), Some("a"));
            assert_eq!(writing.blob(&owned, "1", "bytes")?, Some(b"x".to_vec()));
            assert!(writing.delete(&copy, "a")?);
            assert_eq!((writing.count(&owned, &Select::default())?, writing.blobs(&owned, "bytes")?), (0, 0));
            Ok(())
        })
        .unwrap();
}

#[test]
fn many_begin_at_once_and_write_in_turn() {
    let (_folder, documents) = documents();
    let path = _folder.path().join("shared.sqlite3");
    drop(documents);
    std::thread::scope(|scope| {
        for writer in 0..6 {
            let path = &path;
            // Each with connections of its own, as another process has.
            scope.spawn(move || {
                let documents = Documents::at(path);
                for round in 0..20 {
                    let write = documents.write(|writing| {
                        let set = match writing.find_set("all")? {
                            Some(set) => set,
                            None => writing.create("all", &SetSpec::default())?,
                        };
                        let before = writing.count(&set, &Select::default())?;
                        writing.put(&set, &Document::new(format!("{writer} {round}"), before.to_string()))
                    });
                    write.unwrap();
                }
            });
        }
    });
    let mut numbers = Vec::new();
    let read = Documents::at(&path).read(|reading| {
        reading.visit(&reading.set("all")?, &Select::default(), |_, body| {
            numbers.push(body.parse::<u64>().unwrap());
            Ok(())
        })
    });
    read.unwrap();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..120).collect::<Vec<_>>(), "each saw what the others had written");
}
