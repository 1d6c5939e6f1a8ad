//! What the program prints and how it ends.

use bootcamp_testkit::program::{MASKS, Run};

use crate::sounds::{music, wav};
use crate::{home, import, put, text};

/// What a run printed, without what differs from run to run.
macro_rules! snapshot {
    ($home:expr, $name:expr, $run:expr) => {
        let folder = $home.path().canonicalize().unwrap().display().to_string();
        let masks = [(folder.as_str(), "[home]"), (r"-?\d\.\d{4}", "[score]")];
        insta::with_settings!({filters => masks.into_iter().chain(MASKS)}, { insta::assert_snapshot!($name, $run.shown()); });
    };
}

#[test]
fn a_first_session() {
    let home = home();
    for (name, seed, seconds) in [("music/one.wav", 1, 8.0), ("music/two.wav", 2, 5.0), ("clicks/short.wav", 3, 0.5)] {
        put(&home, &format!("sounds/{name}"), &wav(&music(seed, seconds)));
    }
    put(&home, "sounds/music/one.txt", b"A melody.\n");
    put(&home, "sounds/silence.wav", &wav(&[0.0; 441_000]));
    snapshot!(home, "import", home.run(&["import", "sounds", "--quiet"]));
    snapshot!(home, "import-again", home.run(&["import", "sounds", "--quiet"]));
    let query = put(&home, "query.wav", &wav(&music(1, 8.0)[100_000..300_000]));
    snapshot!(home, "search", home.run(&["search", text(&query), "-k", "2", "--moments", "2"]));
    snapshot!(home, "search-same", home.run(&["search", text(&query), "--mode", "same"]));
    snapshot!(home, "list", home.run(&["list", "--filter", "label == \"music\" and duration < 6 and start == 0.0"]));
    snapshot!(home, "show", home.run(&["show", "sounds/music/one.wav"]));
    snapshot!(home, "duplicates", home.run(&["duplicates"]));
    snapshot!(home, "info", home.run(&["info"]));
    snapshot!(home, "remove", home.run(&["remove", "--source", "sounds/music/one.wav"]));
    snapshot!(home, "drop", home.run(&["drop", "--yes"]));
    snapshot!(home, "search-nothing", home.run(&["search", text(&query)]));
    snapshot!(home, "search-same-nothing", home.run(&["search", text(&query), "--mode", "same"]));
}

#[test]
fn help_names_every_flag_with_its_environment_name() {
    let home = home();
    let run = home.run(&["--help"]);
    insta::assert_snapshot!("help", run.out);
    for command in ["search", "eval", "duplicates"] {
        let run = home.run(&[command, "--help"]);
        assert_eq!(run.code, Some(0));
        insta::assert_snapshot!(format!("help-{command}"), run.out);
    }
}

#[test]
fn a_contact_sheet_shows_waveforms() {
    let home = home();
    put(&home, "sounds/a.wav", &wav(&music(1, 6.0)));
    let query = put(&home, "query.wav", &wav(&music(2, 3.0)));
    import(&home);
    let run = home.run(&["search", text(&query), "--moments", "2", "--sheet", "sheet.svg"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let sheet = std::fs::read_to_string(home.path().join("sheet.svg")).unwrap();
    assert_eq!(sheet.matches("data:image/jpeg").count(), 3, "the query and two moments");
}

/// As in a container: the data is there, nothing can be fetched, nothing written beside it.
#[test]
fn the_demo_works_with_what_is_there() {
    let home = home();
    for sample in crate::samples().iter().filter(|path| text(path).contains("/tabla/")).take(6) {
        put(
            &home,
            &format!("samples/sounds/sonic-pi/tabla/{}", sample.file_name().unwrap().display()),
            &std::fs::read(sample).unwrap(),
        );
    }
    put(&home, "samples/sounds/ready", b"");
    // The program's own model, and what runs it: nothing is fetched from here on.
    assert_eq!(home.run(&["models", "pull", "--quiet"]).code, Some(0));
    let mut command = home.command(&["demo", "--samples", "samples", "--no-serve", "--json", "--quiet"]);
    let run = Run::of(command.env("PATH", "").output().unwrap());
    assert_eq!(run.code, Some(0), "{}", run.err);
    let answers: Vec<serde_json::Value> =
        serde_json::Deserializer::from_str(&run.out).into_iter().map(Result::unwrap).collect();
    assert_eq!(answers[0]["added"], 6);
    assert_eq!(answers[1]["hits"][0]["title"], "tabla_dhec.flac");
}

#[test]
fn it_measures_itself() {
    let home = home();
    for seed in 0..4 {
        put(&home, &format!("sounds/music/{seed}.wav"), &wav(&music(seed, 8.0)));
        put(&home, &format!("sounds/noise/{seed}.wav"), &wav(&crate::sounds::hiss(seed, 7.0, 0.2)));
    }
    import(&home);
    let told = home.json(&["eval", "--excerpts", "8"]);
    assert_eq!(told["sounds"], 8);
    for way in told["labels"].as_array().unwrap() {
        assert_eq!((&way[1]["queries"], &way[1]["precision@1"]), (&8.into(), &1.0.into()), "{told}");
    }
    let same = told["excerpts"].as_array().unwrap().iter().find(|excerpt| excerpt["by"] == "same").unwrap();
    assert!(same["recall@1"].as_f64().unwrap() >= 0.5 && same["median_error"].as_f64().unwrap() < 0.2, "{same}");
}
