//! The metrics for Prometheus: each one's name, meaning, labels and buckets are declared here and nowhere else.
//!
//! Other modules record through the `metrics` facade with a name from here: `counter!(SENDS_TOTAL, "outcome" => "sent")`.
//! That works anywhere and does nothing until [`Metrics::install`] has been called.
//!
//! Labels have few values, known in advance: never a phone, an address, an id or anything else that callers choose.
//! Series whose label values are all listed here exist from the start, at zero: otherwise the first failure, which an
//! alert waits for, would not count as an increase.

use std::convert::Infallible;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use metrics::{
    Key, Label as KeyLabel, Level, Metadata, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, with_recorder,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use self::Kind::{Counter, Gauge, Histogram};
use super::log;
use crate::{supervisor, version};

/// The label value for everything that does not deserve one of its own.
pub const OTHER: &str = "other";

/// A metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// Labels that distinguish its series.
    pub labels: &'static [Label],
    /// Description for people, one sentence.
    pub help: &'static str,
}

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in seconds, by upper bounds.
    Histogram(&'static [f64]),
}

/// A label.
#[derive(Debug)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// All its values; empty if they are determined elsewhere.
    pub values: &'static [&'static str],
}

/// Up to the default of `server.request_timeout`.
const HTTP_BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0];
/// Up to the default of `redis.timeout`.
const REDIS_BUCKETS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0];
/// Up to the default of `whatsapp.timeout`.
const WHATSAPP_BUCKETS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0];
const PACING_BUCKETS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Up to the longest that WhatsApp tries to deliver a code.
const DELIVERY_BUCKETS: &[f64] =
    &[0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0, 600.0, 900.0];
/// Up to the default of `otp.code_lifetime`, and beyond.
const APPROVAL_BUCKETS: &[f64] = &[1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0, 600.0];
/// From at once to the retries of some hours later.
const WEBHOOK_AGE_BUCKETS: &[f64] =
    &[1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0];

/// Up to the longest that `events.timeout` allows.
const EVENT_BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Declares each metric once: a constant for its name, and an entry in [`METRICS`] with the documentation as its help text.
macro_rules! declare {
    ($($(#[doc = $help:literal])+ $constant:ident = $name:literal, $kind:expr $(, $label:literal: $values:expr)*;)+) => {
        $($(#[doc = $help])+ pub const $constant: &str = $name;)+

        /// Every metric, in the order in which a dashboard shows them.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $name,
            kind: $kind,
            labels: &[$(Label { name: $label, values: $values }),*],
            help: concat!($($help),+).trim_ascii_start(),
        }),+];
    };
}

declare! {
    /// Requests to the public listener by route, method and HTTP status; 499 if the caller hung up before the answer.
    HTTP_REQUESTS_TOTAL = "whatsapp_otp_http_requests_total", Counter, "route": &[], "method": &[], "status": &[];
    /// Time from a request's head to its answer, or to the caller's hanging up.
    HTTP_REQUEST_DURATION_SECONDS = "whatsapp_otp_http_request_duration_seconds", Histogram(HTTP_BUCKETS),
        "route": &[], "method": &[];
    /// Requests to the public listener in progress.
    HTTP_REQUESTS_IN_FLIGHT = "whatsapp_otp_http_requests_in_flight", Gauge;
    /// Open connections to the public listener.
    CONNECTIONS = "whatsapp_otp_connections", Gauge;
    /// Connections refused because there are too many in all or from one peer, or that could not be accepted.
    CONNECTIONS_REFUSED_TOTAL = "whatsapp_otp_connections_refused_total", Counter,
        "reason": &["total", "peer", "failed"];
    /// Connections closed because their client took too long over something.
    CONNECTIONS_ENDED_TOTAL = "whatsapp_otp_connections_ended_total", Counter,
        "reason": &["slow_head", "idle", "unread", "not_closing"];
    /// Requests that are not HTTP or whose head is too long, answered 400, 414 or 431 before any handler sees them.
    MALFORMED_REQUESTS_TOTAL = "whatsapp_otp_malformed_requests_total", Counter;
    /// Requests for a code by outcome, including those of callers who did not wait for it.
    SENDS_TOTAL = "whatsapp_otp_sends_total", Counter, "outcome": &[
        "sent", "sent_unclear", "reviewer", "send_failed", "sending_unavailable", "recipient_throttled", "limited",
        "destination_not_allowed", "store_unavailable", "overloaded", "invalid_phone", "invalid_client_address",
        "unauthorized", "cross_site", "internal_error", "not_pending", "expired", "absent", "unreadable", "invalid_request",
    ];
    /// Requests to verify a code by outcome.
    VERIFICATIONS_TOTAL = "whatsapp_otp_verifications_total", Counter, "outcome": &[
        "verified", "wrong", "exhausted", "locked", "not_pending", "expired", "fenced", "absent", "unreadable", "limited", "store_unavailable",
        "overloaded", "invalid_phone", "invalid_client_address", "unauthorized", "cross_site", "no_code",
        "malformed_json", "code_not_a_string", "not_a_code", "body_too_large", "body_too_slow",
        "idempotency_key_reused",
    ];
    /// Requests with an API key, by the key's name, app and outcome.
    KEY_REQUESTS_TOTAL = "whatsapp_otp_key_requests_total", Counter, "key": &[], "app": &[], "outcome": &[];
    /// Requests refused because a limit was reached, by the limit's setting.
    LIMIT_REFUSALS_TOTAL = "whatsapp_otp_limit_refusals_total", Counter, "limit": &[];
    /// Requests refused because of overload, by the resource that ran out.
    OVERLOAD_REFUSALS_TOTAL = "whatsapp_otp_overload_refusals_total", Counter,
        "what": &["requests", "bodies", "sends", "webhooks", "pace"];
    /// Time for one decision in Redis, including the wait for a connection, whether it succeeded or not.
    REDIS_SCRIPT_DURATION_SECONDS = "whatsapp_otp_redis_script_duration_seconds", Histogram(REDIS_BUCKETS),
        "script": &[
            "create", "resend", "confirm", "take_back", "turn", "find", "check", "cancel", "cancel_one", "delivery", "begin",
            "finish", "status", "suspend", "resume", "suspended",
            "add_event", "take_events", "settle_event", "undelivered", "replay_events", "endpoint",
            "deny", "expire", "timers", "due", "message",
        ];
    /// Decisions and readiness checks that failed: no connection, no answer in time, an error for an answer, or too few
    /// replicas with the decision.
    REDIS_ERRORS_TOTAL = "whatsapp_otp_redis_errors_total", Counter,
        "kind": &["unreachable", "no_answer", "faulty", "unacknowledged"];
    /// Time that decisions waited for `redis.min_replicas_ack` replicas, successfully or not.
    REDIS_ACK_DURATION_SECONDS = "whatsapp_otp_redis_ack_duration_seconds", Histogram(REDIS_BUCKETS);
    /// Connections to Redis that are up; `redis.pool_size` for each primary if all is well.
    REDIS_CONNECTED = "whatsapp_otp_redis_connected", Gauge;
    /// The same by `redis.mode` and server: above 0 for current primaries, 0 for former ones.
    REDIS_PRIMARY_CONNECTIONS = "whatsapp_otp_redis_primary_connections", Gauge, "mode": &[], "primary": &[];
    /// Memory that Redis uses, by primary, at most 15 seconds old; absent if INFO is forbidden.
    REDIS_USED_MEMORY_BYTES = "whatsapp_otp_redis_used_memory_bytes", Gauge, "primary": &[];
    /// Memory that Redis may use (maxmemory): beyond it every request is answered 503. 0 for no limit.
    REDIS_MAX_MEMORY_BYTES = "whatsapp_otp_redis_max_memory_bytes", Gauge, "primary": &[];
    /// Connections to Redis that replaced a lost one.
    REDIS_RECONNECTS_TOTAL = "whatsapp_otp_redis_reconnects_total", Counter;
    /// Time of each attempt to send a message through WhatsApp.
    WHATSAPP_REQUEST_DURATION_SECONDS = "whatsapp_otp_whatsapp_request_duration_seconds", Histogram(WHATSAPP_BUCKETS),
        "outcome": &["accepted", "refused", "unclear", "unreachable"];
    /// Attempts to send a message after the first, following transient failures.
    WHATSAPP_RETRIES_TOTAL = "whatsapp_otp_whatsapp_retries_total", Counter;
    /// Failed attempts to send a message, by WhatsApp's error code (other: not documented, none: no code came) and by
    /// consequence; operator: somebody has to act.
    WHATSAPP_ERRORS_TOTAL = "whatsapp_otp_whatsapp_errors_total", Counter, "code": &[], "class": &[];
    /// 1 if the app's template can be sent in the language, 0 if WhatsApp says that it cannot, or has not said anything yet.
    /// Apps without a sender of their own have that of the app default.
    TEMPLATE_APPROVED = "whatsapp_otp_template_approved", Gauge, "app": &[], "language": &[];
    /// State of a sender's circuit breaker, which suspends sending while its channel keeps failing: 0 closed (all is
    /// well), 1 open, 2 half-open.
    BREAKER_STATE = "whatsapp_otp_breaker_state", Gauge, "sender": &[];
    /// 1 while nothing is sent over a part of the WhatsApp account, on all instances: the scope account, sender, template or
    /// country, and its ID or countries.
    SUSPENDED = "whatsapp_otp_suspended", Gauge, "scope": &[], "of": &[];
    /// WhatsApp's rating of the sending number's quality: 3 green, 2 yellow, 1 red, 0 unknown.
    NUMBER_QUALITY = "whatsapp_otp_number_quality", Gauge, "sender": &[];
    /// WhatsApp's rating of a template's quality, by the template's ID in its language: 3 green, 2 yellow, 1 red, 0 unknown.
    TEMPLATE_QUALITY = "whatsapp_otp_template_quality", Gauge, "template": &[];
    /// The people that the business may write to in a day, by WhatsApp's messaging limit; 0 until it is known.
    MESSAGING_TIER = "whatsapp_otp_messaging_tier", Gauge;
    /// Time that sends waited for their turn under the sending rate.
    PACING_WAIT_SECONDS = "whatsapp_otp_pacing_wait_seconds", Histogram(PACING_BUCKETS);
    /// Webhooks from WhatsApp, by outcome.
    WEBHOOK_REQUESTS_TOTAL = "whatsapp_otp_webhook_requests_total", Counter, "outcome": &[
        "applied", "duplicate", "ignored", "bad_signature", "unparsable", "store_unavailable", "overloaded",
        "body_too_large", "body_too_slow", "unsupported_media_type",
    ];
    /// The parts of those with a good signature: message statuses, statements of recipients that they requested no code,
    /// notices about the account, and others; by outcome.
    WEBHOOK_ITEMS_TOTAL = "whatsapp_otp_webhook_items_total", Counter,
        "kind": &["status", "denial", "account", "message", "other"],
        "outcome": &["applied", "duplicate", "absent", "foreign", "unknown", "malformed", "ignored", "store_unavailable"];
    /// Deliveries that moved on to this status, as their channel reported.
    DELIVERIES_TOTAL = "whatsapp_otp_deliveries_total", Counter, "channel": &[],
        "status": &["sent", "failed", "delivered", "read"];
    /// Deliveries that failed, by WhatsApp's error code (other: not documented, none: no code came).
    DELIVERY_ERRORS_TOTAL = "whatsapp_otp_delivery_errors_total", Counter, "code": &[];
    /// Verifications by app, channel and the steps that they took: created, unless a limit forbids it; sent, once the
    /// channel took the first message; delivered, once that is on the phone; and approved. Test keys do not count.
    FUNNEL_TOTAL = "whatsapp_otp_funnel_total", Counter, "app": &[], "channel": &[],
        "step": &["created", "sent", "delivered", "approved"];
    /// Messages that did not arrive or could not be sent, by the reason in events and answers.
    UNDELIVERED_TOTAL = "whatsapp_otp_undelivered_total", Counter, "channel": &[], "reason": &[
        "not_on_whatsapp", "held_back", "country_restricted", "recipient_throttled", "throttled", "blocked",
        "identity_changed", "recipient_not_allowed", "sender", "template", "account", "request", "channel_failed",
        "unreachable", "unknown",
    ];
    /// Time from a message's arrival on the phone to the approval, for verifications of the verification API.
    APPROVAL_SECONDS = "whatsapp_otp_approval_seconds", Histogram(APPROVAL_BUCKETS);
    /// Verifications canceled as their recipients said that they had not requested a code.
    DENIALS_TOTAL = "whatsapp_otp_denials_total", Counter;
    /// Time from sending a message to the report that it is on the phone.
    DELIVERY_SECONDS = "whatsapp_otp_delivery_seconds", Histogram(DELIVERY_BUCKETS);
    /// Age of message statuses when they arrive, by WhatsApp's clock and that of this machine.
    WEBHOOK_AGE_SECONDS = "whatsapp_otp_webhook_age_seconds", Histogram(WEBHOOK_AGE_BUCKETS);
    /// Unix time of the last webhook with a good signature; 0 if there was none since the start.
    WEBHOOK_LAST_SECONDS = "whatsapp_otp_webhook_last_seconds", Gauge;
    /// Attempts to deliver an event to an app's endpoint: delivered, to be retried, or given up for good; and events dropped
    /// because too many waited.
    EVENTS_TOTAL = "whatsapp_otp_events_total", Counter, "app": &[],
        "outcome": &["delivered", "retried", "given_up", "dropped"];
    /// Time of each attempt to deliver an event, whether it succeeded or not.
    EVENT_DELIVERY_SECONDS = "whatsapp_otp_event_delivery_seconds", Histogram(EVENT_BUCKETS);
    /// 1 if the app's endpoint is disabled, as it took none of many events or said that it is gone; otherwise 0.
    EVENT_ENDPOINT_DISABLED = "whatsapp_otp_event_endpoint_disabled", Gauge, "app": &[];
    /// Events of the app that its endpoint does not have yet.
    EVENTS_WAITING = "whatsapp_otp_events_waiting", Gauge, "app": &[];
    /// Age of the oldest of them; 0 if there are none.
    EVENT_OLDEST_SECONDS = "whatsapp_otp_event_oldest_seconds", Gauge, "app": &[];
    /// Unix time at which the configured version of the Graph API ends; absent if no end is known.
    GRAPH_API_VERSION_END_TIMESTAMP_SECONDS = "whatsapp_otp_graph_api_version_end_timestamp_seconds", Gauge,
        "version": &[];
    /// 1 for the key that signs proofs, 0 for the others that are published, by key id. Test keys do not count.
    PROOF_KEY_INFO = "whatsapp_otp_proof_key_info", Gauge, "kid": &[];
    /// Log lines that standard output did not take: a full disk, a closed pipe, or a pipe that nobody reads.
    LOG_LINES_LOST_TOTAL = "whatsapp_otp_log_lines_lost_total", Counter;
    /// 1, with the version and the commit of this program.
    BUILD_INFO = "whatsapp_otp_build_info", Gauge, "version": &[], "commit": &[];
}

/// The interval at which recorded durations are added to their histograms. Until then each takes at least 8 bytes, so
/// thousands of requests a second would fill the memory if this were left to a Prometheus that may never scrape.
const UPKEEP: Duration = Duration::from_secs(2);

/// A handle to the metrics of this process. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    prometheus: PrometheusHandle,
    process: metrics_process::Collector,
}

/// Metrics cannot be recorded.
#[derive(Debug, Clone, thiserror::Error)]
#[error("metrics cannot be recorded: {0}")]
pub struct MetricsError(String);

impl Metrics {
    /// Starts recording the metrics of this process. A process has one set of metrics, however often this is called and
    /// however many services run in it, as in tests.
    ///
    /// # Errors
    ///
    /// [`MetricsError`] if another recorder is installed in this process, or a thread cannot be started.
    pub fn install() -> Result<Self, MetricsError> {
        static INSTALLED: OnceLock<Result<Metrics, MetricsError>> = OnceLock::new();
        INSTALLED.get_or_init(Self::start).clone()
    }

    fn start() -> Result<Self, MetricsError> {
        let mut builder = PrometheusBuilder::new();
        for metric in METRICS {
            if let Histogram(buckets) = metric.kind {
                let name = Matcher::Full(metric.name.to_owned());
                builder = builder
                    .set_buckets_for_metric(name, buckets)
                    .map_err(|error| MetricsError(format!("{}: {error}", metric.name)))?;
            }
        }
        let prometheus = builder.install_recorder().map_err(|error| MetricsError(error.to_string()))?;
        METRICS.iter().for_each(Metric::register);
        gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION"), "commit" => version::COMMIT).set(1.0);
        let process = metrics_process::Collector::default();
        process.describe();

        // A thread rather than a task: it outlives the runtime of a test.
        let upkeep = prometheus.clone();
        let upkeep = move || -> Infallible {
            loop {
                thread::sleep(UPKEEP);
                upkeep.run_upkeep();
            }
        };
        supervisor::spawn_thread("metrics", upkeep).map_err(|error| MetricsError(error.to_string()))?;
        Ok(Self { prometheus, process })
    }

    /// Renders all metrics in Prometheus's text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        self.process.collect();
        counter!(LOG_LINES_LOST_TOTAL).absolute(log::lost_lines());
        self.prometheus.render()
    }
}

impl Metric {
    /// Describes the metric, and creates its series if all of them are known.
    fn register(&self) {
        match self.kind {
            Counter => describe_counter!(self.name, Unit::Count, self.help),
            Gauge if self.name.ends_with("_seconds") => describe_gauge!(self.name, Unit::Seconds, self.help),
            Gauge => describe_gauge!(self.name, Unit::Count, self.help),
            Histogram(_) => describe_histogram!(self.name, Unit::Seconds, self.help),
        }
        match self.labels {
            [] => self.create_series(Vec::new()),
            [label] => {
                for &value in label.values {
                    self.create_series(vec![KeyLabel::from_static_parts(label.name, value)]);
                }
            }
            _ => {}
        }
    }

    fn create_series(&self, labels: Vec<KeyLabel>) {
        let key = Key::from_parts(self.name, labels);
        let metadata = Metadata::new(module_path!(), Level::INFO, None);
        with_recorder(|recorder| match self.kind {
            Counter => drop(recorder.register_counter(&key, &metadata)),
            Gauge => drop(recorder.register_gauge(&key, &metadata)),
            Histogram(_) => drop(recorder.register_histogram(&key, &metadata)),
        });
    }
}

#[cfg(test)]
mod tests;
