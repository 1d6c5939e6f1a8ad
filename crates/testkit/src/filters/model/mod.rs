//! Random records and filters, each with its answer worked out in the plainest way, to hold against what SQL and
//! servers answer. Knows the language only by its text, so that it shares no mistake with the code it tests.
//!
//! The unit tests of core's filters take this folder in as well, to hold the SQL alone against it.

use std::fmt;

use serde_json::{Map, Value, json};

mod json;

use json::{at, json_arithmetic, json_list, json_test, ordered};

/// A record's fields, the id among them.
pub type Row = Map<String, Value>;
/// True, false or unknown.
type Answer = Option<bool>;

/// A filter's text and what it means.
pub struct Condition {
    pub text: String,
    eval: Box<dyn Fn(&Row) -> Answer>,
    /// Binds looser than `not`.
    loose: bool,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Condition {
    /// The ids of the records it selects, in their order.
    pub fn select(&self, rows: &[Row]) -> Vec<i64> {
        rows.iter().filter(|row| (self.eval)(row) == Some(true)).filter_map(|row| row["id"].as_i64()).collect()
    }
}

/// What to leave out because a server cannot do it, or does it differently.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `like` with wildcards other than a `%` at the end.
    pub wildcards: bool,
    /// ... and escapes beside them.
    pub escapes: bool,
    /// `<` and the like between arithmetic and a constant, where no bounds say the same.
    pub arithmetic_order: bool,
    pub remainder: bool,
    /// ... of integers that no float holds.
    pub wide_remainder: bool,
    /// Of JSON values.
    pub integer_division: bool,
    /// Nulls inside JSON.
    pub json_null: bool,
    /// Bools inside JSON.
    pub json_bool: bool,
    /// Comparisons of two fields that may be null.
    pub nullable_columns: bool,
    /// 64-bit integers that no float holds.
    pub wide_ints: bool,
}

impl Limits {
    /// The local store's.
    pub const NONE: Self = Self {
        wildcards: true,
        escapes: true,
        arithmetic_order: true,
        remainder: true,
        wide_remainder: true,
        integer_division: true,
        json_null: true,
        json_bool: true,
        nullable_columns: true,
        wide_ints: true,
    };
    /// Milvus 2.3's.
    pub const MILVUS_2_3: Self = Self {
        wildcards: false,
        escapes: false,
        arithmetic_order: false,
        wide_remainder: false,
        json_null: false,
        nullable_columns: false,
        ..Self::NONE
    };
    /// Milvus Lite's.
    pub const LITE: Self = Self {
        escapes: false,
        remainder: false,
        integer_division: false,
        json_bool: false,
        wide_ints: false,
        ..Self::NONE
    };
}

/// Numbers that look random and repeat (SplitMix64).
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    fn int(&mut self, limits: &Limits) -> i64 {
        if limits.wide_ints && self.one_in(8) {
            [i64::MIN, i64::MAX, i64::MIN + 1, 9_007_199_254_740_993, -9_007_199_254_740_993][self.below(5)]
        } else {
            self.below(9) as i64 - 4
        }
    }

    fn float(&mut self) -> f64 {
        [0.0, 1.0, -1.5, 0.1, 2.5, 3.0, 1e10, -1e-3][self.below(8)]
    }

    fn string(&mut self) -> String {
        let pool = [
            "",
            "a",
            "ab",
            "abc",
            "aXb",
            "A",
            "a%b",
            "a_b",
            "a\\b",
            "日本",
            "日",
            "b",
            "a\nb",
            "'q\"",
            "xa",
            "\u{10ffff}",
        ];
        self.pick(&pool).to_owned()
    }
}

const STRINGS: [&str; 2] = ["s", "ns"];
const INTS: [&str; 3] = ["id", "i", "ni"];
const FLOATS: [&str; 2] = ["f", "nf"];
const BOOLS: [&str; 2] = ["b", "nb"];
const SIGNS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];

/// The fields besides the id, with their types; those that start with `n` are nullable.
pub const FIELDS: [(&str, &str); 10] = [
    ("b", "bool"),
    ("nb", "bool"),
    ("i", "int"),
    ("ni", "int"),
    ("f", "float"),
    ("nf", "float"),
    ("s", "string"),
    ("ns", "string"),
    ("meta", "json"),
    ("nmeta", "json"),
];

/// Random records with the fields of [`FIELDS`] and ids from 1.
pub fn rows(random: &mut Random, count: usize, limits: &Limits) -> Vec<Row> {
    let row = |id: usize| {
        let mut row = Row::new();
        row.insert("id".to_owned(), json!(id));
        for (name, kind) in FIELDS {
            if name.starts_with('n') && random.one_in(3) {
                continue;
            }
            let value = match kind {
                "bool" => json!(random.one_in(2)),
                "int" => json!(random.int(limits)),
                "float" => json!(random.float()),
                "string" => json!(random.string()),
                _ => document(random, limits),
            };
            row.insert(name.to_owned(), value);
        }
        row
    };
    (1..=count).map(row).collect()
}

fn document(random: &mut Random, limits: &Limits) -> Value {
    let mut document = Map::new();
    for key in ["a", "x y", "t"] {
        if !random.one_in(4) {
            let value = if key == "t" { array(random, limits) } else { value(random, limits) };
            document.insert(key.to_owned(), value);
        }
    }
    if random.one_in(2) {
        document.insert("b".to_owned(), json!({"c": array(random, limits), "d\"/": value(random, limits)}));
    }
    Value::Object(document)
}

fn array(random: &mut Random, limits: &Limits) -> Value {
    (0..random.below(4)).map(|_| scalar(random, limits)).collect()
}

fn value(random: &mut Random, limits: &Limits) -> Value {
    match random.below(8) {
        0 if limits.json_null => Value::Null,
        1 => array(random, limits),
        2 => json!({"k": 1}),
        _ => scalar(random, limits),
    }
}

fn scalar(random: &mut Random, limits: &Limits) -> Value {
    match random.below(4) {
        0 => json!(random.below(5) as i64 - 2),
        1 => json!(random.float()),
        2 if limits.json_bool => json!(random.one_in(2)),
        _ => json!(random.string()),
    }
}

/// A random condition, at most `depth` levels deep.
pub fn condition(random: &mut Random, depth: usize, limits: &Limits) -> Condition {
    if depth == 0 || random.one_in(4) {
        return test(random, limits);
    }
    if random.one_in(3) {
        let inner = condition(random, depth - 1, limits);
        let word = random.pick(&["not ", "! ", "NOT "]);
        let text = if inner.loose { format!("{word}({})", inner.text) } else { format!("{word}{}", inner.text) };
        return Condition { text, eval: Box::new(move |row| (inner.eval)(row).map(|holds| !holds)), loose: false };
    }
    let parts: Vec<_> = (0..2 + random.below(2)).map(|_| condition(random, depth - 1, limits)).collect();
    let and = random.one_in(2);
    let word = random.pick(if and { &["and", "&&", "And"] } else { &["or", "||", "OR"] });
    let texts: Vec<_> =
        parts.iter().map(|part| if part.loose { format!("({})", part.text) } else { part.text.clone() }).collect();
    let eval = move |row: &Row| {
        let answers: Vec<_> = parts.iter().map(|part| (part.eval)(row)).collect();
        if answers.contains(&Some(!and)) {
            Some(!and)
        } else if answers.contains(&None) {
            None
        } else {
            Some(and)
        }
    };
    Condition { text: texts.join(&format!(" {word} ")), eval: Box::new(eval), loose: true }
}

fn simple(text: String, eval: impl Fn(&Row) -> Answer + 'static) -> Condition {
    Condition { text, eval: Box::new(eval), loose: false }
}

/// A field's value, or nothing when it is null.
fn field<'a>(row: &'a Row, name: &str) -> Option<&'a Value> {
    row.get(name).filter(|value| !value.is_null())
}

fn compare<T: PartialOrd>(a: T, sign: &str, b: T) -> bool {
    match sign {
        "==" => a == b,
        "!=" => a != b,
        "<" => a < b,
        "<=" => a <= b,
        ">" => a > b,
        _ => a >= b,
    }
}

fn test(random: &mut Random, limits: &Limits) -> Condition {
    match random.below(14) {
        0 | 1 => int_test(random, limits),
        2 => float_test(random),
        3 => string_test(random),
        4 => bool_test(random),
        5 | 6 => list_test(random, limits),
        7 => like_test(random, limits),
        8 => null_test(random),
        9 => columns_test(random, limits),
        10 | 11 => json_test(random, limits),
        12 => json_arithmetic(random, limits),
        _ => json_list(random, limits),
    }
}

fn int_test(random: &mut Random, limits: &Limits) -> Condition {
    let name = random.pick(&INTS);
    let mut sign = random.pick(&SIGNS);
    let value = random.int(limits);
    if random.one_in(2) {
        let (low, high) = (value, random.int(limits));
        return match random.below(3) {
            0 => simple(format!("{low} < {name} <= {high}"), move |row| {
                field(row, name)?.as_i64().map(|x| low < x && x <= high)
            }),
            1 => simple(format!("{low} >= {name} > {high}"), move |row| {
                field(row, name)?.as_i64().map(|x| low >= x && x > high)
            }),
            _ => simple(format!("{value} {sign} {name}"), move |row| {
                field(row, name)?.as_i64().map(|x| compare(value, sign, x))
            }),
        };
    }
    let arith = random.pick(&["", "+", "-", "*", "/", "%"]);
    let by = match random.int(limits) {
        0 | i64::MIN => 2,
        by => by,
    };
    if arith == "%" {
        // Only the id is sure to be small.
        if !limits.remainder || !limits.wide_remainder && name != "id" {
            return int_test(random, limits);
        }
        if !limits.arithmetic_order {
            sign = random.pick(&["==", "!="]);
        }
    }
    let left = if arith.is_empty() { name.to_owned() } else { format!("{name} {arith} {by}") };
    simple(format!("{left} {sign} {value}"), move |row| {
        let x = i128::from(field(row, name)?.as_i64()?);
        let by = i128::from(by);
        let x = match arith {
            "+" => x + by,
            "-" => x - by,
            "*" => x * by,
            "/" => x / by,
            "%" => x % by,
            _ => x,
        };
        Some(compare(x, sign, i128::from(value)))
    })
}

fn float_test(random: &mut Random) -> Condition {
    let name = random.pick(&FLOATS);
    let value = random.float();
    let arith = random.pick(&["", "+", "-", "*", "/"]);
    let sign = random.pick(if arith.is_empty() { &SIGNS } else { &["==", "!="] });
    let by = 2.5;
    let left = if arith.is_empty() { name.to_owned() } else { format!("{name} {arith} {by}") };
    simple(format!("{left} {sign} {value:?}"), move |row| {
        let x = field(row, name)?.as_f64()?;
        let x = match arith {
            "+" => x + by,
            "-" => x - by,
            "*" => x * by,
            "/" => x / by,
            _ => x,
        };
        Some(compare(x, sign, value))
    })
}

/// A string literal in either quotes.
fn quoted(random: &mut Random, text: &str) -> String {
    let quote = random.pick(&["'", "\""]);
    let text = text.replace('\\', "\\\\").replace('\n', "\\n").replace(quote, &format!("\\{quote}"));
    format!("{quote}{text}{quote}")
}

fn string_test(random: &mut Random) -> Condition {
    let name = random.pick(&STRINGS);
    let sign = random.pick(&SIGNS);
    let value = random.string();
    let text = format!("{name} {sign} {}", quoted(random, &value));
    simple(text, move |row| field(row, name)?.as_str().map(|x| compare(x, sign, &value)))
}

fn bool_test(random: &mut Random) -> Condition {
    let name = random.pick(&BOOLS);
    if random.one_in(2) {
        return simple(name.to_owned(), move |row| field(row, name)?.as_bool());
    }
    let sign = random.pick(&SIGNS);
    let value = random.one_in(2);
    let spelled = random.pick(if value { &["true", "True", "TRUE"] } else { &["false", "False", "FALSE"] });
    simple(format!("{name} {sign} {spelled}"), move |row| field(row, name)?.as_bool().map(|x| compare(x, sign, value)))
}

fn list_test(random: &mut Random, limits: &Limits) -> Condition {
    // Sometimes longer than what SQL writes out.
    let count = if random.one_in(4) { 20 } else { random.below(4) };
    let (name, values): (_, Vec<Value>) = match random.below(4) {
        0 => (random.pick(&INTS), (0..count).map(|_| json!(random.int(limits))).collect()),
        1 => (random.pick(&FLOATS), (0..count).map(|_| json!(random.float())).collect()),
        2 => (random.pick(&BOOLS), (0..count.min(3)).map(|_| json!(random.one_in(2))).collect()),
        _ => (random.pick(&STRINGS), (0..count).map(|_| json!(random.string())).collect()),
    };
    let negated = random.one_in(2);
    let text = format!("{name} {} {}", if negated { "not in" } else { "in" }, list(random, &values));
    simple(text, move |row| {
        let x = field(row, name)?;
        Some(values.iter().any(|value| equal(x, value)) != negated)
    })
}

fn list(random: &mut Random, values: &[Value]) -> String {
    let texts: Vec<_> = values.iter().map(|value| constant(random, value)).collect();
    format!("[{}]", texts.join(", "))
}

fn constant(random: &mut Random, value: &Value) -> String {
    match value {
        Value::String(text) => quoted(random, text),
        Value::Number(number) if number.is_f64() => format!("{:?}", number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}

/// Values are equal when they are of one type; all numbers are.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) if x.is_f64() || y.is_f64() => x.as_f64() == y.as_f64(),
        _ => a == b,
    }
}

fn matches(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|skip| matches(rest, &text[skip..])),
        ['_', rest @ ..] => !text.is_empty() && matches(rest, &text[1..]),
        ['\\', c, rest @ ..] | [c, rest @ ..] => text.first() == Some(c) && matches(rest, &text[1..]),
    }
}

fn like_test(random: &mut Random, limits: &Limits) -> Condition {
    let simple_ones = ["a%", "ab%", "abc", "%", "", "日%", "a\\%b", "a\\%%", "a\\_b", "\u{10ffff}%"];
    let wild = ["%b", "a%b", "_", "a_b", "%a%", "_%b", "a__", "日_", "%%b"];
    let both = ["%\\%b", "_\\_b", "%\\\\%"];
    let pool: Vec<&str> = match (limits.wildcards, limits.escapes) {
        (true, true) => [&simple_ones[..], &wild, &both].concat(),
        (true, false) => [&simple_ones[..], &wild].concat(),
        _ => simple_ones.to_vec(),
    };
    let pattern = random.pick(&pool).to_owned();
    let in_json = (limits.escapes || !pattern.contains('\\')) && random.one_in(3);
    let (name, in_json) = if in_json { ("meta[\"a\"]", true) } else { (random.pick(&STRINGS), false) };
    let text = format!("{name} like {}", quoted(random, &pattern));
    simple(text, move |row| {
        let x = if in_json { at(row, "meta", &["a"])? } else { field(row, name)? };
        let text = x.as_str().map(|text| text.chars().collect::<Vec<_>>());
        Some(text.is_some_and(|text| matches(&pattern.chars().collect::<Vec<_>>(), &text)))
    })
}

fn null_test(random: &mut Random) -> Condition {
    let (name, _) = FIELDS[random.below(FIELDS.len())];
    let negated = random.one_in(2);
    let text = format!("{name} is {}null", if negated { "not " } else { "" });
    simple(text, move |row| Some(field(row, name).is_none() != negated))
}

fn columns_test(random: &mut Random, limits: &Limits) -> Condition {
    let sets: [&[&str]; 4] = [&INTS, &FLOATS, &BOOLS, &STRINGS];
    let set: Vec<&str> = sets[random.below(4)]
        .iter()
        .copied()
        .filter(|name| limits.nullable_columns || !name.starts_with('n'))
        .collect();
    let (left, sign, right) = (random.pick(&set), random.pick(&SIGNS), random.pick(&set));
    simple(format!("{left} {sign} {right}"), move |row| ordered(field(row, left)?, sign, field(row, right)?))
}
