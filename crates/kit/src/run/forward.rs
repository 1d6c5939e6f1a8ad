//! Forwards writes to the server that has the store open, over its API.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bootcamp_core::local::{Holder, Server};
use bootcamp_core::{Error, ErrorKind, Result};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::command::{Action, Command};
use crate::api::{JobBody, ProblemBody, in_url};
use crate::cli::import::{ImportArgs, finish};
use crate::cli::items::{RemoveArgs, print_removed, source};
use crate::cli::{INTERRUPTED, watched, work};
use crate::context::blocking;
use crate::facts::Facts;
use crate::names::path_name;
use crate::options::Options;
use crate::printer::Printer;
use crate::program::Work;
use crate::settings::Settings;
use crate::source::Places;
use crate::watch::{Report, Watch};

/// The polling interval of a job.
const TICK: Duration = Duration::from_millis(200);
/// Longer than the servers' request timeout.
const PATIENCE: Duration = Duration::from_secs(60);
/// Items listed per request.
const PAGE: usize = 1000;

/// Runs a command whose store is locked, if the holder is a server.
///
/// # Errors
/// `locked`, with what to do about it, where that is not so; those of the server.
pub async fn run(
    facts: &Facts,
    action: Action,
    settings: &Settings,
    locked: Error,
    printer: Printer,
) -> Result<ExitCode> {
    let Some(server) = settings.folder().and_then(|folder| Holder::of(&folder)?.server) else { return Err(locked) };
    let address = server.address.clone();
    let client = Client::new(server);
    match action {
        Action::Known(Command::Import(args)) => {
            client.check(facts, settings, locked, printer).await?;
            import(&client, args, printer).await
        }
        Action::Known(Command::Remove(args)) => {
            client.check(facts, settings, locked, printer).await?;
            remove(&client, args, printer).await
        }
        Action::Work(work, options) => {
            client.check(facts, settings, locked, printer).await?;
            do_work(&client, work, &options, printer).await
        }
        Action::Known(Command::Drop(_)) => {
            Err(locked.with_hint("stop that server first: it can remove items, but not the whole collection"))
        }
        _ => Err(locked
            .with_hint(format!("open {address} in a browser, stop that server first, or choose a different --store"))),
    }
}

async fn import(client: &Client, args: ImportArgs, printer: Printer) -> Result<ExitCode> {
    let start = Instant::now();
    let ImportArgs { prune, allow_empty, label, .. } = &args;
    let options = chosen(&args.options);
    let paths = absolute(args.paths.clone(), *allow_empty)?;
    let input = json!({"path": paths, "prune": prune, "allow_empty": allow_empty, "label": label, "options": options});
    let watch = Watch::default();
    let job = watched("importing", &watch, printer, follow(client, "/api/v1/imports", &input, &watch)).await?;
    let report = job.report.unwrap_or(Report { interrupted: true, ..Report::default() });
    finish(&report, start, printer)
}

/// The places as a process in another folder finds them.
///
/// # Errors
/// As where they are imported here: before anything is.
fn absolute(paths: Vec<PathBuf>, allow_empty: bool) -> Result<Vec<String>> {
    let places = Places { allow_empty, ..Places::new(paths) };
    places.scopes()?;
    let absolute = |path: &PathBuf| {
        std::path::absolute(path).map(|path| path_name(&path)).map_err(|error| Error::io("cannot find", path, error))
    };
    places.paths.iter().map(absolute).collect()
}

async fn do_work(client: &Client, work: &Work, options: &Options, printer: Printer) -> Result<ExitCode> {
    let watch = Watch::default();
    let (path, input) = (format!("/api/v1/work/{}", work.name), json!({"options": chosen(options)}));
    let job = watched(work.name, &watch, printer, follow(client, &path, &input, &watch)).await?;
    match job.result {
        Some(report) => work::finish(work, &report, printer),
        None => Ok(INTERRUPTED.into()),
    }
}

fn chosen(options: &Options) -> Map<String, Value> {
    options.iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// Starts a job on the server and mirrors its progress in `watch`; cancelling the watch cancels the job. A job that
/// was cancelled may have no result.
async fn follow(client: &Client, path: &str, input: &Value, watch: &Watch) -> Result<JobBody> {
    let job = job(client.call("POST", path, Some(input)).await?)?;
    let place = format!("/api/v1/jobs/{}", job.id);
    let mut stopping = false;
    loop {
        if watch.is_cancelled() && !stopping {
            stopping = true;
            client.call("DELETE", &place, None).await?;
        }
        let mut job = self::job(client.call("GET", &place, None).await?)?;
        watch.follow(job.report.as_ref(), job.progress.done, job.progress.total, job.progress.note.take());
        if job.state.is_final() {
            return match job.error.take() {
                Some(problem) if !stopping => Err(error_of(problem)),
                _ => Ok(job),
            };
        }
        tokio::time::sleep(TICK).await;
    }
}

fn job(answer: Value) -> Result<JobBody> {
    serde_json::from_value(answer)
        .map_err(|error| Error::new(ErrorKind::Internal, "the server's response is not a job").with_source(error))
}

async fn remove(client: &Client, args: RemoveArgs, printer: Printer) -> Result<ExitCode> {
    if let Some(name) = args.source {
        let path = format!("/api/v1/items?source={}", in_url(&source(&name)));
        let answer = client.call("DELETE", &path, None).await?;
        return print_removed(answer["removed"].as_u64().unwrap_or_default(), printer);
    }
    let Some(filter) = args.filter else {
        let places: Vec<String> = args.ids.iter().map(|id| item(id)).collect();
        for place in &places {
            let found = client.call("GET", place, None).await;
            found.map_err(|error| error.with_hint("nothing removed"))?;
        }
        for place in &places {
            client.call("DELETE", place, None).await?;
        }
        return print_removed(places.len() as u64, printer);
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
        removed += ids.len() as u64;
    }
}

fn item(id: &str) -> String {
    format!("/api/v1/items/{}", in_url(id))
}

/// A client of the server that authenticates as the store's owner.
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
    async fn check(&self, facts: &Facts, settings: &Settings, locked: Error, printer: Printer) -> Result<()> {
        let info = self.call("GET", "/api/v1/info", None).await?;
        let (name, collection) = (&info["name"], &info["collection"]);
        if *name != facts.name || *collection != settings.collection(facts) {
            let what = format!("it is {} with the collection {}", bare(name), bare(collection));
            return Err(locked.with_hint(format!("stop that server first ({what}), or choose a different --store")));
        }
        let vectors = &info["vectors"]["name"];
        if settings.model().is_some_and(|asked| vectors != asked) {
            return Err(locked.with_hint(format!("leave out --model: that server works with {}", bare(vectors))));
        }
        printer.note(format_args!("asking the server at {}, which has the store open", self.server.address));
        Ok(())
    }

    /// The server's response; an empty one is `Null`.
    async fn call(&self, method: &'static str, path: &str, body: Option<&Value>) -> Result<Value> {
        let url = format!("{}{path}", self.server.address);
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(&url)
            .header("Authorization", format!("Bearer {}", self.server.secret.expose_secret()))
            .header("Content-Type", "application/json")
            .body(body.map_or(String::new(), Value::to_string))
            .map_err(|error| Error::new(ErrorKind::Internal, format!("cannot request {url}")).with_source(error))?;
        let agent = self.agent.clone();
        let address = self.server.address.clone();
        let failed = move |error: ureq::Error| {
            Error::new(
                ErrorKind::Unavailable,
                format!("the server at {address} has the store open, but does not respond"),
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

/// Converts a server's error to ours, so that the exit code is the same.
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
