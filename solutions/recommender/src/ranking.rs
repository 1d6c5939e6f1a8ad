//! Orders candidates: by relevance alone, or so that a list is also diverse and has what fewer people know.

/// A candidate, with what counts beside its score.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub score: f32,
    pub vector: Vec<f32>,
    /// Ratings of the item.
    pub ratings: i64,
}

/// What a list shall be beside relevant, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Taste {
    /// How much items shall differ from each other.
    pub diversity: f32,
    /// How much the unknown is preferred.
    pub novelty: f32,
}

impl Taste {
    /// Whether the order is by score alone.
    pub fn is_plain(self) -> bool {
        self.diversity <= 0.0 && self.novelty <= 0.0
    }
}

/// The places of the best `k` candidates, in their order.
///
/// Relevance is brought to 0…1 among the candidates; with novelty it is mixed with the information of knowing an item
/// (−log₂ of its ratings, likewise). Diversity is maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998): each
/// next item is the one with the best relevance less its greatest cosine similarity to those before it.
pub fn order(candidates: &[Candidate], k: usize, taste: Taste) -> Vec<usize> {
    let relevance = relevance(candidates, taste.novelty);
    let directions: Vec<Vec<f32>> = candidates.iter().map(|candidate| direction(&candidate.vector)).collect();
    let mut nearest = vec![0.0_f32; candidates.len()];
    let mut left: Vec<usize> = (0..candidates.len()).collect();
    let mut chosen = Vec::with_capacity(k.min(candidates.len()));
    while chosen.len() < k {
        let value = |at: usize| (1.0 - taste.diversity) * relevance[at] - taste.diversity * nearest[at];
        let best = left.iter().enumerate().max_by(|(i, a), (j, b)| value(**a).total_cmp(&value(**b)).then(j.cmp(i)));
        let Some((place, _)) = best else { break };
        let best = left.remove(place);
        chosen.push(best);
        for at in &left {
            let similarity: f32 = directions[*at].iter().zip(&directions[best]).map(|(a, b)| a * b).sum();
            nearest[*at] = nearest[*at].max(similarity);
        }
    }
    chosen
}

fn relevance(candidates: &[Candidate], novelty: f32) -> Vec<f32> {
    let scores = scaled(candidates.iter().map(|candidate| candidate.score).collect());
    let unknown = scaled(candidates.iter().map(|candidate| -(candidate.ratings.max(0) as f32 + 1.0).log2()).collect());
    scores.into_iter().zip(unknown).map(|(score, unknown)| (1.0 - novelty) * score + novelty * unknown).collect()
}

/// Values brought to 0…1.
fn scaled(values: Vec<f32>) -> Vec<f32> {
    let (least, most) =
        values.iter().fold((f32::MAX, f32::MIN), |(least, most), value| (least.min(*value), most.max(*value)));
    let range = (most - least).max(f32::MIN_POSITIVE);
    values.into_iter().map(|value| (value - least) / range).collect()
}

fn direction(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    vector.iter().map(|x| x / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> Vec<Candidate> {
        let candidate = |score, x: f32, y: f32, ratings| Candidate { score, vector: vec![x, y], ratings };
        vec![
            candidate(1.0, 1.0, 0.0, 500),
            candidate(0.9, 2.0, 0.1, 300),
            candidate(0.5, 0.0, 1.0, 3),
            candidate(0.1, -1.0, 0.0, 2),
        ]
    }

    #[test]
    fn without_wishes_the_order_is_that_of_the_scores() {
        assert_eq!(order(&candidates(), 3, Taste::default()), [0, 1, 2]);
        assert_eq!(order(&candidates(), 9, Taste::default()), [0, 1, 2, 3]);
        assert!(order(&[], 3, Taste { diversity: 0.5, novelty: 0.5 }).is_empty());
    }

    #[test]
    fn diversity_puts_what_is_the_same_behind() {
        assert_eq!(order(&candidates(), 2, Taste { diversity: 0.5, novelty: 0.0 }), [0, 2]);
    }

    #[test]
    fn novelty_puts_what_few_know_before() {
        assert_eq!(order(&candidates(), 1, Taste { diversity: 0.0, novelty: 0.7 }), [2]);
        assert_eq!(order(&candidates(), 4, Taste { diversity: 0.0, novelty: 1.0 })[0], 3);
    }
}
