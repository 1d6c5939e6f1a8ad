//! The program with a model for what pictures show, not for copies.

use serde_json::{Value, json};

use crate::program::Home;

const MODEL: &[&str] = &["--model", "efficientnet-lite0"];

fn titles(answer: &Value) -> Vec<&str> {
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["title"].as_str().unwrap()).collect()
}

#[test]
fn a_model_for_content_works_like_the_programs_own() {
    let home = Home::new().with_stamps(40);
    let imported = home.json(&[&["import", "stamps"], MODEL].concat());
    assert_eq!(imported["added"], 40);
    // The collection knows its model from here on.
    let stamp = home.stamps().swap_remove(7);
    let name = stamp.file_name().unwrap().to_str().unwrap();
    let found = home.json(&["search", stamp.to_str().unwrap(), "-k", "3"]);
    assert_eq!(titles(&found)[0], name);
    assert!(found["notes"].is_null(), "pictures are what it is for: {found}");
    let info = home.json(&["info"]);
    assert_eq!((&info["vectors"]["name"], &info["vectors"]["dim"]), (&json!("efficientnet-lite0"), &json!(1280)));

    // What counts as a copy is the model's to say: 0.75 are pictures of the same kind here.
    assert!((info["duplicates_threshold"].as_f64().unwrap() - 0.95).abs() < 1e-6);
    let duplicates = home.json(&["duplicates"]);
    assert!((duplicates["threshold"].as_f64().unwrap() - 0.95).abs() < 1e-6, "{duplicates}");

    let files = home.json(&["models", "show", "efficientnet-lite0"]);
    let roles: Vec<_> = files["files"].as_array().unwrap().iter().map(|file| file["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["picture", "picture weights", "class names", "text", "tokenizer"]);
    assert_eq!(home.run(&["models", "verify", "efficientnet-lite0"]).code, Some(0));
}

/// And the answer says what it is worth.
#[test]
fn words_find_what_pictures_show_roughly() {
    let home = Home::new();
    let all = bootcamp_testkit::reference::workspace().join("data/stamps");
    for name in
        ["animals/birds/adelaide-rosella.png", "vehicles/auto/sportscar2.png", "vehicles/emergency/firetruck.png"]
    {
        let to = home.path().join("stamps").join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(all.join(name), to).unwrap();
    }
    assert_eq!(home.json(&[&["import", "stamps"], MODEL].concat())["added"], 3);
    let printed = home.json(&["search", "--words", "a sports car", "-k", "1"]);
    assert_eq!(titles(&printed), ["sportscar2.png"]);
    let note = printed["notes"][0].as_str().unwrap();
    assert!(note.starts_with("approximate: efficientnet-lite0 knows text only by"), "{note}");
}
