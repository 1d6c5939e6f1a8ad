//! Multipart bodies: files and the texts beside them, within limits.

use std::collections::BTreeMap;

use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;

use super::problem::Problem;

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
    pub bytes: Vec<u8>,
}

impl Parts {
    /// Reads all parts of a request; files are those that have a file name.
    pub async fn of(request: Request, max_bytes: u64) -> Result<Self, Problem> {
        let multipart = Multipart::from_request(request, &()).await;
        let mut multipart = multipart.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
        let mut parts = Self::default();
        while let Some(field) = multipart.next_field().await.map_err(bad_part)? {
            let part = field.name().unwrap_or_default().to_owned();
            let name = field.file_name().map(str::to_owned);
            let bytes = field.bytes().await.map_err(bad_part)?;
            match name {
                Some(name) => {
                    if bytes.len() as u64 > max_bytes {
                        let detail = format!("{name} has {} bytes, and at most {max_bytes} are taken", bytes.len());
                        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
                    }
                    if parts.files.len() == MAX_FILES {
                        return Err(Problem::new(
                            StatusCode::BAD_REQUEST,
                            format!("over {MAX_FILES} files in a request"),
                        ));
                    }
                    parts.files.push(File { part, name, bytes: bytes.into() });
                }
                None => {
                    let text = String::from_utf8(bytes.into()).ok().filter(|text| text.len() <= MAX_TEXT);
                    let text = text.ok_or_else(|| {
                        let detail = format!("the part '{part}' is no text of at most {MAX_TEXT} bytes");
                        Problem::new(StatusCode::BAD_REQUEST, detail).hint("files need a file name")
                    })?;
                    parts.texts.insert(part, text);
                }
            }
        }
        Ok(parts)
    }
}

fn bad_part(error: MultipartError) -> Problem {
    Problem::new(error.status(), error.body_text())
}
