//! Brings the scores of two searches together: cosine similarity of embeddings, and BM25 of words.
//!
//! The weight was chosen on one half of three sets of questions (`eval/`) and measured on the other; reciprocal rank
//! fusion and six other ways were no better, and RRF at equal weights worse than embeddings alone.

use std::collections::HashMap;

use bootcamp_core::Id;

use crate::calibration::Calibration;

/// The weight of embeddings in a fused score; that of words is the rest.
const DENSE: f32 = 0.9;

/// What is known of an entry's likeness to a question.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The part that stands for the entry: the one most similar, or the first where only words found it.
    pub id: Id,
    pub entry: String,
    /// Cosine similarity of that part; `None` where embeddings did not find the entry.
    pub dense: Option<f32>,
    /// BM25 of the entry; `None` where words did not find it.
    pub text: Option<f32>,
    /// What a cross-encoder says; `None` where none was asked.
    pub rerank: Option<f32>,
    /// Whether it asks the same question, word for word.
    pub is_same: bool,
    /// What it is ranked by.
    pub score: f32,
}

/// One part of an entry that a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub id: Id,
    pub entry: String,
    pub score: f32,
}

/// Entries by their best parts, best first: the fused score is 0.9 × similarity + 0.1 × BM25 over the best BM25, where the
/// similarity is the cosine on the model's scale. What one search did not find counts 0 there. Without one of the two
/// searches, the score is that of the other: a cosine, or BM25.
pub fn fuse(dense: Option<Vec<Part>>, text: Option<Vec<Part>>, calibration: &Calibration) -> Vec<Found> {
    let both = dense.is_some() && text.is_some();
    let best_text = text.iter().flatten().map(|part| part.score).fold(f32::MIN_POSITIVE, f32::max);
    let mut found: HashMap<String, Found> = HashMap::new();
    // Best first, so the first part of an entry is its best.
    for Part { id, entry, score } in dense.into_iter().flatten() {
        let new = Found {
            id,
            entry: entry.clone(),
            dense: Some(score),
            text: None,
            rerank: None,
            is_same: false,
            score: 0.0,
        };
        found.entry(entry).or_insert(new);
    }
    for Part { id, entry, score } in text.into_iter().flatten() {
        let new = Found { id, entry: entry.clone(), dense: None, text: None, rerank: None, is_same: false, score: 0.0 };
        let known = found.entry(entry).or_insert(new);
        known.text = Some(known.text.map_or(score, |text| text.max(score)));
    }
    let mut found: Vec<Found> = found.into_values().collect();
    for one in &mut found {
        let (dense, text) = (one.dense.unwrap_or_default(), one.text.unwrap_or_default());
        one.score = match both {
            true => DENSE * calibration.similarity(dense) + (1.0 - DENSE) * text / best_text,
            false => dense + text,
        };
    }
    sort(&mut found);
    found
}

/// Best first; equal ones in the order of their keys, so that the order is always the same.
pub fn sort(found: &mut [Found]) {
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.entry.cmp(&b.entry)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(id: &str, entry: &str, score: f32) -> Part {
        Part { id: id.into(), entry: entry.to_owned(), score }
    }

    /// Cosines as they are.
    const PLAIN: Calibration = Calibration { floor: 0.0, threshold: None };

    #[test]
    fn an_entry_counts_by_its_best_part_and_both_searches() {
        let dense = vec![part("a2", "a", 0.8), part("b0", "b", 0.7), part("a0", "a", 0.6)];
        let text = vec![part("c0", "c", 8.0), part("b0", "b", 4.0)];
        let found = fuse(Some(dense.clone()), Some(text.clone()), &PLAIN);
        let scores: Vec<_> = found.iter().map(|one| (one.entry.as_str(), one.id.to_string(), one.score)).collect();
        let near = |score: f32, expected: f32| assert!((score - expected).abs() < 1e-6, "{score} is not {expected}");
        assert_eq!(
            scores.iter().map(|(entry, id, _)| (*entry, id.as_str())).collect::<Vec<_>>(),
            [("a", "a2"), ("b", "b0"), ("c", "c0")]
        );
        near(scores[0].2, 0.72);
        near(scores[1].2, 0.63 + 0.05);
        near(scores[2].2, 0.1);
        assert_eq!(fuse(Some(dense), None, &PLAIN)[0].score, 0.8, "a cosine");
        assert_eq!(fuse(None, Some(text), &PLAIN)[0].score, 8.0, "BM25");
        assert_eq!(fuse(Some(vec![]), Some(vec![]), &PLAIN), []);
    }

    /// Else words would decide wherever a model's cosines lie close together.
    #[test]
    fn embeddings_have_their_weight_whatever_the_scale_of_their_cosines() {
        let spread = [part("a0", "a", 0.8), part("b0", "b", 0.6)];
        let narrow = [part("a0", "a", 0.95), part("b0", "b", 0.9), part("d0", "d", 0.7)];
        let text = [part("b0", "b", 8.0), part("a0", "a", 4.0)];
        let by_spread = fuse(Some(spread.to_vec()), Some(text.to_vec()), &PLAIN);
        let calibration = Calibration { floor: 0.75, threshold: None };
        let by_narrow = fuse(Some(narrow.to_vec()), Some(text.to_vec()), &calibration);
        for (wide, narrow) in by_spread.iter().zip(&by_narrow) {
            assert_eq!(wide.entry, narrow.entry);
            assert!((wide.score - narrow.score).abs() < 1e-6, "{} is not {}", narrow.score, wide.score);
        }
        assert_eq!(by_narrow[2].score, 0.0, "below the floor, it is no more alike than what was not found");
    }
}
