//! Running a solution's binary as its users do, for its tests.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::reference;

/// What differs from run to run in what programs print, as regular expressions, and what stands for it in a snapshot.
pub const MASKS: [(&str, &str); 5] = [
    (r"in \d+\.\d s(, \d+ a second)?", "in [time]"),
    (r"in \d+ ms: \d+ encoding, \d+\.\d searching", "in [time]"),
    (r"[0-9a-f]{20}", "[id]"),
    (r"SQLite [\d.]+", "SQLite [version]"),
    (r"\b\d{13}\b", "[milliseconds]"),
];

/// A folder to run a program in; the store is its `data`.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    program: PathBuf,
}

impl Home {
    /// For the program with this path: `env!("CARGO_BIN_EXE_…")`.
    pub fn of(program: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), program: program.into() }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file there.
    pub fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path().join(name), content).unwrap();
        self
    }

    /// The program with these arguments, with nothing from this environment but the models.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.path()).env_clear();
        command
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("BOOTCAMP_MODELS", reference::model_cache());
        command
    }

    /// A run to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    /// A run that must succeed, and its JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let run = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(run.code, Some(0), "{}", run.err);
        serde_json::from_str(&run.out).unwrap()
    }
}

/// What a run gave.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Of a process that ended.
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap_or_else(|error| panic!("it printed no text: {error}"));
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// All of it, for a snapshot.
    pub fn shown(&self) -> String {
        let code = self.code.map_or("killed".to_owned(), |code| code.to_string());
        format!("exit code: {code}\n--- out\n{}--- err\n{}", self.out, self.err)
    }
}

/// A program that serves, and ends with the test.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub address: String,
}

impl Server {
    /// Starts it on any free port and waits until it listens.
    pub fn start(home: &Home, arguments: &[&str]) -> Self {
        Self::of(home.command(&[&["serve", "--port", "0"], arguments].concat()))
    }

    /// Starts a command that serves, and waits until it listens.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_else(|| panic!("{line}"));
        Self { address: format!("http://{address}"), child }
    }

    /// What a GET answers; it must succeed.
    pub fn get(&self, path: &str) -> Value {
        self.try_get(path).unwrap_or_else(|status| panic!("GET {path}: {status}"))
    }

    /// What a GET answers, or its status.
    pub fn try_get(&self, path: &str) -> Result<Value, u16> {
        answer(agent().get(format!("{}{path}", self.address)).call())
    }

    /// The content type and the bytes that a GET answers; it must succeed.
    pub fn get_bytes(&self, path: &str) -> (String, Vec<u8>) {
        let mut response = agent().get(format!("{}{path}", self.address)).call().unwrap();
        assert!(response.status().is_success(), "GET {path}: {}", response.status());
        let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let mut bytes = Vec::new();
        response.body_mut().as_reader().read_to_end(&mut bytes).unwrap();
        (kind.unwrap_or_default(), bytes)
    }

    /// What a POST answers, or its status.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, u16> {
        let request = agent().post(format!("{}{path}", self.address)).content_type("application/json");
        answer(request.send(body.to_string()))
    }

    /// The status and the text that a POST answers.
    pub fn post_text(&self, path: &str, body: &Value) -> (u16, String) {
        let request = agent().post(format!("{}{path}", self.address)).content_type("application/json");
        let mut response = request.send(body.to_string()).unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }

    /// Sends files as parts named `file`.
    pub fn send_files(&self, path: &str, files: &[(&str, &[u8])]) -> Result<Value, u16> {
        let mut body = Vec::new();
        for (name, bytes) in files {
            let head = format!("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
            body.extend(head.as_bytes());
            body.extend(*bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"--x--\r\n");
        let request = agent().post(format!("{}{path}", self.address));
        answer(request.content_type("multipart/form-data; boundary=x").send(&body[..]))
    }

    /// SIGTERM, and the exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        self.child.wait().unwrap().code()
    }

    /// The memory it has.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// A validator reads the OpenAPI document, and schemathesis sends what it allows and what it does not, so many
    /// examples of each.
    pub fn keeps_its_word(&self, examples: u32) {
        let tools = reference::made_by_setup(reference::cache().join("api-tools/bin"));
        let folder = tempfile::tempdir().unwrap();
        let document = folder.path().join("openapi.json");
        std::fs::write(&document, self.get("/api/openapi.json").to_string()).unwrap();
        run(Command::new(tools.join("openapi-spec-validator")).arg(&document));
        let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
        let mut schemathesis = Command::new(tools.join("schemathesis"));
        // Events of a job stream; everything else is asked. One worker: in Python before 3.11.8 two threads that parse
        // Python at the same time, as hypothesis does, now and then end in a SystemError (CPython's issue 106905).
        schemathesis
            .args(["run", "--checks", checks, "--seed", "1", "--workers", "1"])
            .args(["--max-examples", &examples.to_string()])
            .args(["--exclude-path-regex", "events$", "--request-timeout", "30", "--suppress-health-check", "all"])
            .arg(format!("{}/api/openapi.json", self.address))
            .current_dir(folder.path());
        run(&mut schemathesis);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn agent() -> ureq::Agent {
    let config =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
    config.build().into()
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, u16> {
    let mut response = response.unwrap();
    let mut text = String::new();
    response.body_mut().as_reader().read_to_string(&mut text).unwrap();
    match response.status().as_u16() {
        200..300 => Ok(serde_json::from_str(&text).unwrap_or(Value::Null)),
        status => Err(status),
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let name = Path::new(command.get_program()).file_name().unwrap().display().to_string();
    assert!(output.status.success(), "{name}:\n{}\n{}", text(&output.stdout), text(&output.stderr));
}
