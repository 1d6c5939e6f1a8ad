//! Tables of HTML and DOCX, written as Markdown: what models have read most of.

/// The most characters of a cell. A table with longer ones only lays out a page: its cells are paragraphs.
const MAX_CELL: usize = 1000;

/// The rows of a table so far.
#[derive(Debug, Default)]
pub(super) struct Rows(Vec<Vec<String>>);

impl Rows {
    pub(super) fn row(&mut self) {
        self.0.push(Vec::new());
    }

    /// Adds a cell to the row.
    pub(super) fn cell(&mut self, text: &str) {
        if self.0.is_empty() {
            self.row();
        }
        if let Some(row) = self.0.last_mut() {
            row.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }

    /// The cells' texts, of a table that only lays out a page.
    pub(super) fn paragraphs(self) -> impl Iterator<Item = String> {
        self.0.into_iter().flatten().filter(|cell| !cell.is_empty()).map(|cell| cell + "\n\n")
    }

    /// Whether it only lays out a page: it has one cell, or a very long one.
    pub(super) fn is_layout(&self) -> bool {
        let cells = || self.0.iter().flatten();
        cells().filter(|cell| !cell.is_empty()).count() < 2 || cells().any(|cell| cell.chars().count() > MAX_CELL)
    }

    /// The table in Markdown, its first row as its header.
    pub(super) fn markdown(&self) -> String {
        let rows = self.0.iter().filter(|row| row.iter().any(|cell| !cell.is_empty()));
        // Columns without a word only keep others apart.
        let mut is_used = Vec::new();
        for row in &self.0 {
            is_used.resize(is_used.len().max(row.len()), false);
            is_used.iter_mut().zip(row).for_each(|(is_used, cell)| *is_used |= !cell.is_empty());
        }
        let mut text = String::new();
        for (at, row) in rows.enumerate() {
            let cells = row.iter().zip(&is_used).filter(|(_, is_used)| **is_used).map(|(cell, _)| cell);
            let mut columns = 0;
            for cell in cells {
                columns += 1;
                text.push_str("| ");
                text.push_str(&cell.replace('|', "\\|"));
                text.push(' ');
            }
            text.push_str("|\n");
            if at == 0 {
                text.push_str(&"| --- ".repeat(columns));
                text.push_str("|\n");
            }
        }
        text.push('\n');
        text
    }
}
