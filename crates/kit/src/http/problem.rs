//! Errors as RFC 9457 problem documents, both ours and those of axum's extractors.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Json, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bootcamp_core::Error;
use serde::de::DeserializeOwned;
use utoipa::IntoResponses;

use crate::api::ProblemBody;

/// A failed request.
#[derive(Debug)]
pub struct Problem {
    body: ProblemBody,
    retry_after: Option<u64>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { body: ProblemBody::new(status.as_u16(), title, detail.into(), None), retry_after: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.body.hint = Some(hint.into());
        self
    }

    /// Seconds after which trying again makes sense.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if error.kind().http_status() >= 500 {
            tracing::error!(%error, "a request failed");
        }
        let retry_after = error.kind().is_transient().then_some(1);
        Self { body: ProblemBody::of(&error), retry_after }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Error responses that any call may return.
#[derive(Debug, IntoResponses)]
#[allow(dead_code, reason = "stands for responses in the OpenAPI document")]
pub enum Problems {
    /// Something in the request is wrong.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(#[to_schema] ProblemBody),
    /// The bearer token is missing or wrong.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] ProblemBody),
    /// Not allowed: another origin, a place outside the import roots, or the store refuses.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] ProblemBody),
    /// No such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] ProblemBody),
    /// The body arrives too slowly.
    #[response(status = 408, content_type = "application/problem+json")]
    RequestTimeout(#[to_schema] ProblemBody),
    /// A collection of that name was created by another program.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] ProblemBody),
    /// A file or the whole request is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    PayloadTooLarge(#[to_schema] ProblemBody),
    /// The body's content type is not supported.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(#[to_schema] ProblemBody),
    /// Too many concurrent requests; `Retry-After` says when to try again.
    #[response(status = 429, content_type = "application/problem+json")]
    TooManyRequests(#[to_schema] ProblemBody),
    /// This store or model cannot do it.
    #[response(status = 422, content_type = "application/problem+json")]
    UnprocessableEntity(#[to_schema] ProblemBody),
    /// A bug, or the disk.
    #[response(status = 500, content_type = "application/problem+json")]
    InternalServerError(#[to_schema] ProblemBody),
    /// The store or Redis does not answer.
    #[response(status = 503, content_type = "application/problem+json")]
    ServiceUnavailable(#[to_schema] ProblemBody),
    /// The request took too long.
    #[response(status = 504, content_type = "application/problem+json")]
    GatewayTimeout(#[to_schema] ProblemBody),
    /// The disk is full.
    #[response(status = 507, content_type = "application/problem+json")]
    InsufficientStorage(#[to_schema] ProblemBody),
}

pub async fn no_such_route(request: Request) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is no {}", request.uri().path()))
}

pub async fn wrong_method(request: Request) -> Problem {
    let detail = format!("{} does not take {}", request.uri().path(), request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// A JSON body; what is wrong with it is a problem document.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match <Json<T> as FromRequest<S>>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(bad_json(&rejection)),
        }
    }
}

fn bad_json(rejection: &JsonRejection) -> Problem {
    let status = match rejection {
        // Malformed JSON and wrong JSON are the same error to a caller.
        JsonRejection::JsonDataError(_) | JsonRejection::JsonSyntaxError(_) => StatusCode::BAD_REQUEST,
        other => other.status(),
    };
    Problem::new(status, rejection.body_text())
}

/// A query string's fields.
#[derive(Debug)]
pub struct Fields<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Fields<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match <Query<T> as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(Query(fields)) => Ok(Self(fields)),
            Err(rejection) => Err(bad_query(&rejection)),
        }
    }
}

fn bad_query(rejection: &QueryRejection) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, rejection.body_text())
}
