//! The server, the same in every program: the HTTP API under `/api/v1`, its documentation, health and metrics, and the
//! page. One file a resource; handlers extract, call and return.

mod arrival;
mod connections;
mod docs;
mod guard;
mod health;
mod imports;
mod info;
mod items;
mod jobs;
mod media;
mod metrics;
mod page;
mod problem;
mod search;
mod session;
mod stall;
mod upload;
mod work;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use bootcamp_core::metadata::Board;
use bootcamp_core::{Error, ErrorKind, Result};
use futures::future::BoxFuture;
use include_dir::Dir;
use secrecy::SecretString;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use guard::admit;
pub use jobs::{Accepted, accepted};
pub use media::{picture, send};
pub use problem::{Body, Fields, Problem, Problems};

use crate::context::blocking;
use crate::export::with_media_types;
use crate::facts::Facts;
use crate::job::Outcome;
use crate::jobs::Jobs;
use crate::options::{with_parts, with_schema};
use crate::program::Program;
use crate::solution::Solution;
use crate::spool::Spool;
use crate::watch::Watch;
use arrival::Arriving;
use metrics::Metrics;

/// How long running requests may continue after the server was asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// The largest body of a request without files.
const MAX_TEXT_BODY: usize = 64 << 10;
/// Jobs' streams of events at a time.
const MAX_FOLLOWERS: usize = 256;
/// So many uploads of the largest size may arrive at the same time, or this many bytes.
const BODIES: u64 = 8;
const MIN_ARRIVING: u64 = 64 << 20;

/// How a server listens and what it allows.
#[derive(Debug)]
pub struct ServerOptions {
    pub host: String,
    /// 0 for any that is free.
    pub port: u16,
    /// Host names that browsers may use, beside IP addresses, `localhost` and, if other machines can reach the server,
    /// names without a dot.
    pub allowed_hosts: Vec<String>,
    /// What requests must carry as a bearer token.
    pub token: Option<SecretString>,
    /// What the store's owner sends instead; it may import from any folder.
    pub owner: Option<SecretString>,
    /// Folders that may be imported from, absolute and free of links.
    pub import_roots: Vec<PathBuf>,
    /// The maximum size of a file, and of all files of a request, in bytes.
    pub max_upload: u64,
    /// The maximum number of concurrent searches and uploads.
    pub max_searches: usize,
    pub request_timeout: Duration,
    /// How long a body may take before it must arrive at a kilobyte a second.
    pub body_grace: Duration,
}

impl ServerOptions {
    /// Whether only this machine can reach the server.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Finds out whether a program is ready to work.
pub type Ready = Box<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// What every server has, whatever its program does: limits, jobs, metrics, the page.
pub struct Shell {
    facts: &'static Facts,
    /// The program's page modules, or a whole page of its own: then there is an `index.html`.
    page: Option<&'static Dir<'static>>,
    options: ServerOptions,
    ready: Ready,
    jobs: Jobs,
    metrics: Metrics,
    /// Permits of the admission limit.
    admission: Arc<Semaphore>,
    /// What bodies may hold that are not admitted yet.
    arriving: Arriving,
    /// Streams of events.
    followers: Arc<Semaphore>,
}

impl Shell {
    /// `board` shares jobs with other servers.
    pub fn new(
        facts: &'static Facts,
        page: Option<&'static Dir<'static>>,
        options: ServerOptions,
        board: Option<Arc<Board>>,
        ready: Ready,
    ) -> Arc<Self> {
        let admission = Arc::new(Semaphore::new(options.max_searches));
        let arriving = Arriving::new((BODIES * options.max_upload).max(MIN_ARRIVING));
        let (jobs, metrics) = (Jobs::new(board), Metrics::default());
        let followers = Arc::new(Semaphore::new(MAX_FOLLOWERS));
        Arc::new(Self { facts, page, options, ready, jobs, metrics, admission, arriving, followers })
    }

    pub fn options(&self) -> &ServerOptions {
        &self.options
    }

    /// The largest body of a request that may hold a file. Base64 in JSON takes a third more than the file.
    pub fn file_body(&self) -> usize {
        usize::try_from(self.options.max_upload / 3 * 4).unwrap_or(usize::MAX).saturating_add(64 << 10)
    }

    /// Begins work of the program's own as a job. `work` reports to the watch, and gives a JSON object.
    ///
    /// # Errors
    /// `Unavailable` when too many jobs wait.
    pub async fn begin(
        &self,
        kind: &str,
        subject: String,
        watch: Watch,
        work: impl Future<Output = Result<Value>> + Send + 'static,
    ) -> Result<Accepted> {
        let work = async { work.await.map(Outcome::Done) };
        Ok(accepted(self.jobs.begin(kind.to_owned(), subject, watch, Box::pin(work)).await?))
    }
}

impl std::fmt::Debug for Shell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shell").field("options", &self.options).finish_non_exhaustive()
    }
}

/// State of the handlers about a program's collection.
pub struct App {
    shell: Arc<Shell>,
    program: &'static Program,
    solution: Arc<dyn Solution>,
    /// Only one map is computed at a time: it holds a sample's embeddings.
    map: Arc<Semaphore>,
}

impl App {
    pub fn new(program: &'static Program, solution: Arc<dyn Solution>, options: ServerOptions) -> Arc<Self> {
        let context = solution.context().clone();
        let board = context.board.clone();
        let ready: Ready = Box::new(move || {
            let context = context.clone();
            Box::pin(async move { context.ready().await })
        });
        let shell = Shell::new(&program.facts, program.page, options, board, ready);
        Arc::new(Self { shell, program, solution, map: Arc::new(Semaphore::new(1)) })
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("shell", &self.shell).finish_non_exhaustive()
    }
}

impl std::ops::Deref for App {
    type Target = Shell;

    fn deref(&self) -> &Shell {
        &self.shell
    }
}

type Shared = axum::extract::State<Arc<App>>;

/// All routes of a program with a collection, behind all guards.
pub fn router(app: Arc<App>) -> Router {
    let heavy = OpenApiRouter::new()
        .routes(routes!(search::search))
        .routes(routes!(items::upload))
        .layer(DefaultBodyLimit::max(app.file_body()));
    let mut own = OpenApiRouter::new();
    if !app.program.work.is_empty() {
        own = own.routes(routes!(work::start));
    }
    if let Some(routes) = app.program.routes {
        own = own.merge(routes(app.solution.context().clone()).with_state(()));
    }
    let routes = OpenApiRouter::new()
        .merge(heavy)
        .merge(own)
        .routes(routes!(search::preview))
        .routes(routes!(items::list, items::remove_source))
        .routes(routes!(items::get, items::remove))
        .routes(routes!(media::media))
        .routes(routes!(media::thumbnail))
        .routes(routes!(imports::import))
        .routes(routes!(imports::duplicates))
        .routes(routes!(info::info))
        .routes(routes!(info::map))
        .with_state(Arc::clone(&app));
    guarded(Arc::clone(&app.shell), routes, |document| {
        let (program, facts) = (app.program, &app.program.facts);
        with_schema(document, "SearchInput", facts.options);
        with_schema(document, "PreviewInput", facts.options);
        with_schema(document, "ImportInput", facts.import_options);
        with_parts(document, "SearchForm", facts.options);
        with_parts(document, "UploadForm", facts.import_options);
        with_media_types(document, program);
    })
}

/// A program's routes beside those that every server has, behind all guards. `complete` has the last word on the
/// OpenAPI document.
pub fn guarded(shell: Arc<Shell>, routes: OpenApiRouter, complete: impl FnOnce(&mut OpenApi)) -> Router {
    let common = OpenApiRouter::new()
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get, jobs::cancel))
        .routes(routes!(session::begin, session::end))
        .routes(routes!(health::metrics))
        .with_state(Arc::clone(&shell));
    // The stream of a job's events is as long as the job.
    let events = OpenApiRouter::new().routes(routes!(jobs::events)).with_state(Arc::clone(&shell));
    let health = OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .with_state(Arc::clone(&shell));
    let (api, mut document) = OpenApiRouter::with_openapi(docs::document(&shell))
        .merge(routes)
        .merge(common)
        .route_layer(from_fn_with_state(Arc::clone(&shell), guard::deadline))
        .merge(events)
        .route_layer(from_fn_with_state(Arc::clone(&shell), guard::authorise))
        .merge(health)
        .split_for_parts();
    complete(&mut document);
    let page = Router::new()
        .route("/", get(page::index))
        .route("/assets/{name}", get(page::asset))
        .route("/solution/{*path}", get(page::solution))
        .with_state(Arc::clone(&shell));
    api.merge(docs::pages(document))
        .merge(page)
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(DefaultBodyLimit::max(MAX_TEXT_BODY))
        .layer(from_fn_with_state(Arc::clone(&shell), arrival::watch))
        .layer(from_fn_with_state(Arc::clone(&shell), guard::same_origin))
        .layer(from_fn(guard::security_headers))
        .layer(from_fn_with_state(shell, metrics::observe))
}

/// Serves a program with a collection; see [`serve_routes`].
///
/// # Errors
/// Those of [`serve_routes`].
pub async fn serve(
    program: &'static Program,
    solution: Arc<dyn Solution>,
    options: ServerOptions,
    on_listening: &(dyn Fn(SocketAddr) + Send + Sync),
) -> Result<()> {
    let spool = solution.context().spool.clone();
    let app = App::new(program, solution, options);
    serve_routes(&app.shell, router(Arc::clone(&app)), spool, on_listening).await
}

/// Serves until Ctrl-C or SIGTERM; `on_listening` receives the address. Then running requests finish and jobs
/// are cancelled, within at most ten seconds.
///
/// # Errors
/// `Unavailable` when the address cannot be listened on.
pub async fn serve_routes(
    shell: &Shell,
    routes: Router,
    spool: Spool,
    on_listening: &(dyn Fn(SocketAddr) + Send + Sync),
) -> Result<()> {
    let place = (shell.options.host.as_str(), shell.options.port);
    let listener = TcpListener::bind(place).await.map_err(|error| {
        Error::new(ErrorKind::Unavailable, format!("cannot listen on {}:{}: {error}", place.0, place.1))
            .with_hint("another program may use the port: choose one with --port, or use 0 for any free port")
    })?;
    let unusable = |error| Error::new(ErrorKind::Unavailable, "the server cannot listen").with_source(error);
    // Before anybody is told the address: who knows it may ask the server to stop, and finds no leftovers of a crash.
    let asked_to_stop = asked_to_stop();
    blocking(move || {
        spool.sweep();
        Ok(())
    })
    .await?;
    on_listening(listener.local_addr().map_err(unusable)?);
    let stopping = tokio_util::sync::CancellationToken::new();
    let server = tokio::spawn(connections::serve(listener, routes, stopping.clone()));
    asked_to_stop.await;
    stopping.cancel();
    let finished = async {
        shell.jobs.stop().await;
        server.await
    };
    // Connections still open after that end with the process.
    let _ = tokio::time::timeout(GRACE, finished).await;
    Ok(())
}

/// Listens for Ctrl-C and SIGTERM from now on; ends at the first.
#[cfg(unix)]
fn asked_to_stop() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() {
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(test)]
mod tests;
