//! A process for crash tests: writes to a local store without end and reports every acknowledged write on standard
//! output, until it is killed.
//!
//! `store-writer FOLDER SEED`: each line `ID VERSION` (or `ID deleted`) is printed after the store acknowledged it.

use std::io::Write;
use std::process::ExitCode;

use bootcamp_core::{Id, Record, Selection, VectorStore};
use bootcamp_testkit::crash::{COLLECTION, IDS, OPTIONS, record, spec};
use bootcamp_testkit::truth::Random;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, seed] = arguments.as_slice() else {
        return ExitCode::from(3);
    };
    match write(folder, seed.parse().unwrap_or_default()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(error.kind().exit_code())
        }
    }
}

async fn write(folder: &str, seed: u64) -> bootcamp_core::Result<()> {
    let store = bootcamp_core::LocalStore::open_with(folder, OPTIONS)?;
    match store.create(&spec()).await {
        Err(error) if error.kind() != bootcamp_core::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let mut random = Random::new(seed);
    for version in 1u64.. {
        let version = seed * 1_000_000 + version;
        let mut ids: Vec<i64> = (0..1 + random.below(40)).map(|_| random.below(IDS) as i64).collect();
        ids.sort_unstable();
        ids.dedup();
        match random.below(8) {
            0 => {
                announce(&ids, "deleting");
                let gone: Vec<Id> = ids.iter().copied().map(Id::Int).collect();
                store.delete(COLLECTION, &Selection::Ids(gone)).await?;
                announce(&ids, "deleted");
            }
            1 => store.flush(COLLECTION, None).await?,
            _ => {
                let records: Vec<Record> = ids.iter().map(|id| record(*id, version)).collect();
                announce(&ids, &format!("writing {version}"));
                store.upsert(COLLECTION, &records).await?;
                announce(&ids, &version.to_string());
            }
        }
    }
    Ok(())
}

/// One line for all ids of a call, in one write, so that a kill never cuts it in two.
fn announce(ids: &[i64], what: &str) {
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    let line = format!("{} {what}\n", ids.join(","));
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
    let _ = std::io::stdout().flush();
}
