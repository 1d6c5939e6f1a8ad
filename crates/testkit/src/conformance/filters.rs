//! Filters mean the same everywhere: a table of expressions over ten records, with the ids that pass spelled by hand.

use bootcamp_core::{ErrorKind, Filter, Id, PageRequest, Record, ScalarField, SearchRequest, Selection};
use serde_json::{Value, json};

use super::Scene;
use super::check::{self, int_ids};
use super::scene::{Checked, ensure, equal, filter};

/// Ids are 1 to 10; `n` is the id but for the last two.
fn records() -> Vec<Record> {
    let null = || Value::Null;
    let rows = [
        (1, json!(0.5), "apple", json!("red"), true, json!({"a": 1, "tags": ["x", "y"], "deep": {"k": "v"}})),
        (2, json!(1.5), "apricot", null(), false, json!({"a": 2, "tags": ["y"], "deep": {"k": "w"}})),
        (3, json!(2.5), "banana", json!("yellow"), true, json!({"a": 3.5, "tags": []})),
        (4, null(), "cherry", json!("red"), false, json!({"a": "four"})),
        (5, json!(-1.5), "date \"fresh\"", null(), true, json!({"b": true})),
        (6, null(), "it's", json!(""), false, null()),
        (7, json!(100.25), "grün", json!("green"), true, json!({"a": 7, "tags": ["x", "z"], "list": [10, 20, 30]})),
        (8, json!(2.5), "back\\slash", json!("yellow"), false, json!({"a": -8, "b": false})),
        (-9, json!(0.0), "", null(), true, json!({})),
        (1_000_000_007, json!(1e9), "50%_off", json!("red"), false, json!({"tags": ["x"]})),
    ];
    let record = |(id, (n, x, s, t, b, j)): (i64, (i64, Value, &str, Value, bool, Value))| {
        let record = Record::new(id).vector("v", vec![id as f32, 0.0]);
        record.field("n", n).field("x", x).field("s", s).field("t", t).field("b", b).field("j", j)
    };
    (1..).zip(rows).map(record).collect()
}

/// Fails unless each expression is passed by exactly these ids, in a search, a page and a count alike.
async fn pass(scene: &Scene<'_>, table: &[(&str, &[i64])]) -> Checked {
    let spec = scene
        .plain(2)
        .scalar(ScalarField::int("n"))
        .scalar(ScalarField::float("x").nullable())
        .scalar(ScalarField::string("s"))
        .scalar(ScalarField::string("t").nullable())
        .scalar(ScalarField::bool("b"))
        .scalar(ScalarField::json("j").nullable());
    scene.filled(&spec, &records()).await?;
    for (text, expected) in table {
        passes(scene, &spec.name, text, expected).await.map_err(|failure| failure.at(text))?;
    }
    Ok(())
}

async fn passes(scene: &Scene<'_>, name: &str, text: &str, expected: &[i64]) -> Checked {
    let expected: Vec<Id> = int_ids(expected.iter().copied());
    let request = PageRequest { filter: Some(filter(text)?), limit: 20, ..PageRequest::default() };
    equal("page", check::record_ids(&scene.store.page(name, &request).await?.records), expected.clone())?;
    equal("count", scene.store.count(name, Some(&filter(text)?)).await?, expected.len() as u64)?;
    let request = SearchRequest::new("v", vec![0.0, 0.0], 20).filter(filter(text)?);
    equal("search", check::ids(&scene.store.search(name, &request).await?[0]), expected)
}

const ALL: [i64; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

pub(super) async fn comparisons(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 16] = [
        ("n > 5", &[6, 7, 8, 10]),
        ("n >= 5", &[5, 6, 7, 8, 10]),
        ("n < 2", &[1, 9]),
        ("n <= 2", &[1, 2, 9]),
        ("n == 4", &[4]),
        ("n != 4", &[1, 2, 3, 5, 6, 7, 8, 9, 10]),
        ("n == -9", &[9]),
        ("5 < n", &[6, 7, 8, 10]),
        ("n >= -9", &ALL),
        ("x > 1", &[2, 3, 7, 8, 10]),
        ("x == 2.5", &[3, 8]),
        ("s == \"apple\"", &[1]),
        ("s > \"c\"", &[4, 5, 6, 7]),
        ("s != \"\"", &[1, 2, 3, 4, 5, 6, 7, 8, 10]),
        ("b == true", &[1, 3, 5, 7, 9]),
        ("b != true", &[2, 4, 6, 8, 10]),
    ];
    pass(scene, &table).await
}

pub(super) async fn ids(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 4] =
        [("id == 3", &[3]), ("id > 8", &[9, 10]), ("id in [10, 1, 77]", &[1, 10]), ("id >= 4 and id < 6", &[4, 5])];
    pass(scene, &table).await
}

pub(super) async fn logic(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 11] = [
        ("n > 2 and n < 5", &[3, 4]),
        ("n > 2 && n < 5", &[3, 4]),
        ("n == 1 or n == 2", &[1, 2]),
        ("n == 1 || n == 2", &[1, 2]),
        ("not (n > 2)", &[1, 2, 9]),
        ("!(n > 2)", &[1, 2, 9]),
        ("n == 1 or n == 2 and b == true", &[1]),
        ("(n == 1 or n == 2) and b == false", &[2]),
        ("not (n > 2) and b == true", &[1, 9]),
        ("not (n == 1 or b == false)", &[3, 5, 7, 9]),
        ("((n == 3))", &[3]),
    ];
    pass(scene, &table).await
}

pub(super) async fn membership(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 6] = [
        ("n in [1, 3, 99]", &[1, 3]),
        ("n not in [1, 2, 3]", &[4, 5, 6, 7, 8, 9, 10]),
        ("not (n in [1, 2, 3])", &[4, 5, 6, 7, 8, 9, 10]),
        ("s in [\"apple\", \"cherry\", \"grün\"]", &[1, 4, 7]),
        ("n in [-9]", &[9]),
        ("n in []", &[]),
    ];
    pass(scene, &table).await
}

pub(super) async fn prefixes(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 4] =
        [("s like \"ap%\"", &[1, 2]), ("s like \"gr%\"", &[7]), ("s like \"AP%\"", &[]), ("s like \"zzz%\"", &[])];
    pass(scene, &table).await
}

pub(super) async fn patterns(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 6] = [
        ("s like \"%an%\"", &[3]),
        ("s like \"%e\"", &[1]),
        ("s like \"_pple\"", &[1]),
        ("s like \"%r%\"", &[2, 4, 5, 7]),
        ("s like \"gr_n\"", &[7]),
        ("s like \"a%t\"", &[2]),
    ];
    pass(scene, &table).await
}

pub(super) async fn arithmetic(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 6] = [
        ("n + 1 == 5", &[4]),
        ("n * 2 == 10", &[5]),
        ("n % 3 == 0", &[3, 6, 9]),
        ("n - 2 > 5", &[8, 10]),
        ("x / 2 > 1", &[3, 7, 8, 10]),
        ("x * 2.0 == 3.0", &[2]),
    ];
    pass(scene, &table).await
}

pub(super) async fn chains(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 4] =
        [("2 < n < 5", &[3, 4]), ("2 <= n <= 4", &[2, 3, 4]), ("5 > n >= 3", &[3, 4]), ("\"b\" < s < \"c\"", &[3, 8])];
    pass(scene, &table).await
}

pub(super) async fn fields_with_fields(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 3] = [("n == id", &[1, 2, 3, 4, 5, 6, 7, 8]), ("n > id", &[10]), ("n < id", &[9])];
    pass(scene, &table).await
}

pub(super) async fn json_paths(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 8] = [
        ("j[\"a\"] > 1", &[2, 3, 7]),
        ("j[\"a\"] == 2", &[2]),
        ("j[\"a\"] == 3.5", &[3]),
        ("j[\"a\"] == \"four\"", &[4]),
        ("j[\"deep\"][\"k\"] == \"v\"", &[1]),
        ("j[\"b\"] == true", &[5]),
        ("j[\"list\"][1] == 20", &[7]),
        ("j[\"a\"] in [1, 7]", &[1, 7]),
    ];
    pass(scene, &table).await
}

pub(super) async fn exists(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 3] = [
        ("exists j[\"a\"]", &[1, 2, 3, 4, 7, 8]),
        ("exists j[\"deep\"][\"k\"]", &[1, 2]),
        ("exists j[\"a\"] and n > 3", &[4, 7, 8]),
    ];
    pass(scene, &table).await
}

pub(super) async fn json_contains(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 4] = [
        ("json_contains(j[\"tags\"], \"x\")", &[1, 7, 10]),
        ("json_contains(j[\"list\"], 20)", &[7]),
        ("json_contains_all(j[\"tags\"], [\"x\", \"y\"])", &[1]),
        ("json_contains_any(j[\"tags\"], [\"y\", \"z\"])", &[1, 2, 7]),
    ];
    pass(scene, &table).await
}

pub(super) async fn is_null(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 6] = [
        ("x is null", &[4, 6]),
        ("x is not null", &[1, 2, 3, 5, 7, 8, 9, 10]),
        ("t is null", &[2, 5, 9]),
        ("t IS NOT NULL", &[1, 3, 4, 6, 7, 8, 10]),
        ("t == \"\"", &[6]),
        ("n is null", &[]),
    ];
    pass(scene, &table).await
}

/// A comparison with null is neither true nor false, and so is what is said with it.
pub(super) async fn nulls_are_unknown(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 7] = [
        ("x > 0", &[1, 2, 3, 7, 8, 10]),
        ("not (x > 0)", &[5, 9]),
        ("x != 2.5", &[1, 2, 5, 7, 9, 10]),
        ("t in [\"red\"]", &[1, 4, 10]),
        ("t not in [\"red\"]", &[3, 6, 7, 8]),
        ("x > 0 or n == 4", &[1, 2, 3, 4, 7, 8, 10]),
        ("t == \"red\" and x is null", &[4]),
    ];
    pass(scene, &table).await
}

pub(super) async fn escapes(scene: &Scene<'_>) -> Checked {
    let table: [(&str, &[i64]); 8] = [
        ("s == 'apple'", &[1]),
        ("s == \"date \\\"fresh\\\"\"", &[5]),
        ("s == 'date \"fresh\"'", &[5]),
        ("s == 'it\\'s'", &[6]),
        ("s == \"it's\"", &[6]),
        ("s == \"back\\\\slash\"", &[8]),
        ("s == \"grün\"", &[7]),
        ("s == \"50%_off\"", &[10]),
    ];
    pass(scene, &table).await
}

/// Refused as bad input, by every call that takes a filter, and nothing is deleted.
pub(super) async fn bad_filters(scene: &Scene<'_>) -> Checked {
    let texts = [
        "n >",
        "n === 1",
        "(n == 1",
        "n == 1)",
        "n == 'open",
        "and n == 1",
        "n in [1, 2",
        "n == 1 n == 2",
        "like \"a%\"",
    ];
    for text in texts {
        let error = Filter::parse(text).err().map(|error| error.kind());
        equal(format_args!("parsing '{text}'"), error, Some(ErrorKind::InvalidInput))?;
    }
    let spec = scene
        .plain(2)
        .scalar(ScalarField::int("n"))
        .scalar(ScalarField::string("s"))
        .scalar(ScalarField::string("path").not_filterable());
    let record = Record::new(1).vector("v", vec![0.0, 0.0]).field("n", 1).field("s", "a").field("path", "/a");
    scene.filled(&spec, &[record]).await?;
    for text in ["missing == 1", "n == \"one\"", "s > 3", "s + 1 == 2", "path == \"/a\"", "v == 1", "n like \"1%\""] {
        let search = SearchRequest::new("v", vec![0.0, 0.0], 1).filter(filter(text)?);
        let page = PageRequest { filter: Some(filter(text)?), limit: 1, ..PageRequest::default() };
        let selection = Selection::Filter(filter(text)?);
        let answers = [
            ("search", scene.store.search(&spec.name, &search).await.err()),
            ("page", scene.store.page(&spec.name, &page).await.err()),
            ("count", scene.store.count(&spec.name, Some(&filter(text)?)).await.err()),
            ("delete", scene.store.delete(&spec.name, &selection).await.err()),
        ];
        for (call, error) in answers {
            let kind = error.map(|error| error.kind());
            equal(format_args!("{call} with '{text}'"), kind, Some(ErrorKind::InvalidInput))?;
        }
    }
    let left = scene.store.count(&spec.name, None).await?;
    ensure!(left == 1, "a bad filter deleted something");
    Ok(())
}
