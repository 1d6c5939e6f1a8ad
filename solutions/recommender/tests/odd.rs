//! Data as it can be, and is not meant to be.

use serde_json::json;

use crate::{home, titles, trained};

#[test]
fn one_user_and_one_item() {
    let home = home().with("one.csv", "user,item,rating\na b,ü/ö 🎬,5\n");
    assert_eq!(home.run(&["import", "one.csv", "-q"]).code, Some(0));
    let found = home.json(&["recommend", "a b", "--seen"]);
    assert_eq!(found["hits"][0]["item"], "ü/ö 🎬");
    assert_eq!(home.json(&["recommend", "a b"])["hits"], json!([]), "all is seen");
    let run = home.run(&["evaluate"]);
    assert!(run.code == Some(3) && run.err.contains("no times"), "{}", run.shown());
    let run = home.run(&["evaluate", "--split", "random"]);
    assert!(run.code == Some(3) && run.err.contains("nothing to measure"), "{}", run.shown());
    for algorithm in ["bpr", "ease"] {
        assert_eq!(home.json(&["train", "--algorithm", algorithm])["items"], 1);
        assert_eq!(home.json(&["recommend", "a b", "--seen"])["hits"][0]["item"], "ü/ö 🎬");
    }
}

#[test]
fn equal_negative_and_mixed_ratings() {
    let equal: String = (0..40).map(|at| format!("u{},i{},3\n", at / 4, at % 7)).collect();
    let home = home()
        .with("equal.csv", format!("user,item,rating\n{equal}"))
        .with("minus.csv", "user,item,rating\na,x,-5\na,y,-1\nb,x,0\n");
    assert_eq!(home.run(&["import", "equal.csv", "-q"]).code, Some(0));
    assert!(!titles(&home.json(&["recommend", "u1"])).is_empty());
    let other = ["--collection", "minus"];
    let run = home.run(&[&["import", "minus.csv", "-q"][..], &other].concat());
    assert_eq!(run.code, Some(0), "without a like there is no model, which is no error: {}", run.err);
    let run = home.run(&[&["train", "-q"][..], &other].concat());
    assert!(
        run.code == Some(4) && run.err.contains("none of 3 ratings is a like") && run.err.contains("--min-value"),
        "{}",
        run.shown()
    );
    let told = home.json(&[&["train", "--min-value", "-2"][..], &other].concat());
    assert_eq!((&told["likes"], &told["ratings"]), (&json!(2), &json!(3)));
}

#[test]
fn many_users_with_one_rating_each() {
    let rows: String = (0..30_000).map(|user| format!("{user},{},1\n", user * 7919 % 300)).collect();
    let home = home().with("many.csv", format!("user,item,value\n{rows}"));
    let run = home.run(&["import", "many.csv", "-q"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let found = home.json(&["recommend", "17", "-k", "3"]);
    assert_eq!(found["hits"].as_array().unwrap().len(), 3);
}

#[test]
fn every_kind_of_file_in_a_folder() {
    let home = home();
    let folder = home.path().join("mixed");
    std::fs::create_dir(&folder).unwrap();
    let write = |name: &str, text: &[u8]| std::fs::write(folder.join(name), text).unwrap();
    write("u.data", b"1\t10\t5\t881250949\n2\t11\t4\t881250950\n1\t12\t3\t881250951\n2\t10\t5\t881250952\n");
    write(
        "u.item",
        "10|Caf\u{e9} (1995)|01-Jan-1995||http://x|0|0|0|1|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
            .replace('é', "\u{e9}")
            .as_bytes(),
    );
    write("more.item", b"item_id:token\tdirector:token\n10\tLasseter\n11\tWoo\n");
    write("u.user", b"1|24|M|technician|85711\n2|53|F|other|94043\n");
    write("tags.csv", b"userId,movieId,tag,timestamp\n1,10,fun,3\n");
    write("README", b"no table");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gz, b"{\"user\": 3, \"item\": 12, \"value\": 2.5, \"time\": \"1997-12-04\"}\n")
        .unwrap();
    write("late.jsonl.gz", &gz.finish().unwrap());
    let run = home.run(&["import", "mixed", "-q", "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.shown());
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["passed_over"], json!({".csv": 1, "no extension": 1}), "{report}");
    assert_eq!(home.json(&["count"])["count"], 3);
    let shown = home.json(&["show", "10"]);
    let fields = &shown["fields"];
    assert_eq!(
        (&shown["title"], &fields["year"], &fields["facts"]["director"]),
        (&json!("Café"), &json!(1995), &json!("Lasseter"))
    );
    assert_eq!(fields["genres"], json!(["Animation", "Comedy"]));
    assert_eq!(home.json(&["history", "3"])["ratings"][0]["time"], 881_193_600_000_i64);
    let users = home.json(&["audience", "12", "--filter", "facts[\"age\"] > 30"]);
    assert_eq!(
        users["users"].as_array().unwrap().iter().map(|user| user["user"].clone()).collect::<Vec<_>>(),
        [json!("2")]
    );

    // A file that has changed replaces what it had given; one that is gone is pruned.
    write("u.data", b"1\t10\t5\t881250949\n");
    std::fs::remove_file(folder.join("late.jsonl.gz")).unwrap();
    let again = home.json(&["import", "mixed", "--prune"]);
    assert_eq!((&again["replaced"], &again["removed"]), (&json!(1), &json!(1)), "{again}");
    let run = home.run(&["history", "3"]);
    assert_eq!(run.code, Some(4), "{}", run.shown());
    assert_eq!(home.json(&["train"])["ratings"], 1);
}

#[test]
fn a_removed_item_is_not_recommended_any_more() {
    let home = trained();
    let first = home.json(&["recommend", "u0", "-k", "1"]);
    let item = first["hits"][0]["item"].as_str().unwrap().to_owned();
    let id = home.json(&["show", &item])["id"].as_str().unwrap().to_owned();
    assert_eq!(home.run(&["remove", &id]).code, Some(0));
    let next = home.json(&["recommend", "u0", "-k", "1"]);
    assert_ne!(next["hits"][0]["item"], item.as_str());
    let told = home.json(&["train"]);
    assert!(told["ratings_of_removed_items"].as_u64().unwrap() > 0, "{told}");
}
