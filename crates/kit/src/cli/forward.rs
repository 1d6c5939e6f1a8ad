//! Writing while a server has the store open: that server is asked to do it, over its API.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bootcamp_core::local::{Holder, Server};
use bootcamp_core::{Error, ErrorKind, Result};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::Command;
use super::import::{ImportArgs, finish, show};
use super::items::{RemoveArgs, print_removed};
use crate::api::{JobBody, ProblemBody, in_url};
use crate::context::blocking;
use crate::ingest::{Report, Watch};
use crate::printer::Printer;
use crate::settings::Settings;
use crate::solution::Program;
use crate::source::Places;

/// Between looks at a job.
const TICK: Duration = Duration::from_millis(200);
/// Longer than servers give a request.
const PATIENCE: Duration = Duration::from_secs(60);
/// Items that are listed together.
const PAGE: usize = 1000;

/// Runs a command whose store is locked, if whoever holds it can be asked.
///
/// # Errors
/// `locked`, with what to do about it, where that is not so; those of the server.
pub async fn run(
    program: &Program,
    command: Command,
    settings: &Settings,
    locked: Error,
    printer: Printer,
) -> Result<ExitCode> {
    let Some(server) = settings.folder().and_then(|folder| Holder::of(&folder)?.server) else { return Err(locked) };
    let address = server.address.clone();
    let client = Client::new(server);
    match command {
        Command::Import(args) => {
            client.check(program, settings, locked, printer).await?;
            import(&client, args, printer).await
        }
        Command::Remove(args) => {
            client.check(program, settings, locked, printer).await?;
            remove(&client, args, printer).await
        }
        Command::Drop(_) => {
            Err(locked.with_hint("stop that server first: it removes items, but not the whole collection"))
        }
        _ => {
            Err(locked
                .with_hint(format!("open {address} in a browser, stop that server first, or name another --store")))
        }
    }
}

async fn import(client: &Client, args: ImportArgs, printer: Printer) -> Result<ExitCode> {
    let start = Instant::now();
    let options: Map<String, Value> =
        args.options.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let mut report = Report::default();
    for path in absolute(args.paths)? {
        let input = json!({"path": path, "prune": args.prune, "label": args.label, "options": options});
        let watch = Watch::default();
        report.add(show(&watch, follow(client, &input, &watch), printer).await?);
        if report.interrupted {
            break;
        }
    }
    finish(&report, start, printer)
}

/// The places as a process in another folder finds them.
///
/// # Errors
/// As where they are imported here: before anything is.
fn absolute(paths: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let places = Places::new(paths);
    places.resolve()?;
    let absolute = |path: &PathBuf| std::path::absolute(path).map_err(|error| Error::io("cannot find", path, error));
    places.paths.iter().map(absolute).collect()
}

/// Has the server import a place, and shows in `watch` how that goes; when the watch is cancelled, so is the job.
async fn follow(client: &Client, input: &Value, watch: &Watch) -> Result<Report> {
    let job = job(client.call("POST", "/api/v1/imports", Some(input)).await?)?;
    let place = format!("/api/v1/jobs/{}", job.id);
    let mut stopping = false;
    loop {
        if watch.is_cancelled() && !stopping {
            stopping = true;
            client.call("DELETE", &place, None).await?;
        }
        let job = self::job(client.call("GET", &place, None).await?)?;
        if let Some(report) = &job.report {
            watch.follow(report, job.progress.total);
        }
        if job.state.is_final() {
            return match (job.report, job.error) {
                (Some(report), _) => Ok(report),
                (None, _) if stopping => Ok(Report { interrupted: true, ..Report::default() }),
                (None, Some(problem)) => Err(error_of(problem)),
                (None, None) => Err(Error::new(ErrorKind::Internal, "the server does not say what came of the import")),
            };
        }
        tokio::time::sleep(TICK).await;
    }
}

fn job(answer: Value) -> Result<JobBody> {
    serde_json::from_value(answer)
        .map_err(|error| Error::new(ErrorKind::Internal, "the server's answer is no job").with_source(error))
}

async fn remove(client: &Client, args: RemoveArgs, printer: Printer) -> Result<ExitCode> {
    let Some(filter) = args.filter else {
        let places: Vec<String> = args.ids.iter().map(|id| item(id)).collect();
        for place in &places {
            let found = client.call("GET", place, None).await;
            found.map_err(|error| error.with_hint("nothing was removed"))?;
        }
        for place in &places {
            client.call("DELETE", place, None).await?;
        }
        return print_removed(places.len(), printer);
    };
    let list = format!("/api/v1/items?limit={PAGE}&filter={}", in_url(&filter));
    let mut removed = 0;
    loop {
        // From the beginning each time: what was there is gone.
        let page = client.call("GET", &list, None).await?;
        let ids: Vec<&str> = page["items"].as_array().into_iter().flatten().filter_map(|i| i["id"].as_str()).collect();
        if ids.is_empty() {
            return print_removed(removed, printer);
        }
        for id in &ids {
            client.call("DELETE", &item(id), None).await?;
        }
        removed += ids.len();
    }
}

fn item(id: &str) -> String {
    format!("/api/v1/items/{}", in_url(id))
}

/// Speaks to the server as the store's owner.
struct Client {
    agent: ureq::Agent,
    server: Server,
}

impl Client {
    fn new(server: Server) -> Self {
        // Through no proxy: the server is on this machine.
        let agent =
            ureq::Agent::config_builder().proxy(None).timeout_global(Some(PATIENCE)).http_status_as_error(false);
        Self { agent: agent.build().into(), server }
    }

    /// Whether the server is the one that can do it.
    ///
    /// # Errors
    /// `locked`, with what to do about it, where it is not.
    async fn check(&self, program: &Program, settings: &Settings, locked: Error, printer: Printer) -> Result<()> {
        let info = self.call("GET", "/api/v1/info", None).await?;
        let (name, collection) = (&info["name"], &info["collection"]);
        if *name != program.name || *collection != settings.collection(program) {
            let what = format!("it is {} with the collection {}", bare(name), bare(collection));
            return Err(locked.with_hint(format!("stop that server first ({what}), or name another --store")));
        }
        let vectors = if info["model"].is_null() { &info["vectors"]["name"] } else { &info["model"]["name"] };
        if settings.model().is_some_and(|asked| vectors != asked) {
            return Err(locked.with_hint(format!("leave out --model: that server works with {}", bare(vectors))));
        }
        printer.note(format_args!("asking the server at {}, which has the store open", self.server.address));
        Ok(())
    }

    /// What the server answers; nothing is `Null`.
    async fn call(&self, method: &'static str, path: &str, body: Option<&Value>) -> Result<Value> {
        let url = format!("{}{path}", self.server.address);
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(&url)
            .header("Authorization", format!("Bearer {}", self.server.secret.expose_secret()))
            .header("Content-Type", "application/json")
            .body(body.map_or(String::new(), Value::to_string))
            .map_err(|error| {
                Error::new(ErrorKind::Internal, format!("{url} cannot be asked for")).with_source(error)
            })?;
        let agent = self.agent.clone();
        let address = self.server.address.clone();
        let failed = move |error: ureq::Error| {
            Error::new(
                ErrorKind::Unavailable,
                format!("the server at {address} has the store open, but does not answer"),
            )
            .with_hint("try again, or stop that server first")
            .with_source(error)
        };
        let (status, text) = blocking(move || {
            let mut response = agent.run(request).map_err(&failed)?;
            let status = response.status().as_u16();
            Ok((status, response.body_mut().read_to_string().map_err(&failed)?))
        })
        .await?;
        let answer = serde_json::from_str(&text).unwrap_or_default();
        if status < 400 {
            return Ok(answer);
        }
        let problem = serde_json::from_value(answer);
        Err(error_of(
            problem.unwrap_or_else(|_| ProblemBody::new(status, "", format!("the server answers {status}"), None)),
        ))
    }
}

fn bare(value: &Value) -> &str {
    value.as_str().unwrap_or("unknown")
}

/// A server's error as if it had happened here, so that the program ends with the same exit code.
fn error_of(problem: ProblemBody) -> Error {
    let kind = match problem.status {
        400 | 413 | 415 => ErrorKind::InvalidInput,
        401 | 403 => ErrorKind::Denied,
        404 => ErrorKind::NotFound,
        409 => ErrorKind::AlreadyExists,
        422 => ErrorKind::Unsupported,
        429 | 503 => ErrorKind::Unavailable,
        504 => ErrorKind::Timeout,
        507 => ErrorKind::StorageFull,
        _ => ErrorKind::Internal,
    };
    let error = Error::new(kind, problem.detail);
    match problem.hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}
