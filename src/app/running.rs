//! An application: its listeners, running and stopping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum_server::Handle;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::http::{Fault, Listener, PublicState, Readiness, ServerSettings, StoreDetails, ops_router, public_service};
use crate::otp::{CodeSender, CodeStore, KeyRing, OtpService, Policy};
use crate::telemetry::Metrics;

/// What an application is made of.
pub struct Parts {
    /// Keeps codes and limits.
    pub store: Arc<dyn CodeStore>,
    /// What readiness calls the store.
    pub store_name: &'static str,
    /// What readiness says of it beyond whether it answers.
    pub store_details: Option<StoreDetails>,
    /// Delivers codes.
    pub sender: Arc<dyn CodeSender>,
    /// What else has to be fine for the instance to be ready, by the name that readiness calls it.
    pub faults: Vec<(&'static str, Fault)>,
    /// Secrets of the digests.
    pub keys: KeyRing,
    /// What the operator allows.
    pub policy: Policy,
    /// Whether each call is followed by the table of active codes.
    pub show_active_codes: bool,
}

/// A service whose listeners are bound: connections queue up until it runs.
pub struct App {
    public: Listener,
    ops: Option<Listener>,
    state: PublicState,
    readiness: Readiness,
    metrics: Metrics,
    settings: ServerSettings,
    tasks: TaskTracker,
}

impl App {
    /// Binds the listeners and loads the numbering plans.
    ///
    /// # Errors
    ///
    /// If an address is taken, the certificate cannot be used, or metrics cannot be recorded.
    pub async fn bind(settings: ServerSettings, parts: Parts) -> anyhow::Result<Self> {
        let metrics = Metrics::install()?;
        let plans = tokio::task::spawn_blocking(crate::otp::load_numbering_plans);
        let public = Listener::bind(settings.listen, settings.tls.clone()).await.context("server.listen")?;
        let ops = match settings.ops_listen {
            Some(address) => Some(Listener::bind(address, None).await.context("server.ops_listen")?),
            None => None,
        };
        plans.await.context("the numbering plans cannot be loaded")?;
        let readiness = Readiness::new(Arc::clone(&parts.store), parts.store_name, parts.store_details, parts.faults);
        let service = Arc::new(OtpService::new(parts.store, parts.sender, parts.keys, parts.policy));
        let tasks = TaskTracker::new();
        let state = PublicState::new(service, &settings, tasks.clone(), parts.show_active_codes);
        Ok(Self { public, ops, state, readiness, metrics, settings, tasks })
    }

    /// Where the public listener is, `http://127.0.0.1:3000`.
    #[must_use]
    pub fn public_url(&self) -> String {
        format!("{}://{}", self.public.scheme(), self.public.address())
    }

    /// The public listener's address.
    #[must_use]
    pub fn public_address(&self) -> SocketAddr {
        self.public.address()
    }

    /// The operators' listener's address, if there is one.
    #[must_use]
    pub fn ops_address(&self) -> Option<SocketAddr> {
        self.ops.as_ref().map(Listener::address)
    }

    /// Serves until the first message of `stop`, or its end; then stops in an orderly way: not ready, but listening, for
    /// the drain delay or until the second message; then without new connections until those in flight are done, for no longer
    /// than the shutdown time-out.
    ///
    /// # Errors
    ///
    /// If a listener fails.
    pub async fn run_until(self, mut stop: mpsc::Receiver<()>) -> anyhow::Result<()> {
        let Self { public, ops, state, readiness, metrics, settings, tasks } = self;
        let (public_handle, ops_handle) = (Handle::new(), Handle::new());
        let service = public_service(state, &settings.cors_origins);
        let mut public = tokio::spawn(public.serve(service, public_handle.clone()));
        let ops = ops.map(|ops| tokio::spawn(ops.serve(ops_router(readiness.clone(), metrics), ops_handle.clone())));

        tokio::select! {
            _ = stop.recv() => {}
            // It only ends when told to; otherwise the process is of no more use.
            ended = &mut public => return ended?.context("the public listener"),
        }
        readiness.drain();
        tracing::info!(drain_delay = ?settings.drain_delay, "stopping: not ready from now on");
        tokio::select! {
            () = tokio::time::sleep(settings.drain_delay) => {}
            Some(()) = stop.recv() => tracing::info!("asked again to stop: no more waiting for load balancers"),
        }
        tracing::info!(requests = public_handle.connection_count(), "finishing what is in flight");
        public_handle.graceful_shutdown(Some(settings.shutdown_timeout));
        public.await?.context("the public listener")?;
        tasks.close();
        if tokio::time::timeout(settings.shutdown_timeout, tasks.wait()).await.is_err() {
            tracing::warn!(tasks = tasks.len(), "sends were still in flight when the time was up");
        }
        if let Some(ops) = ops {
            ops_handle.graceful_shutdown(Some(Duration::from_millis(100)));
            ops.await?.context("the operators' listener")?;
        }
        tracing::info!("stopped");
        Ok(())
    }
}
