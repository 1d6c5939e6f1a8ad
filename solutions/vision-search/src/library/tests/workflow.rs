//! The ordinary life of a dataset.

use std::path::Path;

use serde_json::json;

use super::super::{Added, Changed, Count, FieldKind, Library, Run, Start, View};
use super::{birds, sample};
use crate::sample::{Field, Label, LabelKind, Labels, Metadata, ObjectId, Sample};

#[test]
fn reading_makes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let library = Library::open(&home.path().join("none"));
    assert_eq!((library.datasets().unwrap(), library.names().unwrap()), (vec![], vec![]));
    assert_eq!(library.get("x").unwrap_err().hint(), Some("there are no datasets yet"));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn samples_come_back_as_they_were_given() {
    let (_home, _library, dataset) = birds();
    let mut given = sample("/a.jpg", Some(json!("sun")), &["cat", "dog"]);
    given.tags = vec!["train".to_owned()];
    given.metadata = Some(Metadata { width: Some(640), ..Metadata::default() });
    let mut outline = Label::new(ObjectId::of(&["outline"]), "roof");
    outline.points = vec![vec![[0.1, 0.2], [0.7, 0.5]]];
    outline.attributes.insert("iscrowd".to_owned(), json!(1));
    outline.confidence = Some(0.1 + 0.2);
    let polylines = Labels { kind: LabelKind::Polylines, labels: vec![outline.clone()] };
    given.fields.insert("outlines".to_owned(), Field::Labels(polylines));
    let none = Labels { kind: LabelKind::Classification, labels: Vec::new() };
    given.fields.insert("class".to_owned(), Field::Labels(none));
    given.fields.insert("numbers".to_owned(), Field::Value(json!([1, 2.5, "x"])));
    given.vectors.insert("embedding".to_owned(), vec![0.1, -2.0]);
    dataset.add(vec![given.clone()]).unwrap();
    assert_eq!(dataset.vectors("embedding", &[given.id]).unwrap(), [Some(vec![0.1, -2.0])]);
    given.vectors.clear();
    assert_eq!(dataset.get(&[ObjectId::of(&["x"]), given.id]).unwrap(), [given.clone()]);
    let found = dataset.get_label(outline.id).unwrap();
    assert_eq!(found, Some((given, "outlines".to_owned(), outline.clone())));
    // The outline's bounds stand in for a box.
    let view = View::new().labels("outlines", "x < 0.2 and width > 0.5 and area > 0.17 and attributes['iscrowd'] == 1");
    assert_eq!(dataset.patch_ids(&view, "outlines").unwrap(), [outline.id]);
}

#[test]
fn adding_again_doubles_nothing_and_loses_no_vectors() {
    let (_home, _library, dataset) = birds();
    let mut first = sample("/a.jpg", Some(json!("sun")), &["cat", "dog"]);
    first.vectors.insert("embedding".to_owned(), vec![1.0, 2.0]);
    let others: Vec<_> = (0..999).map(|at| sample(&format!("/{at}.jpg"), None, &["cat"])).collect();
    let all: Vec<_> = others.into_iter().chain([first]).collect();
    assert_eq!(dataset.add(all.clone()).unwrap(), Added { added: 1000, replaced: 0, unchanged: 0 });
    assert_eq!(dataset.add(all).unwrap(), Added { added: 0, replaced: 0, unchanged: 1000 });
    let [label, other] = [0, 1].map(|at| Label::id_at(Sample::new("/a.jpg").id, "objects", at));
    dataset.set_vectors("patches", vec![(label, vec![3.0]), (other, vec![4.0])]).unwrap();

    // What was read has no vectors; with one label changed and one gone it is added again.
    let mut again = dataset.get(&[Sample::new("/a.jpg").id]).unwrap().remove(0);
    let Some(Field::Labels(labels)) = again.fields.get_mut("objects") else { panic!("no labels") };
    labels.labels.pop();
    labels.labels[0].label = Some("lynx".to_owned());
    assert_eq!(dataset.add(vec![again.clone()]).unwrap(), Added { added: 0, replaced: 1, unchanged: 0 });
    assert_eq!(dataset.get(&[again.id]).unwrap(), [again.clone()]);
    assert_eq!(dataset.vectors("embedding", &[again.id]).unwrap(), [Some(vec![1.0, 2.0])]);
    assert_eq!(dataset.vectors("patches", &[label, other]).unwrap(), [Some(vec![3.0]), None]);
    assert_eq!(dataset.contains(&[again.id, label, other]).unwrap(), [true, true, false]);
    let info = dataset.info().unwrap();
    assert_eq!(info.samples, 1000);
    let shown: Vec<_> = info.fields.iter().map(|field| (field.name.as_str(), field.samples, field.labels)).collect();
    assert_eq!(shown, [("embedding", 1, 0), ("objects", 1000, 1000), ("patches", 0, 1), ("weather", 1, 0)]);
    let json = serde_json::to_value(&info.fields[0]).unwrap();
    assert_eq!(json, json!({"name": "embedding", "kind": "vector", "dim": 2, "samples": 1, "labels": 0}));
}

#[test]
fn values_tags_and_counts() {
    let (_home, _library, dataset) = birds();
    let samples = [("/a", "sun", "cat"), ("/b", "rain", "cat"), ("/c", "sun", "dog")];
    let samples: Vec<_> = samples.map(|(path, weather, class)| sample(path, Some(json!(weather)), &[class])).into();
    let ids: Vec<_> = samples.iter().map(|sample| sample.id).collect();
    let label = samples[0].labels("objects")[0].id;
    dataset.add(samples).unwrap();
    let nobody = ObjectId::of(&["nobody"]);
    let values =
        vec![(ids[0], Some(json!(0.5))), (ids[1], Some(json!(2))), (label, Some(json!(7))), (nobody, Some(json!(1)))];
    assert_eq!(dataset.set_values("dist", values).unwrap(), Changed { changed: 3, missing: vec![nobody] });
    let sorted = dataset.ids(&View::new().sort_descending("dist")).unwrap();
    assert_eq!(sorted, [ids[1], ids[0], ids[2]], "without a value last");
    assert_eq!(dataset.set_values("dist", vec![(ids[1], None)]).unwrap().changed, 1);
    assert_eq!(dataset.ids(&View::new().exists("dist")).unwrap(), [ids[0]]);
    assert_eq!(dataset.get_label(label).unwrap().unwrap().2.attributes["dist"], 7);

    let sunny = View::new().filter("weather == 'sun'");
    assert_eq!(dataset.tag(&sunny, "bright").unwrap(), 2);
    assert_eq!(dataset.tag(&View::new(), "bright").unwrap(), 1, "one did not have it");
    assert_eq!(dataset.untag(&sunny, "bright").unwrap(), 2);
    assert_eq!(dataset.ids(&View::new().tag("bright").tag("other")).unwrap(), [ids[1]]);
    let counts = |counts: Vec<Count>| counts.into_iter().map(|count| (count.value, count.count)).collect::<Vec<_>>();
    assert_eq!(counts(dataset.value_counts("weather").unwrap()), [(json!("sun"), 2), (json!("rain"), 1)]);
    assert_eq!(counts(dataset.value_counts("tags").unwrap()), [(json!("bright"), 1)]);
    assert_eq!(counts(dataset.value_counts("objects").unwrap()), [(json!("cat"), 2), (json!("dog"), 1)]);
    let one_each = counts(dataset.label_counts("objects", &sunny).unwrap());
    assert_eq!(one_each, [(json!("cat"), 1), (json!("dog"), 1)]);
    assert_eq!(dataset.remove(&sunny.take(1)).unwrap(), 1);
    assert_eq!((dataset.count(&View::new()).unwrap(), dataset.patch_count(&View::new(), "objects").unwrap()), (2, 2));
}

#[test]
fn runs_are_kept_apart_from_what_is_not_finished() {
    let (_home, library, dataset) = birds();
    let run = |key: &str| Run {
        key: key.to_owned(),
        kind: "similarity".to_owned(),
        method: "milvus".to_owned(),
        created_at: 5,
        config: json!({"metric": "cosine"}),
    };
    dataset.put_pending(&run("a")).unwrap();
    assert_eq!((dataset.runs().unwrap(), dataset.all_pending().unwrap()), (vec![], vec![run("a")]));
    assert_eq!(dataset.run("a").unwrap_err().hint(), Some("it has no runs yet"));
    dataset.put_run(&run("a")).unwrap();
    assert_eq!((dataset.runs().unwrap(), dataset.pending("a").unwrap()), (vec![run("a")], None));
    assert!(dataset.put_pending(&run("a")).is_err());
    dataset.put_pending(&run("c")).unwrap();
    assert!(dataset.rename_run("a", "c").is_err());
    dataset.rename_run("a", "images").unwrap();
    assert_eq!(dataset.run("imagse").unwrap_err().hint(), Some("did you mean 'images'?"));

    // A copy has all but the runs, and says which.
    dataset.add(vec![sample("/a.jpg", Some(json!("sun")), &["cat"])]).unwrap();
    let (copy, runs) = library.clone_as("birds", "copy").unwrap();
    assert_eq!((runs, copy.runs().unwrap()), (vec![run("images")], vec![]));
    let all = copy.page(&View::new(), Start::At(0), 9).unwrap();
    assert_eq!(all, dataset.page(&View::new(), Start::At(0), 9).unwrap());
    copy.remove(&View::new()).unwrap();
    assert_eq!(dataset.patch_count(&View::new(), "objects").unwrap(), 1);
    assert_eq!(dataset.delete_run("images").unwrap(), run("images"));
    assert_eq!(library.delete("birds").unwrap(), []);
    assert_eq!(dataset.count(&View::new()).unwrap_err().to_string(), "the dataset was deleted");
    library.create("birds").unwrap();
    assert!(dataset.name().is_err(), "a new dataset of the name is another one");
    assert_eq!(library.names().unwrap(), ["birds", "copy"]);
}

#[test]
fn handles_follow_a_new_name() {
    let (_home, library, dataset) = birds();
    library.rename("birds", "Vögel & Co.").unwrap();
    assert_eq!(dataset.name().unwrap(), "Vögel & Co.");
    library.create("other").unwrap();
    assert!(library.rename("other", "Vögel & Co.").is_err());
    let names: Vec<_> = library.datasets().unwrap().into_iter().map(|info| info.name).collect();
    assert_eq!(names, ["Vögel & Co.", "other"]);
    assert_eq!(library.get("othr").unwrap_err().hint(), Some("did you mean 'other'?"));
}

#[test]
fn pictures_that_moved_are_followed() {
    let (home, _library, dataset) = birds();
    let to = home.path().join("new place");
    std::fs::create_dir_all(to.join("deep")).unwrap();
    for name in ["deep/a.jpg", "b.jpg"] {
        std::fs::write(to.join(name), "x").unwrap();
    }
    let paths = ["/old/deep/a.jpg", "/old/b.jpg", "/old/gone.jpg", "/older/c.jpg"];
    let samples: Vec<_> = paths.map(Sample::new).into();
    let ids: Vec<_> = samples.iter().map(|sample| sample.id).collect();
    dataset.add(samples).unwrap();
    let report = dataset.relocate(Path::new("/old"), &to).unwrap();
    assert_eq!((report.changed, report.missing), (2, 1));
    assert_eq!(report.examples, [to.join("gone.jpg").display().to_string()]);
    let paths: Vec<_> = dataset.get(&ids).unwrap().into_iter().map(|sample| sample.filepath).collect();
    let expected = [to.join("deep/a.jpg").display().to_string(), to.join("b.jpg").display().to_string()];
    assert_eq!(paths, [&expected[0], &expected[1], "/old/gone.jpg", "/older/c.jpg"]);
    let error = dataset.relocate(Path::new("/nowhere"), &to).unwrap_err();
    assert_eq!(error.to_string(), "no sample lies in /nowhere");
    assert!(dataset.relocate(Path::new("/older"), Path::new("here")).is_err());
}

#[test]
fn visitors_see_every_batch_and_leave_out_what_goes_meanwhile() {
    let (_home, _library, dataset) = birds();
    dataset.add((0..25).map(|at| sample(&format!("/{at}.jpg"), None, &["cat", "dog"])).collect()).unwrap();
    let mut seen = Vec::new();
    let visit = dataset.visit(&View::new(), 10, |batch| {
        seen.push(batch.len());
        let last = dataset.ids(&View::new()).unwrap().pop().unwrap();
        if seen.len() == 1 {
            assert_eq!(dataset.remove(&View::of([last])).unwrap(), 1);
        }
        Ok(())
    });
    visit.unwrap();
    assert_eq!(seen, [10, 10, 4]);
    let (mut labels, dogs) = (Vec::new(), View::new().labels("objects", "label == 'dog'"));
    dataset
        .visit_patches(&dogs, "objects", 7, |batch| {
            labels.extend(batch);
            Ok(())
        })
        .unwrap();
    assert_eq!(labels.len(), 24);
    assert!(labels.iter().all(|patch| patch.label.label.as_deref() == Some("dog")));
    assert!(labels.is_sorted_by_key(|patch| patch.label.id));
    assert_eq!(dataset.kind("objects").unwrap(), FieldKind::Labels(LabelKind::Detections));
}
