//! The language as its users meet it.

use proptest::prelude::*;

use super::ast::{Arith, At, Cmp, Expr, Literal, Members, Operand, Place, Side, Step};
use super::model::{self, Limits, Random};
use super::*;
use crate::schema::{IdKind, Metric, ScalarField, VectorField};

pub(super) fn spec() -> CollectionSpec {
    let mut spec = CollectionSpec::new("pictures", IdKind::Int)
        .vector(VectorField::f32("embedding", 4, Metric::Cosine))
        .scalar(ScalarField::string("label"))
        .scalar(ScalarField::string("path").not_filterable());
    for (name, kind) in model::FIELDS {
        let field = match kind {
            "bool" => ScalarField::bool(name),
            "int" => ScalarField::int(name),
            "float" => ScalarField::float(name),
            "string" => ScalarField::string(name),
            _ => ScalarField::json(name),
        };
        spec = spec.scalar(if name.starts_with('n') { field.nullable() } else { field });
    }
    spec
}

/// The message of a text that is refused, and its hint on the last line.
fn refused(text: &str) -> String {
    let error = Filter::parse(text).and_then(|filter| filter.check(&spec())).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::InvalidInput);
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let cases = [
        ("label ==", "filter: unexpected end, expected a value\n  label ==\n          ^"),
        ("label = 'x'", "filter: unexpected '='\n  label = 'x'\n        ^\nhint: write == to compare"),
        ("label <> 'x'", "filter: unexpected '<>'\n  label <> 'x'\n        ^\nhint: write != for unequal"),
        ("", "filter: the filter is empty\n  \n  ^\nhint: leave the filter out to get every record"),
        (
            "label == cat",
            "filter: collection 'pictures' has no field 'cat'\n  label == cat\n           ^\nhint: put text in quotes: \"cat\"; its \
             fields are: id, label, path, b, nb, i, ni, f, nf, s, ns, meta, nmeta, embedding",
        ),
        (
            "label == big cat",
            "filter: unexpected cat, expected 'and', 'or' or the end\n  label == big cat\n               ^\nhint: put text in quotes",
        ),
        ("label == 'cat", "filter: the string has no end\n  label == 'cat\n           ^\nhint: close it with '"),
        (
            "i > '5'",
            "filter: field 'i' is an int, but \"5\" is a string\n  i > '5'\n      ^\nhint: write a number without quotes",
        ),
        (
            "i > 1.5",
            "filter: field 'i' is an int, but 1.5 is a float\n  i > 1.5\n      ^\nhint: compare it with a whole number",
        ),
        (
            "label in ['a', 7]",
            "filter: field 'label' is a string, but 7 is an int\n  label in ['a', 7]\n                 ^\nhint: put text in quotes: \"7\"",
        ),
        ("b == 1", "filter: field 'b' is a bool, but 1 is an int\n  b == 1\n       ^\nhint: write true or false"),
        (
            "path == 'x'",
            "filter: field 'path' is not filterable\n  path == 'x'\n  ^\nhint: filterable fields of 'pictures' are: id, label, b, nb, i, ni, f, nf, s, ns, meta, nmeta",
        ),
        (
            "embedding == 1",
            "filter: field 'embedding' is a vector and cannot be used in a filter\n  embedding == 1\n  ^",
        ),
        (
            "meta == 1",
            "filter: field 'meta' is a json field and cannot be compared as a whole\n  meta == 1\n  ^\nhint: name a key: meta[\"key\"]",
        ),
        ("i[\"a\"] == 1", "filter: field 'i' is an int and has no keys\n  i[\"a\"] == 1\n  ^"),
        ("i / 0 == 1", "filter: division by zero\n  i / 0 == 1\n      ^"),
        (
            "id in (1, 2)",
            "filter: unexpected (, expected a list, as in [1, 2]\n  id in (1, 2)\n        ^\nhint: write a list in brackets: [1, 2]",
        ),
        (
            "i == null",
            "filter: unexpected null, expected a value\n  i == null\n       ^\nhint: write `is null` or `is not null`",
        ),
        (
            "array_contains(meta, 1)",
            "filter: there is no function 'array_contains'\n  array_contains(meta, 1)\n  ^\nhint: there are no array fields; keep arrays in a json field and use json_contains",
        ),
        (
            "1 < i > 3",
            "filter: '<' and '>' do not form a range\n  1 < i > 3\n        ^\nhint: write a range as 1 < x <= 3, or join two comparisons with and",
        ),
        ("i like 'a'", "filter: 'like' needs a string, but field 'i' is an int\n  i like 'a'\n  ^"),
        (
            "exists i",
            "filter: 'exists' needs a key in a json field, not field 'i'\n  exists i\n         ^\nhint: write i is not null",
        ),
        (
            "label",
            "filter: field 'label' stands alone, but is a string, not a bool\n  label\n  ^\nhint: compare it with something, as in size > 3",
        ),
        (
            "s == '日本' and i = 1",
            "filter: unexpected '='\n  s == '日本' and i = 1\n                    ^\nhint: write == to compare",
        ),
        ("b ==\n\ttRue", "filter: unexpected 'tRue'\n  \ttRue\n  \t^\nhint: write true"),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn more_is_refused() {
    for text in [
        "5",
        "i",
        "true",
        "1 == 1",
        "i == 5 5",
        "(i == 5",
        "i == 5)",
        "i == [1]",
        "i in 5",
        "i in [i]",
        "i + i == 3",
        "1 - i == 3",
        "i + 1 + 1 == 3",
        "i ** 2 == 4",
        "f % 2 == 1",
        "-i == 1",
        "label + 1 == 2",
        "i + 'a' == 2",
        "i == 1 == 2",
        "0 < i < 5 < 6",
        "not 5",
        "not",
        "i is 5",
        "i is not 5",
        "label like 5",
        "json_contains(meta, [1])",
        "json_contains_any(meta, [])",
        "json_contains_any(meta, 1)",
        "json_contains(i, 1)",
        "meta[a] == 1",
        "meta[-1] == 1",
        "meta['a'] == meta['b']",
        "meta['a'] == i",
        "i == meta['a']",
        "meta['a']",
        "meta['a'] + 1 == 'x'",
        "exists",
        "$meta['a'] == 1",
        "label == s.x",
        "i == 9223372036854775808",
        "i == 9223372036854775807 + 1",
        "i & 1 == 1",
        "f(1)",
        "label == b",
        "i in [1 2]",
        "and i == 1",
        "i == 1 and",
        "i == - true",
        "f == 1e999",
        "label == \"a\nb\"",
        "i + 1.5 == 2",
        "label == “a”",
    ] {
        refused(text);
    }
}

#[test]
fn limits_hold_without_a_crash() {
    let deep = |n: usize| format!("{}i == 1{}", "(".repeat(n), ")".repeat(n));
    assert!(Filter::parse(&deep(60)).is_ok());
    assert!(refused(&deep(100_000)).starts_with("filter: nested deeper than 64 levels"));
    refused(&"!".repeat(100_000));
    refused(&format!("i == {}5", "-".repeat(100_000)));
    refused(&format!("i == 2{}", " ** 2".repeat(100_000)));
    assert!(refused(&format!("label == '{}'", "x".repeat(1 << 20))).starts_with("filter: the filter is 1048587 bytes"));
    let chain = |n: usize| vec!["i == 1"; n].join(" or ");
    Filter::parse(&chain(8_000)).unwrap().check(&spec()).unwrap();
    assert!(refused(&chain(8_001)).starts_with("filter: more than 8000 conditions"));
    let mut tall = Filter::eq("i", 1);
    for _ in 0..300 {
        tall = !tall.clone().and(Filter::eq("i", 2));
    }
    assert!(tall.check(&spec()).is_err());
}

#[test]
fn programs_build_what_people_type() {
    let built = Filter::eq("label", "a\"b\\c\n")
        .and(Filter::is_in("i", [1, 2]))
        .and(!Filter::is_null("ns"))
        .or(Filter::gt("f", 1.5));
    let text = "(label == \"a\\\"b\\\\c\\n\" and i in [1, 2] and ns is not null) or f > 1.5";
    assert_eq!(built.to_string(), text);
    assert_eq!(built, Filter::parse(text).unwrap());
    assert_eq!(Filter::is_in("id", [&crate::Id::from(5)]).to_string(), "id in [5]");
    assert!(Filter::eq("f", f64::NAN).check(&spec()).is_err());
    let error = Filter::eq("nothing", 1).check(&spec()).unwrap_err();
    assert_eq!(error.to_string(), "filter: collection 'pictures' has no field 'nothing'");
    let typed: Filter = " i  in [ 1,]".parse().unwrap();
    assert_eq!(typed.to_string(), " i  in [ 1,]");
    assert_eq!(format!("{typed:?}"), "Filter( i  in [ 1,])");
}

#[test]
fn a_member_of_a_list_is_asked_for_in_two_ways() {
    for (text, same) in [
        ("\"a\" in meta[\"tags\"] and i > 3", "json_contains(meta[\"tags\"], \"a\") and i > 3"),
        ("'a' not in meta", "not json_contains(meta, \"a\")"),
        ("3 in meta or 4 IN meta", "json_contains(meta, 3) or json_contains(meta, 4)"),
    ] {
        let filter: Filter = text.parse().unwrap();
        assert_eq!(filter, same.parse().unwrap(), "{text}");
    }
    let wrong = "\"a\" in [\"a\"]".parse::<Filter>().unwrap_err().to_string();
    assert!(wrong.starts_with("filter: the left side of 'in' must be a field"), "{wrong}");
}

#[test]
fn spellings_mean_the_same() {
    for (one, other) in [
        ("i == 1 && s == 'a' || !b", "((i == 1 and s == \"a\") or (not b))"),
        ("NOT i IN [1] AND s LIKE 'a'", "(i not in [1]) and s like \"a\""),
        ("1 < i <= 3", "i > 1 and i <= 3"),
        ("3 >= i > 1", "i <= 3 and i > 1"),
        ("5 == i", "i == 5"),
        ("2 * i == 0x10", "i * 2 == 16"),
        ("i == 2 ** 3 - 7 / 2 * 2", "i == 2"),
        ("i == -9223372036854775808", "i == (-9223372036854775807 - 1)"),
        ("f == -(1.5 + .5)", "f == -2.0"),
        ("(i) == (+5)", "i == 5"),
        ("exists (meta['a'])", "EXISTS meta[\"a\"]"),
        ("s not like 'a%'", "not (s like 'a%')"),
        ("i is NOT NULL", "not i is null"),
        ("not not b", "!!b"),
    ] {
        assert_eq!(Filter::parse(one).unwrap(), Filter::parse(other).unwrap(), "{one}");
    }
}

#[test]
fn servers_get_text_they_understand() {
    let old = Dialect::milvus("Milvus 2.3.5", 2, 3);
    let new = Dialect::milvus("Milvus 2.6.0", 2, 6);
    let lite = Dialect::lite("Milvus Lite 3.2.2");
    let say = |text: &str, dialect: &Dialect| Filter::parse(text).unwrap().to_milvus(&spec(), dialect);
    for (text, on_old, on_lite) in [
        ("not b and i > 3", "(b == false and i >= 4)", "(b == false and i >= 4)"),
        ("ni != 5", "((exists ni) and ni != 5)", "((ni is not null) and ni != 5)"),
        ("ni is null", "(not (exists ni))", "(ni is null)"),
        ("i is null", "id in []", "id in []"),
        ("id in [3, 1, 3]", "id in [3, 1]", "id in [3, 1]"),
        ("i % 3 < 3", "id not in []", "id not in []"),
        ("1 < i < 5", "(i >= 2 and i <= 4)", "(i >= 2 and i <= 4)"),
        ("i / 2 == 2", "(i >= 4 and i <= 5)", "(i >= 4 and i <= 5)"),
        ("i == -9223372036854775808", "i < -9223372036854775807", "i < -9223372036854775807"),
        ("i < -9223372036854775808", "id in []", "id in []"),
        ("f > 1", "f > 1.0", "f > 1.0"),
        ("s like 'a%'", "s like \"a%\"", "s like \"a%\""),
        ("s like 'a\\_%'", "(s >= \"a_\" and s < \"a`\")", "(s >= \"a_\" and s < \"a`\")"),
        ("s like ''", "s == \"\"", "s == \"\""),
        (
            "meta['a'] in [1, 'x']",
            "(meta[\"a\"] in [1] or meta[\"a\"] in [\"x\"])",
            "(meta[\"a\"] == 1 or meta[\"a\"] == \"x\")",
        ),
        (
            "not (meta['a'] == 1)",
            "((exists meta[\"a\"]) and meta[\"a\"] != 1)",
            "((exists meta[\"a\"]) and meta[\"a\"] != 1)",
        ),
        ("not (meta['a'] < 1)", "meta[\"a\"] >= 1", "meta[\"a\"] >= 1"),
        (
            "json_contains(meta['t'], 1)",
            "json_contains_any(meta[\"t\"], [1.0])",
            "json_contains_any(meta[\"t\"], [1.0])",
        ),
        ("i == 1 or i == 2 or i == 3", "(i == 1 or (i == 2 or i == 3))", "(i == 1 or (i == 2 or i == 3))"),
    ] {
        assert_eq!(say(text, &old).unwrap(), on_old, "{text}");
        assert_eq!(say(text, &lite).unwrap(), on_lite, "{text}");
        say(text, &new).unwrap();
    }
    assert_eq!(say("s like '%a\\%_'", &new).unwrap(), "s like \"%a\\\\%_\"");
    let error = say("s like '%a'", &old).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "not supported by this server (Milvus 2.3.5): like with a wildcard other than % at the end in a filter"
    );
    assert!(say("i % 2 < 1", &old).is_err() && say("i % 2 == 1", &lite).is_err());
}

#[test]
fn what_a_server_can_do_can_be_said() {
    for (dialect, limits) in [
        (Dialect::milvus("Milvus 2.3.5", 2, 3), Limits::MILVUS_2_3),
        (Dialect::milvus("Milvus 2.6.0", 2, 6), Limits::NONE),
        (Dialect::lite("Milvus Lite 3.2.2"), Limits::LITE),
    ] {
        let mut random = Random(42);
        let rows = model::rows(&mut random, 50, &limits);
        let mut some = 0;
        for _ in 0..2_000 {
            let condition = model::condition(&mut random, 3, &limits);
            let said = Filter::parse(&condition.text).unwrap().to_milvus(&spec(), &dialect);
            assert!(said.is_ok(), "{condition:?} {said:?}");
            some += usize::from((1..rows.len()).contains(&condition.select(&rows).len()));
        }
        assert!(some > 1_000, "only {some} conditions select some and not all");
    }
}

fn places() -> impl Strategy<Value = Place> {
    let step = prop_oneof![any::<String>().prop_map(Step::Key), any::<u32>().prop_map(Step::Index)];
    ("[a-z_][a-zA-Z0-9_]{0,8}", prop::collection::vec(step, 0..3))
        .prop_filter("a word of the language", |(field, _)| !lex::is_reserved(field))
        .prop_map(|(field, path)| Place { field, path, at: At(None) })
}

fn numbers() -> impl Strategy<Value = Literal> {
    let float = any::<f64>().prop_filter("finite", |value| value.is_finite());
    prop_oneof![any::<i64>().prop_map(Literal::Int), float.prop_map(Literal::Float)]
}

fn literals() -> impl Strategy<Value = Literal> {
    prop_oneof![numbers(), any::<bool>().prop_map(Literal::Bool), any::<String>().prop_map(Literal::String)]
}

fn operands() -> impl Strategy<Value = Operand> {
    let number = numbers().prop_filter("not zero", |number| number.as_f64() != Some(0.0));
    let arith = prop::sample::select(vec![Arith::Add, Arith::Sub, Arith::Mul, Arith::Div]);
    let modulo = any::<i64>().prop_filter("not zero", |by| *by != 0).prop_map(|by| (Arith::Mod, Literal::Int(by)));
    (places(), prop::option::of(prop_oneof![(arith, number), modulo]))
        .prop_map(|(place, arith)| Operand { place, arith })
}

fn exprs() -> impl Strategy<Value = Expr> {
    let values = |range| prop::collection::vec(literals().prop_map(|literal| (literal, At(None))), range);
    let cmp = prop::sample::select(vec![Cmp::Eq, Cmp::Ne, Cmp::Lt, Cmp::Le, Cmp::Gt, Cmp::Ge]);
    let side =
        prop_oneof![literals().prop_map(|literal| Side::Literal(literal, At(None))), places().prop_map(Side::Place)];
    let test = prop_oneof![
        places().prop_map(Expr::True),
        (operands(), cmp, side).prop_map(|(left, op, right)| Expr::Compare { left, op, right }),
        (places(), values(0..4)).prop_map(|(place, values)| Expr::In { place, values }),
        (places(), any::<String>()).prop_map(|(place, pattern)| Expr::Like { place, pattern }),
        places().prop_map(Expr::IsNull),
        places().prop_map(Expr::Exists),
        (places(), values(1..2)).prop_map(|(place, values)| Expr::Contains { place, members: Members::One, values }),
        (places(), prop::sample::select(vec![Members::All, Members::Any]), values(1..4))
            .prop_map(|(place, members, values)| Expr::Contains { place, members, values }),
    ];
    test.prop_recursive(5, 40, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::Or),
            inner.prop_map(|inner| Expr::Not(Box::new(inner))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn printed_filters_parse_back(expr in exprs()) {
        let text = expr.to_string();
        match Filter::parse(&text) {
            Ok(parsed) => prop_assert_eq!(parsed.expr, expr, "{}", text),
            Err(error) => prop_assert!(false, "{text}\n{error}"),
        }
    }

    #[test]
    fn nothing_makes_the_parser_panic(text in any::<String>()) {
        let _ = Filter::parse(&text).map(|filter| filter.check(&spec()));
    }

    #[test]
    fn no_mix_of_tokens_makes_the_parser_panic(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "i", "meta", "s", "b", "==", "!=", "<", ">=", "in", "not", "and", "or", "is", "null", "like", "exists", "(", ")", "[", "]",
            ",", "1", "-", "+", "*", "/", "%", "**", "0", "2.5", "'a'", "\"k\"", "true", "json_contains", "!", "日", "\t", "\n", "\\",
        ]), 0..12)
    ) {
        let text = pieces.join(" ");
        if let Err(error) = Filter::parse(&text).and_then(|filter| filter.to_sql(&spec())) {
            prop_assert!(error.to_string().starts_with("filter: "));
        }
    }
}
