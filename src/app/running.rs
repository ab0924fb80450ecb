//! An application: its listeners, from binding to stopping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::addresses::{self, for_browsers, reachable};
use super::endpoints::Endpoints;
use super::{descriptors, visits};
use crate::events::{Deliverer, Deliverers};
#[cfg(feature = "simulator")]
use crate::http::RequestWatch;
use crate::http::{
    ConnectionBounds, Dependency, Handle, Listener, PublicState, Readiness, ServerSettings, StoreDetails, ops_router,
    public_service,
};
use crate::otp::{Apps, InboundWebhook, KeyRing, OtpService, ProofSigner, VerificationStore};
use crate::proof::{Issuer, ProofKeys, Signer};
use crate::supervisor::{self, Supervisor};
use crate::telemetry::Metrics;

/// The means of choosing the listeners' addresses.
const LISTEN: &str = "server.listen (WHATSAPP_OTP__SERVER__LISTEN)";
const OPS_LISTEN: &str = "server.ops_listen (WHATSAPP_OTP__SERVER__OPS_LISTEN)";

/// The parts of an application.
pub struct Parts {
    /// The store of codes and limits.
    pub store: Arc<dyn VerificationStore>,
    /// The store's name in readiness.
    pub store_name: &'static str,
    /// Further details about the store in readiness.
    pub store_details: Option<StoreDetails>,
    /// The apps, with their policies and senders.
    pub apps: Apps,
    /// Other dependencies of the instance.
    pub dependencies: Vec<Dependency>,
    /// The secrets of the digests.
    pub keys: KeyRing,
    /// The keys of proofs, if there are any.
    pub proof_keys: Option<ProofKeys>,
    /// The issuer of proofs; the URL of the public listener if none is given.
    pub proof_issuer: Option<Issuer>,
    /// The receiver of WhatsApp's webhooks, if there is one.
    pub whatsapp_webhook: Option<Arc<dyn InboundWebhook>>,
    /// The endpoints that are told of events.
    pub endpoints: Endpoints,
    /// `true` to log the table of active codes after each call.
    pub show_active_codes: bool,
}

/// A service whose listeners are bound: connections queue up until it runs.
pub struct App {
    public: Listener,
    ops: Option<Listener>,
    service: Arc<OtpService>,
    events: Vec<Deliverer>,
    state: PublicState,
    readiness: Readiness,
    metrics: Metrics,
    settings: ServerSettings,
    tasks: TaskTracker,
    /// End the listeners.
    handles: Handles,
    supervisor: Supervisor,
}

#[derive(Clone, Default)]
struct Handles {
    public: Handle,
    ops: Handle,
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
        let bounds = ConnectionBounds::public(descriptors::connections(&settings), &settings);
        let public = addresses::bind(settings.listen, settings.tls.clone(), bounds, LISTEN).await?;
        let ops = match settings.ops_listen {
            Some(address) => Some(addresses::bind(address, None, ConnectionBounds::ops(), OPS_LISTEN).await?),
            None => None,
        };
        plans.await.context("cannot load the numbering plans")?;
        let readiness =
            Readiness::new(Arc::clone(&parts.store), parts.store_name, parts.store_details, parts.dependencies);
        let issuer = parts.proof_issuer.unwrap_or_else(|| Issuer::of_url(&url_for_browsers(&public)));
        let proof_keys = parts.proof_keys.clone().unwrap_or_default();
        let signer = parts.proof_keys.map(|keys| Arc::new(Signer::new(keys, issuer)) as Arc<dyn ProofSigner>);
        let events = parts.endpoints.deliverers(&parts.apps, &parts.keys)?;
        let service = Arc::new(OtpService::new(parts.store, parts.apps, parts.keys, signer));
        let tasks = TaskTracker::new();
        let state = PublicState::new(
            Arc::clone(&service),
            &settings,
            tasks.clone(),
            parts.show_active_codes,
            proof_keys,
            parts.whatsapp_webhook,
        );
        let (handles, supervisor) = (Handles::default(), supervisor::of_process().clone());
        Ok(Self { public, ops, service, events, state, readiness, metrics, settings, tasks, handles, supervisor })
    }

    /// Serves a page that shows the API as well.
    #[cfg(feature = "simulator")]
    #[must_use]
    pub fn with_api_page(self) -> Self {
        Self { state: self.state.with_api_page(), ..self }
    }

    /// Returns its readiness, which it shares.
    #[cfg(feature = "simulator")]
    pub(super) fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Lets `watch` see every request.
    #[cfg(feature = "simulator")]
    #[must_use]
    pub fn with_watch(self, watch: Arc<dyn RequestWatch>) -> Self {
        Self { state: self.state.with_watch(watch), ..self }
    }

    /// Returns the public listener's URL, `http://127.0.0.1:3000`.
    #[must_use]
    pub fn public_url(&self) -> String {
        url_of(&self.public)
    }

    /// Returns the public listener's URL for a browser on this machine.
    #[must_use]
    pub fn browser_url(&self) -> String {
        url_for_browsers(&self.public)
    }

    /// Returns the public listener's URL for programs on this machine.
    #[must_use]
    pub fn local_url(&self) -> String {
        format!("{}://{}", self.public.scheme(), reachable(self.public.address()))
    }

    /// Returns the public listener's address.
    #[must_use]
    pub fn public_address(&self) -> SocketAddr {
        self.public.address()
    }

    /// Returns the operators' listener's address, if there is one.
    #[must_use]
    pub fn ops_address(&self) -> Option<SocketAddr> {
        self.ops.as_ref().map(Listener::address)
    }

    /// Serves until the first message of `stop`, or until it is closed, and then stops in order. First the instance is
    /// not ready but still listens, for the drain delay or until a second message. Then it accepts no new connections
    /// and finishes the requests in flight within the shutdown time-out. It stops in the same way if a background task
    /// or the operators' listener fails.
    ///
    /// # Errors
    ///
    /// If a listener or a background task fails.
    pub async fn run_until(self, mut stop: mpsc::Receiver<()>) -> anyhow::Result<()> {
        let Self { public, ops, service, events, state, readiness, metrics, settings, tasks, handles, supervisor } =
            self;
        let events = Deliverers::start(events);
        let _visits = visits::start(&service, &supervisor);
        let answering = public_service(state);
        let mut public = tokio::spawn(public.serve(answering, handles.public.clone()));
        let mut ops =
            ops.map(|ops| tokio::spawn(ops.serve(ops_router(readiness.clone(), metrics), handles.ops.clone())));

        let failure = tokio::select! {
            _ = stop.recv() => None,
            // It ends only when told to, and the process is useless without it.
            ended = &mut public => return Err(ended_too_early(ended)).context("the public listener"),
            ended = end_of(&mut ops) => {
                ops = None;
                Some(ended_too_early(ended).context("the operators' listener"))
            }
            task = supervisor.failure() => Some(anyhow!("the background task {task:?} failed")),
        };
        if let Some(error) = &failure {
            tracing::error!(error = format!("{error:#}"), "stopping; expecting to be started again");
        }
        readiness.drain();
        handles.public.drain();
        tracing::info!(drain_delay = ?settings.drain_delay, "stopping; not ready from now on");
        tokio::select! {
            () = tokio::time::sleep(settings.drain_delay) => {}
            Some(()) = stop.recv() => tracing::info!("told again to stop; no longer waiting for load balancers"),
        }
        tracing::info!(connections = handles.public.connection_count(), "finishing the requests in flight");
        handles.public.graceful_shutdown(settings.shutdown_timeout);
        public.await.context("the public listener")?;
        tasks.close();
        if tokio::time::timeout(settings.shutdown_timeout, tasks.wait()).await.is_err() {
            tracing::warn!(tasks = tasks.len(), "sends were still in flight at the end of the shutdown time-out");
        }
        events.stop(Instant::now() + settings.shutdown_timeout).await;
        if let Some(ops) = ops {
            handles.ops.graceful_shutdown(Duration::from_millis(100));
            ops.await.context("the operators' listener")?;
        }
        tracing::info!("stopped");
        failure.map_or(Ok(()), Err)
    }
}

fn url_of(listener: &Listener) -> String {
    format!("{}://{}", listener.scheme(), listener.address())
}

fn url_for_browsers(listener: &Listener) -> String {
    format!("{}://{}", listener.scheme(), for_browsers(listener.address()))
}

/// Waits for a listener to end, if there is one.
async fn end_of(listener: &mut Option<JoinHandle<()>>) -> Result<(), JoinError> {
    match listener {
        Some(listener) => listener.await,
        None => std::future::pending().await,
    }
}

/// Returns the error of a listener that ended unexpectedly.
fn ended_too_early(ended: Result<(), JoinError>) -> anyhow::Error {
    match ended {
        Err(panic) => panic.into(),
        Ok(()) => anyhow!("it ended without being told to"),
    }
}

#[cfg(test)]
#[cfg(feature = "simulator")]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::app::{SandboxStore, sandbox};
    use crate::config::{SandboxSettings, Sources};

    const LONGEST: Duration = Duration::from_secs(20);

    /// A service on free ports, with a supervisor of its own.
    async fn app() -> App {
        crate::cli::install_tls_provider();
        let settings =
            [("SERVER__LISTEN", "127.0.0.1:0"), ("SERVER__OPS_LISTEN", "127.0.0.1:0"), ("SERVER__DRAIN_DELAY", "0s")];
        let environment: HashMap<_, _> =
            settings.map(|(key, value)| (format!("WHATSAPP_OTP__{key}"), value.to_owned())).into();
        let settings = SandboxSettings::load(&Sources { file: None, environment }).unwrap();
        let sandbox = sandbox(settings, "127.0.0.1:0".parse().unwrap(), SandboxStore::Embedded).await.unwrap();
        App { supervisor: Supervisor::default(), ..sandbox.app }
    }

    /// Runs a service until it fails without being told to stop, and returns the error.
    async fn error_of(app: App) -> String {
        let (_stop, stopped) = mpsc::channel(1);
        let ended = tokio::time::timeout(LONGEST, app.run_until(stopped)).await.expect("it stops");
        format!("{:#}", ended.expect_err("it stops with an error"))
    }

    #[tokio::test]
    async fn a_background_task_that_panics_stops_the_service() {
        let app = app().await;
        app.supervisor.spawn("the test's", async { panic!("on purpose") });
        assert_eq!(error_of(app).await, "the background task \"the test's\" failed");
    }

    #[tokio::test]
    async fn a_listener_that_ends_by_itself_stops_the_service() {
        for (name, of) in [
            ("the public listener", (|handles| handles.public) as fn(Handles) -> Handle),
            ("the operators' listener", |handles| handles.ops),
        ] {
            let app = app().await;
            of(app.handles.clone()).shutdown();
            assert_eq!(error_of(app).await, format!("{name}: it ended without being told to"));
        }
    }
}
