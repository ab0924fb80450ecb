//! `GET /health/ready`: the instance can serve.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::account::AccountStanding;
use super::no_store;
use super::state::state;
use super::template::{AppTemplate, TemplateLanguages};
use crate::otp::{AppName, SeenSuspensions, VerificationStore};
use crate::telemetry::log_fault;

/// The time for which the result of a probe of the store is reused.
const PROBE_VALID_FOR: Duration = Duration::from_millis(500);

/// The log's name in readiness.
const LOG: &str = "log";
/// The name of the account on WhatsApp in readiness.
const ACCOUNT: &str = "account";
/// The template's name in readiness.
const TEMPLATE: &str = "template";

/// The reason why a dependency cannot be used, while it cannot.
pub type Fault = watch::Receiver<Option<String>>;

/// A dependency of the instance besides the store.
pub struct Dependency {
    name: String,
    health: Health,
    /// `true` if the instance can do nothing while the dependency has a fault.
    required: bool,
}

enum Health {
    Fault(Fault),
    Template(AppTemplate),
    Account(AccountStanding),
}

impl Dependency {
    /// A dependency without which no request succeeds: while it has a fault, the instance is not ready.
    #[must_use]
    pub fn required(name: &str, fault: Fault) -> Self {
        Self { name: name.to_owned(), health: Health::Fault(fault), required: true }
    }

    /// The template of an app, named `template` if the app is `default`. Only sending needs it: its fault is reported, and
    /// the instance stays ready for the rest.
    #[must_use]
    pub fn template(app: AppName, languages: TemplateLanguages) -> Self {
        let name = if app == AppName::default() { TEMPLATE.to_owned() } else { format!("{TEMPLATE}_{app}") };
        Self { name, health: Health::Template(AppTemplate { app, languages }), required: false }
    }

    /// The account on WhatsApp, with the parts over which nothing is sent. Only sending needs it.
    #[must_use]
    pub fn account(seen: watch::Receiver<SeenSuspensions>) -> Self {
        Self { name: ACCOUNT.to_owned(), health: Health::Account(AccountStanding::new(seen)), required: false }
    }

    fn fault(&self) -> Option<String> {
        match &self.health {
            Health::Account(account) => account.fault(),
            Health::Fault(fault) => fault.borrow().clone(),
            Health::Template(template) => template.fault(),
        }
    }

    fn details(&self) -> Map<String, Value> {
        match &self.health {
            Health::Fault(_) => Map::new(),
            Health::Template(template) => template.details(),
            Health::Account(account) => account.details(),
        }
    }
}

/// Further fields about the store for readiness.
pub type StoreDetails = Arc<dyn Fn() -> Map<String, Value> + Send + Sync>;

/// The readiness of this instance: its dependencies, and whether it is stopping. Clones share it.
#[derive(Clone)]
pub struct Readiness {
    store: Arc<dyn VerificationStore>,
    store_name: &'static str,
    store_details: Option<StoreDetails>,
    dependencies: Arc<[Dependency]>,
    draining: Arc<AtomicBool>,
    probed: Arc<Mutex<Option<Probed>>>,
}

/// The end of a probe of the store, and the fault that it found.
type Probed = (Instant, Option<String>);

impl Readiness {
    /// `store_name` is the store's name in readiness; `dependencies` are the others.
    #[must_use]
    pub fn new(
        store: Arc<dyn VerificationStore>,
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

    /// Returns the reason why the store could not decide now. One probe runs at a time, and its result is reused for a
    /// while.
    async fn store_fault(&self) -> Option<String> {
        let mut probed = self.probed.lock().await;
        match &*probed {
            Some((at, fault)) if at.elapsed() < PROBE_VALID_FOR => fault.clone(),
            _ => {
                let fault = self.store.probe().await.err().map(|error| error.to_string());
                *probed = Some((Instant::now(), fault.clone()));
                fault
            }
        }
    }

    /// Sets the gauges of the dependencies.
    pub(super) fn measure(&self) {
        for dependency in &*self.dependencies {
            match &dependency.health {
                Health::Fault(_) => {}
                Health::Template(template) => template.measure(),
                Health::Account(account) => account.measure(),
            }
        }
    }

    /// Returns `true` if codes can be checked here, and the state of each dependency.
    pub async fn report(&self) -> (bool, Value) {
        let store_fault = self.store_fault().await;
        let draining = self.draining.load(Ordering::Relaxed);
        let mut ready = !draining && store_fault.is_none();
        let mut store = state("failed", store_fault);
        if let Some(details) = &self.store_details {
            store.append(&mut details());
        }
        let mut dependencies = Map::from_iter([(self.store_name.to_owned(), Value::Object(store))]);
        for dependency in &*self.dependencies {
            let fault = dependency.fault();
            ready &= fault.is_none() || !dependency.required;
            let faulty = if dependency.required { "failed" } else { "degraded" };
            let mut state = state(faulty, fault);
            state.append(&mut dependency.details());
            dependencies.insert(dependency.name.clone(), Value::Object(state));
        }
        // Requests are answered even without it.
        dependencies.insert(LOG.to_owned(), Value::Object(state("degraded", log_fault())));
        let body = json!({
            "status": if ready { "ready" } else { "not_ready" },
            "draining": draining,
            "dependencies": dependencies,
        });
        (ready, body)
    }

    /// Turns not ready, so that load balancers send requests elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

/// Answers 200 if codes can be checked here, else 503; the body names each dependency.
pub(super) async fn ready(State(readiness): State<Readiness>) -> Response {
    let (ready, body) = readiness.report().await;
    no_store(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, body)
}
