//! Finds metadata orphaned by failed writes. Walks both sides in batches, so memory does not grow with the
//! collection, and holds writers back for one batch at a time.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::RedisMetadata;
use super::catalog::Entry;
use super::values::{BATCH_IDS, Stamp, id_of};
use crate::record::Id;
use crate::request::{Output, PageRequest};
use crate::{ErrorKind, Result};

/// Ids named in a report; the rest is counted.
const NAMED: usize = 100;

/// The result of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// Metadata looked at.
    pub checked: u64,
    /// Metadata without a record, removed.
    pub removed: u64,
    /// Metadata without a record that is younger than the grace period, left alone.
    pub too_young: u64,
    /// Records without metadata. Their fields read as null; import them again.
    pub lacking: u64,
    /// The first of them.
    pub lacking_ids: Vec<Id>,
}

/// How often a program that keeps running sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(24 * 3600);

impl RedisMetadata {
    /// Sweeps every collection, first when what was broken off before the start is old enough and then once a day, for as
    /// long as the store is in use. Commands that end sooner leave it to servers.
    pub(crate) fn sweep_now_and_then(self: &Arc<Self>) {
        let (store, grace) = (Arc::downgrade(self), self.options.grace);
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            loop {
                let Some(store) = store.upgrade() else { return };
                if let Err(error) = store.sweep_all().await {
                    tracing::warn!(%error, "metadata of broken writes could not be swept");
                }
                drop(store);
                tokio::time::sleep(SWEEP_EVERY).await;
            }
        });
    }

    /// Sweeps every collection of this store, and tells the log what was found.
    async fn sweep_all(&self) -> Result<()> {
        for collection in self.inner.list().await? {
            let report = match self.sweep(&collection).await {
                // Removed meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                report => report?,
            };
            if report.removed > 0 || report.lacking > 0 {
                let SweepReport { removed, lacking, .. } = report;
                tracing::warn!(collection, removed, lacking, "metadata without a record was removed");
            }
        }
        Ok(())
    }

    /// Removes metadata whose record is gone, and reports records whose metadata is.
    ///
    /// # Errors
    /// Those of the store and of Redis; what was swept until then stays swept.
    pub async fn sweep(&self, collection: &str) -> Result<SweepReport> {
        let mut report = SweepReport::default();
        let Some(entry) = self.entry(collection).await? else {
            // The store says when there is no such collection.
            self.inner.count(collection, None).await?;
            return Ok(report);
        };
        let mut cursor = 0_u64;
        loop {
            let _alone = self.gate.write().await;
            let mut commands = redis::pipe();
            let key = self.records_key(entry.number);
            commands.cmd("HSCAN").arg(&key).arg(cursor).arg("COUNT").arg(BATCH_IDS);
            let ((next, values),): ((u64, Vec<(String, String)>),) = self.link.run(&commands).await?;
            for batch in values.chunks(BATCH_IDS) {
                self.sweep_batch(&entry, batch, &mut report).await?;
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        self.find_lacking(&entry, &mut report).await?;
        Ok(report)
    }

    async fn sweep_batch(&self, entry: &Entry, batch: &[(String, String)], report: &mut SweepReport) -> Result<()> {
        report.checked += batch.len() as u64;
        let ids = batch.iter().map(|(id, _)| id_of(entry, id.clone())).collect::<Result<Vec<Id>>>()?;
        let there = self.existing(&entry.spec.name, &ids).await?;
        let now = self.now().await?;
        let grace = self.options.grace.as_millis() as u64;
        let mut orphans = Vec::new();
        for ((text, value), _) in batch.iter().zip(&ids).filter(|(_, id)| !there.contains(id)) {
            let stamp = Stamp::of(entry, text, value)?;
            if now.saturating_sub(stamp.at) < grace {
                report.too_young += 1;
            } else {
                orphans.push((text.clone(), stamp));
            }
        }
        report.removed += self.erase(entry, &orphans).await?;
        Ok(())
    }

    async fn find_lacking(&self, entry: &Entry, report: &mut SweepReport) -> Result<()> {
        let mut request = PageRequest { limit: BATCH_IDS, output: Output::ids(), ..PageRequest::default() };
        loop {
            let page = self.inner.page(&entry.spec.name, &request).await?;
            let ids: Vec<Id> = page.records.into_iter().filter_map(|record| record.id).collect();
            let mut commands = redis::pipe();
            for id in &ids {
                commands.hexists(self.records_key(entry.number), id.to_string());
            }
            let known: Vec<bool> = if ids.is_empty() { Vec::new() } else { self.link.run(&commands).await? };
            let lacking: Vec<Id> = ids.into_iter().zip(known).filter(|(_, known)| !known).map(|(id, _)| id).collect();
            // A record deleted since the page was read lacks nothing.
            let there = self.existing(&entry.spec.name, &lacking).await?;
            for id in lacking.into_iter().filter(|id| there.contains(id)) {
                report.lacking += 1;
                if report.lacking_ids.len() < NAMED {
                    report.lacking_ids.push(id);
                }
            }
            match page.next {
                Some(next) => request.after = Some(next),
                None => return Ok(()),
            }
        }
    }
}
