//! The HTTP API of datasets, indexes and runs, beside what every server of the kit has. One file a resource; handlers
//! extract, call and return.

mod bodies;
mod datasets;
mod info;
mod pictures;
mod runs;
mod samples;
mod search;
mod visualizations;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use bootcamp_core::Result;
use bootcamp_kit::http::{Ready, ServerOptions, Shell, guarded};
use bootcamp_kit::include_dir::{self, Dir, include_dir};
use bootcamp_kit::{Media, Spool, blocking};
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::FACTS;
use crate::library::Dataset;
use crate::similarity::Brain;

static PAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/page");

/// Views of a million ids are bodies of 30 MB.
const MAX_VIEW_BODY: usize = 64 << 20;

/// What handlers work with.
#[derive(Debug)]
pub struct Server {
    brain: Brain,
    shell: Arc<Shell>,
    /// Thumbnails.
    media: Media,
    /// At most one picture a core is decoded at a time.
    decoders: Arc<Semaphore>,
}

type Shared = axum::extract::State<Arc<Server>>;

impl Server {
    pub fn new(brain: Brain, home: &Path, options: ServerOptions) -> Arc<Self> {
        let library = brain.library.clone();
        let ready: Ready = Box::new(move || {
            let library = library.clone();
            Box::pin(async move { blocking(move || library.names().map(drop)).await })
        });
        let folder = home.join("media");
        let shell = Shell::new(&FACTS, Some(&PAGE), options, None, ready);
        let media = Media::new(folder.join("vision"), spool(home));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Self { brain, shell, media, decoders: Arc::new(Semaphore::new(cores)) })
    }

    pub fn shell(&self) -> &Shell {
        &self.shell
    }

    async fn dataset(&self, name: &str) -> Result<Dataset> {
        self.brain.dataset(name).await
    }

    /// Runs what decodes a picture, at most once per core at a time.
    async fn decode<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let permit = Arc::clone(&self.decoders).acquire_owned().await;
        blocking(move || {
            // Held by the work itself, which goes on even if its caller is gone.
            let _permit = permit;
            work()
        })
        .await
    }
}

/// Where uploads wait.
pub fn spool(home: &Path) -> Spool {
    Spool::new(home.join("media/.spool"))
}

/// All routes, behind all guards.
pub fn router(server: &Arc<Server>) -> Router {
    let large = MAX_VIEW_BODY.max(server.shell.file_body());
    let with_views = OpenApiRouter::new()
        .routes(routes!(samples::list))
        .routes(routes!(samples::patches))
        .routes(routes!(samples::tag))
        .routes(routes!(samples::counts))
        .routes(routes!(runs::list, runs::compute))
        .routes(routes!(search::sort))
        .routes(routes!(search::neighbors))
        .layer(DefaultBodyLimit::max(large));
    let routes = OpenApiRouter::new()
        .merge(with_views)
        .routes(routes!(info::info))
        .routes(routes!(datasets::list, datasets::import))
        .routes(routes!(datasets::get, datasets::rename, datasets::delete))
        .routes(routes!(datasets::clone))
        .routes(routes!(samples::get))
        .routes(routes!(pictures::media))
        .routes(routes!(pictures::thumbnail))
        .routes(routes!(pictures::patch_thumbnail))
        .routes(routes!(runs::get, runs::rename, runs::delete))
        .routes(routes!(runs::cleanup))
        .routes(routes!(runs::missing))
        .routes(routes!(visualizations::compute))
        .routes(routes!(visualizations::get))
        .with_state(Arc::clone(server));
    guarded(Arc::clone(&server.shell), routes, |_| {})
}
