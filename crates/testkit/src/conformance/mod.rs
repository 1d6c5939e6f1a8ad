//! The cases that say what `VectorStore` promises; the same ones run against every store.
//!
//! A case that a store cannot pass is a [`Gap`], listed with its reason beside the test of that store. A case that
//! fails and is not listed, a listed one that passes, and a listed one that fails with anything but `Unsupported`
//! all fail the run: so a gap neither opens nor closes unseen.
//!
//! ```no_run
//! # async fn example(store: &dyn bootcamp_core::VectorStore) {
//! use bootcamp_testkit::conformance::{Gap, Suite};
//! let gaps = [Gap { case: "indexes::l2_diskann", reason: "the server was built without it" }];
//! Suite::from_env().run(store, &gaps).await.assert_passed();
//! # }
//! ```

mod case;
mod cases;
mod check;
mod collections;
mod concurrency;
mod errors;
mod filters;
mod grouping;
mod hybrid;
mod indexes;
mod paging;
mod ranges;
mod reads;
mod report;
mod scene;
mod search;
mod text;
mod values;
mod writes;

pub use case::Case;
pub use cases::cases;
pub use report::{Gap, Outcome, Report, Suite};
pub use scene::{Failure, Scene};
