//! `health`: checks whether a server on this machine is ready, for containers without another HTTP client.

use std::process::ExitCode;
use std::time::Duration;

use bootcamp_core::{Error, ErrorKind, Result};
use clap::Args;

use crate::context::blocking;
use crate::printer::Printer;

/// Longer than `/readyz` itself takes to give up.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Args, Debug)]
pub struct HealthArgs {
    /// The server's port
    #[arg(long, env = "BOOTCAMP_PORT", default_value_t = 8080)]
    port: u16,
}

pub async fn run(args: HealthArgs, printer: Printer) -> Result<ExitCode> {
    let url = format!("http://127.0.0.1:{}/readyz", args.port);
    let (status, answer) = blocking(move || ask(&url)).await?;
    if status == 200 {
        printer.line(format_args!("{}", answer.trim_end()));
        return Ok(ExitCode::SUCCESS);
    }
    let problem: Option<serde_json::Value> = serde_json::from_str(&answer).ok();
    let detail = problem.and_then(|problem| problem["detail"].as_str().map(str::to_owned)).unwrap_or_default();
    Err(Error::new(ErrorKind::Unavailable, format!("the server is not ready ({status}): {detail}")))
}

/// The status and the body of an answer.
fn ask(url: &str) -> Result<(u16, String)> {
    // Through no proxy: the server is on this machine.
    let agent = ureq::Agent::config_builder().proxy(None).timeout_global(Some(PATIENCE)).http_status_as_error(false);
    let failed = |error: ureq::Error| {
        Error::new(ErrorKind::Unavailable, format!("{url} does not answer: {error}"))
            .with_hint("start the server with `serve`, or pass its port with --port")
    };
    let mut response = agent.build().new_agent().get(url).call().map_err(failed)?;
    let status = response.status().as_u16();
    Ok((status, response.body_mut().read_to_string().map_err(failed)?))
}
