//! Connections: how many there may be, and how long one may take over a request's head. A client that opens connections
//! and says nothing must not keep others out.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::stall::Stall;

/// How long a request's head may take to arrive, and how long a connection may wait for the next request.
const HEAD: Duration = Duration::from_secs(30);
/// How long a client may take no byte of what is sent to it. A paused video is not read; browsers ask for the rest again.
const STALL: Duration = Duration::from_secs(300);
/// The most connections at a time. Each takes a file descriptor and some ten kilobytes.
const MAX_CONNECTIONS: usize = 10_000;
/// Of a request's head, in bytes.
const MAX_HEAD: usize = 64 << 10;
/// How long to wait when the system gives no more connections.
const PAUSE: Duration = Duration::from_millis(20);

/// Serves connections until it is asked to stop; then those with a request finish it, and the others are closed.
pub(super) async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken) {
    let open = Arc::new(Open::new(limit()));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = open.enter();
                let served = graceful.watch(connect(stream, router.clone(), &connection));
                tokio::spawn(async move {
                    tokio::select! {
                        // A client that goes away is no error of ours.
                        _ = served => {}
                        () = connection.closed.cancelled() => {}
                    }
                });
            }
            // Mostly the limit of open files: somebody has to go.
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                open.close_one();
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    open.close_idle();
    graceful.shutdown().await;
}

/// A connection whose requests go to the router.
fn connect(stream: TcpStream, router: Router, connection: &Arc<Connection>) -> impl GracefulConnection + Send + use<> {
    // Small responses must not wait for more data.
    let _ = stream.set_nodelay(true);
    let connection = Arc::clone(connection);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (router, at_work) = (router.clone(), AtWork::new(&connection));
        async move {
            let Ok(response) = router.oneshot(request.map(Body::new)).await;
            Ok::<_, Infallible>(response.map(|body| Held { body, _at_work: at_work }))
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(Stall::new(stream, STALL)), service)
}

/// The connections there are.
struct Open {
    limit: usize,
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    next: u64,
    /// By the order in which they came.
    open: BTreeMap<u64, Arc<Connection>>,
}

/// One of them.
struct Connection {
    number: u64,
    open: Arc<Open>,
    /// Requests that are being handled, and responses that are being sent.
    requests: AtomicUsize,
    closed: CancellationToken,
}

/// Leaves the connections when it is dropped.
struct Guest(Arc<Connection>);

impl std::ops::Deref for Guest {
    type Target = Arc<Connection>;

    fn deref(&self) -> &Arc<Connection> {
        &self.0
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.open.lock().open.remove(&self.0.number);
    }
}

impl Open {
    fn new(limit: usize) -> Self {
        Self { limit, connections: Mutex::default() }
    }

    /// Adds a connection. Where there are too many, the one that has waited the longest for a request goes.
    fn enter(self: &Arc<Self>) -> Guest {
        let mut connections = self.lock();
        if connections.open.len() >= self.limit {
            connections.close_one();
        }
        let number = connections.next;
        connections.next += 1;
        let (requests, closed) = (AtomicUsize::new(0), CancellationToken::new());
        let connection = Arc::new(Connection { number, open: Arc::clone(self), requests, closed });
        connections.open.insert(number, Arc::clone(&connection));
        Guest(connection)
    }

    fn close_one(&self) {
        self.lock().close_one();
    }

    /// Closes all that have no request.
    fn close_idle(&self) {
        self.lock().open.values().filter(|connection| connection.is_idle()).for_each(|idle| idle.closed.cancel());
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections {
    /// Closes the oldest that has no request; where all have one, the oldest.
    fn close_one(&mut self) {
        let idle = self.open.values().find(|connection| connection.is_idle());
        if let Some(number) = idle.or_else(|| self.open.values().next()).map(|connection| connection.number)
            && let Some(connection) = self.open.remove(&number)
        {
            connection.closed.cancel();
        }
    }
}

impl Connection {
    fn is_idle(&self) -> bool {
        self.requests.load(SeqCst) == 0
    }
}

/// A request of a connection, from its head to the end of the response.
struct AtWork(Arc<Connection>);

impl AtWork {
    fn new(connection: &Arc<Connection>) -> Self {
        connection.requests.fetch_add(1, SeqCst);
        Self(Arc::clone(connection))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, SeqCst);
    }
}

/// A response's body, which keeps its connection at work until it is sent.
struct Held {
    body: Body,
    _at_work: AtWork,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(task)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

/// How many connections there may be: half of the files that may be open, since requests open files, too. The soft limit,
/// often 1,024, is raised to the hard one.
fn limit() -> usize {
    let mut files = getrlimit(Resource::Nofile);
    if files.current != files.maximum {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, maximum: files.maximum });
        files = getrlimit(Resource::Nofile);
    }
    let files = files.current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    (files / 2).clamp(1, MAX_CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connection_that_has_waited_longest_goes_first() {
        let open = Arc::new(Open::new(3));
        let [first, second, third] = [open.enter(), open.enter(), open.enter()];
        let request = AtWork::new(&first);
        let fourth = open.enter();
        assert!(second.closed.is_cancelled() && !first.closed.is_cancelled(), "the first has a request");
        drop(request);
        let _fifth = open.enter();
        assert!(first.closed.is_cancelled() && !third.closed.is_cancelled());
        drop((third, fourth));
        assert_eq!(open.lock().open.len(), 1);
        open.close_idle();
        assert!(open.lock().open.values().all(|connection| connection.closed.is_cancelled()));
    }
}
