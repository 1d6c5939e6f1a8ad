//! What the pieces of a filter are while it is read, and how they combine: a `(` may open a value or a condition, and
//! only what follows tells.

use super::ast::{Arith, At, Cmp, Expr, Literal, Operand, Place, Side};
use super::fault::Fault;
use super::fold;

type Parsed<T> = Result<T, Fault>;

/// What a piece of text turned out to be.
pub(super) enum Node {
    Condition(Expr),
    Constant(Literal, At),
    Operand(Operand),
}

/// A node as a condition. A bare field is one when it is a bool, which only the schema knows.
pub(super) fn condition(node: Node, start: usize) -> Parsed<Expr> {
    match node {
        Node::Condition(expr) => Ok(expr),
        Node::Operand(Operand { place, arith: None }) => Ok(Expr::True(place)),
        Node::Operand(_) | Node::Constant(..) => {
            Err(Fault::new(start, "expected a condition, not a value")
                .hint("compare it with something, as in size > 3"))
        }
    }
}

/// A node as a field without arithmetic, which `what` needs on its left.
pub(super) fn bare(node: Node, start: usize, what: &str) -> Parsed<Place> {
    match node {
        Node::Operand(Operand { place, arith: None }) => Ok(place),
        _ => Err(Fault::new(start, format!("the left side of '{what}' must be a field"))),
    }
}

pub(super) fn comparison(left: Node, op: Cmp, right: Node, start: usize) -> Parsed<Expr> {
    match (left, right) {
        (Node::Operand(left), Node::Constant(literal, at)) => {
            Ok(Expr::Compare { left, op, right: Side::Literal(literal, at) })
        }
        (Node::Constant(literal, at), Node::Operand(left)) => {
            Ok(Expr::Compare { left, op: op.swapped(), right: Side::Literal(literal, at) })
        }
        (Node::Operand(left), Node::Operand(Operand { place, arith: None })) => {
            Ok(Expr::Compare { left, op, right: Side::Place(place) })
        }
        (Node::Operand(Operand { place, arith: None }), Node::Operand(left)) => {
            Ok(Expr::Compare { left, op: op.swapped(), right: Side::Place(place) })
        }
        (Node::Operand(_), Node::Operand(_)) => Err(Fault::new(start, "only one side may use arithmetic")),
        (Node::Constant(..), Node::Constant(..)) => {
            Err(Fault::new(start, "a comparison needs a field")
                .hint("text in quotes is a string; a field has no quotes"))
        }
        (Node::Condition(_), _) | (_, Node::Condition(_)) => {
            Err(Fault::new(start, "a condition cannot be compared").hint("join conditions with and, or, not"))
        }
    }
}

/// Folds constants; attaches one operation to a field.
pub(super) fn calculate(left: Node, arith: Arith, right: Node, at: usize) -> Parsed<Node> {
    match (left, right) {
        (Node::Constant(a, start), Node::Constant(b, _)) => {
            Ok(Node::Constant(fold::calculate(&a, arith, &b, at)?, start))
        }
        (Node::Operand(Operand { place, arith: None }), Node::Constant(number, number_at)) => {
            fold::check_operand(arith, &number, number_at)?;
            Ok(Node::Operand(Operand { place, arith: Some((arith, number)) }))
        }
        (Node::Constant(number, number_at), Node::Operand(Operand { place, arith: None })) => {
            if !matches!(arith, Arith::Add | Arith::Mul) {
                return Err(Fault::new(at, format!("'{}' needs the field on its left", arith.sign())));
            }
            fold::check_operand(arith, &number, number_at)?;
            Ok(Node::Operand(Operand { place, arith: Some((arith, number)) }))
        }
        (Node::Operand(_), Node::Operand(Operand { arith: None, .. })) => {
            Err(Fault::new(at, "arithmetic takes a field and a number, not two fields"))
        }
        (Node::Condition(_), _) | (_, Node::Condition(_)) => Err(Fault::new(at, "a condition is not a number")),
        _ => {
            Err(Fault::new(at, "a field takes only one arithmetic operation")
                .hint("move the constant to the other side"))
        }
    }
}
