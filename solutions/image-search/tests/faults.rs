//! Places in which things go wrong: overlaps, the program's own files, files of other kinds, folders that cannot be read.

use std::process::Command;

use bootcamp_testkit::program::Run;
use serde_json::Value;

use crate::program::Home;

/// A run's JSON, whatever its exit code.
fn report(run: &Run, code: i32) -> Value {
    assert_eq!(run.code, Some(code), "{}\n{}", run.out, run.err);
    serde_json::from_str(&run.out).unwrap()
}

fn copy(home: &Home, from: usize, to: &str) {
    let to = home.path().join(to);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(&home.stamps()[from], to).unwrap();
}

#[test]
fn a_name_is_imported_once_however_often_it_comes_up() {
    let home = Home::new().with_stamps(3);
    copy(&home, 0, "p/p1.png");
    copy(&home, 1, "p/p2.png");
    let run = home.run(&["import", "p", "p/p1.png", "./p/../p/p1.png", "--json"]);
    let once = report(&run, 0);
    assert_eq!((&once["added"], once["warnings"].as_array().unwrap().len()), (&2.into(), 1), "{once}");
    assert!(run.err.contains("warning: ") && run.err.contains("p1.png was found in "), "{}", run.err);
    std::fs::write(home.path().join("p/t.csv"), "path,caption\np1.png,a bird\np1.png,a red bird\n").unwrap();
    for counts in ["replaced", "unchanged"] {
        let twice = report(&home.run(&["import", "p/t.csv", "--json"]), 0);
        assert_eq!(twice[counts], 1, "{twice}");
        let warning = twice["warnings"][0].as_str().unwrap();
        assert!(warning.contains("t.csv:2 and in ") && warning.contains("t.csv:3; the last is taken"), "{warning}");
        assert_eq!(home.json(&["show", "p/p1.png"])["fields"]["caption"], "a red bird");
    }
}

#[test]
fn a_folder_is_imported_without_what_the_program_keeps_in_it() {
    let home = Home::new().with_stamps(4);
    for added in [4, 0, 0] {
        let again = report(&home.run(&["import", ".", "--json"]), 0);
        assert_eq!(again["added"], added, "{again}");
    }
    let own = home.run(&["import", "data/media"]);
    assert!(own.code == Some(3) && own.err.contains("keeps its own files"), "{own:?}");
    let pattern = report(&home.run(&["import", "**", "--json"]), 0);
    assert_eq!(pattern["unchanged"], 4, "{pattern}");
}

#[test]
fn pictures_are_known_by_content_and_others_are_counted() {
    let home = Home::new().with_stamps(2);
    let edited = home.edited(&home.stamps()[0]);
    for name in ["a.jfif", "b.jpe", "no-extension", "photo.jpg.bak"] {
        std::fs::create_dir_all(home.path().join("mixed")).unwrap();
        std::fs::copy(&edited, home.path().join("mixed").join(name)).unwrap();
    }
    std::fs::write(home.path().join("mixed/b.txt"), "a caption").unwrap();
    for (name, bytes) in [
        ("c.heic", &b"\0\0\0\x18ftypheic\0\0\0\0mif1"[..]),
        ("d.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1"),
        ("e.avif", b"\0\0\0\x18ftypavif\0\0\0\0avif"),
        ("notes.txt", b"BMX is a sport on bicycles, and no picture"),
        (".hidden.png", b"x"),
    ] {
        std::fs::write(home.path().join("mixed").join(name), bytes).unwrap();
    }
    let run = home.run(&["import", "mixed"]);
    assert_eq!(run.code, Some(0), "what is passed over is no error: {}", run.err);
    let lines: Vec<_> = run.out.lines().collect();
    assert!(lines[0].starts_with("4 added in "), "{}", run.out);
    assert_eq!(lines[1], "passed over 5 other files: .heic 2, .avif 1, .txt 1, hidden 1", "b.jpe's caption is read");
    let json = report(&home.run(&["import", "mixed", "--json"]), 0);
    assert_eq!(json["passed_over"], serde_json::json!({".avif": 1, ".heic": 2, ".txt": 1, "hidden": 1}));
    std::fs::create_dir(home.path().join("none")).unwrap();
    std::fs::rename(home.path().join("mixed/c.heic"), home.path().join("none/c.heic")).unwrap();
    let run = home.run(&["import", "none"]);
    assert!(run.out.contains("nothing found") && run.out.contains("1 other file: .heic 1"), "{}", run.out);
}

/// Root may read everything; without two capabilities it is held to permissions as others are.
fn held_to_permissions(home: &Home, arguments: &[&str]) -> Run {
    let program = home.command(arguments);
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-dac_override,-dac_read_search"]);
    command.arg(program.get_program()).args(program.get_args()).current_dir(home.path()).env_clear();
    let variables = program.get_envs().filter_map(|(name, value)| Some((name, value?)));
    Run::of(command.envs(variables).output().unwrap())
}

#[test]
fn what_cannot_be_read_is_not_pruned() {
    let home = Home::new().with_stamps(4);
    for (at, name) in ["p/a.png", "p/locked/b.png", "p/locked/deep/c.png", "p/d.png"].into_iter().enumerate() {
        copy(&home, at, name);
    }
    assert_eq!(report(&home.run(&["import", "p", "--json"]), 0)["added"], 4);
    let locked = home.path().join("p/locked");
    let allow = |mode: &str| assert!(Command::new("chmod").arg(mode).arg(&locked).status().unwrap().success());
    allow("000");
    std::fs::remove_file(home.path().join("p/d.png")).unwrap();
    let run = held_to_permissions(&home, &["import", "p", "--prune", "--json"]);
    let pruned = report(&run, 2);
    let counts = ["unchanged", "removed", "skipped"].map(|name| pruned[name].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 1], "{pruned} {}", run.err);
    assert!(run.err.contains("p/locked: cannot read it: Permission denied"), "{}", run.err);
    assert!(run.err.contains("kept 2 items"), "{}", run.err);
    allow("755");
    let again = report(&home.run(&["import", "p", "--prune", "--json"]), 0);
    assert_eq!((&again["unchanged"], &again["removed"]), (&3.into(), &0.into()));
    // A disk that is not mounted.
    std::fs::remove_dir_all(home.path().join("p")).unwrap();
    std::fs::create_dir(home.path().join("p")).unwrap();
    let refused = home.run(&["import", "p", "--prune"]);
    assert!(refused.code == Some(3) && refused.err.contains("--allow-empty"), "{refused:?}");
    assert_eq!(home.json(&["count"])["count"], 3);
    let allowed = report(&home.run(&["import", "p", "--prune", "--allow-empty", "--json"]), 0);
    assert_eq!((&allowed["removed"], &home.json(&["count"])["count"]), (&3.into(), &0.into()));
}

#[test]
fn a_folder_that_only_reads_is_imported_and_odd_files_are_named() {
    let home = Home::new().with_stamps(2);
    copy(&home, 0, "p/a.png");
    let long = format!("p/{}.png", "x".repeat(251));
    copy(&home, 1, &long);
    let make = "mkfifo p/pipe.png; chmod -R a-w p; mkdir deep; cd deep; \
                for at in $(seq 30); do mkdir dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\
                ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd && cd d*; done; \
                cp ../p/a.png a.png 2>/dev/null; cp /proc/self/cwd/../p/a.png . 2>/dev/null; touch b.png";
    assert!(Command::new("sh").args(["-c", make]).current_dir(home.path()).status().unwrap().success());
    let read_only = held_to_permissions(&home, &["import", "p", "--json"]);
    let json = report(&read_only, 0);
    assert_eq!((&json["added"], &json["passed_over"]["pipes and devices"]), (&2.into(), &1.into()), "{json}");
    let pipe = home.run(&["import", "p/pipe.png"]);
    assert!(pipe.code == Some(2) && pipe.err.contains("pipe.png: it is not a regular file"), "{pipe:?}");
    let deep = home.run(&["import", "deep"]);
    assert!(deep.code == Some(2) && deep.err.contains("File name too long"), "{deep:?}");
    assert!(Command::new("rm").args(["-rf", "deep"]).current_dir(home.path()).status().unwrap().success());
}

#[test]
fn what_was_passed_over_or_given_by_another_place_is_not_pruned() {
    let home = Home::new().with_stamps(6);
    let kept = |places: &[&str]| {
        let pruned = report(&home.run(&[&["import", "--prune", "--json"], places].concat()), 0);
        assert_eq!(pruned["removed"], 0, "{pruned}");
        pruned
    };
    // By a table in the folder, which is not read there.
    copy(&home, 0, "q/p1.png");
    copy(&home, 1, "d/p2.png");
    std::fs::write(home.path().join("d/a.csv"), "path\n../q/p1.png\n").unwrap();
    assert_eq!(home.run(&["import", "d/a.csv", "-q"]).code, Some(0));
    kept(&["d"]);
    kept(&["d/*"]);
    // A hidden file that was named itself.
    copy(&home, 2, "d/.h.png");
    assert_eq!(home.run(&["import", "d/.h.png", "-q"]).code, Some(0));
    kept(&["d"]);
    // Files whose names look like a line or a member.
    copy(&home, 3, "k/x.png");
    copy(&home, 4, "k/x.png:7");
    copy(&home, 5, "k/b.zip!/a.png");
    assert_eq!(report(&home.run(&["import", "k", "--json"]), 0)["added"], 3);
    kept(&["k/x.png"]);
    let media = home.json(&["show", "k/b.zip!/a.png"]);
    assert!(media["fields"]["path"].as_str().unwrap().ends_with("b.zip\\x21/a.png"), "{media}");
    // A mount point with what hides in it.
    copy(&home, 0, "m/in/p.png");
    copy(&home, 1, "m/p.png");
    assert_eq!(home.run(&["import", "m", "-q"]).code, Some(0));
    std::fs::remove_file(home.path().join("m/in/p.png")).unwrap();
    std::fs::create_dir(home.path().join("m/in/lost+found")).unwrap();
    std::fs::write(home.path().join("m/in/.keep"), "").unwrap();
    let pruned = kept(&["m"]);
    assert!(pruned["warnings"][0].as_str().unwrap().contains("is empty"), "{pruned}");
}

#[test]
fn a_caption_that_cannot_be_read_keeps_the_picture_as_it_is() {
    let home = Home::new().with_stamps(1);
    copy(&home, 0, "p/a.png");
    std::fs::write(home.path().join("p/a.txt"), "a swan").unwrap();
    assert_eq!(home.run(&["import", "p", "-q"]).code, Some(0));
    let caption = home.path().join("p/a.txt");
    assert!(Command::new("chmod").arg("000").arg(&caption).status().unwrap().success());
    let run = held_to_permissions(&home, &["import", "p", "--prune", "--json"]);
    assert_eq!(report(&run, 2)["skipped"], 1);
    assert!(run.err.contains("a.png: cannot read") && run.err.contains("a.txt"), "{}", run.err);
    assert_eq!(home.json(&["show", "p/a.png"])["fields"]["caption"], "a swan");
}
