//! The operators' listener: is it alive, is it ready, how is it doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics::gauge;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::otp::CodeStore;
use crate::telemetry::Metrics;
use crate::telemetry::metrics::TEMPLATE_APPROVED;

/// What readiness calls the template; metrics find it by that.
pub const TEMPLATE: &str = "template";

/// Why a dependency is not fit for service, while it is not.
pub type Fault = watch::Receiver<Option<String>>;

/// What readiness says of the store beyond whether it answers: further fields.
pub type StoreDetails = Arc<dyn Fn() -> serde_json::Map<String, Value> + Send + Sync>;

/// What this instance needs in order to serve, and whether it is about to stop. Clones share it.
#[derive(Clone)]
pub struct Readiness {
    store: Arc<dyn CodeStore>,
    store_name: &'static str,
    store_details: Option<StoreDetails>,
    faults: Arc<[(&'static str, Fault)]>,
    draining: Arc<AtomicBool>,
}

impl Readiness {
    /// `store_name` is what answers call the store; `faults` are the other dependencies, by name.
    #[must_use]
    pub fn new(
        store: Arc<dyn CodeStore>,
        store_name: &'static str,
        store_details: Option<StoreDetails>,
        faults: Vec<(&'static str, Fault)>,
    ) -> Self {
        Self { store, store_name, store_details, faults: faults.into(), draining: Arc::default() }
    }

    /// From now on not ready, so that load balancers send requests elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

/// `/health/live`, `/health/ready` and `/metrics`.
pub fn router(readiness: Readiness, metrics: Metrics) -> Router {
    Router::new()
        .route("/health/live", get(async || no_store(StatusCode::OK, json!({ "status": "live" }))))
        .route("/health/ready", get(ready))
        .route("/metrics", get(async move |State(readiness)| show(&readiness, &metrics)))
        .with_state(readiness)
}

/// 200 if every dependency is fine, else 503; the body names each.
async fn ready(State(readiness): State<Readiness>) -> Response {
    let store_fault = readiness.store.ping().await.err().map(|error| error.to_string());
    let others = readiness.faults.iter().map(|(name, fault)| (*name, fault.borrow().clone()));
    let dependencies: Vec<_> = std::iter::once((readiness.store_name, store_fault)).chain(others).collect();
    let draining = readiness.draining.load(Ordering::Relaxed);
    let ready = !draining && dependencies.iter().all(|(_, fault)| fault.is_none());
    let mut dependencies: serde_json::Map<_, _> = dependencies.into_iter().map(dependency).collect();
    if let (Some(details), Some(Value::Object(store))) =
        (&readiness.store_details, dependencies.get_mut(readiness.store_name))
    {
        store.append(&mut details());
    }
    let body = json!({
        "status": if ready { "ready" } else { "not_ready" },
        "draining": draining,
        "dependencies": dependencies,
    });
    no_store(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, body)
}

/// Prometheus's text format.
fn show(readiness: &Readiness, metrics: &Metrics) -> Response {
    let approved = readiness.faults.iter().all(|(name, fault)| *name != TEMPLATE || fault.borrow().is_none());
    gauge!(TEMPLATE_APPROVED).set(if approved { 1.0 } else { 0.0 });
    let headers = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (headers, metrics.render()).into_response()
}

fn dependency((name, fault): (&str, Option<String>)) -> (String, Value) {
    let state = match fault {
        None => json!({ "status": "ok" }),
        Some(reason) => json!({ "status": "failed", "reason": reason }),
    };
    (name.to_owned(), state)
}

fn no_store(status: StatusCode, body: Value) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
