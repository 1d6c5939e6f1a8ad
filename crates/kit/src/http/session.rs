//! `/api/v1/session`: a cookie in place of the bearer token, for what a page cannot send a token with: `<img>`, `<video>`.
//!
//! The cookie is signed with the token, so servers store nothing: it is valid at every server with the same token,
//! until it expires or the token is changed.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::InvalidLength;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::Shell;
use super::problem::{Problem, Problems};
use crate::names::digits;

/// How long a session lasts.
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Begin a session: a cookie that stands for the bearer token for twelve hours
#[utoipa::path(
    post, path = "/api/v1/session", tag = "session", operation_id = "begin_session",
    responses(
        (status = 204, description = "The cookie is set, where the server asks for a token", headers(("Set-Cookie" = String))),
        Problems
    )
)]
pub async fn begin(State(shell): State<Arc<Shell>>, headers: HeaderMap) -> Response {
    let Some(token) = &shell.options.token else { return StatusCode::NO_CONTENT.into_response() };
    // A session cannot start another: a stolen one could be renewed forever.
    if !has_token(token, &headers) {
        return unauthorised();
    }
    with_cookie(token, &headers, &value(token, now() + LIFETIME.as_secs()), LIFETIME)
}

/// End the session: the browser forgets the cookie
#[utoipa::path(
    delete, path = "/api/v1/session", tag = "session", operation_id = "end_session",
    responses((status = 204, description = "The cookie is removed", headers(("Set-Cookie" = String))), Problems)
)]
pub async fn end(State(shell): State<Arc<Shell>>, headers: HeaderMap) -> Response {
    let Some(token) = &shell.options.token else { return StatusCode::NO_CONTENT.into_response() };
    with_cookie(token, &headers, "", Duration::ZERO)
}

/// Whether the request carries the token itself.
pub fn has_token(token: &SecretString, headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let given = given.and_then(|value| value.strip_prefix(b"Bearer ")).unwrap_or_default();
    // Comparing hashes takes the same time however many letters fit.
    Sha256::digest(given) == Sha256::digest(token.expose_secret())
}

/// The response to a request without it.
pub fn unauthorised() -> Response {
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, "the bearer token is missing or wrong")
        .hint("send the header `Authorization: Bearer TOKEN`")
        .into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn with_cookie(token: &SecretString, headers: &HeaderMap, value: &str, lifetime: Duration) -> Response {
    // Behind a proxy with TLS only the page's own origin tells.
    let is_https = headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let secure = if is_https { "; Secure" } else { "" };
    let (name, seconds) = (cookie_name(token), lifetime.as_secs());
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

/// Whether the request carries the cookie of a session.
pub fn is_open(token: &SecretString, headers: &HeaderMap) -> bool {
    let name = cookie_name(token);
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut cookies = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.any(|(found, value)| found == name && is_valid(token, value, now()))
}

/// Browsers keep the cookies of all ports of a machine together: servers with other tokens have other names.
pub fn cookie_name(token: &SecretString) -> String {
    let name = signed(token, "name").map(|mac| digits(&mac.finalize().into_bytes()[..4]));
    format!("bootcamp-{}", name.unwrap_or_default())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// When the session ends, in seconds since 1970, and the signature of that.
fn value(token: &SecretString, expires: u64) -> String {
    let signature = signed(token, &expires.to_string()).map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
    format!("{expires}.{}", signature.unwrap_or_default())
}

fn is_valid(token: &SecretString, value: &str, now: u64) -> bool {
    let Some((expires, signature)) = value.split_once('.') else { return false };
    let is_signed = || {
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        signed(token, expires).ok()?.verify_slice(&signature).ok()
    };
    expires.parse::<u64>().is_ok_and(|expires| expires > now) && is_signed().is_some()
}

fn signed(token: &SecretString, text: &str) -> Result<Hmac<Sha256>, InvalidLength> {
    let mac = Hmac::<Sha256>::new_from_slice(token.expose_secret().as_bytes())?;
    Ok(mac.chain_update("bootcamp session\0").chain_update(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_session_is_of_one_token_and_ends() {
        let [token, other] = ["one", "other"].map(SecretString::from);
        let session = value(&token, 1000);
        assert!(is_valid(&token, &session, 999) && !is_valid(&token, &session, 1000), "it ends");
        assert!(!is_valid(&other, &session, 999));
        assert!(!is_valid(&token, &session.replacen("1000", "2000", 1), 999), "nobody makes it longer");
        assert_ne!(cookie_name(&token), cookie_name(&other));
    }

    proptest! {
        #[test]
        fn nothing_else_is_a_session(value in "[0-9]{0,20}\\.?[A-Za-z0-9_-]{0,44}", any in ".*") {
            let token = SecretString::from("one");
            prop_assert!(!is_valid(&token, &value, 0) && !is_valid(&token, &any, 0));
        }
    }
}
