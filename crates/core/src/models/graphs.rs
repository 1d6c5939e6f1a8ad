//! Graphs of ours for weights of others: ONNX models of 7 to 70 KB whose weights lie in a file of their authors, as it is
//! in a package. `scripts/graphs` makes them.

/// Each by its name, which begins with the model's.
const GRAPHS: [(&str, &[u8]); 4] = [
    ("aisfx.onnx", include_bytes!("graphs/aisfx.onnx")),
    ("efficientnet-lite0.onnx", include_bytes!("graphs/efficientnet-lite0.onnx")),
    ("efficientnet-lite2.onnx", include_bytes!("graphs/efficientnet-lite2.onnx")),
    ("multilingual-e5-small.onnx", include_bytes!("graphs/multilingual-e5-small.onnx")),
];

/// The graph of this name.
pub(super) fn named(name: &str) -> Option<&'static [u8]> {
    GRAPHS.iter().find(|(known, _)| *known == name).map(|(_, graph)| *graph)
}

/// As a manifest writes their sources.
pub(super) fn names() -> Vec<String> {
    GRAPHS.iter().map(|(name, _)| format!("built-in:{name}")).collect()
}
