//! Turns a comparison of an int field, with or without arithmetic, into bounds on the field itself: servers differ
//! in how they divide and what they compare, a range means the same everywhere, cannot overflow, and can use an index.

use super::ast::{Arith, Cmp};

/// The integers that satisfy a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ints {
    None,
    All,
    /// From the first to the second, both included.
    Within(i64, i64),
    /// All others.
    Outside(i64, i64),
}

/// No bound: beyond every 64-bit integer even when one is added to it or divides it.
const END: i128 = 1 << 126;
/// Beyond every quotient, and small enough to be multiplied.
const QUOTIENT: i128 = i64::MAX as i128 + 2;

/// The integers `x` with `x arith op value`. There is no [`Arith::Mod`] here: its answers are no range.
pub(super) fn solve(arith: Option<(Arith, i64)>, op: Cmp, value: i64) -> Ints {
    let value = i128::from(value);
    let (low, high) = match op {
        Cmp::Eq | Cmp::Ne => (value, value),
        Cmp::Lt => (-END, value - 1),
        Cmp::Le => (-END, value),
        Cmp::Gt => (value + 1, END),
        Cmp::Ge => (value, END),
    };
    let (low, high) = arith.map_or((low, high), |(arith, by)| before(arith, i128::from(by), low, high));
    let (min, max) = (i128::from(i64::MIN), i128::from(i64::MAX));
    let (low, high) = (low.max(min), high.min(max));
    let found = match (i64::try_from(low), i64::try_from(high)) {
        (Ok(i64::MIN), Ok(i64::MAX)) => Ints::All,
        (Ok(low), Ok(high)) if low <= high => Ints::Within(low, high),
        _ => Ints::None,
    };
    if op == Cmp::Ne { found.complement() } else { found }
}

impl Ints {
    fn complement(self) -> Self {
        match self {
            Self::None => Self::All,
            Self::All => Self::None,
            Self::Within(low, high) => Self::Outside(low, high),
            Self::Outside(low, high) => Self::Within(low, high),
        }
    }
}

/// The bounds that an operation maps into the given ones. Every operation is monotone, so they are bounds again.
fn before(arith: Arith, by: i128, low: i128, high: i128) -> (i128, i128) {
    const NOTHING: (i128, i128) = (1, 0);
    if low > high {
        return NOTHING;
    }
    match arith {
        Arith::Add => (low - by, high - by),
        Arith::Sub => (low + by, high + by),
        Arith::Mul if by == 0 => {
            if low <= 0 && 0 <= high {
                (-END, END)
            } else {
                NOTHING
            }
        }
        Arith::Mul if by > 0 => (ceil(low, by), floor(high, by)),
        Arith::Mul => (ceil(-high, -by), floor(-low, -by)),
        Arith::Div if by < 0 => before(Arith::Div, -by, -high, -low),
        Arith::Div => {
            // Everything between -by and by divides to 0.
            let (low, high) = (low.clamp(-QUOTIENT, QUOTIENT), high.clamp(-QUOTIENT, QUOTIENT));
            let first = if low > 0 { low * by } else { (low - 1) * by + 1 };
            let last = if high < 0 { high * by } else { (high + 1) * by - 1 };
            (first, last)
        }
        Arith::Mod => NOTHING,
    }
}

fn floor(a: i128, b: i128) -> i128 {
    a.div_euclid(b)
}

fn ceil(a: i128, b: i128) -> i128 {
    -floor(-a, b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn has(ints: Ints, x: i64) -> bool {
        match ints {
            Ints::None => false,
            Ints::All => true,
            Ints::Within(low, high) => low <= x && x <= high,
            Ints::Outside(low, high) => x < low || high < x,
        }
    }

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![-20i64..20, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
    }

    proptest! {
        #[test]
        fn bounds_hold_what_the_comparison_holds(
            x in number(),
            by in number(),
            value in number(),
            arith in prop::sample::select(vec![None, Some(Arith::Add), Some(Arith::Sub), Some(Arith::Mul), Some(Arith::Div)]),
            op in prop::sample::select(vec![Cmp::Eq, Cmp::Ne, Cmp::Lt, Cmp::Le, Cmp::Gt, Cmp::Ge]),
        ) {
            prop_assume!(arith != Some(Arith::Div) || by != 0);
            let (wide, by_wide) = (i128::from(x), i128::from(by));
            let left = match arith {
                None => wide,
                Some(Arith::Add) => wide + by_wide,
                Some(Arith::Sub) => wide - by_wide,
                Some(Arith::Mul) => wide * by_wide,
                Some(_) => wide / by_wide,
            };
            let value_wide = i128::from(value);
            let expected = match op {
                Cmp::Eq => left == value_wide,
                Cmp::Ne => left != value_wide,
                Cmp::Lt => left < value_wide,
                Cmp::Le => left <= value_wide,
                Cmp::Gt => left > value_wide,
                Cmp::Ge => left >= value_wide,
            };
            prop_assert_eq!(has(solve(arith.map(|arith| (arith, by)), op, value), x), expected);
        }
    }
}
