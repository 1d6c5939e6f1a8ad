//! The connection to Milvus: connecting, deadlines, retries, and the mapping of errors.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use milvus::v2::prelude as sdk;
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::config::MilvusConfig;
use crate::{Error, ErrorKind, Result};

const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(3);
/// A connection that takes longer than this is no connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection with its limits.
#[derive(Clone)]
pub(super) struct Client {
    sdk: sdk::ClientV2,
    config: MilvusConfig,
}

impl Client {
    pub(super) async fn connect(config: &MilvusConfig) -> Result<Self> {
        let address = Address::of(config);
        reach(config, &address).await?;
        let mut settings = sdk::ConnectConfig::new()
            .uri(address.uri())
            .secure(config.secure)
            .connect_timeout(config.timeout.min(CONNECT_TIMEOUT))
            .rpc_timeout(config.timeout)
            .database(config.db_name.clone().unwrap_or_default())
            // We retry ourselves: the client retries 75 times, even where it cannot help.
            .retry(sdk::RetryConfig::new().max_attempts(1))
            .telemetry(sdk::TelemetryConfig::new().enabled(false));
        if let Some(token) = &config.token {
            settings = settings.token(token.expose_secret());
        }
        if let (Some(user), Some(password)) = (&config.user, &config.password) {
            settings = settings.username(user).password(password.expose_secret());
        }
        if let Some(name) = &config.server_name {
            settings = settings.tls_server_name(name);
        }
        // A server's own certificate is trusted like an authority that signed only itself.
        if let Some(pem) = config.ca_pem_path.as_deref().or(config.server_pem_path.as_deref()) {
            settings = settings.ca_certificate(path(pem));
        }
        if let (Some(certificate), Some(key)) = (&config.client_pem_path, &config.client_key_path) {
            settings = settings.client_certificate(path(certificate)).client_key(path(key));
        }
        // The client itself tries again until the connect time-out.
        let sdk = sdk::ClientV2::new(&settings).await.map_err(|error| failed(config, "connect", error))?;
        Ok(Self { sdk, config: config.clone() })
    }

    /// How long a call may take.
    pub(super) fn timeout(&self) -> Duration {
        self.config.timeout
    }

    /// The error for work that the server began and does not go on with; `at` is how far it got.
    pub(super) fn stuck(&self, what: &str, at: &str) -> Error {
        let (uri, seconds) = (&self.config.uri, self.config.timeout.as_secs_f64());
        Error::new(ErrorKind::Timeout, format!("{what}: {uri} made no progress past {at} for {seconds} s"))
            .with_hint("see the server's log: often too little memory or disk. MILVUS_TIMEOUT allows more time")
    }

    /// The names of all collections by the client's first version, which asks for nothing else. It knows
    /// no certificates; nor does the server that needs it. `None` where a database is set, which it does not know either.
    pub(super) async fn list_names(&self) -> Result<Option<Vec<String>>> {
        if self.config.db_name.as_ref().is_some_and(|name| !name.is_empty() && name != "default") {
            return Ok(None);
        }
        let deadline = Instant::now() + self.config.timeout;
        let mut pause = FIRST_BACKOFF;
        for attempt in 0.. {
            let request = sdk::ListCollectionsRequest::builder().build();
            let request = request.map_err(|error| failed(&self.config, "list", error))?;
            // Only the present version tells an empty list from a failed one, and only the first reads a full one.
            let error = match self.sdk.list_collections(request).await {
                Ok(listed) => return Ok(Some(listed.collection_names().to_vec())),
                Err(error) => error,
            };
            if matches!(innermost(&error), sdk::Error::MalformedResponse(_)) {
                let client = milvus::client::ClientBuilder::new(Address::of(&self.config).uri()).build().await;
                if let Ok(client) = client
                    && let Ok(names) = client.list_collections().await
                    && !names.is_empty()
                {
                    return Ok(Some(names));
                }
            }
            // Lite fails to list while a collection is being removed.
            if attempt >= self.config.retries || Instant::now() + pause >= deadline {
                return Err(failed(&self.config, "list", error));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_BACKOFF);
        }
        Err(timed_out(&self.config, "list"))
    }

    /// Makes an idempotent call: retries transient errors until the deadline.
    pub(super) async fn call<R: Clone, T, F>(
        &self,
        what: &str,
        request: sdk::Result<R>,
        call: impl Fn(sdk::ClientV2, R) -> F,
    ) -> Result<T>
    where
        F: Future<Output = sdk::Result<T>>,
    {
        let request = request.map_err(|error| failed(&self.config, what, error))?;
        patiently(&self.config, what, || call(self.sdk.clone(), request.clone())).await
    }

    /// Makes a call that must not be retried.
    pub(super) async fn call_once<R, T, F>(
        &self,
        what: &str,
        request: sdk::Result<R>,
        call: impl FnOnce(sdk::ClientV2, R) -> F,
    ) -> Result<T>
    where
        F: Future<Output = sdk::Result<T>>,
    {
        let request = request.map_err(|error| failed(&self.config, what, error))?;
        match tokio::time::timeout(self.config.timeout, call(self.sdk.clone(), request)).await {
            Ok(result) => result.map_err(|error| failed(&self.config, what, error)),
            Err(_) => Err(timed_out(&self.config, what)),
        }
    }
}

/// Where a server listens.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    scheme: &'static str,
    /// `host:port`.
    authority: String,
}

impl Address {
    /// Without a port it is Milvus's own for plain connections, and HTTPS's for encrypted ones, as clouds have it.
    fn of(config: &MilvusConfig) -> Self {
        let (scheme, port) = if config.secure { ("https", 443) } else { ("http", 19_530) };
        let rest = config.uri.split_once("://").map_or(config.uri.as_str(), |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        // The colons of an IPv6 address stand in brackets.
        let has_port = authority.rsplit(']').next().is_some_and(|after| after.contains(':'));
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:{port}") };
        Self { scheme, authority }
    }

    fn uri(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }
}

/// Opens a plain connection to learn whether anyone is there: the client tells a port where nobody listens and a host
/// that does not exist only as a time-out.
async fn reach(config: &MilvusConfig, address: &Address) -> Result<()> {
    let deadline = Instant::now() + config.timeout;
    let mut pause = FIRST_BACKOFF;
    for attempt in 0.. {
        let limit = deadline.min(Instant::now() + CONNECT_TIMEOUT);
        let message = match tokio::time::timeout_at(limit, TcpStream::connect(&address.authority)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        if attempt >= config.retries || Instant::now() + pause >= deadline {
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!("connect: no server responds at {} ({message})", address.uri()),
            )
            .with_hint(connection_hint(config)));
        }
        tracing::debug!(attempt, message, "trying again to connect");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_BACKOFF);
    }
    Err(timed_out(config, "connect"))
}

/// Retries `call` after transient errors, with growing pauses, within the configured retries and timeout.
async fn patiently<T, F>(config: &MilvusConfig, what: &str, call: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = sdk::Result<T>>,
{
    let deadline = Instant::now() + config.timeout;
    let mut pause = FIRST_BACKOFF;
    for attempt in 0.. {
        let error = match tokio::time::timeout_at(deadline, call()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(_) => break,
        };
        if attempt >= config.retries || !passes(&error) || Instant::now() + pause >= deadline {
            return Err(failed(config, what, error));
        }
        tracing::debug!(what, attempt, error = %describe(&error), "trying again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_BACKOFF);
    }
    Err(timed_out(config, what))
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The error within, without the wrapping of attempts.
fn innermost(error: &sdk::Error) -> &sdk::Error {
    match error {
        sdk::Error::RetryExhausted { source, .. } => innermost(source),
        error => error,
    }
}

/// What a server answers that has a collection but not in memory. Not among those that pass: we must load it.
const NOT_LOADED: i32 = 101;

/// Milvus's error codes of a server that is starting, overloaded or moving things: not ready, unavailable, too many
/// requests, rate limit, clocks apart, collections that are not whole again yet after a restart, channels moving.
fn is_passing_code(code: i32) -> bool {
    matches!(code, 1 | 2 | 4 | 8 | 13 | 102 | 103 | 106 | 503 | 504)
}

fn passes(error: &sdk::Error) -> bool {
    match innermost(error) {
        sdk::Error::Grpc(status) if is_refused_size(status.message()) => false,
        sdk::Error::Grpc(status) => grpc_kind(&status.code()).is_some_and(ErrorKind::is_transient),
        sdk::Error::Server(error) => is_passing_code(error.code()),
        sdk::Error::Timeout(_) => true,
        _ => false,
    }
}

/// By the name of gRPC's status code.
fn grpc_kind(code: &dyn std::fmt::Debug) -> Option<ErrorKind> {
    match format!("{code:?}").as_str() {
        "Unavailable" | "ResourceExhausted" | "Aborted" | "Cancelled" | "Unknown" => Some(ErrorKind::Unavailable),
        "DeadlineExceeded" => Some(ErrorKind::Timeout),
        "Unauthenticated" | "PermissionDenied" => Some(ErrorKind::Denied),
        "Unimplemented" => Some(ErrorKind::Unsupported),
        _ => None,
    }
}

/// The server has the collection, but not in memory: another client released it, or Lite was started again.
pub(super) fn is_not_loaded(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|source| source.downcast_ref::<sdk::Error>());
    matches!(cause.map(innermost), Some(sdk::Error::Server(error)) if error.code() == NOT_LOADED)
}

/// The server takes no request of that size, however often it is sent.
fn is_refused_size(message: &str) -> bool {
    message.contains("larger than max")
}

/// A response did not fit in a message: it must be asked for in parts.
pub(super) fn is_too_large(error: &Error) -> bool {
    error.kind() == ErrorKind::Internal && error.to_string().contains("message length too large")
}

fn describe(error: &sdk::Error) -> String {
    match innermost(error) {
        sdk::Error::Grpc(status) => status.message().to_owned(),
        sdk::Error::Server(error) => error.reason().to_owned(),
        error => error.to_string(),
    }
}

fn timed_out(config: &MilvusConfig, what: &str) -> Error {
    let error = Error::new(
        ErrorKind::Timeout,
        format!("{what}: no answer from {} within {} s", config.uri, config.timeout.as_secs_f64()),
    );
    error.with_hint(connection_hint(config))
}

fn connection_hint(config: &MilvusConfig) -> String {
    if config.secure {
        "check host and port, that the server uses TLS, that its certificate is signed by the given authority and \
         carries the host's name (else set MILVUS_SERVER_NAME), and that a client certificate is given where it asks \
         for one"
            .to_owned()
    } else {
        "check that the server is running, and the host and port; a server with TLS needs an https:// URI".to_owned()
    }
}

/// What the client's error means to our caller. Secrets are in none of them: the client sends, but never echoes them.
fn failed(config: &MilvusConfig, what: &str, error: sdk::Error) -> Error {
    let message = describe(&error);
    let lower = message.to_lowercase();
    let kind = match innermost(&error) {
        sdk::Error::Grpc(status) => grpc_kind(&status.code()).unwrap_or(ErrorKind::Internal),
        sdk::Error::Server(error) => server_kind(error.code(), &lower),
        sdk::Error::Timeout(_) => ErrorKind::Timeout,
        sdk::Error::Validation(_) => ErrorKind::InvalidInput,
        _ => ErrorKind::Internal,
    };
    // A refused log-in comes as "unavailable" from some versions.
    let kind = if is_refused_size(&lower) { ErrorKind::InvalidInput } else { kind };
    let kind = if lower.contains("auth check failure") || lower.contains("unauthenticated") {
        ErrorKind::Denied
    } else {
        kind
    };
    let failure = match kind {
        ErrorKind::Unavailable | ErrorKind::Timeout => {
            Error::new(kind, format!("{what}: {} does not answer ({message})", config.uri))
                .with_hint(connection_hint(config))
        }
        ErrorKind::Denied => Error::new(kind, format!("{what}: {} refused the user, password or token", config.uri))
            .with_hint("check MILVUS_USER and MILVUS_PASSWORD, or MILVUS_TOKEN"),
        _ => Error::new(kind, format!("{what}: {message}")),
    };
    failure.with_source(error)
}

fn server_kind(code: i32, message: &str) -> ErrorKind {
    match code {
        100 => ErrorKind::NotFound,
        1100 | 1101 => ErrorKind::InvalidInput,
        1400..=1402 => ErrorKind::Denied,
        // Where loading it did not help in time.
        NOT_LOADED => ErrorKind::Unavailable,
        code if is_passing_code(code) => ErrorKind::Unavailable,
        _ if message.contains("not found") || message.contains("can't find collection") => ErrorKind::NotFound,
        _ if message.contains("already exist") => ErrorKind::AlreadyExists,
        _ if message.contains("permission deny") || message.contains("privilege") => ErrorKind::Denied,
        _ => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(uri: &str, secure: bool) -> String {
        Address::of(&MilvusConfig { secure, ..MilvusConfig::new(uri).unwrap() }).uri()
    }

    #[test]
    fn addresses_get_the_port_and_scheme_they_lack() {
        assert_eq!(address("http://localhost", false), "http://localhost:19530");
        assert_eq!(address("http://localhost:19531/", false), "http://localhost:19531");
        assert_eq!(address("http://localhost:19531", true), "https://localhost:19531");
        assert_eq!(address("https://in01.cloud.example", true), "https://in01.cloud.example:443");
        assert_eq!(address("http://[::1]", false), "http://[::1]:19530");
        assert_eq!(address("http://[::1]:1", false), "http://[::1]:1");
    }

    #[test]
    fn codes_of_servers_become_kinds() {
        assert_eq!(server_kind(100, "collection not found"), ErrorKind::NotFound);
        assert_eq!(server_kind(1, "service not ready"), ErrorKind::Unavailable);
        assert_eq!(server_kind(1100, "invalid parameter"), ErrorKind::InvalidInput);
        assert_eq!(server_kind(65_535, "can't find collection: x"), ErrorKind::NotFound);
        assert_eq!(server_kind(65_535, "permission deny"), ErrorKind::Denied);
        assert_eq!(server_kind(65_535, "whatever"), ErrorKind::Internal);
    }

    #[test]
    fn what_went_wrong_names_the_server_and_what_to_check() {
        let config = MilvusConfig::new("http://localhost:19530").unwrap();
        let error = failed(&config, "search", sdk::Error::Timeout("ten seconds".into()));
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("http://localhost:19530"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("https://")), "{error:?}");
        let secure = MilvusConfig { secure: true, ..config };
        let error = timed_out(&secure, "connect");
        assert!(error.hint().is_some_and(|hint| hint.contains("MILVUS_SERVER_NAME")), "{error:?}");
    }

    #[test]
    fn requests_that_are_too_large_are_not_sent_again() {
        assert!(is_refused_size("grpc: received message larger than max (78648186 vs. 67108864)"));
        assert!(!is_refused_size("transport error"));
    }
}
