//! The similarity measure that orders hits. The store computes Tanimoto; other measures rescore its nearest neighbours,
//! and a bound says how many of them an exact answer needs.

use bootcamp_core::{Error, Fields, Hit, Id, Output, Result, Vector};
use bootcamp_kit::{Context, Options, SearchQuery};

use crate::{dice, tversky};

/// Tversky's default weights: bits only in the query weigh much, bits only in the hit little.
const ALPHA: f64 = 0.9;
const BETA: f64 = 0.1;
/// The maximum number of molecules that are rescored.
const MOST: usize = 10_000;

/// A measure, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Coefficient {
    /// As computed by the store.
    Tanimoto,
    Dice,
    Tversky {
        alpha: f64,
        beta: f64,
    },
}

impl Coefficient {
    /// # Errors
    /// `InvalidInput` for weights without the Tversky coefficient.
    pub fn of(options: &Options) -> Result<Self> {
        let (alpha, beta) = (options.number("alpha"), options.number("beta"));
        let weighs = options.get("coefficient") == Some("tversky");
        if !weighs && (alpha.is_some() || beta.is_some()) {
            return Err(Error::invalid("alpha and beta apply only to the Tversky coefficient")
                .with_hint("choose the coefficient tversky"));
        }
        Ok(match options.get("coefficient") {
            Some("dice") => Self::Dice,
            Some("tversky") => Self::Tversky { alpha: alpha.unwrap_or(ALPHA), beta: beta.unwrap_or(BETA) },
            _ => Self::Tanimoto,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tanimoto => "tanimoto",
            Self::Dice => "dice",
            Self::Tversky { .. } => "tversky",
        }
    }

    fn value(self, query: &[u8], other: &[u8], tanimoto: f64) -> f64 {
        match self {
            Self::Tanimoto => tanimoto,
            Self::Dice => dice(query, other),
            Self::Tversky { alpha, beta } => tversky(query, other, alpha, beta),
        }
    }

    /// The most that it can be for molecules of at most this Tanimoto similarity.
    ///
    /// With `a` and `b` bits of which `c` are common, `t = c / (a + b - c)` fixes `c` for each `b / a`, and Tversky's
    /// coefficient is then monotonous in `b / a`: it is largest where one is within the other. `c = b` gives
    /// `t / (t + alpha (1 - t))`, and `c = a` the same with `beta`.
    fn most(self, tanimoto: f64) -> f64 {
        let least_weight = match self {
            Self::Tanimoto => return tanimoto,
            Self::Dice => 0.5,
            Self::Tversky { alpha, beta } => alpha.min(beta),
        };
        if tanimoto <= 0.0 { 0.0 } else { tanimoto / (tanimoto + least_weight * (1.0 - tanimoto)) }
    }

    /// The best hits by this measure, and whether there can be no better ones. Each has a detail of the measure's name.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn search(
        self,
        context: &Context,
        query: &SearchQuery,
        vector: Vector,
        output: Output,
    ) -> Result<Ranked> {
        let least = query.options.number("min-similarity").unwrap_or(0.0);
        if self == Self::Tanimoto {
            // The store computes in f32.
            let worst = (1.0 - least + 1e-6) as f32;
            let min_score = Some(query.min_score.map_or(worst, |score| score.min(worst)));
            let query = SearchQuery { min_score, ..query.clone() };
            let hits = query.find(context, vector, output).await?;
            return Ok(Ranked { hits, details: Vec::new(), unproven: None });
        }
        let Vector::Binary { bits } = &vector else { return Err(Error::invalid("the vectors are not binary")) };
        let mut candidates = (query.k * 4).max(100);
        loop {
            let nearest = SearchQuery { k: candidates, ..query.clone() };
            let hits = nearest.find(context, vector.clone(), Output::only([&context.field])).await?;
            let is_all = hits.len() < candidates;
            let last = hits.last().map_or(0.0, |hit| 1.0 - f64::from(hit.score));
            let mut scored: Vec<(f64, Hit)> = hits
                .into_iter()
                .filter_map(|hit| {
                    let Some(Vector::Binary { bits: other }) = hit.vectors.get(&context.field) else { return None };
                    Some((self.value(bits, other, 1.0 - f64::from(hit.score)), hit))
                })
                .filter(|(value, _)| *value >= least - 1e-9)
                .collect();
            scored.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.score.total_cmp(&other.score)));
            scored.truncate(query.k);
            // The remaining molecules score at most as well.
            let worst = scored.last().filter(|_| scored.len() == query.k).map_or(least, |(value, _)| *value);
            let is_proven = is_all || self.most(last) <= worst;
            if is_proven || candidates >= MOST {
                let unproven = (!is_proven).then_some(candidates);
                return self.with_fields(context, scored, output, unproven).await;
            }
            candidates = (candidates * 4).min(MOST);
        }
    }

    async fn with_fields(
        self,
        context: &Context,
        scored: Vec<(f64, Hit)>,
        output: Output,
        unproven: Option<usize>,
    ) -> Result<Ranked> {
        let ids: Vec<Id> = scored.iter().map(|(_, hit)| hit.id.clone()).collect();
        let mut found = crate::substructures::fields_of(context, &ids, &output).await?;
        let mut ranked = Ranked { unproven, ..Ranked::default() };
        for (value, hit) in scored {
            // It may have been removed meanwhile.
            let Some(fields) = found.remove(&hit.id) else { continue };
            ranked.hits.push(Hit { fields, vectors: Default::default(), ..hit });
            ranked.details.push(Fields::from_iter([(self.name().to_owned(), value.into())]));
        }
        Ok(ranked)
    }
}

/// Hits by a measure.
#[derive(Debug, Default)]
pub struct Ranked {
    pub hits: Vec<Hit>,
    pub details: Vec<Fields>,
    /// How many of the nearest by Tanimoto were scored, where others may be better.
    pub unproven: Option<usize>,
}

#[cfg(test)]
mod tests {
    use bootcamp_kit::Options;
    use proptest::prelude::*;

    use super::*;
    use crate::tanimoto;

    #[test]
    fn weights_are_for_tversky_alone() {
        let of = |chosen: &[(&str, &str)]| {
            Coefficient::of(&Options::of(crate::PROGRAM.facts.options, chosen.iter().copied()).unwrap())
        };
        assert_eq!(of(&[]).unwrap(), Coefficient::Tanimoto);
        let tversky = of(&[("coefficient", "tversky"), ("alpha", "1")]).unwrap();
        assert_eq!(tversky, Coefficient::Tversky { alpha: 1.0, beta: BETA });
        assert!(of(&[("coefficient", "dice"), ("beta", "0")]).is_err());
    }

    proptest! {
        #[test]
        fn nothing_farther_by_tanimoto_is_nearer_than_said(
            a in prop::collection::vec(any::<u8>(), 4),
            b in prop::collection::vec(any::<u8>(), 4),
            alpha in 0.0..2.0,
            beta in 0.0..2.0,
        ) {
            let near = tanimoto(&a, &b);
            for coefficient in [Coefficient::Dice, Coefficient::Tversky { alpha, beta }] {
                prop_assert!(coefficient.value(&a, &b, near) <= coefficient.most(near) + 1e-9);
                prop_assert!(coefficient.most(near * 0.9) <= coefficient.most(near) + 1e-9, "grows with it");
            }
        }
    }
}
