//! What a search costs beyond the search itself when it comes over HTTP, and how many clients get how many answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Result, anyhow};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Program, Stamps};
use crate::measure::{Noise, median, percentile, rounds};
use crate::report::{Goal, Table, number, progress};
use crate::server::Server;

const ROUNDS: usize = 5;
/// Searches of a client alone, in each round.
const ALONE: usize = 100;
/// Searches that clients share, in each round.
const SHARED: usize = 256;
const CLIENTS: [usize; 3] = [1, 4, 16];
const BOUNDARY: &str = "bench-image-boundary";

pub struct Client {
    agent: ureq::Agent,
    api: String,
}

/// The answer to a search, as far as it is looked at.
#[derive(Deserialize)]
pub struct Found {
    pub hits: Vec<Item>,
    took_ms: f64,
}

#[derive(Deserialize)]
pub struct Item {
    pub id: String,
    pub fields: Fields,
}

#[derive(Deserialize)]
pub struct Fields {
    pub path: String,
    pub content_hash: String,
    pub caption: Option<String>,
}

impl Client {
    pub fn of(server: &Server) -> Self {
        Self { agent: server.agent(), api: server.api() }
    }

    pub fn search_file(&self, file: &[u8], k: usize) -> Result<Found> {
        self.search(&format!("multipart/form-data; boundary={BOUNDARY}"), &form(file, k)).map(|(found, _)| found)
    }

    pub fn search_like(&self, id: &str, k: usize) -> Result<Found> {
        self.search("application/json", &like(id, k)).map(|(found, _)| found)
    }

    /// What is most like some words.
    pub fn search_words(&self, words: &str, k: usize) -> Result<Found> {
        let body = json!({"positive": [{"words": words}], "k": k}).to_string();
        self.search("application/json", body.as_bytes()).map(|(found, _)| found)
    }

    /// The answer, and the milliseconds until the last byte of it was here.
    fn search(&self, kind: &str, body: &[u8]) -> Result<(Found, f64)> {
        let url = format!("{}/search", self.api);
        let start = Instant::now();
        let mut answer = self.agent.post(&url).header("content-type", kind).send(body)?;
        let answer = answer.body_mut().read_to_vec()?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        Ok((serde_json::from_slice(&answer)?, ms))
    }

    /// Every item there is.
    pub fn items(&self) -> Result<Vec<Item>> {
        #[derive(Deserialize)]
        struct Page {
            items: Vec<Item>,
            next: Option<String>,
        }
        let mut page: Page = self.get("items?limit=500")?;
        let mut items = page.items;
        while let Some(after) = page.next {
            page = self.get(&format!("items?limit=500&after={after}"))?;
            items.append(&mut page.items);
        }
        Ok(items)
    }

    fn get<T: DeserializeOwned>(&self, what: &str) -> Result<T> {
        let mut answer = self.agent.get(format!("{}/{what}", self.api)).call()?;
        Ok(serde_json::from_slice(&answer.body_mut().read_to_vec()?)?)
    }
}

fn form(file: &[u8], k: usize) -> Vec<u8> {
    let text = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\n{k}\r\n");
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"query\"\r\n\r\n");
    [text.as_bytes(), head.as_bytes(), file, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat()
}

fn like(id: &str, k: usize) -> Vec<u8> {
    json!({"positive": [{"id": id}], "k": k}).to_string().into_bytes()
}

pub fn run(program: &Program, stamps: &Stamps, noise: &mut Noise) -> Result<()> {
    progress("searching over HTTP …");
    let server = program.serve(stamps.store.path())?;
    let files = stamps.paths.iter().step_by(3).map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
    let forms: Vec<Vec<u8>> = files.iter().map(|file| form(file, 10)).collect();
    let likes: Vec<Vec<u8>> = Client::of(&server).items()?.iter().map(|item| like(&item.id, 10)).collect();
    let mut table = Table::new("searches over HTTP, k = 10, one client that keeps its connection", &[""; 4]);
    let multipart = format!("multipart/form-data; boundary={BOUNDARY}");
    alone(&server, "by an uploaded stamp", &multipart, &forms, &mut table, noise)?;
    alone(&server, "by a stored item's id", "application/json", &likes, &mut table, noise)?;
    drop(table);
    together(&server, &multipart, &forms, noise)
}

/// One client, one search after another.
fn alone(
    server: &Server,
    what: &str,
    kind: &str,
    bodies: &[Vec<u8>],
    table: &mut Table,
    noise: &mut Noise,
) -> Result<()> {
    let client = Client::of(server);
    let (mut wall, mut took) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        noise.sample();
        for body in bodies.iter().cycle().skip(round * ALONE).take(ALONE) {
            let (found, ms) = client.search(kind, body)?;
            // The first round warms up.
            if round > 0 {
                wall.push(ms);
                took.push(found.took_ms);
            }
        }
    }
    let beside: Vec<f64> = wall.iter().zip(&took).map(|(wall, took)| wall - took).collect();
    let (wall, took) = (median(wall), median(took));
    let detail = format!(
        "p50 {} ms, of which {} ms are the search; each search's own difference p50 {}, p99 {} ms",
        number(wall),
        number(took),
        number(median(beside.iter().copied())),
        number(percentile(&beside, 0.99)),
    );
    table.figure(&format!("{what}: HTTP adds"), wall - took, " ms", Goal::AtMost(1.0), detail);
    Ok(())
}

/// Clients at once, each on its own connection, until all searches are done.
fn together(server: &Server, kind: &str, forms: &[Vec<u8>], noise: &mut Noise) -> Result<()> {
    let waits = CLIENTS.map(|_| std::cell::RefCell::new(Vec::new()));
    let side = |at: usize| {
        let waits = &waits[at];
        move || -> Result<f64> {
            let (seconds, mut waited) = load(server, kind, forms, CLIENTS[at])?;
            waits.borrow_mut().append(&mut waited);
            Ok(seconds)
        }
    };
    let (mut one, mut four, mut sixteen) = (side(0), side(1), side(2));
    let seconds = rounds(ROUNDS, &mut [&mut one, &mut four, &mut sixteen], noise)?;
    let columns = ["clients", "searches/s", "÷ one client", "p50 ms", "p99 ms"];
    let mut table = Table::new("searches by an uploaded stamp, clients at once", &columns);
    for (at, clients) in CLIENTS.iter().enumerate() {
        let speed = SHARED as f64 / median(seconds[at].iter().copied());
        let ratio = crate::measure::median_ratio(&seconds[0], &seconds[at]);
        let waits = waits[at].borrow();
        let shown = [speed, ratio, percentile(&waits, 0.5), percentile(&waits, 0.99)];
        table.row(std::iter::once(clients.to_string()).chain(shown.map(number)));
    }
    Ok(())
}

/// Seconds for all searches, and the milliseconds of each.
fn load(server: &Server, kind: &str, forms: &[Vec<u8>], clients: usize) -> Result<(f64, Vec<f64>)> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<f64>> {
        let client = Client::of(server);
        let mut waits = Vec::new();
        while let Some(at) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < SHARED) {
            waits.push(client.search(kind, &forms[at % forms.len()])?.1);
        }
        Ok(waits)
    };
    let start = Instant::now();
    let waits = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..clients).map(|_| scope.spawn(work)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Result<Vec<f64>>>| {
            worker.join().map_err(|_| anyhow!("a thread panicked"))?
        };
        workers.into_iter().map(join).collect::<Result<Vec<_>>>()
    })?;
    Ok((start.elapsed().as_secs_f64(), waits.concat()))
}
