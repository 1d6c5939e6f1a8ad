//! What the graph goes by: distances between rows, and from a query to rows, by codes or exactly. A search is compiled
//! once for each of these, and for each kind of processor.

use pulp::NullaryFnOnce;

use crate::codec::Coded;
use crate::exact::Exact;
use crate::isa::{Isa, Portable};
use crate::view::View;

/// A query, prepared for codes and for exact rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) coded: Coded,
    pub(crate) exact: Exact,
}

/// Distances over the rows of a view. They are u32, of an order that says which is nearer.
pub(crate) trait Space: Copy + Sync {
    fn view(&self) -> &View;
    /// The distances of four rows to a query.
    fn four<I: Isa>(&self, isa: I, query: &Query, slots: [u32; 4]) -> [u32; 4];
    /// Has a row brought near.
    fn prefetch<I: Isa>(&self, isa: I, slot: u32);
    /// Makes a row the query.
    fn ask_for_row(&self, slot: u32, query: &mut Query);
    /// Whether one of two rows at such a distance from each other shields the other, at `distance`, from a third that is
    /// nearer to the first: see [`build`](crate::build).
    fn is_shielded(&self, query: &Query, between: u32, distance: u32, alpha: f32) -> bool;
    /// Whether `distance` is none.
    fn is_copy(&self, distance: u32) -> bool;
    /// Whether a distance is no more than what rounding makes of none.
    fn is_noise(&self, distance: u32) -> bool;
    /// Whether distances are of inner products.
    fn is_dot(&self) -> bool;
    /// Twice as far, in the unit that is squared; from none the least that is any.
    fn widened(&self, query: &Query, distance: u32) -> u32;
}

/// By codes. `DOT` is whether they stand for inner products.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Codes<'a, const DOT: bool>(&'a View);

impl<const DOT: bool> Space for Codes<'_, DOT> {
    #[inline(always)]
    fn view(&self) -> &View {
        self.0
    }

    #[inline(always)]
    fn four<I: Isa>(&self, isa: I, query: &Query, slots: [u32; 4]) -> [u32; 4] {
        query.coded.four(isa, DOT, slots.map(|slot| self.0.codes.row(slot)))
    }

    #[inline(always)]
    fn prefetch<I: Isa>(&self, isa: I, slot: u32) {
        isa.prefetch(self.0.codes.row(slot));
    }

    #[inline(always)]
    fn ask_for_row(&self, slot: u32, query: &mut Query) {
        query.coded.set_row(&self.0.codec, self.0.codes.row(slot));
    }

    #[inline(always)]
    fn is_shielded(&self, _: &Query, between: u32, distance: u32, alpha: f32) -> bool {
        if DOT { between < distance } else { between as f32 * alpha < distance as f32 }
    }

    #[inline(always)]
    fn is_copy(&self, distance: u32) -> bool {
        !DOT && distance == 0
    }

    #[inline(always)]
    fn is_noise(&self, distance: u32) -> bool {
        // Of two codes that are rounded by themselves it is a sixth of each component.
        !DOT && (distance as usize) < self.0.dim / 6
    }

    #[inline(always)]
    fn is_dot(&self) -> bool {
        DOT
    }

    #[inline(always)]
    fn widened(&self, _: &Query, distance: u32) -> u32 {
        distance.saturating_mul(4).max(1)
    }
}

/// No distance, in the order of floats.
const ZERO: u32 = 1 << 31;

/// By exact rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Floats<'a>(&'a View);

impl Space for Floats<'_> {
    #[inline(always)]
    fn view(&self) -> &View {
        self.0
    }

    #[inline(always)]
    fn four<I: Isa>(&self, _: I, query: &Query, slots: [u32; 4]) -> [u32; 4] {
        query.exact.four(slots.map(|slot| self.0.rows.row(slot)))
    }

    #[inline(always)]
    fn prefetch<I: Isa>(&self, isa: I, slot: u32) {
        isa.prefetch(self.0.rows.row(slot));
    }

    #[inline(always)]
    fn ask_for_row(&self, slot: u32, query: &mut Query) {
        query.exact.set_row(self.0.codec.is_dot, self.0.rows.row(slot), self.0.magnitude);
    }

    #[inline(always)]
    fn is_shielded(&self, query: &Query, between: u32, distance: u32, alpha: f32) -> bool {
        if self.0.codec.is_dot { between < distance } else { query.exact.times(between, alpha) < distance }
    }

    #[inline(always)]
    fn is_copy(&self, distance: u32) -> bool {
        // Zero in the order of floats.
        !self.0.codec.is_dot && distance == ZERO
    }

    #[inline(always)]
    fn is_noise(&self, _: u32) -> bool {
        false
    }

    #[inline(always)]
    fn is_dot(&self) -> bool {
        self.0.codec.is_dot
    }

    #[inline(always)]
    fn widened(&self, query: &Query, distance: u32) -> u32 {
        // Beyond the numbers that have no exponent of their own.
        query.exact.times(distance.max(ZERO + (1 << 24)), 4.0)
    }
}

/// Work over a view's distances, whatever they are.
pub(crate) trait Work {
    type Output;
    /// To be inlined, so that it is compiled for the processor's instructions.
    fn run<I: Isa, S: Space>(self, isa: I, space: S) -> Self::Output;
}

/// Does work over a view with the widest instructions that the processor has; or with none that not every one has.
pub(crate) fn dispatch<W: Work>(view: &View, portable: bool, work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if !portable && let Some(avx2) = crate::isa::Avx2::find() {
        return on(view, avx2, work);
    }
    let _ = portable;
    on(view, Portable, work)
}

fn on<I: Isa, W: Work>(view: &View, isa: I, work: W) -> W::Output {
    match (view.codec.is_bytes, view.codec.is_dot) {
        (true, false) => isa.run(Call { isa, space: Codes::<false>(view), work }),
        (true, true) => isa.run(Call { isa, space: Codes::<true>(view), work }),
        (false, _) => isa.run(Call { isa, space: Floats(view), work }),
    }
}

struct Call<I, S, W> {
    isa: I,
    space: S,
    work: W,
}

impl<I: Isa, S: Space, W: Work> NullaryFnOnce for Call<I, S, W> {
    type Output = W::Output;

    #[inline(always)]
    fn call(self) -> W::Output {
        self.work.run(self.isa, self.space)
    }
}
