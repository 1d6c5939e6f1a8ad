//! One list of sounds from what each window of a query has found.

use std::collections::{BTreeMap, HashMap};

use bootcamp_core::Id;

/// How a sound is scored for an example of several windows. Where a query has several examples, their scores are averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Combine {
    /// By the most similar moment of all.
    #[default]
    Best,
    /// By the mean of each window's most similar moment.
    Mean,
    /// By the mean over windows of moments that are as far from each other as in the example.
    Aligned,
}

/// A window of a query, as ranking sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The number of the example that it is of.
    pub example: usize,
    /// Where it begins, in seconds; `None` for words.
    pub start: Option<f64>,
}

/// A moment that a window has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The window's number.
    pub window: usize,
    pub source: String,
    pub item: Id,
    /// Where it begins, in seconds.
    pub start: f64,
    /// Larger is nearer.
    pub nearness: f32,
}

/// A moment of a sound, with the best of what windows say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    pub item: Id,
    pub nearness: f32,
    /// The window that finds it nearest.
    pub window: usize,
}

/// A sound with its moments, best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    pub source: String,
    pub nearness: f32,
    pub moments: Vec<Moment>,
}

/// The sounds, best first. A window that has not found a sound would have scored it no better than the worst that it
/// found. `tolerance`: how far moments may be from where they would be aligned, in seconds.
pub fn rank(found: Vec<Found>, windows: &[Window], combine: Combine, tolerance: f64) -> Vec<Ranked> {
    let mut worst = vec![f32::INFINITY; windows.len()];
    for one in &found {
        worst[one.window] = worst[one.window].min(one.nearness);
    }
    let worst: Vec<f32> = worst.into_iter().map(|worst| if worst.is_finite() { worst } else { 0.0 }).collect();
    let mut sources: BTreeMap<String, Vec<Found>> = BTreeMap::new();
    for one in found {
        sources.entry(one.source.clone()).or_default().push(one);
    }
    let examples = windows.iter().map(|window| window.example + 1).max().unwrap_or_default();
    let scoring = Scoring { windows, worst, combine, tolerance };
    let scored = |(source, found): (String, Vec<Found>)| {
        let sum: f32 = (0..examples).map(|example| scoring.of(&found, example)).sum();
        Ranked { source, nearness: sum / examples.max(1) as f32, moments: moments(found) }
    };
    let mut ranked: Vec<Ranked> = sources.into_iter().map(scored).collect();
    ranked.sort_by(|a, b| b.nearness.total_cmp(&a.nearness));
    ranked
}

/// Scores what was found in one sound.
struct Scoring<'a> {
    windows: &'a [Window],
    /// For each window.
    worst: Vec<f32>,
    combine: Combine,
    tolerance: f64,
}

impl Scoring<'_> {
    /// For the windows of one example.
    fn of(&self, found: &[Found], example: usize) -> f32 {
        let found = || found.iter().filter(|one| self.windows[one.window].example == example);
        match self.combine {
            Combine::Best => self.nearest(found(), example).into_iter().fold(f32::NEG_INFINITY, f32::max),
            Combine::Mean => self.mean(found(), example),
            Combine::Aligned => {
                let offset = |one: &Found| self.windows[one.window].start.map(|start| one.start - start);
                let of = |at: f64| {
                    let fits = |one: &&Found| offset(one).is_some_and(|it| (it - at).abs() <= self.tolerance);
                    self.mean(found().filter(fits), example)
                };
                // What has no place in time is aligned with everything.
                found().filter_map(offset).map(of).reduce(f32::max).unwrap_or_else(|| self.mean(found(), example))
            }
        }
    }

    /// The mean of each window's nearest moment.
    fn mean<'a>(&self, found: impl Iterator<Item = &'a Found>, example: usize) -> f32 {
        let nearest = self.nearest(found, example);
        nearest.iter().sum::<f32>() / nearest.len().max(1) as f32
    }

    /// The nearness of each window's nearest moment.
    fn nearest<'a>(&self, found: impl Iterator<Item = &'a Found>, example: usize) -> Vec<f32> {
        let mut nearest = self.worst.clone();
        for one in found {
            nearest[one.window] = nearest[one.window].max(one.nearness);
        }
        let own = self.windows.iter().zip(nearest).filter(|(window, _)| window.example == example);
        own.map(|(_, nearest)| nearest).collect()
    }
}

fn moments(found: Vec<Found>) -> Vec<Moment> {
    let mut best: HashMap<Id, Moment> = HashMap::new();
    for Found { window, item, nearness, .. } in found {
        let moment = Moment { item: item.clone(), nearness, window };
        let known = best.entry(item).or_insert_with(|| moment.clone());
        if nearness > known.nearness {
            *known = moment;
        }
    }
    let mut moments: Vec<Moment> = best.into_values().collect();
    moments.sort_by(|a, b| b.nearness.total_cmp(&a.nearness).then_with(|| a.item.cmp(&b.item)));
    moments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(count: usize) -> Vec<Window> {
        (0..count).map(|at| Window { example: 0, start: Some(at as f64) }).collect()
    }

    fn found(window: usize, source: &str, start: f64, nearness: f32) -> Found {
        Found { window, source: source.to_owned(), item: Id::from(format!("{source}{start}")), start, nearness }
    }

    fn order(found: &[Found], count: usize, combine: Combine) -> Vec<(String, f32)> {
        let ranked = rank(found.to_vec(), &windows(count), combine, 0.5);
        ranked.into_iter().map(|one| (one.source, one.nearness)).collect()
    }

    #[test]
    fn each_way_prefers_what_it_is_for() {
        // `a` has one excellent moment, `b` has each window in another order, `c` has them in the query's order.
        let all = [
            found(0, "a", 0.0, 0.95),
            found(0, "b", 7.0, 0.8),
            found(1, "b", 3.0, 0.8),
            found(2, "b", 5.0, 0.8),
            found(0, "c", 10.0, 0.7),
            found(1, "c", 11.0, 0.7),
            found(2, "c", 12.2, 0.7),
            found(1, "d", 0.0, 0.1),
            found(2, "d", 1.0, 0.1),
        ];
        let first = |combine| order(&all, 3, combine)[0].0.clone();
        assert_eq!([Combine::Best, Combine::Mean, Combine::Aligned].map(first), ["a", "b", "c"]);
        let near = |a: f32, b: f32| (a - b).abs() < 1e-6;
        let mean = order(&all, 3, Combine::Mean);
        assert!(near(mean[0].1, 0.8) && near(mean[1].1, 0.7), "{mean:?}");
        let of_a = mean.iter().find(|one| one.0 == "a").unwrap().1;
        assert!(near(of_a, (0.95 + 0.1 + 0.1) / 3.0), "windows that did not find it count as their worst: {of_a}");
    }

    #[test]
    fn for_one_window_all_ways_are_the_same() {
        let all = [found(0, "a", 3.0, 0.9), found(0, "a", 1.0, 0.95), found(0, "b", 0.0, 0.5)];
        for combine in [Combine::Best, Combine::Mean, Combine::Aligned] {
            assert_eq!(order(&all, 1, combine), [("a".to_owned(), 0.95), ("b".to_owned(), 0.5)]);
        }
        let ranked = rank(all.to_vec(), &windows(1), Combine::Mean, 0.5);
        let moments: Vec<_> = ranked[0].moments.iter().map(|moment| moment.item.to_string()).collect();
        assert_eq!(moments, ["a1", "a3"], "the best moment first");
    }

    #[test]
    fn several_examples_are_averaged() {
        let windows = [
            Window { example: 0, start: None },
            Window { example: 0, start: None },
            Window { example: 1, start: None },
        ];
        // `a` is like the first example only, `b` is like both.
        let all = [found(0, "a", 0.0, 0.9), found(1, "b", 0.0, 0.7), found(2, "b", 0.0, 0.7), found(2, "a", 0.0, 0.1)];
        for combine in [Combine::Best, Combine::Mean, Combine::Aligned] {
            assert_eq!(rank(all.to_vec(), &windows, combine, 0.5)[0].source, "b", "{combine:?}");
        }
    }

    #[test]
    fn words_have_no_place_in_time() {
        let windows = [Window { example: 0, start: None }];
        let ranked = rank(vec![found(0, "a", 3.0, 0.9)], &windows, Combine::Aligned, 0.5);
        assert_eq!(ranked[0].nearness, 0.9);
        assert!(rank(Vec::new(), &windows, Combine::Mean, 0.5).is_empty());
    }
}
