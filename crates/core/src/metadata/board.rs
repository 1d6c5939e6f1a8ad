//! A notice board for the servers of one collection: numbered notices, each refreshed by the server that posted it,
//! so that any server can report another one's work and cancel it. Times are Redis's: the clocks of two
//! machines are never compared.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::{FromRedisValue, Pipeline};
use secrecy::SecretString;

use super::RedisOptions;
use super::link::Link;
use crate::{Error, ErrorKind, Result};

/// How long a notice is kept after it was last posted.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// The notices of one collection of one store. See the module [`metadata`](super) for the keys.
#[derive(Debug)]
pub struct Board {
    link: Link,
    /// What its keys begin with.
    scope: String,
    silence: Duration,
    /// When Redis last failed to respond.
    away: Mutex<Option<Instant>>,
}

/// A notice on the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub text: String,
    /// The last notice: nothing will follow.
    pub is_last: bool,
    /// Whether the poster is alive; meaningless for a last notice.
    pub is_kept_up: bool,
}

impl Board {
    /// The board of `collection` of the store `options.owner`. Does not connect yet.
    ///
    /// # Errors
    /// `InvalidInput` for a bad URL.
    pub fn open(url: &SecretString, options: &RedisOptions, collection: &str) -> Result<Self> {
        let scope = format!("{}board:{}:{collection}:", options.prefix, options.owner);
        Ok(Self { link: Link::new(url, options)?, scope, silence: options.silence, away: Mutex::default() })
    }

    /// How long a poster may stay silent before it counts as dead.
    pub fn silence(&self) -> Duration {
        self.silence
    }

    /// A new, unique number.
    ///
    /// # Errors
    /// Those of Redis, as for every other call: `Unavailable` when it does not answer.
    pub async fn next(&self) -> Result<u64> {
        let mut commands = redis::pipe();
        commands.incr(self.key("next"), 1);
        let (number,): (u64,) = self.run(&commands).await?;
        Ok(number)
    }

    /// Posts the current state. Repeat it before [`Board::silence`] is over. Returns
    /// whether a stop was requested.
    pub async fn post(&self, number: u64, text: &str) -> Result<bool> {
        let mut commands = self.writing(number, "now", text);
        commands.cmd("SET").arg(self.alive_key(number)).arg(1).arg("PX").arg(milliseconds(self.silence)).ignore();
        commands.hexists(self.notice_key(number), "stop");
        let (stop,): (bool,) = self.run(&commands).await?;
        Ok(stop)
    }

    /// Posts the final state: a late [`Board::post`] does not overwrite it.
    pub async fn post_last(&self, number: u64, text: &str) -> Result<()> {
        let mut commands = self.writing(number, "last", text);
        commands.hdel(self.notice_key(number), "now").ignore().unlink(self.alive_key(number)).ignore();
        self.run(&commands).await
    }

    /// Requests the poster to stop.
    pub async fn ask_to_stop(&self, number: u64) -> Result<()> {
        let key = self.notice_key(number);
        let mut commands = redis::pipe();
        commands.atomic().hset(&key, "stop", 1).ignore();
        commands.cmd("PEXPIRE").arg(&key).arg(milliseconds(KEPT)).ignore();
        self.run(&commands).await
    }

    /// Whether a stop was requested.
    pub async fn is_asked_to_stop(&self, number: u64) -> Result<bool> {
        let mut commands = redis::pipe();
        commands.hexists(self.notice_key(number), "stop");
        let (stop,): (bool,) = self.run(&commands).await?;
        Ok(stop)
    }

    /// All numbers on the board, the newest first.
    pub async fn numbers(&self) -> Result<Vec<u64>> {
        let mut commands = redis::pipe();
        commands.zrevrange(self.key("numbers"), 0, -1);
        let (numbers,): (Vec<u64>,) = self.run(&commands).await?;
        Ok(numbers)
    }

    /// What stands under each number; `None` where there is nothing, or nothing any more.
    pub async fn read(&self, numbers: &[u64]) -> Result<Vec<Option<Notice>>> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let mut commands = redis::pipe();
        for number in numbers {
            commands.cmd("HMGET").arg(self.notice_key(*number)).arg("last").arg("now");
        }
        self.ask_who_is_alive(&mut commands, numbers);
        let mut answers: Vec<Vec<Option<String>>> = self.run(&commands).await?;
        let alive = answers.pop().unwrap_or_default();
        let quiet = self.was_away_lately();
        let notice = |(texts, alive): (Vec<Option<String>>, Option<String>)| {
            let is_last = texts.first().is_some_and(Option::is_some);
            let text = texts.into_iter().flatten().next()?;
            Some(Notice { text, is_last, is_kept_up: alive.is_some() || quiet })
        };
        Ok(answers.into_iter().zip(alive).map(notice).collect())
    }

    /// Removes the oldest notices beyond `most`, except those still being refreshed.
    pub async fn clear(&self, most: usize) -> Result<()> {
        let numbers = self.numbers().await?;
        let Some(old) = numbers.get(most..).filter(|old| !old.is_empty()) else { return Ok(()) };
        let mut commands = redis::pipe();
        self.ask_who_is_alive(&mut commands, old);
        let (alive,): (Vec<Option<String>>,) = self.run(&commands).await?;
        let gone = old.iter().zip(alive).filter(|(_, alive)| alive.is_none());
        let mut commands = redis::pipe();
        for (number, _) in gone {
            commands.zrem(self.key("numbers"), *number).ignore().unlink(self.notice_key(*number)).ignore();
        }
        if commands.is_empty() { Ok(()) } else { self.run(&commands).await }
    }

    /// Whole or not at all: nothing must be left without a time to live.
    fn writing(&self, number: u64, field: &str, text: &str) -> Pipeline {
        let (key, numbers) = (self.notice_key(number), self.key("numbers"));
        let mut commands = redis::pipe();
        commands.atomic().hset(&key, field, text).ignore().zadd(&numbers, number, number).ignore();
        for key in [&key, &numbers] {
            commands.cmd("PEXPIRE").arg(key).arg(milliseconds(KEPT)).ignore();
        }
        commands
    }

    fn ask_who_is_alive(&self, commands: &mut Pipeline, numbers: &[u64]) {
        let keys: Vec<String> = numbers.iter().map(|number| self.alive_key(*number)).collect();
        commands.cmd("MGET").arg(keys);
    }

    fn key(&self, rest: &str) -> String {
        format!("{}{rest}", self.scope)
    }

    fn notice_key(&self, number: u64) -> String {
        self.key(&number.to_string())
    }

    fn alive_key(&self, number: u64) -> String {
        self.key(&format!("{number}:alive"))
    }

    async fn run<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T> {
        let result = self.link.run(commands).await;
        if result.as_ref().is_err_and(|error: &Error| error.kind() == ErrorKind::Unavailable) {
            *self.away.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        result
    }

    /// While Redis was down no poster could report, so silence in that time does not count.
    fn was_away_lately(&self) -> bool {
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        away.is_some_and(|since| since.elapsed() < self.silence)
    }
}

fn milliseconds(time: Duration) -> u64 {
    // Redis refuses a time to live of nothing.
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
