//! `/api/v1/items/{id}/media` and `/thumbnail`: what items look like. Files are found by item ids, known by their content,
//! and streamed from the disk.

use std::fs::File;
use std::io::Read;
use std::num::ParseIntError;
use std::path::Path as FilePath;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bootcamp_core::{Error, Id};
use serde::Deserialize;
use tower_http::services::ServeFile;
use utoipa::IntoParams;

use super::Shared;
use super::problem::{Fields, Problem, Problems};
use crate::api::ProblemBody;
use crate::content::ContentPath;
use crate::context::blocking;
use crate::media::{Look, MediaKind, START, Thumbnail, content_type};
use crate::shown;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct MarkQuery {
    /// For drawings: the numbers of the parts to highlight, separated by commas.
    #[param(example = "0,3,4", pattern = "^[0-9]{1,6}(,[0-9]{1,6}){0,999}$")]
    mark: Option<String>,
}

impl MarkQuery {
    fn marked(&self) -> Result<Vec<usize>, Problem> {
        let marked = self.mark.iter().flat_map(|mark| mark.split(',')).map(str::parse).collect::<Result<_, _>>();
        marked.map_err(|_: ParseIntError| Problem::new(StatusCode::BAD_REQUEST, "mark is not a list of numbers"))
    }
}

/// Media may be shown and played, but run nothing.
const POLICY: (HeaderName, HeaderValue) = (
    header::CONTENT_SECURITY_POLICY,
    HeaderValue::from_static("default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; sandbox"),
);
const CACHED: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=60"));

/// What an item looks like: the file that it came from, or a drawing
#[utoipa::path(
    get, path = "/api/v1/items/{id}/media", tag = "items", operation_id = "get_media",
    params(
        ("id" = String, Path, description = "The item's id"),
        MarkQuery,
        ("Range" = Option<String>, Header, description = "The requested range: `bytes=0-1023`; with several ranges the whole file is sent"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the cached version"),
    ),
    responses(
        (status = 200, description = "The whole file", content((Vec<u8> = "image/*"), (Vec<u8> = "audio/*"), (Vec<u8> = "video/*"), (String = "text/plain"))),
        (status = 206, description = "The requested range", content((Vec<u8> = "image/*"), (Vec<u8> = "audio/*"), (Vec<u8> = "video/*"), (String = "text/plain"))),
        (status = 304, description = "The cached version is current"),
        (status = 412, description = "The file does not match `If-Match` or `If-Unmodified-Since`", content_type = "application/problem+json", body = ProblemBody),
        (status = 416, description = "The range is outside the file", content_type = "application/problem+json", body = ProblemBody),
        Problems
    )
)]
pub async fn media(
    State(app): Shared,
    Path(id): Path<String>,
    Fields(query): Fields<MarkQuery>,
    request: Request,
) -> Result<Response, Problem> {
    match shown::look(&app.solution, &Id::String(id), query.marked()?).await? {
        Look::Drawing(svg) => Ok(drawing(svg)),
        Look::File { name, kinds } => {
            let path = app.solution.context().original(&name).await?;
            send(path, kinds, request).await
        }
        Look::Nothing => Err(Problem::new(StatusCode::NOT_FOUND, "the item has no file to show")),
    }
}

/// A small picture of an item
#[utoipa::path(
    get, path = "/api/v1/items/{id}/thumbnail", tag = "items", operation_id = "get_thumbnail",
    params(("id" = String, Path, description = "The item's id"), MarkQuery),
    responses(
        (status = 200, description = "A JPEG of at most 256 × 256 pixels, or a drawing", content((Vec<u8> = "image/*"))),
        Problems
    )
)]
pub async fn thumbnail(
    State(app): Shared,
    Path(id): Path<String>,
    Fields(query): Fields<MarkQuery>,
) -> Result<Response, Problem> {
    match shown::thumbnail(&app.solution, &Id::String(id), query.marked()?).await? {
        Thumbnail::Jpeg(jpeg) => Ok(picture(jpeg)),
        Thumbnail::Drawing(svg) => Ok(drawing(svg)),
        Thumbnail::Nothing => Err(Problem::new(StatusCode::NOT_FOUND, "the item has no picture")),
    }
}

/// A JPEG made by the program.
pub fn picture(jpeg: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")), CACHED], jpeg).into_response()
}

fn drawing(svg: String) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")), CACHED, POLICY], svg).into_response()
}

/// A file, or the part of it that was asked for, if its content is of one of these kinds.
///
/// # Errors
/// `404 Not Found` for a file of another kind; those of the file system.
pub async fn send(path: ContentPath, kinds: &'static [MediaKind], request: Request) -> Result<Response, Problem> {
    let looking = path.clone();
    let kind = blocking(move || kind_of(&looking, kinds)).await?;
    let kind = kind.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, not_among(kinds)))?;
    let mut response = ranged(&path, request.method(), request.headers().clone()).await?;
    let status = response.status();
    if status.is_client_error() {
        return Ok(refused(&response));
    }
    let headers = response.headers_mut();
    headers.extend([CACHED, POLICY]);
    if status.is_success() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    Ok(response)
}

/// The content type of a regular file, by its beginning.
fn kind_of(path: &FilePath, kinds: &[MediaKind]) -> Result<Option<&'static str>, Error> {
    let cannot_read = |error| Error::io("cannot read", path, error);
    // Opening a pipe would block until something writes to it.
    if !path.metadata().map_err(cannot_read)?.is_file() {
        return Ok(None);
    }
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(START).read_to_end(&mut start)).map_err(cannot_read)?;
    Ok(content_type(&start, kinds))
}

fn not_among(kinds: &[MediaKind]) -> String {
    let names: Vec<_> = kinds.iter().map(|kind| format!("{kind:?}").to_lowercase()).collect();
    format!("the item's file is no {}", names.join(", "))
}

/// Ranges and conditions as RFC 9110 has them, also where the library is stricter or knows less: only GET has ranges, and
/// in bytes; `If-Range`; and a file that is empty, or shorter than the end of it that is asked for, is sent
/// whole.
async fn ranged(path: &FilePath, method: &Method, mut headers: HeaderMap) -> Result<Response, Error> {
    let is_bytes = |range: &HeaderValue| range.as_bytes().starts_with(b"bytes=");
    if method != Method::GET || !headers.get(header::RANGE).is_some_and(is_bytes) {
        headers.remove(header::RANGE);
    }
    let had = headers.remove(header::IF_RANGE);
    let response = serve(path, method, headers.clone()).await?;
    let is_refused = response.status() == StatusCode::RANGE_NOT_SATISFIABLE;
    let is_part = is_refused || response.status() == StatusCode::PARTIAL_CONTENT;
    // A weak tag or a date does not identify exact bytes, so it never matches.
    let is_other = had.is_some_and(|had| response.headers().get(header::ETAG) != Some(&had));
    let is_empty = response.headers().get(header::CONTENT_RANGE).is_some_and(|range| range.as_bytes().ends_with(b"/0"));
    if is_part && (is_other || is_empty) {
        headers.remove(header::RANGE);
        return serve(path, method, headers).await;
    }
    if is_refused && headers.get(header::RANGE).is_some_and(is_end) {
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-"));
        return serve(path, method, headers).await;
    }
    Ok(response)
}

/// Whether a range is the last bytes of a file, at least one.
fn is_end(range: &HeaderValue) -> bool {
    let count = range.to_str().ok().and_then(|range| range.strip_prefix("bytes=-"));
    count.and_then(|count| count.parse::<u64>().ok()).is_some_and(|count| count > 0)
}

async fn serve(path: &FilePath, method: &Method, headers: HeaderMap) -> Result<Response, Error> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method.clone();
    *request.headers_mut() = headers;
    let served = ServeFile::new(path).ignore_multi_range_requests(true).try_call(request).await;
    Ok(served.map_err(|error| Error::io("cannot read", path, error))?.map(Body::new))
}

/// The library's refusal as a problem document.
fn refused(response: &Response) -> Response {
    let detail = match response.status() {
        StatusCode::RANGE_NOT_SATISFIABLE => "the file has no such range",
        StatusCode::PRECONDITION_FAILED => "the file does not match the request's conditions",
        _ => "the file cannot be sent",
    };
    let mut problem = Problem::new(response.status(), detail).into_response();
    for name in [header::CONTENT_RANGE, header::ETAG, header::ACCEPT_RANGES] {
        problem.headers_mut().extend(response.headers().get(&name).map(|value| (name, value.clone())));
    }
    problem
}
