//! Whether the server is alive and ready, and its metrics.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::Shell;
use super::problem::{Problem, Problems};

/// The deadline of `/readyz`: probes need a quick answer.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// Whether the process is alive
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "The process is alive", body = String)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether it can answer searches: the store answers a small query in time
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, description = "The server is ready", body = String), Problems)
)]
pub async fn readyz(State(shell): State<Arc<Shell>>) -> Result<&'static str, Problem> {
    match tokio::time::timeout(READY_WITHIN, (shell.ready)()).await {
        Ok(ready) => ready?,
        Err(_) => {
            let detail = format!("the store did not answer within {} s", READY_WITHIN.as_secs());
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(1));
        }
    }
    Ok("ready\n")
}

/// Metrics for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, description = "In OpenMetrics' text format", content((String = "application/openmetrics-text"))), Problems)
)]
pub async fn metrics(State(shell): State<Arc<Shell>>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], shell.metrics.text())
}
