//! The web page: files embedded in the binary.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use include_dir::{Dir, include_dir};

use super::Shell;
use super::problem::Problem;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/page");

/// What the kit's page loads of a solution. A solution without them has empty ones, so that the page need not ask first.
const ENTRIES: [&str; 2] = ["page.js", "page.css"];

/// The program's own page, or else the kit's.
pub async fn index(State(shell): State<Arc<Shell>>) -> Response {
    let own = shell.page.filter(|files| files.contains("index.html"));
    answer(own.or(Some(&FILES)), "index.html")
}

/// A file of the kit's.
pub async fn asset(Path(name): Path<String>) -> Response {
    answer(Some(&FILES), &name)
}

/// A file of the solution's. They have a prefix of their own, so their names never collide with the kit's.
pub async fn solution(State(shell): State<Arc<Shell>>, Path(path): Path<String>) -> Response {
    let files = shell.page;
    let is_there = files.is_some_and(|files| files.contains(&path));
    if !is_there && ENTRIES.contains(&path.as_str()) { sent(&path, b"") } else { answer(files, &path) }
}

fn answer(files: Option<&'static Dir<'static>>, name: &str) -> Response {
    match files.and_then(|files| files.get_file(name)) {
        Some(file) => sent(name, file.contents()),
        None => Problem::new(StatusCode::NOT_FOUND, format!("the page has no file {name}")).into_response(),
    }
}

fn sent(name: &str, content: &'static [u8]) -> Response {
    let kind = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    // A new program brings a new page: browsers must ask each time.
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], content).into_response()
}
