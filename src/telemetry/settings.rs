//! What logging is told.

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
