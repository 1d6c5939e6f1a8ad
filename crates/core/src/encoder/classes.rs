//! Words as what a classifier of pictures knows its classes by.

/// A classifier's classes.
pub(super) struct Classes {
    /// The embeddings of their names by the model for text.
    names: Vec<Vec<f32>>,
    /// What the classifier knows each by: the direction that its pictures lie in.
    rows: Vec<Vec<f32>>,
    temperature: f32,
}

impl Classes {
    pub(super) fn new(names: Vec<Vec<f32>>, rows: Vec<Vec<f32>>, temperature: f32) -> Self {
        Self { names, rows, temperature }
    }

    /// The mean of the classes' rows, weighted by a softmax over the cosines of their names with the embedding of some
    /// words; of length 1.
    pub(super) fn mean(&self, words: &[f32]) -> Vec<f32> {
        let near = |name: &Vec<f32>| cosine(name, words) / f64::from(self.temperature);
        let nearness: Vec<f64> = self.names.iter().map(near).collect();
        let most = nearness.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut mean = vec![0.0; self.rows.first().map_or(0, Vec::len)];
        for (near, row) in nearness.iter().zip(&self.rows) {
            let weight = (near - most).exp();
            mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += weight * f64::from(*value));
        }
        let length = mean.iter().map(|value| value * value).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        mean.into_iter().map(|value| (value / length) as f32).collect()
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_their_names_are_like() {
        let classes = |temperature| Classes {
            names: vec![vec![1.0, 0.0], vec![0.0, 2.0]],
            rows: vec![vec![3.0, 0.0, 0.0], vec![0.0, 0.0, 3.0]],
            temperature,
        };
        let assert_near = |found: Vec<f32>, expected: [f32; 3]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        };
        assert_near(classes(0.01).mean(&[5.0, 0.0]), [1.0, 0.0, 0.0]);
        assert_near(classes(0.01).mean(&[1.0, 1.0]), [0.5_f32.sqrt(), 0.0, 0.5_f32.sqrt()]);
        // e^1 to e^0.
        let length = (2.0_f32.exp() + 1.0).sqrt();
        assert_near(classes(1.0).mean(&[0.0, 1.0]), [1.0 / length, 0.0, 1.0_f32.exp() / length]);
        assert!(classes(1e-30).mean(&[0.0, 0.0]).iter().all(|value| value.is_finite()));
    }
}
