//! What Prometheus gets to see: every metric's name, meaning, labels and buckets. Spelled here and nowhere else.
//!
//! Who measures uses the `metrics` facade with a name from here: `counter!(SENDS_TOTAL, "outcome" => "sent")`. That works
//! wherever it stands and does nothing unless [`Metrics::install`] was called before.
//!
//! Labels have few values, fixed beforehand: never a phone, an address, an id or anything else that callers choose.
//! Where all values are listed here, the series exist from the start, at zero: otherwise the first failure, which is what
//! an alert waits for, would be no increase.

use std::convert::Infallible;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use metrics::{
    Key, Label as KeyLabel, Level, Metadata, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, with_recorder,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::log;
use crate::supervisor;

/// Requests to the public listener.
pub const HTTP_REQUESTS_TOTAL: &str = "whatsapp_otp_http_requests_total";
/// How long they took.
pub const HTTP_REQUEST_DURATION_SECONDS: &str = "whatsapp_otp_http_request_duration_seconds";
/// How many are under way.
pub const HTTP_REQUESTS_IN_FLIGHT: &str = "whatsapp_otp_http_requests_in_flight";
/// Connections to the public listener.
pub const CONNECTIONS: &str = "whatsapp_otp_connections";
/// Connections that were refused.
pub const CONNECTIONS_REFUSED_TOTAL: &str = "whatsapp_otp_connections_refused_total";
/// Connections that we ended.
pub const CONNECTIONS_ENDED_TOTAL: &str = "whatsapp_otp_connections_ended_total";
/// What is not HTTP.
pub const MALFORMED_REQUESTS_TOTAL: &str = "whatsapp_otp_malformed_requests_total";
/// Requests for a code.
pub const SENDS_TOTAL: &str = "whatsapp_otp_sends_total";
/// Guesses.
pub const VERIFICATIONS_TOTAL: &str = "whatsapp_otp_verifications_total";
/// Refusals because of a limit of ours.
pub const LIMIT_REFUSALS_TOTAL: &str = "whatsapp_otp_limit_refusals_total";
/// Refusals because there is too much to do.
pub const OVERLOAD_REFUSALS_TOTAL: &str = "whatsapp_otp_overload_refusals_total";
/// How long a decision of the store took.
pub const REDIS_SCRIPT_DURATION_SECONDS: &str = "whatsapp_otp_redis_script_duration_seconds";
/// Decisions that were not to be had.
pub const REDIS_ERRORS_TOTAL: &str = "whatsapp_otp_redis_errors_total";
/// How long decisions wait for replicas.
pub const REDIS_ACK_DURATION_SECONDS: &str = "whatsapp_otp_redis_ack_duration_seconds";
/// Memory that servers use.
pub const REDIS_USED_MEMORY_BYTES: &str = "whatsapp_otp_redis_used_memory_bytes";
/// Memory that they may use.
pub const REDIS_MAX_MEMORY_BYTES: &str = "whatsapp_otp_redis_max_memory_bytes";
/// Connections to each server that decides.
pub const REDIS_PRIMARY_CONNECTIONS: &str = "whatsapp_otp_redis_primary_connections";
/// Connections.
pub const REDIS_CONNECTED: &str = "whatsapp_otp_redis_connected";
/// Connections that replaced a lost one.
pub const REDIS_RECONNECTS_TOTAL: &str = "whatsapp_otp_redis_reconnects_total";
/// How long an attempt to send took.
pub const WHATSAPP_REQUEST_DURATION_SECONDS: &str = "whatsapp_otp_whatsapp_request_duration_seconds";
/// Attempts after the first.
pub const WHATSAPP_RETRIES_TOTAL: &str = "whatsapp_otp_whatsapp_retries_total";
/// Attempts that failed.
pub const WHATSAPP_ERRORS_TOTAL: &str = "whatsapp_otp_whatsapp_errors_total";
/// Whether the template can be sent.
pub const TEMPLATE_APPROVED: &str = "whatsapp_otp_template_approved";
/// Whether sending is interrupted.
pub const BREAKER_STATE: &str = "whatsapp_otp_breaker_state";
/// How long sends wait for their turn.
pub const PACING_WAIT_SECONDS: &str = "whatsapp_otp_pacing_wait_seconds";
/// When the Graph API's version ends.
pub const GRAPH_API_VERSION_END_TIMESTAMP_SECONDS: &str = "whatsapp_otp_graph_api_version_end_timestamp_seconds";
/// Lines of the log that could not be written.
pub const LOG_LINES_LOST_TOTAL: &str = "whatsapp_otp_log_lines_lost_total";
/// The version of this program.
pub const BUILD_INFO: &str = "whatsapp_otp_build_info";

/// The value of a label for whatever is not worth a value of its own.
pub const OTHER: &str = "other";

/// A metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// What its series differ in.
    pub labels: &'static [Label],
    /// What it says.
    pub help: &'static str,
}

/// What sort of numbers a metric has.
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
    /// All its values; empty if they are few, but known elsewhere.
    pub values: &'static [&'static str],
}

const fn label(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values }
}

const fn metric(name: &'static str, kind: Kind, labels: &'static [Label], help: &'static str) -> Metric {
    Metric { name, kind, labels, help }
}

/// Up to the default of `server.request_timeout`.
const HTTP_BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0];
/// Up to the default of `redis.timeout`.
const REDIS_BUCKETS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0];
/// Up to the default of `whatsapp.timeout`.
const WHATSAPP_BUCKETS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0];
const PACING_BUCKETS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Every metric, in the order in which a dashboard would show them.
pub const METRICS: &[Metric] = &[
    metric(
        HTTP_REQUESTS_TOTAL,
        Kind::Counter,
        &[label("route", &[]), label("method", &[]), label("status", &[])],
        "Requests to the public listener by route, method and HTTP status; 499 if the caller hung up before the answer.",
    ),
    metric(
        HTTP_REQUEST_DURATION_SECONDS,
        Kind::Histogram(HTTP_BUCKETS),
        &[label("route", &[]), label("method", &[])],
        "Time from a request's head to its answer, or to the caller's hanging up.",
    ),
    metric(HTTP_REQUESTS_IN_FLIGHT, Kind::Gauge, &[], "Requests to the public listener that are being worked on."),
    metric(CONNECTIONS, Kind::Gauge, &[], "Connections to the public listener that are open."),
    metric(
        CONNECTIONS_REFUSED_TOTAL,
        Kind::Counter,
        &[label("reason", &["total", "peer", "failed"])],
        "Connections refused because there are too many in all or from one peer, or that could not be accepted.",
    ),
    metric(
        CONNECTIONS_ENDED_TOTAL,
        Kind::Counter,
        &[label("reason", &["slow_head", "idle", "unread", "not_closing"])],
        "Connections ended because their client took too long over something.",
    ),
    metric(
        MALFORMED_REQUESTS_TOTAL,
        Kind::Counter,
        &[],
        "Requests that are not HTTP or have too long a head, answered 400, 414 or 431 before anything looks at them.",
    ),
    metric(
        SENDS_TOTAL,
        Kind::Counter,
        &[label(
            "outcome",
            &[
                "sent",
                "sent_unclear",
                "send_failed",
                "sending_unavailable",
                "recipient_throttled",
                "limited",
                "destination_not_allowed",
                "store_unavailable",
                "overloaded",
                "invalid_phone",
                "invalid_client_address",
                "unauthorized",
                "cross_site",
                "internal_error",
            ],
        )],
        "Requests for a code by outcome, also of callers who did not wait for it.",
    ),
    metric(
        VERIFICATIONS_TOTAL,
        Kind::Counter,
        &[label(
            "outcome",
            &[
                "verified",
                "wrong",
                "locked",
                "expired",
                "fenced",
                "absent",
                "unreadable",
                "limited",
                "store_unavailable",
                "overloaded",
                "invalid_phone",
                "invalid_client_address",
                "unauthorized",
                "cross_site",
                "no_code",
                "malformed_json",
                "code_not_a_string",
                "not_a_code",
                "body_too_large",
                "body_too_slow",
            ],
        )],
        "Requests to verify a code by outcome.",
    ),
    metric(
        LIMIT_REFUSALS_TOTAL,
        Kind::Counter,
        &[label("limit", &["per_phone", "resend_cooldown", "per_ip", "checks_per_ip", "total", "failures_per_phone"])],
        "Requests refused because a limit was reached, by the limit's setting.",
    ),
    metric(
        OVERLOAD_REFUSALS_TOTAL,
        Kind::Counter,
        &[label("what", &["requests", "bodies", "sends", "pace"])],
        "Requests refused because there is too much to do, by what there is too much of.",
    ),
    metric(
        REDIS_SCRIPT_DURATION_SECONDS,
        Kind::Histogram(REDIS_BUCKETS),
        &[label("script", &["reserve", "confirm", "take_back", "turn", "find", "verify", "revoke", "status"])],
        "Time for one decision in Redis, waiting for a connection included, whether it succeeded or not.",
    ),
    metric(
        REDIS_ERRORS_TOTAL,
        Kind::Counter,
        &[label("kind", &["unreachable", "no_answer", "faulty", "unacknowledged"])],
        "Decisions and readiness checks that failed: no connection, no answer in time, an answer that is an error, or too \
         few replicas that have the decision.",
    ),
    metric(
        REDIS_ACK_DURATION_SECONDS,
        Kind::Histogram(REDIS_BUCKETS),
        &[],
        "Time that decisions waited for redis.min_replicas_ack replicas, in vain or not.",
    ),
    metric(
        REDIS_CONNECTED,
        Kind::Gauge,
        &[],
        "Connections to Redis that are up; redis.pool_size for each primary if all is well.",
    ),
    metric(
        REDIS_PRIMARY_CONNECTIONS,
        Kind::Gauge,
        &[label("mode", &[]), label("primary", &[])],
        "The same by redis.mode and server: above 0 for those that decide now, 0 for those that did.",
    ),
    metric(
        REDIS_USED_MEMORY_BYTES,
        Kind::Gauge,
        &[label("primary", &[])],
        "Memory that Redis uses, by server that decides, as of the last 15 seconds; absent if INFO is forbidden.",
    ),
    metric(
        REDIS_MAX_MEMORY_BYTES,
        Kind::Gauge,
        &[label("primary", &[])],
        "Memory that Redis may use (maxmemory): beyond it every request is answered 503. 0 for no limit.",
    ),
    metric(REDIS_RECONNECTS_TOTAL, Kind::Counter, &[], "Connections to Redis that replaced a lost one."),
    metric(
        WHATSAPP_REQUEST_DURATION_SECONDS,
        Kind::Histogram(WHATSAPP_BUCKETS),
        &[label("outcome", &["accepted", "refused", "unclear", "unreachable"])],
        "Time of each attempt to have WhatsApp send a message.",
    ),
    metric(
        WHATSAPP_RETRIES_TOTAL,
        Kind::Counter,
        &[],
        "Attempts to send a message after the first, for failures that pass.",
    ),
    metric(
        WHATSAPP_ERRORS_TOTAL,
        Kind::Counter,
        &[label("code", &[]), label("class", &[])],
        "Attempts to send a message that failed, by WhatsApp's error code (other: not documented, none: no code came) and \
         by what follows; operator: somebody has to act.",
    ),
    metric(
        TEMPLATE_APPROVED,
        Kind::Gauge,
        &[],
        "1 if the template can be sent, 0 if WhatsApp says that it cannot, or has not said anything yet.",
    ),
    metric(
        BREAKER_STATE,
        Kind::Gauge,
        &[],
        "Whether sends are held back because WhatsApp keeps failing: 0 closed (all is well), 1 open, 2 half-open.",
    ),
    metric(
        PACING_WAIT_SECONDS,
        Kind::Histogram(PACING_BUCKETS),
        &[],
        "Time that sends waited for their turn under the sending rate.",
    ),
    metric(
        GRAPH_API_VERSION_END_TIMESTAMP_SECONDS,
        Kind::Gauge,
        &[label("version", &[])],
        "Unix time at which the configured version of the Graph API ends; absent if no end is known.",
    ),
    metric(
        LOG_LINES_LOST_TOTAL,
        Kind::Counter,
        &[],
        "Lines of the log that standard output did not take: a full disk, a closed pipe, or nobody who reads it.",
    ),
    metric(BUILD_INFO, Kind::Gauge, &[label("version", &[])], "1, with the version of this program."),
];

/// How often recorded durations are added to their histograms. Until then each takes 8 bytes and more, so that thousands
/// of requests a second would fill the memory if this were left to a Prometheus that may not come.
const UPKEEP: Duration = Duration::from_secs(2);

/// The metrics of this process, for who shows them. Clones show the same.
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
    /// Records from now on what this process measures. A process has one set of metrics, however often this is called and
    /// however many services run in it, as in tests.
    ///
    /// # Errors
    ///
    /// [`MetricsError`] if something else records the metrics of this process, or a thread cannot be started.
    pub fn install() -> Result<Self, MetricsError> {
        static INSTALLED: OnceLock<Result<Metrics, MetricsError>> = OnceLock::new();
        INSTALLED.get_or_init(Self::start).clone()
    }

    fn start() -> Result<Self, MetricsError> {
        let mut builder = PrometheusBuilder::new();
        for metric in METRICS {
            if let Kind::Histogram(buckets) = metric.kind {
                let name = Matcher::Full(metric.name.to_owned());
                builder = builder
                    .set_buckets_for_metric(name, buckets)
                    .map_err(|error| MetricsError(format!("{}: {error}", metric.name)))?;
            }
        }
        let prometheus = builder.install_recorder().map_err(|error| MetricsError(error.to_string()))?;
        METRICS.iter().for_each(Metric::register);
        gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        let process = metrics_process::Collector::default();
        process.describe();

        // A thread and no task: it outlives the runtime of a test.
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

    /// Everything as Prometheus reads it: text, format version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        self.process.collect();
        counter!(LOG_LINES_LOST_TOTAL).absolute(log::lost_lines());
        self.prometheus.render()
    }
}

impl Metric {
    /// Describes the metric, and makes its series if they are all known.
    fn register(&self) {
        match self.kind {
            Kind::Counter => describe_counter!(self.name, Unit::Count, self.help),
            Kind::Gauge if self.name.ends_with("_seconds") => describe_gauge!(self.name, Unit::Seconds, self.help),
            Kind::Gauge => describe_gauge!(self.name, Unit::Count, self.help),
            Kind::Histogram(_) => describe_histogram!(self.name, Unit::Seconds, self.help),
        }
        match self.labels {
            [] => self.make_series(Vec::new()),
            [label] => {
                for &value in label.values {
                    self.make_series(vec![KeyLabel::from_static_parts(label.name, value)]);
                }
            }
            _ => {}
        }
    }

    fn make_series(&self, labels: Vec<KeyLabel>) {
        let key = Key::from_parts(self.name, labels);
        let metadata = Metadata::new(module_path!(), Level::INFO, None);
        with_recorder(|recorder| match self.kind {
            Kind::Counter => drop(recorder.register_counter(&key, &metadata)),
            Kind::Gauge => drop(recorder.register_gauge(&key, &metadata)),
            Kind::Histogram(_) => drop(recorder.register_histogram(&key, &metadata)),
        });
    }
}

#[cfg(test)]
mod tests;
