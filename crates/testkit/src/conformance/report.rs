//! Runs the cases and judges the results against the list of known gaps.

use std::fmt;
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use bootcamp_core::VectorStore;
use futures::{FutureExt, StreamExt};

use super::{Case, Failure, Scene, cases};

/// A case may take this long; one that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// A case that a store is known not to support.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    pub case: &'static str,
    pub reason: &'static str,
}

/// How a case ended.
#[derive(Debug)]
pub enum Outcome {
    Passed,
    Unsupported(String),
    Failed(String),
}

/// Which cases run, and how many at a time.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Only cases whose name contains this.
    pub only: Option<String>,
    /// Cases that run at the same time.
    pub jobs: usize,
}

impl Default for Suite {
    fn default() -> Self {
        Self { only: None, jobs: 1 }
    }
}

impl Suite {
    /// `CONFORMANCE_ONLY=grouping` runs the cases with that in their name, `CONFORMANCE_JOBS=4` four at a time.
    pub fn from_env() -> Self {
        let get = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let jobs = get("CONFORMANCE_JOBS").and_then(|jobs| jobs.parse().ok()).unwrap_or(1);
        Self { only: get("CONFORMANCE_ONLY"), jobs }
    }

    /// Runs the cases, with a line on stderr for each as it ends.
    pub async fn run(&self, store: &dyn VectorStore, gaps: &[Gap]) -> Report {
        let chosen = |case: &Case| self.only.as_ref().is_none_or(|only| case.name.contains(only.as_str()));
        let all = cases();
        let mut complaints = unknown_gaps(gaps, &all);
        let chosen: Vec<Case> = all.into_iter().filter(chosen).collect();
        let runs = chosen.into_iter().map(|case| async move {
            let start = Instant::now();
            let outcome = run_case(store, &case).await;
            let line = line(case.name, &outcome, start.elapsed());
            // A closed stderr is no reason to stop testing.
            let _ = writeln!(std::io::stderr(), "{line}");
            (case.name, outcome)
        });
        let results: Vec<_> = futures::stream::iter(runs).buffer_unordered(self.jobs.max(1)).collect().await;
        complaints.extend(results.iter().filter_map(|(name, outcome)| complaint(name, outcome, gaps)));
        Report { results, complaints }
    }
}

async fn run_case(store: &dyn VectorStore, case: &Case) -> Outcome {
    let scene = Scene::new(store, case.name);
    let run = AssertUnwindSafe((case.run)(&scene)).catch_unwind();
    let result = match tokio::time::timeout(PATIENCE, run).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => {
            let message = panic.downcast_ref::<String>().cloned();
            let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(Failure::Wrong(format!("panic: {}", message.unwrap_or_default())))
        }
        Err(_) => Err(Failure::Wrong(format!("no end after {} s", PATIENCE.as_secs()))),
    };
    match result.and(scene.clean().await) {
        Ok(()) => Outcome::Passed,
        Err(failure) if failure.is_unsupported() => Outcome::Unsupported(failure.to_string()),
        Err(failure) => Outcome::Failed(failure.to_string()),
    }
}

fn unknown_gaps(gaps: &[Gap], all: &[Case]) -> Vec<String> {
    let unknown = gaps.iter().filter(|gap| !all.iter().any(|case| case.name == gap.case));
    unknown.map(|gap| format!("{}: listed as a gap, but there is no such case", gap.case)).collect()
}

/// What is wrong with a result, the listed gaps considered.
fn complaint(name: &str, outcome: &Outcome, gaps: &[Gap]) -> Option<String> {
    let listed = gaps.iter().find(|gap| gap.case == name);
    match (outcome, listed) {
        (Outcome::Passed, None) | (Outcome::Unsupported(_), Some(_)) => None,
        (Outcome::Passed, Some(gap)) => {
            Some(format!("{name}: listed as a gap ({}), but it passes: take it off the list", gap.reason))
        }
        (Outcome::Unsupported(message), None) => Some(format!("{name}: not listed as a gap, but {message}")),
        (Outcome::Failed(message), Some(_)) => {
            Some(format!("{name}: listed as a gap, but it fails otherwise than by being unsupported: {message}"))
        }
        (Outcome::Failed(message), None) => Some(format!("{name}: {message}")),
    }
}

fn line(name: &str, outcome: &Outcome, took: Duration) -> String {
    let (word, message) = match outcome {
        Outcome::Passed => ("ok", ""),
        Outcome::Unsupported(message) => ("unsupported", message.as_str()),
        Outcome::Failed(message) => ("FAILED", message.as_str()),
    };
    format!("{name:<44} {word:<12} {:>6.2} s  {message}", took.as_secs_f64()).trim_end().to_owned()
}

/// The results of a run.
#[derive(Debug)]
pub struct Report {
    pub results: Vec<(&'static str, Outcome)>,
    /// What fails the run.
    pub complaints: Vec<String>,
}

impl Report {
    /// Ends a test.
    ///
    /// # Panics
    /// When the run failed, with all that is wrong.
    pub fn assert_passed(&self) {
        assert!(self.complaints.is_empty(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wanted: fn(&Outcome) -> bool| self.results.iter().filter(|(_, outcome)| wanted(outcome)).count();
        writeln!(
            f,
            "{} cases: {} ok, {} unsupported, {} failed",
            self.results.len(),
            count(|outcome| matches!(outcome, Outcome::Passed)),
            count(|outcome| matches!(outcome, Outcome::Unsupported(_))),
            count(|outcome| matches!(outcome, Outcome::Failed(_))),
        )?;
        self.complaints.iter().try_for_each(|complaint| writeln!(f, "  {complaint}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_gaps_may_stay_and_only_as_long_as_they_are_gaps() {
        let gaps = [Gap { case: "a", reason: "too old" }];
        let unsupported = || Outcome::Unsupported(String::new());
        assert!(complaint("a", &unsupported(), &gaps).is_none());
        assert!(complaint("b", &Outcome::Passed, &gaps).is_none());
        assert!(complaint("a", &Outcome::Passed, &gaps).is_some());
        assert!(complaint("a", &Outcome::Failed(String::new()), &gaps).is_some());
        assert!(complaint("b", &unsupported(), &gaps).is_some());
        assert!(complaint("b", &Outcome::Failed(String::new()), &gaps).is_some());
        assert_eq!(unknown_gaps(&gaps, &cases()).len(), 1);
    }

    #[test]
    fn names_of_cases_differ() {
        let mut names: Vec<_> = cases().iter().map(|case| case.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(count >= 70, "{count} cases");
    }
}
