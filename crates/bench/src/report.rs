//! What a person sees: tables of ratios, each beside what it should be. The bench's one place that prints.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use crate::measure::Noise;

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// Told, not judged.
    None,
}

impl Goal {
    /// `≥ 0.95 met`; nothing where nothing is asked.
    pub fn verdict(self, value: f64) -> String {
        let (met, text) = match self {
            Self::AtLeast(limit) => (value >= limit, format!("≥ {limit}")),
            Self::AtMost(limit) => (value <= limit, format!("≤ {limit}")),
            Self::None => return String::new(),
        };
        format!("{text} {}", if met { "met" } else { "MISSED" })
    }
}

/// A table under a heading: the first column and those without a title to the left, the others to the right.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(heading: &str, columns: &[&str]) -> Self {
        println!("\n{heading}");
        Self { rows: vec![columns.iter().map(|column| (*column).to_owned()).collect()] }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// A figure with its unit, what it should be and what it is made of.
    pub fn figure(&mut self, what: &str, value: f64, unit: &str, goal: Goal, detail: impl Into<String>) {
        self.row([what.to_owned(), format!("{}{unit}", number(value)), goal.verdict(value), detail.into()]);
    }
}

/// A table prints itself when it is complete.
impl Drop for Table {
    fn drop(&mut self) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (at, cell) in row.iter().enumerate() {
                let padding = " ".repeat(widths[at].saturating_sub(cell.chars().count()));
                let is_text = at == 0 || self.rows[0].get(at).is_some_and(String::is_empty);
                line += &if is_text { format!("  {cell}{padding}") } else { format!("  {padding}{cell}") };
            }
            println!("{}", line.trim_end());
        }
    }
}

pub fn line(text: &str) {
    println!("{text}");
}

/// How far to trust what stands above.
pub fn noise_line(noise: &Noise) {
    let (spread, samples) = noise.spread();
    if samples > 0 {
        line(&format!("\nnoise of this machine while measuring: {:.0} % ({samples} samples)", spread * 100.0));
    }
}

/// What takes long, to standard error.
pub fn progress(text: &str) {
    eprintln!("{text}");
}

/// Three significant digits, thousands apart.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    match value.abs() {
        size if size >= 1000.0 => thousands(value.round() as i64),
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn thousands(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    format!("{}{}", if value < 0 { "−" } else { "" }, groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let shown = [0.0, 0.957, 9.99, 12.34, 123.4, 12_345.6, f64::NAN].map(number);
        assert_eq!(shown, ["0.00", "0.96", "9.99", "12.3", "123", "12,346", "–"]);
    }

    #[test]
    fn goals_judge() {
        assert_eq!(Goal::AtLeast(0.95).verdict(0.95), "≥ 0.95 met");
        assert_eq!(Goal::AtMost(1.5).verdict(1.6), "≤ 1.5 MISSED");
    }
}
