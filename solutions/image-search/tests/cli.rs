//! What the program prints and how it ends, good and bad input alike.

use std::process::Stdio;

use bootcamp_core::picture::{Limits, Picture};

use bootcamp_testkit::program::{MASKS, Run};

use crate::program::Home;

/// What a run printed, without what differs from run to run.
macro_rules! snapshot {
    ($home:expr, $name:expr, $run:expr) => {
        let home = $home.path().canonicalize().unwrap().display().to_string();
        let masks = [(home.as_str(), "[home]"), (r"-?\d\.\d{4}", "[score]")];
        insta::with_settings!({filters => masks.into_iter().chain(MASKS)}, { insta::assert_snapshot!($name, $run.shown()); });
    };
}

#[test]
fn a_first_session() {
    let home = Home::new().with_stamps(24);
    snapshot!(home, "import", home.run(&["import", "stamps", "--quiet"]));
    snapshot!(home, "import-again", home.run(&["import", "stamps", "--quiet"]));
    let edited = home.edited(&home.stamps()[5]);
    let run = home.run(&["search", edited.to_str().unwrap(), "-k", "3", "--quiet"]);
    snapshot!(home, "search", run);
    snapshot!(home, "count", home.run(&["count", "--filter", "width > 100"]));
    snapshot!(home, "list", home.run(&["list", "--filter", "label == \"00_symbols\""]));
    snapshot!(home, "info", home.run(&["info"]));
    let body = home.json(&["search", edited.to_str().unwrap(), "-k", "1"]);
    let hit = &body["hits"][0];
    assert_eq!(hit["title"].as_str().unwrap(), home.stamps()[5].file_name().unwrap().to_str().unwrap());
    let id = hit["id"].as_str().unwrap();
    let item = home.json(&["show", id]);
    assert_eq!(item["fields"], hit["fields"]);
    snapshot!(home, "remove", home.run(&["remove", id]));
    snapshot!(home, "show-removed", home.run(&["show", id]));
    snapshot!(home, "drop-unasked", home.run(&["drop"]));
    snapshot!(home, "drop", home.run(&["drop", "--yes"]));
    snapshot!(home, "search-nothing", home.run(&["search", edited.to_str().unwrap()]));
    assert!(!home.path().join("data/media/image_search").exists(), "thumbnails go with the collection");
}

#[test]
fn a_source_is_named_by_its_file() {
    let home = Home::new().with_stamps(3);
    assert_eq!(home.run(&["import", "stamps", "-q"]).code, Some(0));
    let stamp = home.stamps().swap_remove(1);
    let file = stamp.to_str().unwrap();
    let item = home.json(&["show", file]);
    assert_eq!(item["id"], item["source"], "a source has the id of its first item");
    assert_eq!(home.json(&["list", "--source", file])["id"], item["id"]);
    assert_eq!(home.json(&["count", "--source", file])["count"], 1);
    assert_eq!(home.json(&["remove", "--source", file])["removed"], 1);
    let gone = home.run(&["show", file]);
    assert!(gone.code == Some(4) && gone.err.contains(&format!("there is no item {file}")), "{}", gone.err);
    assert_eq!(home.run(&["remove", "--source", file]).code, Some(4));
    assert_eq!(home.json(&["count"])["count"], 2);
}

#[test]
fn bad_input_is_told_what_is_wrong() {
    let home = Home::new().with_stamps(3);
    std::fs::write(home.path().join("note.txt"), "no picture").unwrap();
    std::fs::write(home.path().join("bootcamp.toml"), "[server]\nprot = 80\n").unwrap();
    snapshot!(home, "bad-config", home.run(&["count"]));
    std::fs::remove_file(home.path().join("bootcamp.toml")).unwrap();
    assert_eq!(home.run(&["import", "stamps", "-q"]).code, Some(0));
    for (name, arguments) in [
        ("no-such-place", vec!["import", "photos"]),
        ("no-such-query", vec!["search", "cat.jpg"]),
        ("no-picture", vec!["search", "note.txt"]),
        ("words-unknown", vec!["search", "--words", "a cat"]),
        ("bad-filter", vec!["list", "--filter", "label = \"cat\""]),
        ("unknown-field", vec!["count", "--filter", "size > 3"]),
        ("bad-crop", vec!["search", "--id", "00000000000000000000", "--crop", "1,2,3"]),
        ("no-such-id", vec!["search", "--id", "00000000000000000000"]),
        ("bad-k", vec!["search", "note.txt", "-k", "0"]),
        ("unknown-flag", vec!["search", "note.txt", "--top-k", "3"]),
        ("unknown-model", vec!["import", "stamps", "--collection", "other", "--model", "sscd-destilled"]),
        ("other-model", vec!["search", "note.txt", "--model", "resnet18"]),
        ("bad-collection", vec!["count", "--collection", "a-b"]),
        ("remove-unknown", vec!["remove", "00000000000000000000"]),
        ("store-unreachable", vec!["count", "--store", "http://127.0.0.1:1"]),
        ("bad-root", vec!["serve", "--import-root", "nowhere"]),
    ] {
        let mut command = home.command(&arguments);
        command.env("MILVUS_TIMEOUT", "2").env("MILVUS_RETRIES", "0");
        let run = Run::of(command.output().unwrap());
        assert!(!run.err.contains("panicked") && run.code != Some(0), "{name}: {}", run.shown());
        snapshot!(home, name, run);
    }
}

#[test]
fn help_names_every_flag_with_its_environment_name() {
    let home = Home::new();
    let run = home.run(&["--help"]);
    insta::assert_snapshot!("help", run.out);
    for command in ["demo", "import", "search", "serve", "duplicates", "list", "remove", "models", "health"] {
        let run = home.run(&[command, "--help"]);
        assert_eq!(run.code, Some(0));
        insta::assert_snapshot!(format!("help-{command}"), run.out);
    }
    let run = home.run(&["completions", "bash"]);
    assert!(run.out.contains("_image-search") || run.out.contains("_image__search"), "{}", run.out);
}

/// As in a container: the data is there, nothing can be fetched, nothing written beside it.
#[test]
fn the_demo_works_with_what_is_there() {
    let home = Home::new();
    let stamps = bootcamp_testkit::reference::workspace().join("data/stamps");
    let birds = home.path().join("samples/stamps/animals/birds");
    std::fs::create_dir_all(&birds).unwrap();
    for name in ["adelaide-rosella.png", "albino_peahen.png", "blackbird.png"] {
        std::fs::copy(stamps.join("animals/birds").join(name), birds.join(name)).unwrap();
    }
    std::fs::write(home.path().join("samples/stamps/ready"), "").unwrap();
    // The program's own model, and what runs it: nothing is fetched from here on.
    assert_eq!(home.run(&["models", "pull", "--quiet"]).code, Some(0));
    let mut command = home.command(&["demo", "--samples", "samples", "--no-serve", "--json", "--quiet"]);
    let run = Run::of(command.env("PATH", "").output().unwrap());
    assert_eq!(run.code, Some(0), "{}", run.err);
    let answers: Vec<serde_json::Value> =
        serde_json::Deserializer::from_str(&run.out).into_iter().map(Result::unwrap).collect();
    assert_eq!(answers[0]["added"], 3);
    assert_eq!(answers[1]["hits"][0]["title"], "adelaide-rosella.png");
    assert_eq!(std::fs::read_dir(home.path().join("samples")).unwrap().count(), 1, "nothing was left beside the data");
}

/// Compose files and scripts hand on what they were given, or nothing.
#[test]
fn an_empty_variable_says_nothing() {
    let home = Home::new().with_stamps(2);
    let mut command = home.command(&["import", "stamps", "--quiet"]);
    for name in ["MILVUS_URI", "REDIS_URL", "BOOTCAMP_MODEL", "BOOTCAMP_MEDIA", "BOOTCAMP_THREADS", "BOOTCAMP_JSON"] {
        command.env(name, "");
    }
    let run = Run::of(command.output().unwrap());
    assert_eq!(run.code, Some(0), "{}", run.err);
}

/// Every way to say what hits should be like.
#[test]
fn queries_are_files_ids_parts_and_several_of_them() {
    let home = Home::new().with_stamps(30);
    assert_eq!(home.run(&["import", "stamps", "-q"]).code, Some(0));
    let stamps = home.stamps();
    let (first, second) = (stamps[3].to_str().unwrap(), stamps[20].to_str().unwrap());
    let paths = |arguments: &[&str]| -> Vec<String> {
        let body = home.json(&[&["search"], arguments].concat());
        body["hits"].as_array().unwrap().iter().map(|hit| hit["fields"]["path"].as_str().unwrap().to_owned()).collect()
    };
    let canonical = |path: &str| std::fs::canonicalize(path).unwrap().display().to_string();
    assert_eq!(paths(&[first, "-k", "1"]), [canonical(first)]);
    let both = paths(&[first, second, "-k", "2"]);
    assert!(both.contains(&canonical(first)) && both.contains(&canonical(second)), "the mean is nearest to both");
    assert!(!paths(&[first, second, "--not", second, "-k", "1"]).contains(&canonical(second)));

    // A picture of two, one beside the other, and a search for its right half alone.
    let (pair, left, right) = home.beside(first.as_ref(), second.as_ref());
    let region = format!("{},0,{},{}", left.width(), right.width(), right.height());
    assert_eq!(paths(&[pair.to_str().unwrap(), "--crop", &region, "-k", "1"]), [canonical(second)]);
    // The same of a stored picture, by its id.
    assert_eq!(home.run(&["import", "pair.png", "-q"]).code, Some(0));
    let listed = home.json(&["list", "--filter", "path like \"%pair.png\""]);
    let id = listed["id"].as_str().unwrap();
    assert_eq!(paths(&["--id", id, "--crop", &region, "-k", "1"]), [canonical(second)]);
    assert!(!paths(&[id, "-k", "40"]).contains(&canonical(pair.to_str().unwrap())), "not the item itself");

    assert!(paths(&[first, "--min-score", "0.99"]).len() == 1);
    assert!(paths(&[first, "--filter", "width < 0"]).is_empty());
    let run = home.run(&["search", first, "--sheet", "sheet.png"]);
    let sheet = read(home.path().join("sheet.png").to_str().unwrap());
    assert!(run.code == Some(0) && sheet.width() > 1000 && sheet.height() > 600, "{sheet:?}");
}

fn read(path: &str) -> Picture {
    Picture::read(path.as_ref(), &Limits::default()).unwrap()
}

#[test]
fn broken_files_are_listed_and_the_rest_goes_in() {
    let home = Home::new().with_stamps(40);
    let stamps = home.stamps();
    let broken = [
        ("empty.png", vec![]),
        ("cut.png", std::fs::read(&stamps[0]).unwrap()[..500].to_vec()),
        ("text.jpg", b"hello".to_vec()),
    ];
    for (name, bytes) in &broken {
        std::fs::write(home.path().join("stamps").join(name), bytes).unwrap();
    }
    let run = home.run(&["import", "stamps", "--json"]);
    assert_eq!(run.code, Some(2), "{}", run.err);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((report["added"].as_u64(), report["skipped"].as_u64()), (Some(40), Some(3)));
    for (name, _) in &broken {
        assert!(run.err.contains(&format!("{name}: ")), "{}", run.err);
    }
    let home_path = home.path().canonicalize().unwrap().display().to_string();
    let mut lines: Vec<_> =
        run.err.lines().filter(|line| line.starts_with("warning: ")).map(|l| l.replace(&home_path, "[home]")).collect();
    lines.sort();
    insta::assert_snapshot!("skipped", lines.join("\n"));
    for (name, _) in &broken {
        std::fs::remove_file(home.path().join("stamps").join(name)).unwrap();
    }
    std::fs::remove_file(&stamps[7]).unwrap();
    let run = home.run(&["import", "stamps", "--prune", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((run.code, report["unchanged"].as_u64(), report["removed"].as_u64()), (Some(0), Some(39), Some(1)));
}

#[test]
fn near_identical_pictures_are_grouped() {
    let home = Home::new().with_stamps(30);
    let stamps = home.stamps();
    for (at, name) in [(4, "a.jpg"), (4, "b.jpg"), (11, "c.jpg")] {
        let quality = if name == "b.jpg" { 60 } else { 90 };
        let copy = read(stamps[at].to_str().unwrap()).to_jpeg(quality).unwrap();
        std::fs::write(home.path().join("stamps").join(name), copy).unwrap();
    }
    assert_eq!(home.run(&["import", "stamps", "-q"]).code, Some(0));
    let found = home.json(&["duplicates", "--threshold", "0.8"]);
    let mut groups: Vec<Vec<String>> = found["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            let items = group["items"].as_array().unwrap();
            let mut titles: Vec<_> = items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect();
            titles.sort();
            titles
        })
        .collect();
    groups.sort();
    let name = |at: usize| stamps[at].file_name().unwrap().to_str().unwrap().to_owned();
    let mut expected = vec![vec!["a.jpg".into(), "b.jpg".into(), name(4)], vec!["c.jpg".into(), name(11)]];
    expected.iter_mut().for_each(|group| group.sort());
    expected.sort();
    assert_eq!(groups, expected);
}

#[test]
fn tables_folders_and_archives_say_what_pictures_are() {
    let home = Home::new().with_stamps(8);
    let stamps = home.stamps();
    let table = format!(
        "path,label,caption,split,weight\n{},swan,A white bird,train,3\n{},7,,test,1\nnone.png,x,,,\n",
        stamps[0].display(),
        stamps[1].display()
    );
    std::fs::write(home.path().join("table.csv"), table).unwrap();
    let run = home.run(&["import", "table.csv", "--json"]);
    assert!(run.code == Some(2) && run.err.contains("table.csv:4: cannot find"), "{}", run.err);
    let item = home.json(&["list", "--filter", "extra[\"split\"] == \"train\" and extra[\"weight\"] == 3"]);
    assert_eq!((&item["label"], &item["caption"]), (&"swan".into(), &"A white bird".into()));
    assert_eq!(home.json(&["count", "--filter", "label == \"7\""])["count"], 1);

    let voc = home.path().join("voc");
    std::fs::create_dir_all(voc.join("JPEGImages")).unwrap();
    std::fs::create_dir_all(voc.join("Annotations")).unwrap();
    std::fs::write(voc.join("JPEGImages/000001.jpg"), read(stamps[2].to_str().unwrap()).to_jpeg(90).unwrap()).unwrap();
    let object = |name: &str, to: u32| {
        format!(
            "<object><name>{name}</name><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>{to}</xmax><ymax>{to}</ymax></bndbox></object>"
        )
    };
    let xml = format!("<annotation>{}{}</annotation>", object("person", 10), object("dog", 50));
    std::fs::write(voc.join("Annotations/000001.xml"), xml).unwrap();
    assert_eq!(home.run(&["import", "voc", "-q"]).code, Some(0));
    let item = home.json(&["list", "--filter", "label == \"dog\" and json_contains(extra[\"objects\"], \"person\")"]);
    assert_eq!(item["title"], "000001.jpg");

    assert_eq!(home.run(&["import", "stamps", "-q", "--collection", "folders"]).code, Some(0));
    let label = stamps[3].parent().unwrap().file_name().unwrap().to_str().unwrap();
    let item = home.json(&[
        "list",
        "--collection",
        "folders",
        "--filter",
        &format!("path like \"%{}\"", stamps[3].file_name().unwrap().to_str().unwrap()),
    ]);
    assert_eq!(item["label"], label);
    assert!(item["caption"].as_str().is_some_and(|caption| caption.ends_with(['.', '!'])), "{item}");
}

/// `list | head` must not end with a message about a broken pipe.
#[test]
fn a_reader_that_stops_is_no_error() {
    let home = Home::new().with_stamps(5);
    assert_eq!(home.run(&["import", "stamps", "-q"]).code, Some(0));
    let mut child = home.command(&["list", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let run = child.wait_with_output().unwrap();
    assert!(run.status.success() && run.stderr.is_empty(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let home = Home::new();
    // An empty store.
    drop(bootcamp_core::LocalStore::open(home.path().join("data")).unwrap());
    std::fs::write(home.path().join("bootcamp.toml"), "[app]\ncollection = 'from_file'\nmodel = 'sscd'\n").unwrap();
    let info = |arguments: &[&str], environment: &[(&str, &str)]| -> (String, String) {
        let mut command = home.command(&[arguments, &["info", "--json"]].concat());
        let run = Run::of(command.envs(environment.iter().copied()).output().unwrap());
        let info: serde_json::Value = serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{}", run.err));
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        (text(&info["collection"]), text(&info["vectors"]["name"]))
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(info(&[], &[]), pair("from_file", "sscd"));
    let environment = [("BOOTCAMP_COLLECTION", "from_env"), ("BOOTCAMP_MODEL", "resnet18")];
    assert_eq!(info(&[], &environment), pair("from_env", "resnet18"));
    assert_eq!(info(&["--collection", "from_flag"], &environment), pair("from_flag", "resnet18"));
}
