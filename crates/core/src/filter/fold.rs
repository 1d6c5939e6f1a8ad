//! Constant folding, as in Milvus's parser: integers stay integers and divide towards zero.

use super::ast::{Arith, At, Literal};
use super::fault::Fault;

fn overflow(at: usize) -> Fault {
    Fault::new(at, "the result does not fit in 64 bits")
}

fn finite(value: f64, at: usize) -> Result<Literal, Fault> {
    if value.is_finite() { Ok(Literal::Float(value)) } else { Err(overflow(at)) }
}

pub(super) fn negate(literal: Literal, at: usize) -> Result<Literal, Fault> {
    match literal {
        Literal::Int(value) => value.checked_neg().map(Literal::Int).ok_or_else(|| overflow(at)),
        Literal::Float(value) => Ok(Literal::Float(-value)),
        other => Err(Fault::new(at, format!("only numbers have a sign, not {}", other.kind()))),
    }
}

/// Refuses what a field cannot be calculated with. Division by zero kills some servers.
pub(super) fn check_operand(arith: Arith, number: &Literal, at: At) -> Result<(), Fault> {
    let Some(value) = number.as_f64() else {
        return Err(Fault::at(at, format!("'{}' takes a number, not {}", arith.sign(), number.kind())));
    };
    match arith {
        Arith::Div | Arith::Mod if value == 0.0 => Err(Fault::at(at, "division by zero")),
        // Servers read a sign and a number apart, and this number alone does not fit.
        Arith::Mod if *number == Literal::Int(i64::MIN) => Err(Fault::at(at, "the divisor is too small")),
        Arith::Mod if !matches!(number, Literal::Int(_)) => Err(Fault::at(at, "'%' takes an int, not a float")),
        _ => Ok(()),
    }
}

/// `at` is where the sign stands.
pub(super) fn calculate(left: &Literal, arith: Arith, right: &Literal, at: usize) -> Result<Literal, Fault> {
    check_operand(arith, right, At(Some(at)))?;
    if let (Literal::Int(a), Literal::Int(b)) = (left, right) {
        let (a, b) = (*a, *b);
        let result = match arith {
            Arith::Add => a.checked_add(b),
            Arith::Sub => a.checked_sub(b),
            Arith::Mul => a.checked_mul(b),
            Arith::Div => a.checked_div(b),
            Arith::Mod => Some(a.wrapping_rem(b)),
        };
        return result.map(Literal::Int).ok_or_else(|| overflow(at));
    }
    match (left.as_f64(), right.as_f64(), arith) {
        (Some(a), Some(b), Arith::Add) => finite(a + b, at),
        (Some(a), Some(b), Arith::Sub) => finite(a - b, at),
        (Some(a), Some(b), Arith::Mul) => finite(a * b, at),
        (Some(a), Some(b), Arith::Div) => finite(a / b, at),
        (Some(_), _, _) => Err(Fault::new(at, "'%' takes ints")),
        (None, ..) => Err(Fault::new(at, format!("'{}' takes numbers, not {}", arith.sign(), left.kind()))),
    }
}

pub(super) fn power(base: &Literal, exponent: &Literal, at: usize) -> Result<Literal, Fault> {
    if let (Literal::Int(base), Literal::Int(exponent)) = (base, exponent)
        && let Ok(exponent) = u32::try_from(*exponent)
        && let Some(result) = base.checked_pow(exponent)
    {
        return Ok(Literal::Int(result));
    }
    match (base.as_f64(), exponent.as_f64()) {
        (Some(base), Some(exponent)) => finite(base.powf(exponent), at),
        _ => Err(Fault::new(at, "'**' takes numbers")),
    }
}
