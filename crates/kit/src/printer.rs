//! All output of a program: results to standard output, everything else to standard error, tables for
//! people and JSON for programs.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bootcamp_core::{Error, ErrorKind, Result};
use comfy_table::{Table, presets};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde::Serialize;

use crate::context::OnFetch;
use crate::source::Skip;
use crate::watch::{Report, Watch};

/// How often a line of progress appears where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(100);

/// Where output goes, and in which format.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    pub json: bool,
    pub quiet: bool,
}

impl Printer {
    /// A line of the result. A closed pipe is not an error.
    pub fn line(&self, text: impl std::fmt::Display) {
        let _ = writeln!(stdout(), "{text}");
    }

    /// A piece of the result without a line's end, at once.
    pub fn text(&self, piece: impl std::fmt::Display) {
        let mut out = stdout();
        let _ = write!(out, "{piece}").and_then(|()| out.flush());
    }

    /// The result for programs.
    ///
    /// # Errors
    /// `Internal` when it cannot be written as JSON.
    pub fn json(&self, body: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(body).map_err(|error| {
            Error::new(ErrorKind::Internal, "the result cannot be written as JSON").with_source(error)
        })?;
        self.line(text);
        Ok(())
    }

    /// The result for people: columns, under a header unless it is empty.
    pub fn table(&self, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if !header.is_empty() {
            table.set_header(header.to_vec());
        }
        let rows = rows.into_iter().map(|row| row.into_iter().map(plain).collect::<Vec<_>>());
        table.add_rows(rows);
        for line in table.lines() {
            self.line(line.trim_end());
        }
    }

    /// A note, on standard error.
    pub fn note(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            let _ = writeln!(stderr(), "{text}");
        }
    }

    pub fn warn(&self, text: impl std::fmt::Display) {
        let _ = writeln!(stderr(), "warning: {text}");
    }

    /// An error with its cause and hint.
    pub fn error(&self, error: &Error) {
        let mut text = format!("error: {error}");
        let mut cause = std::error::Error::source(error);
        while let Some(source) = cause {
            let source_text = source.to_string();
            if !text.contains(&source_text) {
                text.push_str(&format!("\n  because: {source_text}"));
            }
            cause = source.source();
        }
        if let Some(hint) = error.hint() {
            text.push_str(&format!("\nhint: {hint}"));
        }
        let _ = writeln!(stderr(), "{text}");
    }

    /// Shows how downloads of models go.
    pub fn on_fetch(&self) -> OnFetch {
        let quiet = self.quiet;
        // One bar for the file at hand.
        let current: Mutex<Option<(String, ProgressBar)>> = Mutex::new(None);
        Arc::new(move |progress| {
            if quiet {
                return;
            }
            let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
            if current.as_ref().is_none_or(|(file, _)| file != progress.file) {
                if let Some((_, bar)) = current.take() {
                    bar.finish_and_clear();
                }
                let bar = ProgressBar::with_draw_target(progress.total, ProgressDrawTarget::stderr());
                bar.set_style(style("fetching {msg}  {bar:30}  {bytes} of {total_bytes}  {bytes_per_sec}"));
                bar.set_message(progress.file.to_owned());
                if !stderr().is_terminal() {
                    let size = progress.total.map_or(String::new(), |total| format!(" ({})", HumanBytes(total)));
                    let _ = writeln!(stderr(), "fetching {}{size}", progress.file);
                }
                *current = Some((progress.file.to_owned(), bar));
            }
            if let Some((_, bar)) = &*current {
                bar.set_position(progress.done);
                if progress.total == Some(progress.done) {
                    bar.finish_and_clear();
                }
            }
        })
    }

    /// Shows the progress of work until `work` has ended: a bar on a terminal, lines
    /// elsewhere. Skipped sources are named as they come.
    pub async fn watch<T>(&self, what: &str, watch: &Watch, work: impl Future<Output = T>) -> T {
        let bar = if self.quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        };
        bar.set_style(style("{msg}  {pos}  {rate}"));
        bar.set_message(what.to_owned());
        let lines = !self.quiet && !stderr().is_terminal();
        let mut last_line = std::time::Instant::now();
        let (mut skips_shown, mut warnings_shown) = (0, 0);
        tokio::pin!(work);
        let mut ticks = tokio::time::interval(TICK);
        loop {
            let result = tokio::select! {
                result = &mut work => Some(result),
                _ = ticks.tick() => None,
            };
            let snapshot = watch.snapshot();
            for Skip { source, reason } in watch.skips_from(skips_shown) {
                skips_shown += 1;
                let reason: Vec<_> = reason.split('\n').map(|line| plain(line.to_owned())).collect();
                bar.suspend(|| self.warn(format_args!("skipped {}: {}", plain(source), reason.join("\n"))));
            }
            for warning in watch.notes().warnings_from(warnings_shown) {
                warnings_shown += 1;
                bar.suspend(|| self.warn(plain(warning)));
            }
            if let (None, Some(total)) = (bar.length(), snapshot.total) {
                bar.set_length(total);
                bar.set_style(style("{msg}  {bar:30}  {pos} of {len}  {rate}  {eta} left"));
            }
            bar.set_position(snapshot.done);
            if let Some(note) = &snapshot.note {
                bar.set_message(format!("{what}: {note}"));
            }
            if let Some(result) = result {
                bar.finish_and_clear();
                return result;
            }
            if lines && last_line.elapsed() >= LINE_EVERY {
                last_line = std::time::Instant::now();
                let of = snapshot.total.map_or(String::new(), |total| format!(" of {total}"));
                let rate = snapshot.done as f64 / snapshot.seconds.max(1e-3);
                let note = snapshot.note.map_or(String::new(), |note| format!(", {note}"));
                self.note(format_args!("{what}: {}{of}, {rate:.0} a second{note}", snapshot.done));
            }
        }
    }

    /// The result of an import.
    ///
    /// # Errors
    /// As [`Printer::json`].
    pub fn report(&self, report: &Report, seconds: f64) -> Result<()> {
        if self.json {
            return self.json(report);
        }
        let counts = [
            (report.added, "added"),
            (report.replaced, "replaced"),
            (report.unchanged, "unchanged"),
            (report.removed, "removed"),
            (report.skipped, "skipped"),
        ];
        let parts: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        let what = if parts.is_empty() { "nothing found".to_owned() } else { parts.join(", ") };
        let what = if report.interrupted { format!("interrupted: {what}") } else { what };
        let written = report.added + report.replaced;
        let rate =
            if written > 0 { format!(", {:.0} a second", written as f64 / seconds.max(1e-3)) } else { String::new() };
        self.line(format_args!("{what} in {seconds:.1} s{rate}"));
        if !report.passed_over.is_empty() {
            self.line(passed_over(report));
        }
        Ok(())
    }
}

/// `passed over 6 other files: .heic 5, .avif 1`, the most frequent kind first.
fn passed_over(report: &Report) -> String {
    let mut kinds: Vec<_> = report.passed_over.iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let total: u64 = kinds.iter().map(|(_, count)| **count).sum();
    let list: Vec<_> = kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let files = if total == 1 { "file" } else { "files" };
    format!("passed over {total} other {files}: {}", list.join(", "))
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{:.0}/s", state.per_sec());
    })
}

/// Removes control characters: text from files could move the terminal's cursor or change its colours.
fn plain(text: String) -> String {
    if text.contains(|c: char| c.is_control()) { text.replace(|c: char| c.is_control(), " ") } else { text }
}
