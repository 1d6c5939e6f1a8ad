//! Rows of numbers: vectors, or for each query its neighbours.

/// Rows of equal length, one behind the other.
#[derive(Clone, Debug)]
pub struct Matrix<T> {
    pub width: usize,
    pub data: Vec<T>,
}

impl<T> Matrix<T> {
    pub fn rows(&self) -> std::slice::ChunksExact<'_, T> {
        self.data.chunks_exact(self.width)
    }

    pub fn row(&self, at: usize) -> &[T] {
        &self.data[at * self.width..(at + 1) * self.width]
    }

    pub fn len(&self) -> usize {
        self.data.len() / self.width
    }
}
