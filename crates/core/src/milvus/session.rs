//! The consistency level of reads, so that a client sees its own writes and never fewer records than were acknowledged.

use std::time::{Duration, Instant};

use milvus::v2::prelude as sdk;

/// After this time a write is visible even under bounded staleness (five seconds).
const WRITES_SETTLE: Duration = Duration::from_secs(10);

/// When a client last wrote to a collection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Writes {
    pub(super) seen: Option<Instant>,
    /// What its session does not see: deletions on old servers, anything before a rename.
    pub(super) unseen: Option<Instant>,
}

impl Writes {
    /// What a read of a session has to ask the server for. A session's own bound is its last write, which is no bound
    /// for one that wrote nothing: a server that was restarted and has not yet taken all from its log would tell it
    /// that there is less than there is. Hence bounded staleness, where what was written is settled.
    pub(super) fn session(self, opened: Instant) -> sdk::ConsistencyLevel {
        let is_recent = |at: Instant| at.elapsed() < WRITES_SETTLE;
        if is_recent(opened) || self.unseen.is_some_and(is_recent) {
            sdk::ConsistencyLevel::Strong
        } else if self.seen.is_some_and(is_recent) {
            sdk::ConsistencyLevel::Session
        } else {
            sdk::ConsistencyLevel::Bounded
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_wrote_nothing_lately_still_asks_for_a_bound() {
        let now = Instant::now();
        let long_ago = now.checked_sub(WRITES_SETTLE + Duration::from_secs(1)).unwrap();
        let of = |opened, seen, unseen| Writes { seen, unseen }.session(opened);
        assert_eq!(of(now, None, None), sdk::ConsistencyLevel::Strong, "what another program wrote just now");
        assert_eq!(of(long_ago, None, None), sdk::ConsistencyLevel::Bounded);
        assert_eq!(of(long_ago, Some(long_ago), Some(long_ago)), sdk::ConsistencyLevel::Bounded);
        assert_eq!(of(long_ago, Some(now), Some(long_ago)), sdk::ConsistencyLevel::Session);
        assert_eq!(of(long_ago, Some(now), Some(now)), sdk::ConsistencyLevel::Strong, "a deletion on an old server");
    }
}
