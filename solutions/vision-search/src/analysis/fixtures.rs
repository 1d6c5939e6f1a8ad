//! Vectors for tests. Those of [`clustered`] are computed alike in `reference.py`, which printed the numbers that the
//! tests compare with.

use super::Vectors;
use crate::sample::ObjectId;

/// Ids that ascend with their numbers.
pub fn id(number: u64) -> ObjectId {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    bytes.into()
}

pub fn rows<const DIM: usize>(rows: &[[f32; DIM]]) -> Vectors {
    Vectors::new((0..rows.len() as u64).map(id).collect(), DIM, rows.concat()).unwrap()
}

/// Vectors in clusters: the n-th is near those with the same n mod `clusters`.
pub fn clustered(count: usize, clusters: usize, dim: usize) -> Vectors {
    let value = |row: usize, at: usize| {
        let cluster = row % clusters;
        let centre = ((cluster * cluster * 7919 + at * at * 104_729 + cluster * at * 31 + cluster * 577) % 1009) as f64;
        let noise = ((row * row * 6151 + at * at * 2741 + row * at * 97 + row * 389) % 1013) as f64;
        (centre / 1009.0 - 0.5 + (noise / 1013.0 - 0.5) * 0.3) as f32
    };
    let values = (0..count).flat_map(|row| (0..dim).map(move |at| value(row, at))).collect();
    Vectors::new((0..count as u64).map(id).collect(), dim, values).unwrap()
}

/// Scores in the order of ids 0, 1, 2, …
pub fn assert_near(scores: &[(ObjectId, f32)], expected: &[f32], tolerance: f32) {
    assert_eq!(scores.len(), expected.len());
    for (at, ((found, score), expected)) in scores.iter().zip(expected).enumerate() {
        assert_eq!(*found, id(at as u64));
        assert!((score - expected).abs() <= tolerance, "{at}: {score}, expected {expected}");
    }
}
