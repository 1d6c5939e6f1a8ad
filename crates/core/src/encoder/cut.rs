//! Cuts off a model's head, so that a classifier returns its features.
//!
//! Only the outline of the file is read (which node computes which tensor); every part that stays is copied byte for byte
//! and never interpreted.

use std::collections::{HashMap, HashSet};

use super::wire::{GRAPH_INITIALIZER, MODEL_GRAPH, TENSOR_NAME, fields, name, write_bytes};

/// Of `GraphProto`.
const GRAPH_NODE: u64 = 1;
const GRAPH_INPUT: u64 = 11;
const GRAPH_OUTPUT: u64 = 12;
const GRAPH_VALUE_INFO: u64 = 13;
/// Of `NodeProto`.
const NODE_INPUT: u64 = 1;
const NODE_OUTPUT: u64 = 2;
const NODE_ATTRIBUTE: u64 = 5;
/// Of `AttributeProto`: graphs inside of a node (If, Loop, Scan).
const ATTRIBUTE_GRAPH: u64 = 6;
const ATTRIBUTE_GRAPHS: u64 = 11;
/// `ValueInfoProto.name`
const VALUE_NAME: u64 = 1;

/// The model with `tensor` as its only output and without what that does not need. `None` when no node makes a tensor
/// of that name.
///
/// # Errors
/// In words, when the bytes are no ONNX model.
pub(super) fn cut(model: &[u8], tensor: &str) -> Result<Option<Vec<u8>>, String> {
    let mut out = Vec::with_capacity(model.len());
    let mut found = false;
    for field in fields(model) {
        let field = field?;
        match field.bytes {
            Some(graph) if field.number == MODEL_GRAPH => {
                let Some(graph) = cut_graph(graph, tensor)? else { return Ok(None) };
                found = true;
                write_bytes(&mut out, MODEL_GRAPH, &graph);
            }
            _ => out.extend_from_slice(field.raw),
        }
    }
    if found { Ok(Some(out)) } else { Err("it has no graph".into()) }
}

/// What a node takes and makes.
struct Node<'a> {
    inputs: Vec<&'a [u8]>,
    outputs: Vec<&'a [u8]>,
}

fn cut_graph(graph: &[u8], tensor: &str) -> Result<Option<Vec<u8>>, String> {
    let mut nodes = Vec::new();
    let mut maker_of = HashMap::new();
    let mut weights = HashSet::new();
    let mut shape = None;
    for field in fields(graph) {
        let field = field?;
        let Some(bytes) = field.bytes else { continue };
        match field.number {
            GRAPH_NODE => {
                let node = node(bytes)?;
                maker_of.extend(node.outputs.iter().map(|output| (*output, nodes.len())));
                nodes.push(node);
            }
            GRAPH_INITIALIZER => {
                weights.extend(name(bytes, TENSOR_NAME)?);
            }
            GRAPH_VALUE_INFO if name(bytes, VALUE_NAME)? == Some(tensor.as_bytes()) => shape = Some(bytes),
            _ => {}
        }
    }
    if !maker_of.contains_key(tensor.as_bytes()) {
        return Ok(None);
    }
    let (needed_nodes, needed_tensors) = needed(&nodes, &maker_of, tensor.as_bytes());

    let mut out = Vec::with_capacity(graph.len());
    let mut at = 0;
    for field in fields(graph) {
        let field = field?;
        let bytes = field.bytes.unwrap_or_default();
        let keep = match field.number {
            GRAPH_NODE => {
                at += 1;
                needed_nodes.contains(&(at - 1))
            }
            GRAPH_INITIALIZER => name(bytes, TENSOR_NAME)?.is_none_or(|name| needed_tensors.contains(name)),
            // Old files list their weights among the inputs; those that go must go here, too.
            GRAPH_INPUT => {
                name(bytes, VALUE_NAME)?.is_none_or(|name| needed_tensors.contains(name) || !weights.contains(name))
            }
            GRAPH_OUTPUT => false,
            _ => true,
        };
        if keep {
            out.extend_from_slice(field.raw);
        }
    }
    // What is known of its shape, or the name alone: the runtime works out the rest.
    let mut named = Vec::new();
    write_bytes(&mut named, VALUE_NAME, tensor.as_bytes());
    write_bytes(&mut out, GRAPH_OUTPUT, shape.unwrap_or(&named));
    Ok(Some(out))
}

/// The nodes that `tensor` is made by, directly or not, and all tensors that these take.
fn needed<'a>(
    nodes: &[Node<'a>],
    maker_of: &HashMap<&[u8], usize>,
    tensor: &'a [u8],
) -> (HashSet<usize>, HashSet<&'a [u8]>) {
    let (mut kept, mut tensors) = (HashSet::new(), HashSet::from([tensor]));
    let mut to_do = vec![tensor];
    while let Some(tensor) = to_do.pop() {
        let Some(at) = maker_of.get(tensor) else { continue };
        if kept.insert(*at) {
            for input in &nodes[*at].inputs {
                tensors.insert(*input);
                to_do.push(input);
            }
        }
    }
    (kept, tensors)
}

fn node(bytes: &[u8]) -> Result<Node<'_>, String> {
    let mut node = Node { inputs: Vec::new(), outputs: Vec::new() };
    for field in fields(bytes) {
        let field = field?;
        match (field.number, field.bytes) {
            (NODE_INPUT, Some(name)) => node.inputs.push(name),
            (NODE_OUTPUT, Some(name)) => node.outputs.push(name),
            (NODE_ATTRIBUTE, Some(attribute)) => inner_inputs(attribute, &mut node.inputs, 0)?,
            _ => {}
        }
    }
    Ok(node)
}

/// What the graphs inside of a node take: they may use tensors of the graph around them.
fn inner_inputs<'a>(attribute: &'a [u8], inputs: &mut Vec<&'a [u8]>, depth: usize) -> Result<(), String> {
    // ONNX Runtime itself gives up on files nested this deep; a bound keeps foreign bytes from exhausting the stack.
    if depth > 32 {
        return Err("its graphs are nested too deeply".into());
    }
    for field in fields(attribute) {
        let field = field?;
        let (ATTRIBUTE_GRAPH | ATTRIBUTE_GRAPHS, Some(graph)) = (field.number, field.bytes) else { continue };
        for field in fields(graph) {
            let field = field?;
            let (GRAPH_NODE, Some(node)) = (field.number, field.bytes) else { continue };
            for field in fields(node) {
                let field = field?;
                match (field.number, field.bytes) {
                    (NODE_INPUT, Some(name)) => inputs.push(name),
                    (NODE_ATTRIBUTE, Some(attribute)) => inner_inputs(attribute, inputs, depth + 1)?,
                    _ => {}
                }
            }
        }
        // A branch may hand through a tensor from outside without any node.
        for field in fields(graph) {
            let field = field?;
            if let (GRAPH_OUTPUT, Some(output)) = (field.number, field.bytes) {
                inputs.extend(name(output, VALUE_NAME)?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(parts: &[(u64, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (number, bytes) in parts {
            write_bytes(&mut out, *number, bytes);
        }
        out
    }

    fn a_node(inputs: &[&str], output: &str) -> Vec<u8> {
        let mut parts: Vec<(u64, &[u8])> = inputs.iter().map(|input| (NODE_INPUT, input.as_bytes())).collect();
        parts.push((NODE_OUTPUT, output.as_bytes()));
        message(&parts)
    }

    fn named(number: u64, name: &str) -> Vec<u8> {
        message(&[(number, name.as_bytes())])
    }

    #[test]
    fn what_comes_after_the_tensor_goes_with_its_weights() {
        let graph = message(&[
            (GRAPH_NODE, &a_node(&["x", "w"], "features")),
            (GRAPH_NODE, &a_node(&["features", "head"], "classes")),
            (2, b"a name"),
            (GRAPH_INITIALIZER, &named(TENSOR_NAME, "w")),
            (GRAPH_INITIALIZER, &named(TENSOR_NAME, "head")),
            (GRAPH_INPUT, &named(VALUE_NAME, "x")),
            (GRAPH_INPUT, &named(VALUE_NAME, "w")),
            (GRAPH_INPUT, &named(VALUE_NAME, "head")),
            (GRAPH_OUTPUT, &named(VALUE_NAME, "classes")),
        ]);
        let mut model = vec![8, 4];
        write_bytes(&mut model, MODEL_GRAPH, &graph);
        let expected = message(&[
            (GRAPH_NODE, &a_node(&["x", "w"], "features")),
            (2, b"a name"),
            (GRAPH_INITIALIZER, &named(TENSOR_NAME, "w")),
            (GRAPH_INPUT, &named(VALUE_NAME, "x")),
            (GRAPH_INPUT, &named(VALUE_NAME, "w")),
            (GRAPH_OUTPUT, &named(VALUE_NAME, "features")),
        ]);
        let mut whole = vec![8, 4];
        write_bytes(&mut whole, MODEL_GRAPH, &expected);
        assert_eq!(cut(&model, "features").unwrap().unwrap(), whole);
        assert_eq!(cut(&model, "no such tensor").unwrap(), None);
        assert!(cut(b"", "features").unwrap_err().contains("no graph"));
        assert!(cut(&model[..model.len() - 1], "features").unwrap_err().contains("damaged"));
    }

    #[test]
    fn what_inner_graphs_take_stays() {
        let inner = message(&[(GRAPH_NODE, &a_node(&["from outside"], "y"))]);
        let attribute = message(&[(ATTRIBUTE_GRAPH, &inner)]);
        let branching = message(&[(NODE_OUTPUT, b"features"), (NODE_ATTRIBUTE, &attribute)]);
        let made = a_node(&["x"], "from outside");
        let graph = message(&[(GRAPH_NODE, &made), (GRAPH_NODE, &branching)]);
        let kept = cut_graph(&graph, "features").unwrap().unwrap();
        assert!(kept.starts_with(&graph));
    }

    proptest! {
        #[test]
        fn foreign_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = cut(&bytes, "x");
            let mut model = Vec::new();
            write_bytes(&mut model, MODEL_GRAPH, &bytes);
            let _ = cut(&model, "x");
        }
    }
}
