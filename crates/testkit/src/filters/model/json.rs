//! Conditions on places in JSON, for the model of filters.

use super::*;

/// A comparison of values of one type; unknown for others.
pub(super) fn ordered(a: &Value, sign: &str, b: &Value) -> Answer {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => Some(match (x.as_i64(), y.as_i64()) {
            (Some(x), Some(y)) => compare(x, sign, y),
            _ => compare(x.as_f64()?, sign, y.as_f64()?),
        }),
        (Value::String(x), Value::String(y)) => Some(compare(x, sign, y)),
        (Value::Bool(x), Value::Bool(y)) => Some(compare(x, sign, y)),
        _ => None,
    }
}

/// What a path leads to; nothing when it is missing or null.
pub(super) fn at<'a>(row: &'a Row, name: &str, path: &[&str]) -> Option<&'a Value> {
    let mut found = field(row, name)?;
    for step in path {
        found = match step.parse::<usize>() {
            Ok(index) => found.as_array()?.get(index)?,
            Err(_) => found.as_object()?.get(*step)?,
        };
    }
    Some(found).filter(|found| !found.is_null())
}

const PATHS: [&[&str]; 6] = [&["a"], &["x y"], &["b", "c", "0"], &["b", "d\"/"], &["t", "1"], &["b", "none"]];

fn json_place(random: &mut Random) -> (String, &'static str, &'static [&'static str]) {
    let name = random.pick(&["meta", "meta", "nmeta"]);
    let path = PATHS[random.below(PATHS.len())];
    let mut text = name.to_owned();
    for step in path {
        match step.parse::<usize>() {
            Ok(index) => text += &format!("[{index}]"),
            Err(_) => text += &format!("[{}]", quoted(random, step)),
        }
    }
    (text, name, path)
}

pub(super) fn json_test(random: &mut Random, limits: &Limits) -> Condition {
    let (place, name, path) = json_place(random);
    if random.one_in(5) {
        let (text, negated) = match random.below(3) {
            0 => (format!("exists {place}"), false),
            1 => (format!("{place} is not null"), false),
            _ => (format!("{place} is null"), true),
        };
        return simple(text, move |row| Some(at(row, name, path).is_some() != negated));
    }
    let value = scalar(random, limits);
    let sign = random.pick(&SIGNS);
    let text = format!("{place} {sign} {}", constant(random, &value));
    simple(text, move |row| {
        let x = at(row, name, path)?;
        match sign {
            "==" => Some(equal(x, &value)),
            "!=" => Some(!equal(x, &value)),
            _ => ordered(x, sign, &value),
        }
    })
}

pub(super) fn json_arithmetic(random: &mut Random, limits: &Limits) -> Condition {
    let (place, name, path) = json_place(random);
    let float = random.one_in(2);
    let mut ariths = vec!["+", "-", "*"];
    if float || limits.integer_division {
        ariths.push("/");
    }
    if !float && limits.remainder {
        ariths.push("%");
    }
    let arith = random.pick(&ariths);
    let sign = random.pick(if limits.arithmetic_order { &SIGNS } else { &["==", "!="] });
    let (by, value) = ([2i64, 3, -2][random.below(3)], random.below(5) as i64 - 2);
    let constant = if float { format!("{value}.0") } else { value.to_string() };
    simple(format!("{place} {arith} {by} {sign} {constant}"), move |row| {
        let x = at(row, name, path)?;
        if let (Some(x), false) = (x.as_i64(), float) {
            let x = match arith {
                "+" => x + by,
                "-" => x - by,
                "*" => x * by,
                "/" => x / by,
                _ => x % by,
            };
            return Some(compare(x, sign, value));
        }
        let x = x.as_f64()?;
        let left = match arith {
            "+" => x + by as f64,
            "-" => x - by as f64,
            "*" => x * by as f64,
            "/" => x / by as f64,
            _ => (x as i64 % by) as f64,
        };
        Some(compare(left, sign, value as f64))
    })
}

pub(super) fn json_list(random: &mut Random, limits: &Limits) -> Condition {
    let values: Vec<_> = (0..1 + random.below(3)).map(|_| scalar(random, limits)).collect();
    if random.one_in(2) {
        let (place, name, path) = json_place(random);
        let negated = random.one_in(2);
        let text = format!("{place} {} {}", if negated { "not in" } else { "in" }, list(random, &values));
        return simple(text, move |row| {
            let x = at(row, name, path)?;
            Some(values.iter().any(|value| equal(x, value)) != negated)
        });
    }
    let (place, path): (_, &[&str]) =
        if random.one_in(2) { ("meta['t']", &["t"]) } else { ("meta['b'][\"c\"]", &["b", "c"]) };
    let function = random.pick(&["json_contains", "json_contains_any", "JSON_CONTAINS_ALL"]);
    let argument = if function == "json_contains" { constant(random, &values[0]) } else { list(random, &values) };
    simple(format!("{function}({place}, {argument})"), move |row| {
        let Some(Value::Array(members)) = at(row, "meta", path) else { return Some(false) };
        let has = |value: &Value| members.iter().any(|member| equal(member, value));
        Some(match function {
            "json_contains" => has(&values[0]),
            "json_contains_any" => values.iter().any(has),
            _ => values.iter().all(has),
        })
    })
}
