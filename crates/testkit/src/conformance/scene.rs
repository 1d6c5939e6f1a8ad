//! What every case stands on: a store, names that no other case uses, and failures that say whether the store
//! refused or answered wrong.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use bootcamp_core::{CollectionSpec, Error, ErrorKind, Filter, IdKind, Metric, Record, VectorField, VectorStore};

use crate::truth::Random;

/// Why a case failed.
#[derive(Debug)]
pub enum Failure {
    /// The store refused a call that should have worked.
    Store(Error),
    /// The store's answer is wrong.
    Wrong(String),
}

impl Failure {
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Store(error) if error.kind() == ErrorKind::Unsupported)
    }

    /// Says where in the case it happened.
    pub(super) fn at(self, place: impl fmt::Display) -> Self {
        match self {
            Self::Store(error) => Self::Store(error.context(place)),
            Self::Wrong(message) => Self::Wrong(format!("{place}: {message}")),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => {
                write!(f, "{:?}: {error}", error.kind())?;
                let mut cause = std::error::Error::source(error);
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
            Self::Wrong(message) => f.write_str(message),
        }
    }
}

pub(super) type Checked<T = ()> = Result<T, Failure>;

/// Fails the case unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {{
        let holds: bool = $condition;
        if !holds {
            return Err($crate::conformance::Failure::Wrong(format!($($message)+)));
        }
    }};
}
pub(super) use ensure;

/// Fails the case unless both are equal.
pub(super) fn equal<T: PartialEq + fmt::Debug>(what: impl fmt::Display, got: T, expected: T) -> Checked {
    ensure!(got == expected, "{what}: got {got:?}, expected {expected:?}");
    Ok(())
}

/// One case's store and names.
pub struct Scene<'a> {
    pub store: &'a dyn VectorStore,
    prefix: String,
    made: Mutex<Vec<String>>,
}

impl fmt::Debug for Scene<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scene").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl<'a> Scene<'a> {
    /// Names begin with the case's name, so that what a broken run leaves on a server can be told.
    pub(super) fn new(store: &'a dyn VectorStore, case: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let case: String = case.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        Self { store, prefix: format!("t{}_{number}_{case}", std::process::id()), made: Mutex::default() }
    }

    /// A collection's name of this case; it is removed after the case.
    pub(super) fn name(&self, part: &str) -> String {
        let name = format!("{}_{part}", self.prefix);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(name.clone());
        name
    }

    /// Removes what the case made. What is not there any more is fine.
    pub(super) async fn clean(&self) -> Checked {
        let names = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        for name in names {
            match self.store.remove(&name).await {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(Failure::from(error).at("cleaning up")),
                _ => {}
            }
        }
        Ok(())
    }

    /// The schema of an empty collection of this case.
    pub(super) fn spec(&self, id: IdKind) -> CollectionSpec {
        CollectionSpec::new(self.name("c"), id)
    }

    /// Integer ids and one f32 field `v` under L2.
    pub(super) fn plain(&self, dim: usize) -> CollectionSpec {
        self.spec(IdKind::Int).vector(VectorField::f32("v", dim, Metric::L2))
    }

    /// Creates a collection and fills it.
    pub(super) async fn filled(&self, spec: &CollectionSpec, records: &[Record]) -> Checked {
        self.store.create(spec).await?;
        if !records.is_empty() {
            self.store.upsert(&spec.name, records).await?;
        }
        Ok(())
    }
}

/// Records with ids from 0 and random vectors in field `v`.
pub(super) fn numbered(seed: u64, count: usize, dim: usize) -> Vec<Record> {
    let vectors = Random::new(seed).clustered(count, dim);
    vectors.into_iter().enumerate().map(|(id, vector)| Record::new(id as i64).vector("v", vector)).collect()
}

/// A filter that must parse.
pub(super) fn filter(text: &str) -> Checked<Filter> {
    Filter::parse(text).map_err(|error| Failure::from(error).at(text))
}
