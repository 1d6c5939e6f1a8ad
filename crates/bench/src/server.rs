//! A program of ours that serves, for as long as it is measured.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

/// The program, serving.
pub struct Server {
    process: Child,
    address: String,
}

impl Server {
    /// From the command that serves on a port that is free.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().context("a server without output")?;
        let mut server = Self { process, address: String::new() };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.split_whitespace().find(|word| word.starts_with("http://"));
        address.with_context(|| format!("the server did not say where it is: {line}"))?.clone_into(&mut server.address);
        Ok(server)
    }

    /// Where the API begins.
    pub fn api(&self) -> String {
        format!("{}/api/v1", self.address)
    }

    /// A client with a connection of its own, which it keeps.
    pub fn agent(&self) -> ureq::Agent {
        let config = ureq::Agent::config_builder().proxy(None).timeout_global(Some(Duration::from_secs(60)));
        config.build().new_agent()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
