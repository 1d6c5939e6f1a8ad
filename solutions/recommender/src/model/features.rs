//! An item as a vector of what its facts say, before anybody has rated it: its words, lists and numbers, hashed to a fixed
//! number of places (Weinberger, Dasgupta, Langford, Smola & Attenberg, "Feature hashing for large scale multitask
//! learning", ICML 2009), so that any table of facts fits.

use serde_json::{Map, Value};

/// The length of a vector.
pub const DIM: usize = 256;

/// Weights by what a fact is: a genre says more about taste than a word of a title.
const WORD: f32 = 0.35;
const LIST: f32 = 1.0;
const NUMBER: f32 = 0.7;
/// Every item has this much in the first place, so that one without facts has a vector, too.
const ALWAYS: f32 = 0.3;
/// Words of a text that count, so that a long plot does not drown a genre.
const MAX_WORDS: usize = 50;

/// The vector of an item with these facts, of length 1.
pub fn vector(facts: &Map<String, Value>) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIM];
    vector[0] = ALWAYS;
    for (name, value) in facts {
        add(&mut vector, name, value);
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|x| *x /= length);
    vector
}

fn add(vector: &mut [f32], name: &str, value: &Value) {
    match value {
        Value::String(text) => words(text).take(MAX_WORDS).for_each(|word| put(vector, name, &word, WORD)),
        Value::Array(list) => {
            for value in list {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_lowercase);
                put(vector, name, &text, LIST);
            }
        }
        // Years and prices that are near are alike: by their ten.
        Value::Number(number) => {
            let ten = number.as_f64().map_or(0.0, |number| (number / 10.0).floor());
            put(vector, name, &ten.to_string(), NUMBER);
        }
        Value::Bool(truth) => put(vector, name, if *truth { "true" } else { "false" }, LIST),
        Value::Object(more) => more.iter().for_each(|(name, value)| add(vector, name, value)),
        Value::Null => {}
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 2).map(str::to_lowercase)
}

/// Adds one feature. Its hash chooses the place and the sign, so that collisions cancel out on average.
fn put(vector: &mut [f32], name: &str, value: &str, weight: f32) {
    let hash = hash(name, value);
    let place = 1 + (hash >> 1) as usize % (DIM - 1);
    vector[place] += if hash & 1 == 0 { weight } else { -weight };
}

/// FNV-1a, which is the same on every machine and in every version, followed by a mixing of its bits.
fn hash(name: &str, value: &str) -> u64 {
    let bytes = name.bytes().chain([0]).chain(value.bytes());
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(facts: Value) -> Vec<f32> {
        vector(facts.as_object().unwrap())
    }

    fn alike(a: Value, b: Value) -> f32 {
        of(a).iter().zip(of(b)).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn what_has_the_same_facts_is_alike() {
        let film = json!({"title": "Toy Story", "year": 1995, "genres": ["Animation", "Comedy"]});
        let near = json!({"title": "Antz", "year": 1998, "genres": ["Animation", "Comedy"]});
        let far = json!({"title": "Psycho", "year": 1960, "genres": ["Horror", "Thriller"]});
        assert!((alike(film.clone(), film.clone()) - 1.0).abs() < 1e-6);
        assert!(alike(film.clone(), near.clone()) > 0.7 && alike(film.clone(), far.clone()) < 0.4);
        assert!((alike(json!({}), json!({})) - 1.0).abs() < 1e-6, "without facts there is a vector, too");
    }

    #[test]
    fn the_same_word_of_another_column_is_another_feature() {
        assert!(alike(json!({"a": ["x"]}), json!({"b": ["x"]})) < 0.2);
        assert_eq!(of(json!({"t": "Ünïcode"})), of(json!({"t": "üNÏCODE"})), "whatever the case");
    }
}
