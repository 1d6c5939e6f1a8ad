//! A real Redis for tests: Debian's server on a free port of the loopback interface, with a folder of its own, that
//! keeps what it acknowledged over restarts and ends with the test.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{ServerProcess, free_ports, write_file};

/// A running Redis.
#[derive(Debug)]
pub struct RedisServer {
    process: ServerProcess,
    folder: TempDir,
    port: u16,
    password: Option<String>,
}

impl RedisServer {
    /// Starts a Redis without a password and waits until it answers.
    ///
    /// # Panics
    /// With its log, when it does not come up.
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// Starts a Redis that asks for this password.
    ///
    /// # Panics
    /// With its log, when it does not come up.
    pub async fn start_with_password(password: &str) -> Self {
        Self::start_with(Some(password.to_owned())).await
    }

    async fn start_with(password: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder for Redis: {error}"));
        let [port] = free_ports();
        // In a file rather than as an argument, where other users would see it.
        let asks = password.as_ref().map(|password| format!("requirepass {password}\n")).unwrap_or_default();
        let config = format!("bind 127.0.0.1\nport {port}\nsave \"\"\nappendonly yes\nappendfsync always\n{asks}");
        write_file(&folder.path().join("redis.conf"), &config);
        let process = spawn(folder.path());
        let mut server = Self { process, folder, port, password };
        server.wait().await;
        server
    }

    /// `redis://…`, with the password if there is one.
    pub fn url(&self) -> String {
        let password = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{password}127.0.0.1:{}/0", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same port with the data it had; ends it first if it runs.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = spawn(self.folder.path());
        self.wait().await;
    }

    /// Sends one command and returns the answers as Redis writes them.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub fn command(&self, command: &str) -> io::Result<String> {
        ask(self.port, self.password.as_deref(), command)
    }

    async fn wait(&mut self) {
        let (port, password) = (self.port, self.password.clone());
        let answers = async || ask(port, password.as_deref(), "PING").is_ok_and(|answer| answer.contains("+PONG"));
        self.process.wait_until_ready(Duration::from_secs(20), answers).await;
    }
}

fn spawn(folder: &Path) -> ServerProcess {
    let mut command = Command::new("redis-server");
    command.arg("redis.conf").current_dir(folder);
    ServerProcess::spawn("Redis", &command, &folder.join("log"))
}

fn ask(port: u16, password: Option<&str>, command: &str) -> io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let login = password.map(|password| format!("AUTH {password}\r\n")).unwrap_or_default();
    stream.write_all(format!("{login}{command}\r\nQUIT\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
