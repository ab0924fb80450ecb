//! What logging and tracing are told.

use url::Url;

/// How and how much to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// For machines or for people.
    pub format: LogFormat,
    /// A level (`error` to `trace`, `off`) or a filter such as `info,whatsapp_otp=debug`.
    pub level: String,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people, with the table of active codes after each call.
    Pretty,
}

/// Where traces go and how many.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSettings {
    /// The collector's OTLP over HTTP, without `/v1/traces`.
    pub endpoint: Url,
    /// The part of the requests that is traced, 0 to 1, where the caller has not decided.
    pub sample_ratio: f64,
}
