//! Guards in front of the handlers: authentication, origin checks, admission limits and timeouts.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;

use super::problem::Problem;
use super::{ServerOptions, Shell, session};

/// Admits only as many requests as the server can handle, once their bodies are here. Others are refused at once: a queue
/// would only delay all of them.
///
/// # Errors
/// `429 Too Many Requests`, with when to try again.
pub fn admit(shell: &Shell) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(&shell.admission).try_acquire_owned().map_err(|_| {
        shell.metrics.rejected.inc();
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many concurrent requests")
            .hint("try again in a second")
            .retry_after(1)
    })
}

/// Ends requests that take too long, including those whose body does not arrive.
pub async fn deadline(State(shell): State<Arc<Shell>>, request: Request, next: Next) -> Response {
    let limit = shell.options.request_timeout;
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("the request took longer than {} s", limit.as_secs_f64());
            Problem::new(StatusCode::GATEWAY_TIMEOUT, detail).into_response()
        }
    }
}

/// Marks a request from a process that can read the store's lock file.
#[derive(Clone, Copy, Debug)]
pub struct Owner;

/// Requires the bearer token or a session, if a token is set, and recognises the store's owner.
pub async fn authorise(State(shell): State<Arc<Shell>>, mut request: Request, next: Next) -> Response {
    let options = &shell.options;
    if options.owner.as_ref().is_some_and(|owner| session::has_token(owner, request.headers())) {
        request.extensions_mut().insert(Owner);
    } else if let Some(token) = &options.token
        && !session::has_token(token, request.headers())
        && !session::is_open(token, request.headers())
    {
        return session::unauthorised();
    }
    next.run(request).await
}

/// Keeps other sites from using the server through a visitor's browser: from changing anything (forms need no
/// CORS), and from reading through DNS rebinding.
pub async fn same_origin(State(shell): State<Arc<Shell>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !is_own_name(&shell.options, name_of(host(headers))) {
        return Problem::new(StatusCode::FORBIDDEN, "the Host header does not name this server")
            .hint("start it with --allowed-host NAME if it is")
            .into_response();
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !reads && !is_own_origin(headers) {
        return Problem::new(StatusCode::FORBIDDEN, "the request comes from another site").into_response();
    }
    next.run(request).await
}

fn host(headers: &HeaderMap) -> &str {
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// Of `[::1]:8080`, `127.0.0.1:8080`, `localhost`: what stands before the port.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// DNS rebinding needs a name that its owner can point anywhere. IP addresses are none, and where other machines can reach
/// the server, neither are names without a dot, which only a network of one's own knows: health checks, scrapers and
/// containers use them.
fn is_own_name(options: &ServerOptions, name: &str) -> bool {
    let allowed = |own: &String| own.eq_ignore_ascii_case(name);
    match name.parse::<std::net::IpAddr>() {
        _ if name.eq_ignore_ascii_case("localhost") || options.allowed_hosts.iter().any(allowed) => true,
        Ok(address) => address.is_loopback() || !options.is_loopback(),
        Err(_) => !options.is_loopback() && !name.is_empty() && !name.contains('.'),
    }
}

/// Browsers send the page's origin; other programs do not and are allowed.
fn is_own_origin(headers: &HeaderMap) -> bool {
    match headers.get(header::ORIGIN) {
        None => headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none"),
        Some(origin) => {
            let origin = origin.to_str().unwrap_or_default();
            origin.split_once("://").is_some_and(|(_, authority)| authority == host(headers))
        }
    }
}

/// Tells browsers to load nothing from other origins, not to sniff types, and not to show the page in a frame.
pub async fn security_headers(request: Request, next: Next) -> Response {
    // The page that browses the API styles itself inline and draws icons from data.
    let is_docs = request.uri().path().starts_with("/api/docs");
    let mut response = next.run(request).await;
    let policy = if is_docs {
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; frame-ancestors 'none'"
    } else {
        "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    };
    let headers = response.headers_mut();
    // Media, such as drawings, set a stricter policy.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(host: &str, allowed: &[&str]) -> ServerOptions {
        ServerOptions {
            host: host.to_owned(),
            port: 0,
            allowed_hosts: allowed.iter().map(|&name| name.to_owned()).collect(),
            token: None,
            owner: None,
            import_roots: Vec::new(),
            max_upload: 0,
            max_searches: 1,
            request_timeout: std::time::Duration::from_secs(1),
            body_grace: std::time::Duration::from_secs(1),
        }
    }

    #[track_caller]
    fn check(options: &ServerOptions, own: &[&str], foreign: &[&str]) {
        for (hosts, expected) in [(own, true), (foreign, false)] {
            for host in hosts {
                assert_eq!(is_own_name(options, name_of(host)), expected, "{host}");
            }
        }
    }

    const LOOPBACK: [&str; 6] = ["127.0.0.1:8080", "127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:80", "127.1.2.3"];

    #[test]
    fn on_loopback_only_this_machine_has_its_names() {
        let foreign = ["", "example.org", "127.0.0.1.example.org", "localhost.example.org:80", "10.0.0.1", "[::2]"];
        check(&options("127.0.0.1", &[]), &LOOPBACK, &foreign);
        check(&options("::1", &["search.example.org"]), &["Search.Example.org:80", "localhost"], &foreign);
    }

    #[test]
    fn elsewhere_names_that_others_can_own_must_be_given() {
        let foreign = ["", "example.org", "evil.example:8080", "10.0.0.1.evil.org", "image-search."];
        let own = ["10.0.0.1:80", "[fd00::2]:80", "localhost", "image-search:8080", "my-laptop"];
        check(&options("0.0.0.0", &[]), &own, &foreign);
        let named = options("0.0.0.0", &["search.example.org"]);
        check(&named, &LOOPBACK, &["", "example.org", "search.example.org.evil.org"]);
        check(&named, &["search.example.org:8080", "10.0.0.1", "[fd00::2]:80"], &["10.0.0.1.evil.org"]);
    }
}
