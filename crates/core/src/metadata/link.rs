//! The connection to Redis: reconnects, has time limits, and never shows its password.

use std::sync::{Mutex, PoisonError};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, Pipeline, RedisError};
use secrecy::{ExposeSecret, SecretString};

use super::RedisOptions;
use crate::{Error, ErrorKind, Result, address};

/// The only thing that talks to Redis.
pub(super) struct Link {
    client: Client,
    config: AsyncConnectionConfig,
    /// Host, port and database.
    shown: String,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Link {
    pub(super) fn new(url: &SecretString, options: &RedisOptions) -> Result<Self> {
        let url = address::redis(url.expose_secret())?;
        // The parser's own error is not passed on: it may quote the URL, which holds the password.
        let client = Client::open(url).map_err(|_| {
            Error::invalid("the Redis URL is not valid")
                .with_hint("set REDIS_URL to redis://[user:password@]host[:port][/database]")
        })?;
        let info = client.get_connection_info();
        let shown = format!("{}/{}", info.addr(), info.redis_settings().db());
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.response_timeout));
        Ok(Self { client, config, shown, connection: Mutex::default() })
    }

    pub(super) async fn ping(&self) -> Result<()> {
        self.run::<()>(redis::pipe().cmd("PING").ignore()).await
    }

    /// Sends commands and reads their answers. Commands may be sent twice when the connection breaks: they must bear
    /// that.
    pub(super) async fn run<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T> {
        let fresh = {
            let kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match kept {
                // A kept connection may have broken since; then a new one decides.
                Some(mut connection) => match commands.query_async(&mut connection).await {
                    Err(error) if is_broken(&error) && !error.is_timeout() => self.connect().await,
                    result => return result.map_err(|error| self.gave_up(error)),
                },
                None => self.connect().await,
            }
        };
        let mut connection = fresh.map_err(|error| self.failed(error))?;
        commands.query_async(&mut connection).await.map_err(|error| self.gave_up(error))
    }

    /// Lets go of a connection on which no answer came: where packets are lost, one that was silent for a minute stays
    /// silent for most of the next, while a new one works at once.
    fn gave_up(&self, error: RedisError) -> Error {
        if error.is_timeout() {
            *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        self.failed(error)
    }

    /// Not under the lock: while Redis is down callers wait beside each other, not after each other.
    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let made = self.client.get_multiplexed_async_connection_with_config(&self.config).await;
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = made.as_ref().ok().cloned();
        made
    }

    fn failed(&self, error: RedisError) -> Error {
        let at = &self.shown;
        let (code, words) = server_error(&error);
        let denied = matches!(code.as_str(), "NOAUTH" | "WRONGPASS" | "NOPERM")
            || error.kind() == redis::ErrorKind::AuthenticationFailed;
        let away = is_broken(&error) || matches!(code.as_str(), "LOADING" | "MASTERDOWN" | "TRYAGAIN");
        let (kind, message, hint) = match code.as_str() {
            _ if denied => (
                ErrorKind::Denied,
                format!("Redis at {at} refused the user or password"),
                "check the user and password in REDIS_URL",
            ),
            _ if away => (
                ErrorKind::Unavailable,
                format!("Redis at {at} does not answer"),
                "check that Redis is running and that REDIS_URL is correct",
            ),
            "OOM" => (
                ErrorKind::StorageFull,
                format!("Redis at {at} is out of memory"),
                "give Redis more memory (maxmemory), or remove collections",
            ),
            "READONLY" => {
                (ErrorKind::ReadOnly, format!("Redis at {at} is a read-only replica"), "point REDIS_URL to the primary")
            }
            code => (
                ErrorKind::Internal,
                format!("Redis at {at} answered with an error: {code} {words}").trim_end().to_owned(),
                "see Redis's log",
            ),
        };
        Error::new(kind, message).with_hint(hint).with_source(error)
    }
}

/// The code and words of the first error that Redis itself answered with.
fn server_error(error: &RedisError) -> (String, String) {
    match error.clone().into_server_errors().as_deref() {
        Some([(_, first), ..]) => (first.code().to_owned(), first.details().unwrap_or_default().to_owned()),
        _ => (String::new(), error.detail().unwrap_or(error.category()).to_owned()),
    }
}

fn is_broken(error: &RedisError) -> bool {
    error.is_io_error() || error.is_connection_dropped() || error.is_connection_refusal() || error.is_timeout()
}
