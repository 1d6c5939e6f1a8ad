//! Prometheus metrics: requests, their duration, refused requests, and the time searches spend encoding and in the
//! store.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::Shell;
use crate::query::Answer;

/// Bounds of the histograms, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    /// As it is declared, so that ids do not multiply it.
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Route {
    route: String,
}

/// All metrics of a server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    pub rejected: Counter,
    encoding: Histogram,
    searching: Histogram,
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("bootcamp"),
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
            in_flight: Gauge::default(),
            rejected: Counter::default(),
            encoding: histogram(),
            searching: histogram(),
        };
        let Self { registry, requests, durations, in_flight, rejected, encoding, searching } = &mut metrics;
        registry.register("http_requests", "Requests answered", requests.clone());
        let help = "Time from receiving a request's head to sending the response's head";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, durations.clone());
        registry.register("http_requests_in_flight", "Requests in progress", in_flight.clone());
        registry.register("rejected", "Requests answered with 429", rejected.clone());
        let help = "Time to encode queries";
        registry.register_with_unit("search_encoding", help, Unit::Seconds, encoding.clone());
        registry.register_with_unit("search_store", "Time of searches in the store", Unit::Seconds, searching.clone());
        metrics
    }
}

impl Metrics {
    pub fn searched(&self, answer: &Answer) {
        self.encoding.observe(answer.encode_ms / 1e3);
        self.searching.observe(answer.search_ms / 1e3);
    }

    /// In OpenMetrics' text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

/// Counts a request as in progress, also one whose client goes away.
struct InFlight<'a>(&'a Gauge);

impl<'a> InFlight<'a> {
    fn new(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A method's name. Clients may make up their own, and each would be a series for ever.
fn name_of(method: &Method) -> &'static str {
    const KNOWN: [Method; 7] =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH];
    const NAMES: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    KNOWN.iter().zip(NAMES).find_map(|(known, name)| (known == method).then_some(name)).unwrap_or("other")
}

/// Counts and times every request.
pub async fn observe(State(shell): State<Arc<Shell>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = name_of(request.method());
    let metrics = &shell.metrics;
    let start = Instant::now();
    let in_flight = InFlight::new(&metrics.in_flight);
    let response = next.run(request).await;
    drop(in_flight);
    metrics.durations.get_or_create(&Route { route: route.clone() }).observe(start.elapsed().as_secs_f64());
    let labels = Answered { method, route, status: response.status().as_u16() };
    metrics.requests.get_or_create(&labels).inc();
    response
}
