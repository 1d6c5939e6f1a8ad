//! What SQL selects, held against an independent model.

use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::model::{self, Limits, Random};
use super::tests::spec;
use super::*;

fn sql(text: &str) -> (String, Vec<SqlValue>) {
    let Sql { text, params } = Filter::parse(text).unwrap().to_sql(&spec()).unwrap();
    (text, params)
}

fn table(rows: &[model::Row]) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    register(&connection).unwrap();
    let columns: Vec<_> = model::FIELDS
        .iter()
        .map(|(name, kind)| {
            let kind = match *kind {
                "bool" | "int" => "INTEGER",
                "float" => "REAL",
                _ => "TEXT",
            };
            format!("\"f_{name}\" {kind}")
        })
        .collect();
    let create = format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, f_label TEXT, {}); CREATE INDEX l ON t (f_label); CREATE INDEX i ON t (f_i);",
        columns.join(", ")
    );
    connection.execute_batch(&create).unwrap();
    for row in rows {
        let value = |name: &str, kind: &str| match row.get(name) {
            None | Some(serde_json::Value::Null) => SqlValue::Null,
            Some(value) if kind == "json" => SqlValue::from(value.to_string()),
            Some(serde_json::Value::String(text)) => SqlValue::from(text.clone()),
            Some(serde_json::Value::Bool(value)) => SqlValue::from(i64::from(*value)),
            Some(value) if kind == "float" => SqlValue::from(value.as_f64().unwrap()),
            Some(value) => SqlValue::from(value.as_i64().unwrap()),
        };
        let mut values = vec![value("id", "int")];
        values.extend(model::FIELDS.iter().map(|(name, kind)| value(name, kind)));
        let marks = vec!["?"; values.len()].join(", ");
        let insert = format!("INSERT INTO t VALUES (?, 'x', {})", &marks[3..]);
        connection.execute(&insert, rusqlite::params_from_iter(values)).unwrap();
    }
    connection
}

fn select(connection: &Connection, sql: &Sql) -> Vec<i64> {
    let mut statement = connection.prepare(&format!("SELECT id FROM t WHERE {} ORDER BY id", sql.text)).unwrap();
    let ids = statement.query_map(rusqlite::params_from_iter(&sql.params), |row| row.get(0)).unwrap();
    ids.map(|id| id.unwrap()).collect()
}

#[test]
fn big_filters_run() {
    let connection = table(&model::rows(&mut Random(1), 5, &Limits::NONE));
    let chain = format!("({})", vec!["meta['a'] != 1"; 8_000].join(") and ("));
    select(&connection, &Filter::parse(&chain).unwrap().to_sql(&spec()).unwrap());
    let ids = Filter::is_in("id", 5..100_000i64);
    assert_eq!(select(&connection, &ids.to_sql(&spec()).unwrap()), vec![5]);
    let none = !Filter::is_in("label", (0..10_000).map(|n| n.to_string()));
    assert_eq!(select(&connection, &none.to_sql(&spec()).unwrap()).len(), 5);
}

#[test]
fn simple_tests_are_plain_sql() {
    let text = |text: &str| sql(text).0;
    assert_eq!(text("label == 'a'"), "\"f_label\" = ?");
    assert_eq!(text("id in [1, 2]"), "\"id\" IN (?, ?)");
    assert_eq!(text("1 < i <= 3"), "(\"f_i\" >= ? AND \"f_i\" <= ?)");
    assert_eq!(text("i / 2 == 3"), "\"f_i\" BETWEEN ? AND ?");
    assert_eq!(text("not (label == 'a' or i == 3)"), "(\"f_label\" <> ? AND \"f_i\" <> ?)");
    assert_eq!(text("label like 'a%'"), "(\"f_label\" >= ? AND \"f_label\" < ?)");
    assert_eq!(text("nb"), "\"f_nb\" = ?");
    assert_eq!(text("i * 0 == 1"), "0");
    assert_eq!(sql("i + 1 == 3").1, [SqlValue::from(2)]);
}

#[test]
fn indexes_are_used() {
    let connection = table(&[]);
    for text in [
        "label == 'a'",
        "label in ['a', 'b']",
        "label like 'a%'",
        "i > 3",
        "label == 'a' and meta['x'] == 1",
        "i - 1 == 3",
    ] {
        let Sql { text: condition, params } = Filter::parse(text).unwrap().to_sql(&spec()).unwrap();
        let plan: String = connection
            .query_row(
                &format!("EXPLAIN QUERY PLAN SELECT id FROM t WHERE {condition}"),
                rusqlite::params_from_iter(params),
                |row| row.get(3),
            )
            .unwrap();
        assert!(plan.contains("USING") && plan.contains("INDEX"), "{text}: {plan}");
    }
    let many = Filter::is_in("label", (0..10_000).map(|n| n.to_string())).to_sql(&spec()).unwrap();
    let plan: String = connection
        .query_row(
            &format!("EXPLAIN QUERY PLAN SELECT id FROM t WHERE {}", many.text),
            rusqlite::params_from_iter(many.params),
            |row| row.get(3),
        )
        .unwrap();
    assert!(plan.contains("INDEX"), "{plan}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn sql_selects_what_the_model_selects(seed in any::<u64>(), depth in 0usize..4) {
        let mut random = Random(seed);
        let rows = model::rows(&mut random, 30, &Limits::NONE);
        let connection = table(&rows);
        for _ in 0..20 {
            let condition = model::condition(&mut random, depth, &Limits::NONE);
            let sql = Filter::parse(&condition.text).and_then(|filter| filter.to_sql(&spec()));
            let sql = sql.map_err(|error| TestCaseError::fail(format!("{}\n{error} {:?}", condition.text, error.hint())))?;
            prop_assert_eq!(select(&connection, &sql), condition.select(&rows), "{}\n{:?}", condition.text, sql);
            // Printing changes nothing.
            let printed = Filter::from(Filter::parse(&condition.text).unwrap().expr).to_string();
            prop_assert_eq!(Filter::parse(&printed).unwrap().to_sql(&spec()).unwrap(), sql, "{}", printed);
        }
    }
}
