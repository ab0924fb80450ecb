//! `GET /health/ready`: this instance can serve.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::no_store;
use crate::otp::CodeStore;
use crate::telemetry::log_fault;

/// How long a probe of the store stands for further ones.
const PROBE_STANDS: Duration = Duration::from_millis(500);

/// What readiness calls the log.
const LOG: &str = "log";

/// Why a dependency is not fit for service, while it is not.
pub type Fault = watch::Receiver<Option<String>>;

/// Something besides the store that the instance depends on.
pub struct Dependency {
    pub(super) name: &'static str,
    pub(super) fault: Fault,
    /// What its fault is called, and whether the instance can do nothing while there is one.
    status: &'static str,
    required: bool,
}

impl Dependency {
    /// A dependency without which no request succeeds: while it has a fault, the instance is not ready.
    #[must_use]
    pub fn required(name: &'static str, fault: Fault) -> Self {
        Self { name, fault, status: "failed", required: true }
    }

    /// A dependency that only a part of the service needs: its fault is reported, and the instance stays ready for the
    /// rest.
    #[must_use]
    pub fn partial(name: &'static str, fault: Fault) -> Self {
        Self { name, fault, status: "degraded", required: false }
    }
}

/// What readiness says of the store beyond whether it answers: further fields.
pub type StoreDetails = Arc<dyn Fn() -> Map<String, Value> + Send + Sync>;

/// What this instance needs in order to serve, and whether it is about to stop. Clones share it.
#[derive(Clone)]
pub struct Readiness {
    store: Arc<dyn CodeStore>,
    store_name: &'static str,
    store_details: Option<StoreDetails>,
    pub(super) dependencies: Arc<[Dependency]>,
    draining: Arc<AtomicBool>,
    probed: Arc<Mutex<Option<Probed>>>,
}

/// A probe of the store.
struct Probed {
    /// When it ended.
    at: Instant,
    /// What was wrong, if anything.
    fault: Option<String>,
}

impl Readiness {
    /// `store_name` is what answers call the store; `dependencies` are the others.
    #[must_use]
    pub fn new(
        store: Arc<dyn CodeStore>,
        store_name: &'static str,
        store_details: Option<StoreDetails>,
        dependencies: Vec<Dependency>,
    ) -> Self {
        Self {
            store,
            store_name,
            store_details,
            dependencies: dependencies.into(),
            draining: Arc::default(),
            probed: Arc::default(),
        }
    }

    /// Why the store could not decide now. However many ask, one probe runs at a time, and its result stands for a while.
    async fn store_fault(&self) -> Option<String> {
        let mut probed = self.probed.lock().await;
        match &*probed {
            Some(Probed { at, fault }) if at.elapsed() < PROBE_STANDS => fault.clone(),
            _ => {
                let fault = self.store.probe().await.err().map(|error| error.to_string());
                *probed = Some(Probed { at: Instant::now(), fault: fault.clone() });
                fault
            }
        }
    }

    /// From now on not ready, so that load balancers send requests elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}
/// 200 if codes can be checked here, else 503; the body names each dependency.
pub(super) async fn ready(State(readiness): State<Readiness>) -> Response {
    let store_fault = readiness.store_fault().await;
    let draining = readiness.draining.load(Ordering::Relaxed);
    let mut ready = !draining && store_fault.is_none();
    let mut store = state("failed", store_fault);
    if let Some(details) = &readiness.store_details {
        store.append(&mut details());
    }
    let mut dependencies = Map::from_iter([(readiness.store_name.to_owned(), Value::Object(store))]);
    for dependency in &*readiness.dependencies {
        let fault = dependency.fault.borrow().clone();
        ready &= fault.is_none() || !dependency.required;
        dependencies.insert(dependency.name.to_owned(), Value::Object(state(dependency.status, fault)));
    }
    // Requests are answered without it all the same.
    dependencies.insert(LOG.to_owned(), Value::Object(state("degraded", log_fault())));
    let body = json!({
        "status": if ready { "ready" } else { "not_ready" },
        "draining": draining,
        "dependencies": dependencies,
    });
    no_store(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, body)
}

/// The status of a dependency: `faulty` and the reason if it has a fault.
fn state(faulty: &str, fault: Option<String>) -> Map<String, Value> {
    let Some(reason) = fault else { return Map::from_iter([("status".to_owned(), json!("ok"))]) };
    Map::from_iter([("status".to_owned(), json!(faulty)), ("reason".to_owned(), json!(reason))])
}
