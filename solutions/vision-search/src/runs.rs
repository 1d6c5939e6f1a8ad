//! The end of runs: of the record alone, or of the collection, too.

use bootcamp_core::Result;
use bootcamp_kit::blocking;

use crate::library::Dataset;
use crate::similarity::Brain;
use crate::similarity::index::SimilarityIndex;
use crate::similarity::run::{IndexConfig, SIMILARITY};

/// Deletes the record of a run, and returns the name of its collection, which stays.
///
/// # Errors
/// `NotFound` for an unknown run.
pub async fn delete(dataset: &Dataset, key: &str) -> Result<Option<String>> {
    let (dataset, key) = (dataset.clone(), key.to_owned());
    blocking(move || {
        let run = dataset.run(&key)?;
        let collection = (run.kind == SIMILARITY).then(|| IndexConfig::of(&run)).transpose()?;
        dataset.delete_run(&key)?;
        Ok(collection.map(|config| config.collection_name))
    })
    .await
}

/// Drops the collection of a run, finished or not, and deletes its record. `false` when the collection was gone already, or
/// there was none.
///
/// # Errors
/// `NotFound` for an unknown run; those of the store. The record stays then.
pub async fn cleanup(brain: &Brain, dataset: &Dataset, key: &str) -> Result<bool> {
    let (reading, wanted) = (dataset.clone(), key.to_owned());
    let run = blocking(move || match reading.pending(&wanted)? {
        Some(pending) => Ok(pending),
        None => reading.run(&wanted),
    })
    .await?;
    let dropped =
        if run.kind == SIMILARITY { SimilarityIndex::of(brain, dataset, &run)?.cleanup().await? } else { false };
    let (writing, key) = (dataset.clone(), key.to_owned());
    blocking(move || writing.delete_run(&key)).await?;
    Ok(dropped)
}
