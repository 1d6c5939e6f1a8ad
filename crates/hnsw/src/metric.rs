//! What near means.

/// How vectors are compared. Distances are smaller for what is nearer, whatever the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The squared Euclidean distance.
    L2,
    /// The negative inner product. A vector need not be nearest to itself.
    InnerProduct,
    /// The negative cosine. Rows and queries have length 1 already, see [`normalised`]: for them the order is that of
    /// the Euclidean distance, by which the graph is built.
    Cosine,
}

impl Metric {
    /// Whether the graph goes by inner products, which obey no triangle inequality (Morozov & Babenko, "Non-metric
    /// similarity graphs for maximum inner product search", 2018: a graph of them finds more than one of a detour over
    /// Euclidean distances).
    pub(crate) fn is_inner_product(self) -> bool {
        self == Self::InnerProduct
    }

    pub(crate) fn number(self) -> u32 {
        match self {
            Self::L2 => 0,
            Self::InnerProduct => 1,
            Self::Cosine => 2,
        }
    }

    pub(crate) fn of_number(number: u32) -> Option<Self> {
        [Self::L2, Self::InnerProduct, Self::Cosine].into_iter().find(|metric| metric.number() == number)
    }
}

/// The vector brought to length 1; zero stays zero.
pub fn normalised(vector: &[f32]) -> Vec<f32> {
    // In f64, so that neither tiny nor huge components vanish or overflow when squared.
    let norm = vector.iter().map(|component| f64::from(*component).powi(2)).sum::<f64>().sqrt();
    if norm == 0.0 {
        return vector.to_vec();
    }
    vector.iter().map(|component| (f64::from(*component) / norm) as f32).collect()
}
