//! Four processes read a local store while another one writes to it. All of them are killed now and then, and what is
//! read is at every moment what was acknowledged by then.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bootcamp_testkit::crash::Look;

use crate::crash::{Expected, follow};

const ROUNDS: u64 = 10;
const READERS: usize = 4;
/// Looks of each reader in a round.
const LOOKS: usize = 3;
/// After so long something stands still that should not, on whatever machine.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn readers_see_what_was_acknowledged_and_hold_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut expected = Expected::new();
    let mut readers: Vec<Reader> = (0..READERS).map(|n| Reader::start(folder.path(), n)).collect();
    let (mut wanted, mut found) = (0, 0);
    for round in 0..ROUNDS {
        let writer = Writer::start(folder.path(), round + 1);
        writer.wait_for(20);
        let looks: Vec<(usize, Look)> = std::thread::scope(|scope| {
            let running: Vec<_> =
                readers.iter_mut().map(|reader| scope.spawn(|| look_while(reader, &writer))).collect();
            running.into_iter().flat_map(|reader| reader.join().unwrap()).collect()
        });
        // One dies in the middle of a look, its locks with it; the writer just after.
        let victim = round as usize % READERS;
        readers[victim].ask();
        readers[victim].kill();
        readers[victim] = Reader::start(folder.path(), victim);
        writer.wait_for(writer.count() + 5);
        let lines = writer.kill();

        for (acknowledged, look) in &looks {
            is_of_its_time(look, &expected, &lines, *acknowledged, round);
            wanted += look.wanted;
            found += look.found;
        }
        follow(&lines, &mut expected);
        // Nobody writes: what the writer has left in the log is there for everyone, and the same.
        for (n, reader) in readers.iter_mut().enumerate() {
            let look = reader.look();
            for (id, states) in &mut expected {
                let now = look.rows.get(id).copied();
                assert!(states.contains(&now), "round {round}, reader {n}: id {id} is {now:?}, not one of {states:?}");
                *states = vec![now];
            }
            wanted += look.wanted;
            found += look.found;
        }
    }
    assert!(wanted > 10_000 && found as f64 / wanted as f64 > 0.999, "{found} of {wanted} neighbours were found");
}

/// Looks a few times. Between two looks the writer must have got on.
fn look_while(reader: &mut Reader, writer: &Writer) -> Vec<(usize, Look)> {
    let look = |_| {
        let acknowledged = writer.count();
        let look = reader.look();
        writer.wait_for(acknowledged + 2);
        (acknowledged, look)
    };
    (0..LOOKS).map(look).collect()
}

/// Whether everything was there that was acknowledged before, and nothing that was not announced.
fn is_of_its_time(look: &Look, expected: &Expected, lines: &[String], acknowledged: usize, round: u64) {
    let mut states = expected.clone();
    follow(&lines[..acknowledged], &mut states);
    for line in &lines[acknowledged..] {
        let (ids, what) = line.split_once(' ').unwrap();
        let state = match what.strip_prefix("writing ") {
            Some(version) => Some(version.parse().unwrap()),
            None if what == "deleting" => None,
            None => continue,
        };
        for id in ids.split(',') {
            states.entry(id.parse().unwrap()).or_insert_with(|| vec![None]).push(state);
        }
    }
    for (id, states) in &states {
        let seen = look.rows.get(id).copied();
        assert!(states.contains(&seen), "round {round}: id {id} was {seen:?}, not one of {states:?}");
    }
    assert!(look.rows.keys().all(|id| states.contains_key(id)), "round {round}: a row that was never announced");
}

struct Writer {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    collecting: JoinHandle<()>,
}

impl Writer {
    fn start(folder: &Path, seed: u64) -> Self {
        let mut writer = Command::new(env!("CARGO_BIN_EXE_store-writer"));
        let mut child = writer.arg(folder).arg(seed.to_string()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let collected = Arc::clone(&lines);
        let collect =
            move || output.lines().map_while(Result::ok).for_each(|line| collected.lock().unwrap().push(line));
        Self { child, lines, collecting: std::thread::spawn(collect) }
    }

    fn count(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    fn wait_for(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.count() < count {
            assert!(Instant::now() < deadline, "the writer stands still at {} lines", self.count());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn kill(mut self) -> Vec<String> {
        // SIGKILL.
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.code().is_none(), "the writer ended by itself: {status}");
        self.collecting.join().unwrap();
        std::mem::take(&mut *self.lines.lock().unwrap())
    }
}

/// Every other one keeps the store open from one look to the next, whoever writes meanwhile.
struct Reader {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Reader {
    fn start(folder: &Path, n: usize) -> Self {
        let mut reader = Command::new(env!("CARGO_BIN_EXE_store-reader"));
        reader.arg(folder).arg(if n.is_multiple_of(2) { "keep" } else { "anew" });
        let mut child = reader.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    fn ask(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"look\n").unwrap();
    }

    fn look(&mut self) -> Look {
        self.ask();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the reader failed, see above"))
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.kill();
    }
}
