//! Values of every type come back equal, the awkward ones too.

use bootcamp_core::{
    Id, IdKind, MAX_STRING, Metric, Output, Record, ScalarField, SearchRequest, Selection, VectorField,
};
use serde_json::{Value, json};

use super::Scene;
use super::check::{self, int_ids};
use super::scene::{Checked, equal};

/// Writes one record for each value of a field, reads them back by get, page and search, and compares.
async fn round_trip(scene: &Scene<'_>, field: ScalarField, values: &[Value], expected: &[Value]) -> Checked {
    let name = field.name.clone();
    let spec = scene.plain(2).scalar(field);
    let record = |(id, value): (usize, &Value)| {
        let record = Record::new(id as i64).vector("v", vec![id as f32, 0.0]);
        // A null is also what is not said.
        if value.is_null() && id.is_multiple_of(2) { record } else { record.field(&name, value.clone()) }
    };
    scene.filled(&spec, &values.iter().enumerate().map(record).collect::<Vec<_>>()).await?;
    let expected: Vec<_> =
        expected.iter().enumerate().map(|(id, value)| Record::new(id as i64).field(&name, value.clone())).collect();
    let ids = int_ids(0..values.len() as i64);
    check::records(&scene.store.get(&spec.name, &ids, &Output::Scalars).await?, &expected)?;
    let page = bootcamp_core::PageRequest { limit: values.len() + 1, ..Default::default() };
    check::records(&scene.store.page(&spec.name, &page).await?.records, &expected)?;
    let hits = scene.store.search(&spec.name, &SearchRequest::new("v", vec![0.0, 0.0], values.len())).await?;
    equal("hits", check::ids(&hits[0]), ids)?;
    hits[0].iter().zip(&expected).try_for_each(|(hit, expected)| check::fields(&hit.fields, &expected.fields))
}

pub(super) async fn nulls(scene: &Scene<'_>) -> Checked {
    let fields = [
        (ScalarField::bool("x"), json!(true)),
        (ScalarField::int("x"), json!(-1)),
        (ScalarField::float("x"), json!(0.5)),
        (ScalarField::string("x"), json!("")),
        (ScalarField::json("x"), json!({"a": null})),
    ];
    for (field, value) in fields {
        let values = [json!(null), json!(null), value];
        round_trip(scene, field.nullable(), &values, &values).await?;
        scene.clean().await?;
    }
    Ok(())
}

pub(super) async fn json(scene: &Scene<'_>) -> Checked {
    let values = [
        json!({}),
        json!({"a": 1, "b": [1, 2.5, "three", null, true], "c": {"d": {"e": []}}}),
        json!({"ключ": "значение", "quote\"key": "it's", "": 0, "z": 1, "aa": 2}),
        json!({"big": 9_007_199_254_740_993_i64, "small": -9_223_372_036_854_775_808_i64, "half": 0.1}),
        json!({"text": "line\nbreak\ttab \\ \u{1F600}"}),
        json!({"nested": [[[[{"deep": true}]]]]}),
    ];
    round_trip(scene, ScalarField::json("x"), &values, &values).await
}

pub(super) async fn strings(scene: &Scene<'_>) -> Checked {
    let values = [
        json!(""),
        json!(" "),
        json!("it's \"quoted\" \\ and % _ ? ;--"),
        json!("Grüße, 世界, مرحبا, e\u{301} and é, \u{1F469}\u{200D}\u{1F52C}"),
        json!("line\r\nbreak\ttab\u{1}\u{7f}"),
        json!("null"),
        json!("42"),
    ];
    round_trip(scene, ScalarField::string("x"), &values, &values).await
}

pub(super) async fn longest_string(scene: &Scene<'_>) -> Checked {
    let longest = "ä".repeat(MAX_STRING / 2) + "b";
    let values = [json!(longest), json!("short")];
    round_trip(scene, ScalarField::string("x"), &values, &values).await
}

pub(super) async fn string_ids_of_every_script(scene: &Scene<'_>) -> Checked {
    let spec = scene.spec(IdKind::String { max_len: 64 }).vector(VectorField::f32("v", 2, Metric::L2));
    let texts = ["Grüße", "世界", "مرحبا", "é", "e\u{301}", "\u{1F600}", " ", "a", "A", "%", "\n", "'", "\\\""];
    let records: Vec<_> =
        texts.iter().zip(0..).map(|(id, at)| Record::new(*id).vector("v", vec![at as f32, 0.0])).collect();
    scene.filled(&spec, &records).await?;
    let ids = check::record_ids(&records);
    check::records(&scene.store.get(&spec.name, &ids, &Output::Everything).await?, &records)?;
    let hits = scene.store.search(&spec.name, &SearchRequest::new("v", vec![0.0, 0.0], 50)).await?;
    equal("hits", check::ids(&hits[0]), ids.clone())?;
    scene.store.delete(&spec.name, &Selection::Ids(vec![ids[3].clone(), ids[8].clone()])).await?;
    let rest: Vec<_> =
        records.into_iter().filter(|r| r.id != Some(Id::from("é")) && r.id != Some(Id::from("A"))).collect();
    check::records(&scene.store.get(&spec.name, &ids, &Output::Everything).await?, &rest)
}

pub(super) async fn int_extremes(scene: &Scene<'_>) -> Checked {
    let values =
        [json!(i64::MIN), json!(i64::MIN + 1), json!(-1), json!(0), json!(9_007_199_254_740_993_i64), json!(i64::MAX)];
    round_trip(scene, ScalarField::int("x"), &values, &values).await
}

pub(super) async fn id_extremes(scene: &Scene<'_>) -> Checked {
    let spec = scene.plain(2);
    let numbers = [i64::MIN + 1, -1, 0, 9_007_199_254_740_993, i64::MAX - 1];
    let records: Vec<_> =
        numbers.iter().zip(0..).map(|(id, at)| Record::new(*id).vector("v", vec![at as f32, 0.0])).collect();
    scene.filled(&spec, &records).await?;
    let ids = int_ids(numbers);
    check::records(&scene.store.get(&spec.name, &ids, &Output::Everything).await?, &records)?;
    let hits = scene.store.search(&spec.name, &SearchRequest::new("v", vec![0.0, 0.0], 20)).await?;
    equal("hits", check::ids(&hits[0]), ids.clone())?;
    let page = |after| bootcamp_core::PageRequest { limit: 3, after, ..Default::default() };
    let first = scene.store.page(&spec.name, &page(None)).await?;
    equal("first page", check::record_ids(&first.records), int_ids([i64::MIN + 1, -1, 0]))?;
    let last = scene.store.page(&spec.name, &page(Some(Id::Int(i64::MAX - 2)))).await?;
    equal("last page", check::record_ids(&last.records), int_ids([i64::MAX - 1]))?;
    scene.store.delete(&spec.name, &Selection::Ids(int_ids([i64::MIN + 1, i64::MAX - 1]))).await?;
    equal("count", scene.store.count(&spec.name, None).await?, 3)?;
    for reserved in [i64::MIN, i64::MAX] {
        let words = format!("id {reserved} is reserved: servers do not find it reliably");
        let result = scene.store.upsert(&spec.name, &[Record::new(reserved).vector("v", vec![0.0, 0.0])]).await;
        check::invalid(result, &format!("record 0: {words}"))?;
        check::invalid(scene.store.get(&spec.name, &int_ids([reserved]), &Output::ids()).await, &words)?;
    }
    Ok(())
}

pub(super) async fn floats(scene: &Scene<'_>) -> Checked {
    let values =
        [0.1, 1.0 / 3.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, f64::from_bits(1), 1e-300, 123_456_789.123_456_79];
    let values: Vec<_> = values.iter().map(|value| json!(value)).collect();
    round_trip(scene, ScalarField::float("x"), &values, &values).await
}

pub(super) async fn whole_numbers_in_float_fields(scene: &Scene<'_>) -> Checked {
    let values = [json!(3), json!(-7), json!(0)];
    round_trip(scene, ScalarField::float("x"), &values, &[json!(3.0), json!(-7.0), json!(0.0)]).await
}

pub(super) async fn bools(scene: &Scene<'_>) -> Checked {
    let values = [json!(true), json!(false), json!(true)];
    round_trip(scene, ScalarField::bool("x"), &values, &values).await
}

pub(super) async fn hits_carry_values(scene: &Scene<'_>) -> Checked {
    let spec = scene
        .plain(2)
        .scalar(ScalarField::string("path").not_filterable())
        .scalar(ScalarField::json("meta").not_filterable())
        .scalar(ScalarField::int("size").nullable());
    let record = Record::new(1)
        .vector("v", vec![1.0, 2.0])
        .field("path", "/pictures/cat.png")
        .field("meta", json!({"w": 640, "tags": ["cat"]}))
        .field("size", 12);
    scene.filled(&spec, std::slice::from_ref(&record)).await?;
    let hits = scene.store.search(&spec.name, &SearchRequest::new("v", vec![1.0, 2.0], 1)).await?;
    equal("hits", check::ids(&hits[0]), int_ids([1]))?;
    check::fields(&hits[0][0].fields, &record.fields)
}
