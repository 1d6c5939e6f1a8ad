//! Server processes that tests start: on loopback, in folders of their own, always stopped, and with their log in the
//! test's output when it fails.

use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines of the log that a failing test shows.
const LOG_TAIL: usize = 60;

/// A running server.
#[derive(Debug)]
pub struct ServerProcess {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl ServerProcess {
    /// Starts `command` as the leader of a process group of its own, its output appended to `log`.
    ///
    /// The system kills the server when the calling thread ends, so call it from a test's own thread.
    ///
    /// # Panics
    /// When it cannot be started, and in `make test-quick`, which has no servers.
    pub fn spawn(name: &'static str, command: &Command, log: &Path) -> Self {
        let is_quick = std::env::var("NEXTEST_PROFILE").is_ok_and(|profile| profile == "quick");
        assert!(!is_quick, "this test starts {name}: leave it out of profile 'quick' in .config/nextest.toml");
        let file = OpenOptions::new().create(true).append(true).open(log);
        let file = file.unwrap_or_else(|error| panic!("cannot open {}: {error}", log.display()));
        let errors = file.try_clone().unwrap_or_else(|error| panic!("cannot share {}: {error}", log.display()));
        // setpriv replaces itself by the server: same process, but it dies with us, however we die.
        let mut wrapped = Command::new("setpriv");
        wrapped.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(key, value),
                None => wrapped.env_remove(key),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            wrapped.current_dir(folder);
        }
        wrapped.stdin(Stdio::null()).stdout(file).stderr(errors).process_group(0);
        let child = wrapped.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self { name, child, log: log.to_owned() }
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `is_ready` holds, asking a few times a second.
    ///
    /// # Panics
    /// With the log's tail, when the server ends or is not ready in time.
    pub async fn wait_until_ready(&mut self, limit: Duration, mut is_ready: impl AsyncFnMut() -> bool) {
        let start = Instant::now();
        while !is_ready().await {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("{} ended at its start: {status}\n{}", self.name, self.log_tail());
            }
            assert!(start.elapsed() < limit, "{} is not ready after {limit:?}\n{}", self.name, self.log_tail());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Kills the server and all it started (SIGKILL), and waits until it is gone.
    pub fn kill(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Copies the log out of the folder that goes away with the test.
    fn keep_log(&self) -> std::io::Result<String> {
        let folder = cache().join("logs");
        fs::create_dir_all(&folder)?;
        let name = format!("{}-{}.log", self.name.to_lowercase().replace(' ', "-"), self.child.id());
        fs::copy(&self.log, folder.join(&name))?;
        Ok(folder.join(name).display().to_string())
    }

    fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().filter(|line| !line.contains("[INFO]")).collect();
        let tail = &lines[lines.len().saturating_sub(LOG_TAIL)..];
        format!("--- the end of {}'s log ---\n{}", self.name, tail.join("\n"))
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            use std::io::Write;
            let kept = self.keep_log().unwrap_or_else(|error| format!("cannot be kept: {error}"));
            let _ = writeln!(std::io::stderr(), "{}\n--- the whole log: {kept} ---", self.log_tail());
        }
    }
}

/// Ports that nobody listens on and that stay this process's until it ends: a killed server finds its own free again,
/// and tests of other processes pick others.
///
/// They lie below those from which systems pick for outgoing connections, and locked files reserve them among all test
/// processes, which the system unlocks however a process ends.
///
/// # Panics
/// When there are none.
pub fn free_ports<const N: usize>() -> [u16; N] {
    std::array::from_fn(|_| reserve_port())
}

const FIRST_PORT: u32 = 20_000;
const PORTS: u32 = 9_000;

fn reserve_port() -> u16 {
    static RESERVED: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let folder = std::env::temp_dir().join("bootcamp-ports");
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("cannot create {}: {error}", folder.display()));
    // Each process starts elsewhere, so that they seldom try the same port.
    let start = std::process::id().wrapping_mul(97) % PORTS;
    for step in 0..PORTS {
        let Ok(port) = u16::try_from(FIRST_PORT + (start + step) % PORTS) else { continue };
        let Ok(file) = File::create(folder.join(port.to_string())) else { continue };
        // Milvus takes its ports on every interface.
        if file.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            RESERVED.lock().unwrap_or_else(PoisonError::into_inner).push(file);
            return port;
        }
    }
    panic!("no free port from {FIRST_PORT} on, or {} cannot be written", folder.display());
}

/// Where `scripts/test-servers` puts things.
fn cache() -> PathBuf {
    let cache = std::env::var_os("BOOTCAMP_CACHE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache"), PathBuf::from);
    cache.join("test-servers")
}

/// A folder that `scripts/test-servers` made.
///
/// # Panics
/// With what to do, when it is not there.
pub fn artefact(name: &str) -> PathBuf {
    let folder = cache().join(name);
    assert!(folder.join("ready").exists(), "{} is not there: run scripts/test-servers first", folder.display());
    folder
}

/// Writes a file of a server's set-up.
///
/// # Panics
/// When it cannot.
pub fn write_file(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

/// Whether someone listens on the port.
pub async fn is_open(port: u16) -> bool {
    tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
}

/// Makes an empty file, so that a log that was never written reads as empty.
pub(crate) fn touch(path: &Path) {
    let _ = File::create(path);
}
