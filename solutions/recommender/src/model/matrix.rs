//! A sparse matrix by rows: users by items with a weight for each pair, and its transpose.

/// A sparse matrix in compressed rows. The columns of a row ascend, and none comes twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    columns: usize,
    /// Where each row begins, and the end of the last.
    starts: Vec<usize>,
    at: Vec<u32>,
    values: Vec<f32>,
}

/// One row: the columns that it has, and their values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row<'a> {
    pub at: &'a [u32],
    pub values: &'a [f32],
}

impl Row<'_> {
    pub fn len(&self) -> usize {
        self.at.len()
    }

    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// Columns with their values.
    pub fn iter(&self) -> impl Iterator<Item = (usize, f32)> {
        self.at.iter().map(|at| *at as usize).zip(self.values.iter().copied())
    }
}

impl Matrix {
    /// Of entries `(row, column, value)` in ascending order of row and column, none of them twice.
    pub fn new(rows: usize, columns: usize, entries: impl IntoIterator<Item = (u32, u32, f32)>) -> Self {
        let mut matrix = Self { columns, starts: Vec::with_capacity(rows + 1), at: Vec::new(), values: Vec::new() };
        matrix.starts.push(0);
        for (row, column, value) in entries {
            while matrix.starts.len() <= row as usize {
                matrix.starts.push(matrix.at.len());
            }
            matrix.at.push(column);
            matrix.values.push(value);
        }
        while matrix.starts.len() <= rows {
            matrix.starts.push(matrix.at.len());
        }
        matrix
    }

    pub fn rows(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Entries in all rows.
    pub fn len(&self) -> usize {
        self.at.len()
    }

    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    pub fn row(&self, row: usize) -> Row<'_> {
        let (start, end) = (self.starts[row], self.starts[row + 1]);
        Row { at: &self.at[start..end], values: &self.values[start..end] }
    }

    /// All entries `(row, column, value)`, by row and column.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32, f32)> {
        (0..self.rows())
            .flat_map(move |row| self.row(row).iter().map(move |(at, value)| (row as u32, at as u32, value)))
    }

    /// How many rows have each column.
    pub fn counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.columns];
        self.at.iter().for_each(|at| counts[*at as usize] += 1);
        counts
    }

    /// Rows become columns. A counting sort: two passes over the entries.
    pub fn transpose(&self) -> Self {
        let mut next = vec![0_usize; self.columns + 1];
        self.counts().iter().enumerate().for_each(|(column, count)| next[column + 1] = next[column] + *count as usize);
        let starts = next.clone();
        let (mut at, mut values) = (vec![0_u32; self.len()], vec![0.0_f32; self.len()]);
        for (row, column, value) in self.iter() {
            let place = &mut next[column as usize];
            (at[*place], values[*place]) = (row, value);
            *place += 1;
        }
        Self { columns: self.rows(), starts, at, values }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_without_entries_are_rows() {
        let matrix = Matrix::new(4, 3, [(1, 0, 1.0), (1, 2, 2.0), (2, 2, 3.0)]);
        assert_eq!((matrix.rows(), matrix.columns(), matrix.len()), (4, 3, 3));
        assert!(matrix.row(0).is_empty() && matrix.row(3).is_empty());
        assert_eq!(matrix.row(1), Row { at: &[0, 2], values: &[1.0, 2.0] });
        assert_eq!(matrix.counts(), [1, 0, 2]);
        let none = Matrix::new(2, 2, []);
        assert_eq!((none.rows(), none.transpose().rows(), none.is_empty()), (2, 2, true));
    }

    proptest! {
        #[test]
        fn transposing_twice_changes_nothing(entries in proptest::collection::btree_map((0_u32..9, 0_u32..7), -5.0_f32..5.0, 0..40)) {
            let matrix = Matrix::new(9, 7, entries.iter().map(|((row, column), value)| (*row, *column, *value)));
            let turned = matrix.transpose();
            let mut expected: Vec<_> = matrix.iter().map(|(row, column, value)| (column, row, value)).collect();
            expected.sort_by_key(|(row, column, _)| (*row, *column));
            prop_assert_eq!(turned.iter().collect::<Vec<_>>(), expected);
            prop_assert_eq!(turned.transpose(), matrix);
        }
    }
}
