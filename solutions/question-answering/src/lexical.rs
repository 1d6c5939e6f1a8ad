//! BM25 in memory, among candidates: for servers without full-text search.

use std::collections::HashMap;

use bootcamp_core::Id;

use crate::ranking::Part;

/// Robertson's parameters, as both stores have them.
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// Texts to be scored.
#[derive(Debug)]
pub struct Lexical {
    texts: Vec<(String, Id, HashMap<String, f32>)>,
}

impl Lexical {
    /// Of these entries: a key, an id and a text each.
    pub fn of(texts: HashMap<String, (Id, String)>) -> Self {
        let texts = texts.into_iter().map(|(entry, (id, text))| {
            let mut counts = HashMap::new();
            words(&text).for_each(|word| *counts.entry(word).or_default() += 1.0);
            (entry, id, counts)
        });
        Self { texts: texts.collect() }
    }

    /// Those that share a word with the query, best first (Robertson & Zaragoza 2009, with Lucene's idf, which is never
    /// negative). How rare a word is, is known among these texts alone.
    pub fn best(self, query: &str) -> Vec<Part> {
        let count = self.texts.len() as f32;
        let length = |counts: &HashMap<String, f32>| counts.values().sum::<f32>();
        let mean = self.texts.iter().map(|(_, _, counts)| length(counts)).sum::<f32>() / count.max(1.0);
        let query: Vec<(String, f32)> = words(query)
            .map(|word| {
                let with = self.texts.iter().filter(|(_, _, counts)| counts.contains_key(&word)).count() as f32;
                let idf = (1.0 + (count - with + 0.5) / (with + 0.5)).ln();
                (word, idf)
            })
            .collect();
        let score = |counts: &HashMap<String, f32>| {
            let norm = K1 * (1.0 - B + B * length(counts) / mean.max(1.0));
            let word = |(word, idf): &(String, f32)| {
                counts.get(word).map_or(0.0, |count| idf * count * (K1 + 1.0) / (count + norm))
            };
            query.iter().map(word).sum::<f32>()
        };
        let scored = self.texts.iter().map(|(entry, id, counts)| Part {
            id: id.clone(),
            entry: entry.clone(),
            score: score(counts),
        });
        let mut best: Vec<Part> = scored.filter(|part| part.score > 0.0).collect();
        best.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.entry.cmp(&b.entry)));
        best
    }
}

/// The words of a text, in lower case.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_formula() {
        let texts = [("a", "the cat sat"), ("b", "The dog sat and sat"), ("c", "birds")];
        let texts = texts.map(|(key, text)| (key.to_owned(), (Id::from(key), text.to_owned())));
        let best = Lexical::of(HashMap::from(texts)).best("Sat, cat?");
        assert_eq!(best.iter().map(|part| part.entry.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        // The mean length is 3: ln(1 + 1.5/2.5) + ln(1 + 2.5/1.5), each times 2.2 / 2.2.
        assert!((best[0].score - (0.470_004 + 0.980_829)).abs() < 1e-4, "{}", best[0].score);
        // Twice in five words: 2 × 2.2 / (2 + 1.2 × 1.5).
        assert!((best[1].score - 0.470_004 * 4.4 / 3.8).abs() < 1e-4, "{}", best[1].score);
    }
}
