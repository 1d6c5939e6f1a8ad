//! The commands that every program has, one file each. What joins them to a command line is in `run`.

pub mod collection;
pub mod duplicates;
pub mod health;
pub mod import;
pub mod items;
pub mod models;
pub mod search;
pub mod work;

use crate::printer::Printer;
use crate::watch::Watch;

/// The exit code when work finished but some items were skipped.
pub const SKIPPED: u8 = 2;
/// The exit code of work interrupted by Ctrl-C, following shells.
pub const INTERRUPTED: u8 = 130;

/// How a score is printed.
fn score(value: f32) -> String {
    format!("{value:.4}")
}

/// Runs work that can be stopped, with its progress on the terminal: Ctrl-C stops it cleanly, a second one at once.
pub async fn watched<T>(what: &str, watch: &Watch, printer: Printer, work: impl Future<Output = T>) -> T {
    let on_interrupt = watch.clone();
    let interrupts = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            printer.note("stopping; press Ctrl-C again to stop immediately");
            on_interrupt.cancel();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(INTERRUPTED.into());
        }
    });
    let result = printer.watch(what, watch, work).await;
    interrupts.abort();
    result
}
