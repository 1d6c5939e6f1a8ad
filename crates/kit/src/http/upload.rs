//! Multipart bodies: files and text parts, within limits. Large files go to the spool as they arrive.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use futures::stream::{self, Stream, StreamExt};

use super::problem::Problem;
use crate::context::blocking;
use crate::receive::{Received, Writer};
use crate::spool::Spool;

/// The most files in a request.
const MAX_FILES: usize = 64;
/// The longest text part.
const MAX_TEXT: usize = 64 << 10;

/// A request's parts.
#[derive(Debug, Default)]
pub struct Parts {
    pub files: Vec<File>,
    pub texts: BTreeMap<String, String>,
}

#[derive(Debug)]
pub struct File {
    /// Of the part.
    pub part: String,
    /// That the sender gave it.
    pub name: String,
    pub received: Received,
}

impl Parts {
    /// Reads all parts of a request; files are those that have a file name, and go to the spool.
    pub async fn of(request: Request, spool: &Spool, max_bytes: u64) -> Result<Self, Problem> {
        let request = request.map(|body| Body::from_stream(one_at_a_time(body.into_data_stream())));
        let multipart = Multipart::from_request(request, &()).await;
        let mut multipart = multipart.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
        let mut parts = Self::default();
        while let Some(field) = multipart.next_field().await.map_err(bad_part)? {
            let part = field.name().unwrap_or_default().to_owned();
            match field.file_name().map(str::to_owned) {
                Some(_) if parts.files.len() == MAX_FILES => {
                    return Err(Problem::new(
                        StatusCode::BAD_REQUEST,
                        format!("the request has more than {MAX_FILES} files"),
                    ));
                }
                Some(name) => {
                    let received = receive(field, &name, Writer::new(spool), max_bytes).await?;
                    parts.files.push(File { part, name, received });
                }
                None => {
                    let text = text(field, &part).await?;
                    parts.texts.insert(part, text);
                }
            }
        }
        Ok(parts)
    }
}

/// The parser takes all that has arrived before it gives any of it away. So after each chunk there is nothing for a moment,
/// and its memory does not grow with the body of a client that is fast.
fn one_at_a_time<T>(chunks: impl Stream<Item = T> + Send + Unpin + 'static) -> impl Stream<Item = T> + Send {
    stream::unfold((chunks, false), |(mut chunks, is_next)| async move {
        if is_next {
            tokio::task::yield_now().await;
        }
        let chunk = chunks.next().await?;
        Some((chunk, (chunks, true)))
    })
}

/// A part that is a file, as it arrives.
async fn receive(mut field: Field<'_>, name: &str, mut writer: Writer, max: u64) -> Result<Received, Problem> {
    while let Some(chunk) = field.chunk().await.map_err(bad_part)? {
        if writer.size() + chunk.len() as u64 > max {
            let detail = format!("{name} is larger than the limit of {max} bytes per file");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        writer = blocking(move || writer.write(&chunk).map(|()| writer)).await?;
    }
    Ok(blocking(move || Ok(writer.finish())).await?)
}

/// A part that is a text.
async fn text(mut field: Field<'_>, part: &str) -> Result<String, Problem> {
    let no_text = || {
        let detail = format!("the part '{part}' is not text, or longer than {MAX_TEXT} bytes");
        Problem::new(StatusCode::BAD_REQUEST, detail).hint("files need a file name, in UTF-8")
    };
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(bad_part)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_TEXT {
            return Err(no_text());
        }
    }
    String::from_utf8(bytes).map_err(|_| no_text())
}

fn bad_part(error: MultipartError) -> Problem {
    Problem::new(error.status(), error.body_text())
}
