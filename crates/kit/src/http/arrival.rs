//! Bodies while they arrive: in time, and within what all of them may hold together. Requests are admitted only when
//! theirs is here, so that slow clients keep nobody out.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Shell;
use super::problem::Problem;

/// Bytes a second that must arrive on average beyond that.
const RATE: u64 = 1024;
/// Bytes that are counted together.
const UNIT: u64 = 16 << 10;

/// Counts what all bodies hold that are here or on their way.
#[derive(Debug)]
pub(super) struct Arriving(Arc<Semaphore>);

impl Arriving {
    pub(super) fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes.div_ceil(UNIT)).unwrap_or(usize::MAX);
        Self(Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))))
    }
}

/// Why a body does not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Slow,
    Full,
}

/// What a body that arrives has come to; outlives the body.
#[derive(Debug, Default)]
struct Account {
    fault: Option<Fault>,
    /// As long as the request has the bytes.
    held: Vec<OwnedSemaphorePermit>,
}

/// Watches the body of a request, and answers for it where it does not arrive.
pub(super) async fn watch(State(shell): State<Arc<Shell>>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let account = Arc::new(Mutex::new(Account::default()));
    let request =
        request.map(|body| Body::new(Watched::new(body, shell.options.body_grace, &shell.arriving, &account)));
    let response = next.run(request).await;
    let account = account.lock().unwrap_or_else(PoisonError::into_inner);
    match account.fault {
        None => response,
        Some(Fault::Slow) => {
            let detail = format!("the body arrives too slowly: under {RATE} bytes a second");
            Problem::new(StatusCode::REQUEST_TIMEOUT, detail).into_response()
        }
        Some(Fault::Full) => {
            shell.metrics.rejected.inc();
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many large requests at once")
                .retry_after(1)
                .into_response()
        }
    }
}

/// A body that ends with an error when it is too slow, or when all bodies together are too large.
struct Watched {
    body: Body,
    arriving: Arc<Semaphore>,
    account: Arc<Mutex<Account>>,
    /// From here on, bytes must arrive at the rate.
    start: Instant,
    received: u64,
    deadline: Pin<Box<Sleep>>,
}

impl Watched {
    fn new(body: Body, grace: Duration, arriving: &Arriving, account: &Arc<Mutex<Account>>) -> Self {
        let start = Instant::now() + grace;
        Self {
            body,
            arriving: Arc::clone(&arriving.0),
            account: Arc::clone(account),
            start,
            received: 0,
            deadline: Box::pin(sleep_until(start)),
        }
    }

    /// Counts bytes, if there is room for them.
    fn receive(&mut self, bytes: u64) -> Result<(), Fault> {
        let units = |bytes: u64| bytes.div_ceil(UNIT);
        let more = units(self.received + bytes) - units(self.received);
        self.received += bytes;
        self.deadline.as_mut().reset(self.start + Duration::from_secs(self.received / RATE));
        if more > 0 {
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            let permit = Arc::clone(&self.arriving).try_acquire_many_owned(more).map_err(|_| Fault::Full)?;
            self.account.lock().unwrap_or_else(PoisonError::into_inner).held.push(permit);
        }
        Ok(())
    }

    fn fail(&self, fault: Fault) -> axum::Error {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).fault = Some(fault);
        axum::Error::new(std::io::Error::other("the body does not arrive"))
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.body).poll_frame(task) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                match self.receive(bytes) {
                    Ok(()) => Poll::Ready(Some(Ok(frame))),
                    Err(fault) => Poll::Ready(Some(Err(self.fail(fault)))),
                }
            }
            Poll::Pending if self.deadline.as_mut().poll(task).is_ready() => {
                Poll::Ready(Some(Err(self.fail(Fault::Slow))))
            }
            other => other,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
