//! A model on a thread of its own, behind a bounded queue: callers on any thread, async or not, hand items in and get
//! vectors back, and what waits at the same time goes through the model together.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::{mpsc, oneshot};

use crate::{Error, ErrorKind, Result};

/// Calls that may wait; further ones wait before they hand anything in.
const WAITING: usize = 8;

/// A handle to submit items. Cheap to clone; the thread ends when the last handle is dropped.
pub(super) struct Queue<I> {
    calls: mpsc::Sender<Call<I>>,
}

struct Call<I> {
    items: Vec<I>,
    answer: oneshot::Sender<Result<Vec<Vec<f32>>>>,
}

/// What the thread does.
pub(super) trait Work<I>: Send + 'static {
    /// The embeddings of some items, in their order.
    fn run(&mut self, items: &[&I]) -> Result<Vec<Vec<f32>>>;
    /// The size of an item: items of similar size form a batch.
    fn size(item: &I) -> usize;
    /// How many items go into one run, when the largest of them has this size.
    fn batch(&self, size: usize) -> usize;
}

impl<I> Clone for Queue<I> {
    fn clone(&self) -> Self {
        Self { calls: self.calls.clone() }
    }
}

impl<I: Send + 'static> Queue<I> {
    /// Starts the thread.
    pub(super) fn start(name: &str, mut work: impl Work<I>) -> Result<Self> {
        let (calls, mut waiting) = mpsc::channel(WAITING);
        let serve = move || {
            while let Some(first) = waiting.blocking_recv() {
                serve(&mut work, first, &mut waiting);
            }
        };
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(serve)
            .map_err(|error| Error::new(ErrorKind::Internal, "cannot start the encoder's thread").with_source(error))?;
        Ok(Self { calls })
    }

    pub(super) async fn embed(&self, items: Vec<I>) -> Result<Vec<Vec<f32>>> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        self.calls.send(Call { items, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Like [`Self::embed`], for threads that may wait.
    pub(super) fn embed_blocking(&self, items: Vec<I>) -> Result<Vec<Vec<f32>>> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        self.calls.blocking_send(Call { items, answer }).map_err(|_| gone())?;
        answered.blocking_recv().map_err(|_| gone())?
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Internal, "the encoder's thread ended unexpectedly")
}

/// Answers one call, and with it those that wait behind it as far as they fit into the same run.
fn serve<I>(work: &mut impl Work<I>, first: Call<I>, waiting: &mut mpsc::Receiver<Call<I>>) {
    let mut count = first.items.len();
    let mut calls = vec![first];
    while count < work.batch(0) {
        let Ok(call) = waiting.try_recv() else { break };
        count += call.items.len();
        calls.push(call);
    }
    // Skip calls whose callers are gone: a client disconnected, an import was cancelled.
    calls.retain(|call| !call.answer.is_closed());
    let items: Vec<&I> = calls.iter().flat_map(|call| &call.items).collect();
    match run(work, &items) {
        Ok(vectors) => {
            let mut vectors = vectors.into_iter();
            for call in calls {
                let answer = vectors.by_ref().take(call.items.len()).collect();
                let _ = call.answer.send(Ok(answer));
            }
        }
        // An error of one call must not affect another.
        Err(_) if calls.len() > 1 => {
            for call in calls {
                let vectors = run(work, &call.items.iter().collect::<Vec<_>>());
                let _ = call.answer.send(vectors);
            }
        }
        Err(error) => {
            if let Some(call) = calls.pop() {
                let _ = call.answer.send(Err(error));
            }
        }
    }
}

/// The vectors of items, run together with those of their size, given back in their own order.
fn run<I, W: Work<I>>(work: &mut W, items: &[&I]) -> Result<Vec<Vec<f32>>> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    // Largest first: what does not fit into memory fails at once, not at the end.
    order.sort_by_key(|at| std::cmp::Reverse(W::size(items[*at])));
    let mut vectors = vec![Vec::new(); items.len()];
    let mut rest = order.as_slice();
    while let Some(largest) = rest.first() {
        let batch = work.batch(W::size(items[*largest])).clamp(1, rest.len());
        let (now, later) = rest.split_at(batch);
        rest = later;
        let batch: Vec<&I> = now.iter().map(|at| items[*at]).collect();
        let made = guarded(work, &batch)?;
        if made.len() != batch.len() {
            return Err(Error::new(ErrorKind::Internal, "the model returned a wrong number of embeddings"));
        }
        for (at, vector) in now.iter().zip(made) {
            vectors[*at] = vector;
        }
    }
    Ok(vectors)
}

/// One run. A panic in it is an error of that run and not the end of the thread, without which there would be no
/// embeddings until the program is started again.
fn guarded<I, W: Work<I>>(work: &mut W, batch: &[&I]) -> Result<Vec<Vec<f32>>> {
    catch_unwind(AssertUnwindSafe(|| work.run(batch))).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let said =
            said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it does not say why".into());
        Err(Error::new(ErrorKind::Internal, format!("the model's run panicked: {said}")))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    type Runs = Arc<Mutex<Vec<Vec<usize>>>>;

    /// Says what it was asked, and fails for 13.
    struct Echo {
        runs: Runs,
    }

    impl Work<usize> for Echo {
        fn run(&mut self, items: &[&usize]) -> Result<Vec<Vec<f32>>> {
            self.runs.lock().unwrap().push(items.iter().map(|item| **item).collect());
            if items.contains(&&13) {
                return Err(Error::invalid("unlucky"));
            }
            Ok(items.iter().map(|item| vec![**item as f32]).collect())
        }
        fn size(item: &usize) -> usize {
            *item
        }
        fn batch(&self, size: usize) -> usize {
            if size >= 100 { 1 } else { 3 }
        }
    }

    fn echo() -> (Queue<usize>, Runs) {
        let runs = Runs::default();
        (Queue::start("echo", Echo { runs: Arc::clone(&runs) }).unwrap(), runs)
    }

    #[test]
    fn items_go_in_by_size_and_come_back_in_order() {
        let (queue, runs) = echo();
        let vectors = queue.embed_blocking(vec![5, 200, 1, 7, 100, 3]).unwrap();
        assert_eq!(vectors, [[5.0], [200.0], [1.0], [7.0], [100.0], [3.0]]);
        assert_eq!(*runs.lock().unwrap(), [vec![200], vec![100], vec![7, 5, 3], vec![1]]);
        assert!(queue.embed_blocking(Vec::new()).unwrap().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_calls_trouble_is_not_anothers() {
        let (queue, _) = echo();
        let calls = (0..40).map(|at| {
            let queue = queue.clone();
            tokio::spawn(async move { (at, queue.embed(vec![at]).await) })
        });
        for call in calls.collect::<Vec<_>>() {
            let (at, answer) = call.await.unwrap();
            match answer {
                Ok(vectors) => assert_eq!(vectors, [[at as f32]]),
                Err(error) => assert!(at == 13 && error.to_string() == "unlucky"),
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_is_an_error_of_its_run_alone() {
        struct Panics;
        impl Work<usize> for Panics {
            fn run(&mut self, items: &[&usize]) -> Result<Vec<Vec<f32>>> {
                assert!(!items.contains(&&13), "as a test does");
                Ok(items.iter().map(|item| vec![**item as f32]).collect())
            }
            fn size(_: &usize) -> usize {
                0
            }
            fn batch(&self, _: usize) -> usize {
                4
            }
        }
        let queue = Queue::start("panics", Panics).unwrap();
        for _ in 0..3 {
            let calls = [12, 13, 14].map(|item| {
                let queue = queue.clone();
                tokio::spawn(async move { (item, queue.embed(vec![item]).await) })
            });
            for call in calls {
                match call.await.unwrap() {
                    (13, answer) => {
                        let error = answer.unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::Internal);
                        assert!(error.to_string().contains("panicked: as a test does"), "{error}");
                    }
                    (item, answer) => assert_eq!(answer.unwrap(), [[item as f32]]),
                }
            }
        }
    }
}
