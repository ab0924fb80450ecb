//! State that the requests of the public listener share.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tower_http::cors::CorsLayer;

use super::edge::bounds::{BODY_TIMEOUT, WebhookPlaces, request_places};
use super::edge::cross_site::{self, Origins};
use super::edge::meters::Meters;
use super::edge::outcome::Outcome;
use super::edge::places::{Place, Places};
#[cfg(feature = "simulator")]
use super::edge::watch::RequestWatch;
use super::sample::active_codes::ActiveCodesTable;
use super::settings::{AcceptedKeys, AuthMode, PublicUrl, ServerSettings};
use crate::otp::{ClientAddress, InboundWebhook, OtpService};
use crate::proof::ProofKeys;

/// The time after which a request that found no place may try again.
pub(super) const RETRY_LATER: Duration = Duration::from_secs(1);

/// State that the requests of the public listener share.
pub struct PublicState {
    pub(super) service: Arc<OtpService>,
    pub(super) auth: AuthMode,
    pub(super) keys: AcceptedKeys,
    pub(super) public_url: Option<PublicUrl>,
    pub(super) trusted_proxies: Box<[IpNet]>,
    pub(super) cors_origins: Origins,
    pub(super) cors: Option<CorsLayer>,
    /// `true` if the sample server's two calls are answered.
    pub(super) sample_enabled: bool,
    /// `true` if the answers of the verification API say what is left of the limits.
    pub(super) rate_limit_fields: bool,
    pub(super) request_timeout: Duration,
    pub(super) body_timeout: Duration,
    /// The part of a request's time in which WhatsApp has to answer: the rest is for acting on the answer.
    pub(super) send_within: Duration,
    /// Places for requests in progress, whose bodies have arrived.
    pub(super) requests: Arc<Places>,
    /// Places for pending bodies.
    pub(super) bodies: Arc<Places>,
    /// Places for requests that wait for WhatsApp.
    pub(super) sends: Arc<Semaphore>,
    pub(super) tasks: TaskTracker,
    pub(super) meters: Arc<Meters>,
    pub(super) proof_keys: ProofKeys,
    /// WhatsApp's webhook, if there is one.
    pub(super) whatsapp_webhook: Option<Arc<dyn InboundWebhook>>,
    /// Places for webhooks.
    pub(super) webhook_places: WebhookPlaces,
    pub(super) active_codes: Option<ActiveCodesTable>,
    /// `true` to serve the page that shows the API.
    #[cfg(feature = "simulator")]
    pub(super) has_api_page: bool,
    /// Sees every request, if there is one.
    #[cfg(feature = "simulator")]
    pub(super) watch: Option<Arc<dyn RequestWatch>>,
}

impl PublicState {
    /// `tasks` tracks work that must not be interrupted when a caller hangs up; wait for it before the process ends. With
    /// `show_active_codes` the table of active codes follows calls in the log. Must be called within a Tokio runtime, after
    /// metrics are installed.
    #[must_use]
    pub fn new(
        service: Arc<OtpService>,
        settings: &ServerSettings,
        tasks: TaskTracker,
        show_active_codes: bool,
        proof_keys: ProofKeys,
        whatsapp_webhook: Option<Arc<dyn InboundWebhook>>,
    ) -> Self {
        let cors_origins = Origins::of(settings);
        let active_codes = show_active_codes.then(|| ActiveCodesTable::of(Arc::clone(service.store())));
        Self {
            service,
            auth: settings.auth,
            keys: settings.keys.clone(),
            public_url: settings.public_url.clone(),
            trusted_proxies: settings.trusted_proxies.clone().into(),
            cors: cross_site::cors(&cors_origins),
            cors_origins,
            sample_enabled: settings.sample_enabled,
            rate_limit_fields: settings.rate_limit_fields,
            request_timeout: settings.request_timeout,
            body_timeout: settings.body_timeout.min(BODY_TIMEOUT),
            requests: request_places(settings),
            bodies: request_places(settings),
            sends: Arc::new(Semaphore::new(settings.max_concurrent_sends)),
            send_within: settings.request_timeout * 9 / 10,
            tasks,
            meters: Arc::new(Meters::new()),
            proof_keys,
            whatsapp_webhook,
            webhook_places: WebhookPlaces::default(),
            active_codes,
            #[cfg(feature = "simulator")]
            has_api_page: false,
            #[cfg(feature = "simulator")]
            watch: None,
        }
    }

    /// Serves the page that shows the API as well.
    #[cfg(feature = "simulator")]
    #[must_use]
    pub fn with_api_page(self) -> Self {
        Self { has_api_page: true, ..self }
    }

    /// Lets `watch` see every request.
    #[cfg(feature = "simulator")]
    #[must_use]
    pub fn with_watch(self, watch: Arc<dyn RequestWatch>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Takes a place for a request in progress. If there is none, the request is refused immediately rather than kept waiting.
    pub(super) fn request_place(&self, holder: Option<ClientAddress>) -> Result<Place, Outcome> {
        self.requests.take(holder).map_err(|_| Outcome::Overloaded { what: "requests", retry_after: RETRY_LATER })
    }

    /// Takes a place for a pending body.
    pub(super) fn body_place(&self, holder: Option<ClientAddress>) -> Result<Place, Outcome> {
        self.bodies.take(holder).map_err(|_| Outcome::Overloaded { what: "bodies", retry_after: RETRY_LATER })
    }
}
