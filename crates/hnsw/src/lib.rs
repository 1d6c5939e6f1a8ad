//! An index for the nearest of many vectors: a Hierarchical Navigable Small World graph (Malkov & Yashunin, 2016) whose
//! walks compare bytes, one cache line after another, and whose answers are ranked by exact distances.
//!
//! ```
//! use bootcamp_hnsw::{Config, Index, Metric, Search};
//!
//! let index = Index::new(Config::new(2, Metric::L2))?;
//! index.add(&[10, 11, 15], &[0.0, 0.0, 1.0, 1.0, 5.0, 5.0], 1)?;
//! let hits = index.search(&[0.9, 1.2], &Search::nearest(2, 64))?;
//! assert_eq!(hits.iter().map(|hit| hit.key).collect::<Vec<_>>(), [11, 10]);
//! # Ok::<(), bootcamp_hnsw::Error>(())
//! ```
//!
//! **Why another one.** A search waits for memory: of a million rows of 128 floats it touches some three thousand, at
//! random. A byte a component is a quarter of that memory, and what it loses the exact rows of the thirty best bring back.
//! Laid out in cache lines, asked for ahead of time, and compared four at a time, that is about three times as fast as
//! hnswlib, faiss and usearch at the same recall. All of it is safe Rust.
//!
//! **What it promises**
//! - From every node every other can be reached, whatever was added in whatever order by however many threads (`build` says
//!   how), from when [`Index::add`] returns, for ever. Of 100,000 rows all find themselves.
//! - Searches never wait for additions. Each sees the rows of one moment.
//! - Rows are never changed or removed. Dead ones are [passed over](Search::except); where they are many, a new index of
//!   the others is better.
//! - A search finds as many rows as there are, filter or not.
//! - It codes by bytes only what bytes suffice for, which it tries (`fit`), now and again while it grows. Anything else, from
//!   one component to 65,536, from 10⁻⁴⁴ to 10³⁸, is searched by exact rows.
//! - Every processor gives the same answers: AVX2 is used where it is, and never missed.
//! - A [snapshot](Index::write) that was cut off, damaged, or written by another version is an error.
//!
//! **What it does not.** Thousands of rows that are nearly equal, but not quite, and lie amid all others, nearer to each of
//! these than they are to each other, hide some of them: a walk sees nothing but the thousands. That is so in every such
//! graph. Exact copies hide nobody.
//!
//! **Where to begin reading**: `beam` is the walk, `build` how nodes are linked, `search` what is made of a walk, `filtered`
//! a walk among few; `codec` are the bytes, `isa` their distances, `chunked` how rows lie in memory.
#![forbid(unsafe_code)]

mod beam;
mod bits;
mod build;
mod chunked;
mod codec;
mod error;
mod exact;
mod filtered;
mod fit;
mod index;
mod isa;
mod landmarks;
mod line;
mod links;
mod metric;
mod search;
mod snapshot;
mod space;
mod view;

pub use bits::Bits;
pub use codec::Coding;
pub use error::{Error, Result};
pub use index::{Config, Index, Info, MAX_DIM};
pub use links::MAX_ROWS;
pub use metric::{Metric, normalised};
pub use search::{Hit, Search};
pub use snapshot::{VERSION, Written};
