//! Downloads from the Hugging Face hub or a mirror, by plain HTTP: interrupted downloads resume, and the token
//! is sent to the hub itself only.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::cache::{Slot, sha256_of};
use super::{FetchProgress, ModelSettings, OnFetch, Source};
use crate::{Error, ErrorKind, Result, address};

const DEFAULT_ENDPOINT: &str = "https://huggingface.co";
const MAX_REDIRECTS: usize = 10;
/// The longest wait that a server may ask for; beyond it the download fails with an error.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Time limits and retries.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    /// For a connection.
    pub(super) connect: Duration,
    /// For the next bytes.
    pub(super) stall: Duration,
    /// Failures in a row, without a byte more than ever before.
    pub(super) failures: u32,
    /// After the first failure; doubled with each.
    pub(super) pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(20), stall: seconds(60), failures: 4, pause: Duration::from_millis(500) }
    }
}

#[derive(Debug)]
pub(super) struct Hub {
    endpoint: String,
    token: Option<SecretString>,
    /// What the hub's own tools have fetched.
    cache: Option<PathBuf>,
    pub(super) patience: Patience,
}

/// An error, and how long the server asks us to wait.
struct Failure {
    error: Error,
    pause: Option<Duration>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, pause: None }
    }
}

impl Hub {
    pub(super) fn new(settings: &ModelSettings) -> Result<Self> {
        let endpoint = settings.hf_endpoint.as_deref().and_then(address::set).unwrap_or(DEFAULT_ENDPOINT);
        let endpoint = address::hub("HF_ENDPOINT", endpoint)?;
        let stored = || std::fs::read_to_string(settings.hf_home.as_ref()?.join("token")).ok().map(SecretString::from);
        // Both are often written with a line's end.
        let token = settings.hf_token.clone().or_else(stored);
        let token = token.map(|token| SecretString::from(token.expose_secret().trim()));
        let token = token.filter(|token| !token.expose_secret().is_empty());
        if token.as_ref().is_some_and(|token| !token.expose_secret().bytes().all(|b| b.is_ascii_graphic())) {
            return Err(Error::invalid(
                "the token of HF_TOKEN, or of the file token in HF_HOME, contains characters that no token has",
            ));
        }
        Ok(Self {
            endpoint,
            token,
            cache: settings.hf_hub_cache.clone().or_else(|| Some(settings.hf_home.as_ref()?.join("hub"))),
            patience: Patience::default(),
        })
    }

    /// Fills the slot from where the hub's own tools keep the file, if it is there and right.
    pub(super) fn take_from_its_cache(&self, source: &Source, slot: &Slot) -> Result<bool> {
        let (Some(cache), Source::Hub { repo, revision, path }) = (&self.cache, source) else { return Ok(false) };
        let snapshots = cache.join(format!("models--{}", repo.replace('/', "--"))).join("snapshots");
        // Snapshots hold links; a link to a link would break when the user cleans up.
        let Ok(file) = snapshots.join(revision).join(path).canonicalize() else { return Ok(false) };
        let fits = slot.bytes.is_none_or(|bytes| file.metadata().is_ok_and(|found| found.len() == bytes));
        if !fits || sha256_of(&file).ok().as_ref() != Some(&slot.sha256) {
            return Ok(false);
        }
        // Linked to its place and not to the part: whoever writes to a part must never write to the user's own file.
        let _ = std::fs::remove_file(slot.path());
        if std::fs::hard_link(&file, slot.path()).is_err() {
            let part = slot.part();
            std::fs::copy(&file, &part).map_err(|error| Error::io("cannot write", &part, error))?;
            slot.keep(source)?;
        }
        Ok(true)
    }

    /// Leaves the file as the slot's part, and goes on with a part that is there. The slot's lock is held.
    pub(super) fn fetch(
        &self,
        repo: &str,
        revision: &str,
        path: &str,
        slot: &Slot,
        on_progress: &OnFetch,
    ) -> Result<()> {
        let what = format!("hf:{repo}@{revision}/{path}");
        let url = format!("{}/{repo}/resolve/{revision}/{}", self.endpoint, escaped(path));
        let part = slot.part();
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&part);
        let file = opened.map_err(|error| Error::io("cannot write", &part, error))?;
        let mut download = Download { hub: self, agent: self.agent(), what, url, slot, file, on_progress };
        let mut furthest = download.length()?;
        let mut failures = 0;
        loop {
            let Err(Failure { error, pause }) = download.go_on() else { return Ok(()) };
            let length = download.length()?;
            failures = if length > furthest { 1 } else { failures + 1 };
            furthest = furthest.max(length);
            if !error.kind().is_transient() || failures >= self.patience.failures {
                if length == 0 {
                    // Nothing to go on with; an empty part would do no harm.
                    let _ = std::fs::remove_file(&part);
                }
                return Err(error);
            }
            tracing::warn!(%error, "a download was interrupted; trying again");
            let doubled = self.patience.pause.saturating_mul(1 << (failures - 1).min(16));
            std::thread::sleep(pause.unwrap_or(doubled).min(MAX_PAUSE));
        }
    }

    /// Proxies are those of the environment: the client's own default.
    fn agent(&self) -> Agent {
        Agent::config_builder()
            .http_status_as_error(false)
            // We follow redirects ourselves, to say at each whether the token may go along.
            .max_redirects(0)
            .timeout_resolve(Some(self.patience.connect))
            .timeout_connect(Some(self.patience.connect))
            .timeout_per_read(Some(self.patience.stall))
            .timeout_per_write(Some(self.patience.stall))
            .user_agent(concat!("bootcamp/", env!("CARGO_PKG_VERSION")))
            .build()
            .into()
    }
}

struct Download<'a> {
    hub: &'a Hub,
    agent: Agent,
    /// The source, for messages: addresses that we are sent to are secrets for as long as they are valid.
    what: String,
    url: String,
    slot: &'a Slot,
    file: File,
    on_progress: &'a OnFetch<'a>,
}

impl Download<'_> {
    fn length(&self) -> Result<u64> {
        let found = self.file.metadata().map_err(|error| self.unwritable(error))?;
        Ok(found.len())
    }

    /// One attempt at all that is missing.
    fn go_on(&mut self) -> Result<(), Failure> {
        let have = match (self.length()?, self.slot.bytes) {
            (have, Some(bytes)) if have == bytes => return Ok(()),
            (have, Some(bytes)) if have > bytes => self.start_over()?,
            (have, _) => have,
        };
        let mut response = self.request(have)?;
        let (from, total) = match response.status() {
            StatusCode::OK => (self.start_over()?, response.body().content_length()),
            StatusCode::PARTIAL_CONTENT => match content_range(&response) {
                Some((from, total)) if from == have => (from, total),
                _ => {
                    self.start_over()?;
                    return Err(self
                        .failed(ErrorKind::Unavailable, "the server sent a different range than requested")
                        .into());
                }
            },
            StatusCode::RANGE_NOT_SATISFIABLE => {
                self.start_over()?;
                return Err(self
                    .failed(ErrorKind::Unavailable, "it is shorter than the part already downloaded")
                    .into());
            }
            _ => return Err(self.refused(&response)),
        };
        let total = self.slot.bytes.or(total);
        self.receive(response.body_mut(), from, total)?;
        match total {
            Some(total) if self.length()? < total => {
                Err(self.failed(ErrorKind::Unavailable, "the connection was interrupted").into())
            }
            _ => Ok(()),
        }
    }

    fn receive(&mut self, body: &mut Body, from: u64, total: Option<u64>) -> Result<()> {
        let mut reader = body.as_reader();
        let mut buffer = vec![0; 256 * 1024];
        let mut done = from;
        self.file.seek(SeekFrom::Start(from)).map_err(|error| self.unwritable(error))?;
        loop {
            (self.on_progress)(&FetchProgress { file: self.file_name(), done, total });
            let count = match reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) => return Err(self.broken(&ureq::Error::from(error))),
            };
            done += count as u64;
            if self.slot.bytes.is_some_and(|bytes| done > bytes) {
                self.start_over()?;
                return Err(self
                    .failed(ErrorKind::Corrupt, "it is larger than the manifest says")
                    .with_hint("check the manifest's bytes"));
            }
            let new = buffer.get(..count).unwrap_or_default();
            self.file.write_all(new).map_err(|error| self.unwritable(error))?;
        }
    }

    /// Asks for everything from `have` on, wherever that leads.
    fn request(&self, have: u64) -> Result<Response<Body>> {
        let mut url = self.url.clone();
        for _ in 0..MAX_REDIRECTS {
            let mut request = self.agent.get(&url).header(header::ACCEPT_ENCODING, "identity");
            if have > 0 {
                request = request.header(header::RANGE, format!("bytes={have}-"));
            }
            if let Some(token) = self.hub.token.as_ref().filter(|_| origin(&url) == origin(&self.hub.endpoint)) {
                request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose_secret()));
            }
            let response = request.call().map_err(|error| self.broken(&error))?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            url = location
                .and_then(|location| redirected(&url, location))
                .ok_or_else(|| self.failed(ErrorKind::Internal, "the server redirects to an invalid address"))?;
        }
        Err(self.failed(ErrorKind::Internal, "too many redirects"))
    }

    fn refused(&self, response: &Response<Body>) -> Failure {
        let status = response.status();
        let error = match status.as_u16() {
            401 | 403 => self.failed(ErrorKind::Denied, format_args!("the server answers {status}")).with_hint(
                "check the name; if the model is private or requires consent, give it on the model's page and set HF_TOKEN",
            ),
            404 => self
                .failed(ErrorKind::NotFound, "there is no such repository, revision or path")
                .with_hint("check the source in the manifest"),
            408 | 429 | 500.. => self
                .failed(ErrorKind::Unavailable, format_args!("the server answers {status}"))
                .with_hint("try again later, or set HF_ENDPOINT to a mirror"),
            _ => self.failed(ErrorKind::Internal, format_args!("the server answers {status}")),
        };
        let pause = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Failure { error, pause: pause.map(Duration::from_secs) }
    }

    fn broken(&self, error: &ureq::Error) -> Error {
        let (kind, why) = match error {
            ureq::Error::Timeout(_) => (ErrorKind::Timeout, "no answer in time".to_owned()),
            // These show the address.
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => (ErrorKind::Internal, "a wrong address".to_owned()),
            error => (ErrorKind::Unavailable, error.to_string()),
        };
        let path = self.slot.path();
        self.failed(kind, why).with_hint(format!(
            "check the network and HTTPS_PROXY, set HF_ENDPOINT to a mirror, or put the file at {}",
            path.display()
        ))
    }

    fn failed(&self, kind: ErrorKind, why: impl std::fmt::Display) -> Error {
        Error::new(kind, format!("cannot fetch {} from {}: {why}", self.what, self.hub.endpoint))
    }

    fn unwritable(&self, error: std::io::Error) -> Error {
        Error::io("cannot write", &self.slot.part(), error)
    }

    fn start_over(&self) -> Result<u64> {
        self.file.set_len(0).map_err(|error| self.unwritable(error))?;
        Ok(0)
    }

    fn file_name(&self) -> &str {
        self.what.rsplit('/').next().unwrap_or(&self.what)
    }
}

/// First byte and whole length of a partial answer: `bytes 100-199/200` or `bytes 100-199/*`.
fn content_range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let text = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    let (range, total) = text.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
}

/// Scheme, host and port of an address.
pub(super) fn origin(url: &str) -> Option<&str> {
    let start = ["http://", "https://"].iter().find(|scheme| url.starts_with(**scheme))?.len();
    let length = url[start..].find(['/', '?', '#']).unwrap_or(url.len() - start);
    (length > 0).then(|| &url[..start + length])
}

/// Where a `Location` leads from `url`.
pub(super) fn redirected(url: &str, location: &str) -> Option<String> {
    let origin_of = origin(url)?;
    let target = if origin(location).is_some() {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{}://{rest}", origin_of.split("://").next()?)
    } else if location.starts_with('/') {
        format!("{origin_of}{location}")
    } else {
        let path = url.split(['?', '#']).next()?;
        format!("{}/{location}", path.get(..path.rfind('/')?)?)
    };
    origin(&target).is_some().then_some(target)
}

/// A path as part of an address.
fn escaped(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    path.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
