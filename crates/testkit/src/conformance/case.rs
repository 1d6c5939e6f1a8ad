//! One case of the suite.

use std::fmt;

use futures::future::BoxFuture;

use super::scene::{Checked, Scene};

type Run = dyn for<'a> Fn(&'a Scene<'a>) -> BoxFuture<'a, Checked> + Send + Sync;

/// One thing that a store must do.
pub struct Case {
    /// `theme::what`.
    pub name: &'static str,
    pub(super) run: Box<Run>,
}

impl Case {
    pub(super) fn new(
        name: &'static str,
        run: impl for<'a> Fn(&'a Scene<'a>) -> BoxFuture<'a, Checked> + Send + Sync + 'static,
    ) -> Self {
        Self { name, run: Box::new(run) }
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
