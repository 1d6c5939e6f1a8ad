//! What the program prints and how it ends, good and bad input alike.

use bootcamp_testkit::program::MASKS;

use crate::{home, titles, trained};

/// What differs between runs of a training.
const OURS: [(&str, &str); 3] = [
    (r"(?m)seconds +\d+\.\d+", "seconds [time]"),
    (r"\d+\.\d+ s left", "[time] left"),
    (r" +\d+\.\d  (\d+ factors)", "  [time]  $1"),
];

macro_rules! snapshot {
    ($home:expr, $name:expr, $run:expr) => {
        let home = $home.path().canonicalize().unwrap().display().to_string();
        let masks = [(home.as_str(), "[home]")];
        insta::with_settings!({filters => masks.into_iter().chain(OURS).chain(MASKS)}, { insta::assert_snapshot!($name, $run.shown()); });
    };
}

#[test]
fn a_first_session() {
    let home = trained();
    snapshot!(home, "import-again", home.run(&["import", "films.csv", "ratings.csv", "-q"]));
    snapshot!(home, "trainings", home.run(&["trainings"]));
    snapshot!(home, "show", home.run(&["show", "f3"]));
    snapshot!(home, "count", home.run(&["count", "--filter", "\"Horror\" in genres and year >= 1990"]));
    snapshot!(home, "history", home.run(&["history", "u7"]));

    // User 0 likes comedies, and every film that is recommended is one that they have not rated.
    let rated = home.json(&["history", "u0"]);
    let rated: Vec<&str> =
        rated["ratings"].as_array().unwrap().iter().map(|row| row["item"].as_str().unwrap()).collect();
    let found = home.json(&["recommend", "u0", "-k", "5"]);
    assert!(titles(&found).iter().all(|title| title.starts_with("Comedy")), "{found}");
    assert!(found["hits"].as_array().unwrap().iter().all(|hit| !rated.contains(&hit["item"].as_str().unwrap())));
    let again = home.json(&["recommend", "u0", "-k", "5", "--seen"]);
    assert!(
        again["hits"].as_array().unwrap().iter().any(|hit| rated.contains(&hit["item"].as_str().unwrap())),
        "{again}"
    );

    // Filters of facts, in the words of the issue.
    let found = home.json(&["recommend", "u0", "--filter", "year > 1990 and \"Horror\" in genres"]);
    assert!(titles(&found).iter().all(|title| title.starts_with("Horror")) && !titles(&found).is_empty(), "{found}");
    assert!(found["hits"].as_array().unwrap().iter().all(|hit| hit["year"].as_i64().unwrap() > 1990));
    let none = home.run(&["recommend", "u0", "--filter", "year > 3000"]);
    assert_eq!((none.code, none.out.trim()), (Some(0), "nothing passes the filter"));

    // A newcomer, what is similar, and who would want a film.
    let newcomer = home.json(&["recommend", "--like", "Western Film 2", "--like", "f5", "--unlike", "f0", "-k", "5"]);
    assert!(titles(&newcomer).iter().all(|title| title.starts_with("Western")), "{newcomer}");
    assert!(titles(&home.json(&["similar", "f1", "-k", "4"])).iter().all(|title| title.starts_with("Horror")));
    let users = home.json(&["audience", "f4", "-k", "5"]);
    let users: Vec<usize> = users["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["user"].as_str().unwrap()[1..].parse().unwrap())
        .collect();
    assert!(users.iter().all(|user| user % 3 == 1) && users.len() == 5, "{users:?}");
}

#[test]
fn reasons_add_up_to_the_score() {
    let home = trained();
    let told = home.json(&["explain", "u2", "f8"]);
    let because = told["because"].as_array().unwrap();
    let sum: f64 = because.iter().map(|reason| reason["adds"].as_f64().unwrap()).sum();
    assert!((sum - told["score"].as_f64().unwrap()).abs() < 1e-4, "{told}");
    assert!(because[0]["title"].as_str().unwrap().starts_with("Western"), "{told}");
    let found = home.json(&["recommend", "u2", "--explain", "-k", "3"]);
    let hit = &found["hits"][0];
    assert!(
        hit["because"].as_array().unwrap().len() == 3 && hit["because"][0]["adds"].as_f64().unwrap() > 0.0,
        "{found}"
    );
    let same = home.json(&["explain", "u2", hit["item"].as_str().unwrap()]);
    assert!((same["score"].as_f64().unwrap() - hit["score"].as_f64().unwrap()).abs() < 1e-4, "{same} {hit}");
}

#[test]
fn items_without_ratings_are_recommended_by_their_facts() {
    let home = trained();
    let cold = home.json(&["recommend", "u1", "--filter", "cold == true", "-k", "1"]);
    assert_eq!(titles(&cold), ["Horror Film 61"], "the horror film among the three that nobody has rated");
    assert_eq!(
        titles(&home.json(&["similar", "f62", "-k", "1", "--filter", "cold == false"]))[0].split(' ').next(),
        Some("Western")
    );
}

#[test]
fn lists_can_be_diverse_and_new() {
    let home = trained();
    let of = |flags: &[&str]| titles(&home.json(&[&["recommend", "u0", "-k", "8"], flags].concat()));
    let kinds = |titles: &[String]| {
        let kinds: std::collections::BTreeSet<_> =
            titles.iter().map(|title| title.split(' ').next().unwrap().to_owned()).collect();
        kinds.len()
    };
    let (plain, diverse) = (of(&[]), of(&["--diversity", "0.8"]));
    assert!(kinds(&diverse) > kinds(&plain), "{plain:?} {diverse:?}");
    assert_eq!(plain[0], diverse[0], "the best comes first all the same");
    assert_ne!(plain, of(&["--novelty", "0.9"]));
}

#[test]
fn algorithms_are_measured_in_one_table() {
    let home = trained();
    let table = home.json(&["evaluate", "--relevant", "4"]);
    let names: Vec<&str> =
        table["table"].as_array().unwrap().iter().map(|row| row["parameters"]["algorithm"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 5);
    assert_eq!(names.last(), Some(&"popularity"), "tastes differ, so one list for all is the worst: {table}");
    let als = table["table"].as_array().unwrap().iter().find(|row| row["parameters"]["algorithm"] == "als").unwrap();
    let ndcg = &als["metrics"]["ndcg@10"];
    let (low, value, high) =
        (ndcg["low"].as_f64().unwrap(), ndcg["value"].as_f64().unwrap(), ndcg["high"].as_f64().unwrap());
    assert!(low < value && value < high && value > 0.2, "{als}");
    let mut again = home.json(&["evaluate", "--relevant", "4"]);
    let mut first = table.clone();
    for table in [&mut again, &mut first] {
        table["at"] = 0.into();
        table["table"].as_array_mut().unwrap().iter_mut().for_each(|row| row["seconds"] = 0.into());
    }
    assert_eq!(first, again, "the same seed gives the same table");

    let tuned = home.json(&["tune", "--algorithm", "ease", "--trials", "4", "--relevant", "4"]);
    assert_eq!((tuned["trials"].as_array().unwrap().len(), &tuned["known_before"]), (4, &0.into()));
    let more = home.json(&["tune", "--algorithm", "ease", "--trials", "6", "--relevant", "4"]);
    assert_eq!((more["trials"].as_array().unwrap().len(), &more["known_before"]), (6, &4.into()), "it goes on");
    let best = home.json(&["train", "--algorithm", "ease", "--tuned"]);
    assert_eq!(best["algorithm"], "ease");
    assert!(titles(&home.json(&["recommend", "u0", "-k", "5"])).iter().all(|title| title.starts_with("Comedy")));
}

#[test]
fn everybody_gets_a_list() {
    let home = trained();
    let told = home.json(&["recommend-all", "lists.jsonl", "-k", "5"]);
    assert_eq!(told["users"], 60);
    let text = std::fs::read_to_string(home.path().join("lists.jsonl")).unwrap();
    let list: serde_json::Value = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .find(|list: &serde_json::Value| list["user"] == "u0")
        .unwrap();
    let one = home.json(&["recommend", "u0", "-k", "5"]);
    let items: Vec<_> = one["hits"].as_array().unwrap().iter().map(|hit| hit["item"].clone()).collect();
    assert_eq!(list["items"].as_array().unwrap(), &items);
}

#[test]
fn bad_input_is_told_what_is_wrong() {
    let home = home()
        .with("none.csv", "compound,mass\nx,1\n")
        .with("nobody.csv", "movieId,rating,timestamp\n1,5,10\n")
        .with("empty.csv", "")
        .with("bad.csv", "user,item,rating,time\na,1,5,10\n,1,5,10\na,2,NaN,10\na,3,5,soon\nb,1,4,20\n");
    snapshot!(home, "nothing-imported", home.run(&["recommend", "42"]));
    snapshot!(home, "train-nothing", home.run(&["train", "-q"]));
    for name in ["none", "nobody", "empty"] {
        snapshot!(home, format!("import-{name}"), home.run(&["import", &format!("{name}.csv"), "-q"]));
    }
    let run = home.run(&["import", "bad.csv", "-q", "--no-train"]);
    snapshot!(home, "bad-rows", run);
    snapshot!(home, "no-model", home.run(&["recommend", "a"]));
    snapshot!(home, "no-model-to-go-back-to", home.run(&["rollback"]));
    let trained = trained();
    for (name, arguments) in [
        ("unknown-user", vec!["recommend", "nobody"]),
        ("unknown-item", vec!["similar", "Nothing of the sort"]),
        ("several-items", vec!["similar", "Horror"]),
        ("nobody", vec!["recommend"]),
        ("liked-and-unwanted", vec!["recommend", "--like", "f1", "--unlike", "f1"]),
        ("filter-fault", vec!["recommend", "u1", "--filter", "yaer > 3"]),
        ("unknown-algorithm", vec!["train", "--algorithm", "svd"]),
        ("no-factors", vec!["train", "--factors", "0"]),
        ("parameters-of-all", vec!["evaluate", "--regularization", "1"]),
        ("not-tuned", vec!["train", "--tuned"]),
        ("no-likes", vec!["train", "--min-value", "9"]),
        ("rate-nothing", vec!["rate", "u1", "f1", "NaN"]),
        ("rate-unknown", vec!["rate", "u1", "Nothing of the sort", "5"]),
        ("file-in-a-query", vec!["search", "ratings.csv"]),
        ("item-as-a-user", vec!["search", "user:u1", "--mode", "similar"]),
    ] {
        let run = trained.run(&arguments);
        assert!(!run.err.contains("panicked") && run.code != Some(0), "{name}: {}", run.shown());
        snapshot!(trained, name, run);
    }
}
