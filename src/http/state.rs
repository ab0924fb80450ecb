//! What the handlers of the public listener share.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use ipnet::IpNet;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::measure::Meters;
use super::settings::{AuthMode, ServerSettings};
use crate::otp::OtpService;

/// Shared by all requests, as one, so that it is cheap to hold.
pub struct PublicState {
    pub(super) service: Arc<OtpService>,
    pub(super) auth: AuthMode,
    pub(super) trusted_proxies: Box<[IpNet]>,
    pub(super) cors_origins: Box<[HeaderValue]>,
    /// Whether the sample server's two calls are answered.
    pub(super) sample_enabled: bool,
    pub(super) request_timeout: Duration,
    pub(super) body_timeout: Duration,
    /// How much of a request's time may pass until WhatsApp's answer is in: the rest is for acting on it.
    pub(super) send_within: Duration,
    /// A place for each request that is worked on.
    pub(super) requests: Semaphore,
    /// A place for each request that may wait for WhatsApp.
    pub(super) sends: Arc<Semaphore>,
    pub(super) tasks: TaskTracker,
    pub(super) meters: Arc<Meters>,
    pub(super) show_active_codes: bool,
}

impl PublicState {
    /// `tasks` holds work that a caller's going away must not interrupt; who stops the process waits for it.
    /// Metrics must be recorded by now. With `show_active_codes` each call is followed by the table of active codes.
    #[must_use]
    pub fn new(
        service: Arc<OtpService>,
        settings: &ServerSettings,
        tasks: TaskTracker,
        show_active_codes: bool,
    ) -> Self {
        Self {
            service,
            auth: settings.auth.clone(),
            trusted_proxies: settings.trusted_proxies.clone().into(),
            cors_origins: settings.cors_origins.clone().into(),
            sample_enabled: settings.sample_enabled,
            request_timeout: settings.request_timeout,
            body_timeout: settings.body_timeout,
            requests: Semaphore::new(settings.max_concurrent_requests),
            sends: Arc::new(Semaphore::new(settings.max_concurrent_sends)),
            send_within: settings.request_timeout * 9 / 10,
            tasks,
            meters: Arc::new(Meters::new()),
            show_active_codes,
        }
    }
}
