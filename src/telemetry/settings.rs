//! Settings of logging and tracing.

use url::Url;

/// Settings of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// For machines or for people.
    pub format: LogFormat,
    /// A level (`error` to `trace`, `off`) or a filter such as `info,whatsapp_otp=debug`.
    pub level: String,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people, with the table of active codes after each call.
    Pretty,
}

/// Settings of tracing.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSettings {
    /// The collector's OTLP/HTTP endpoint, without `/v1/traces`.
    pub endpoint: Url,
    /// The fraction of requests to trace, 0 to 1, where the caller has not decided.
    pub sample_ratio: f64,
}
