//! Failures of a run, and their reports to people and programs.

use serde_json::{Value, json};
use whatsapp_otp::config::SettingsError;

use crate::advice::Advice;

/// The failure of a run.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Stopped by Ctrl-C, by the signal of this number, or by choice.
    Interrupted(u8),
    /// An incomplete or invalid command line.
    Usage(String),
    /// Invalid settings of the service.
    Settings(SettingsError),
    /// WhatsApp refused or was unreachable.
    Refused(Box<Advice>),
    /// Any other failure.
    Other(anyhow::Error),
}

impl Failure {
    /// The exit code; docs/operations.md lists them.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::Other(_) => 1,
            Self::Usage(_) => 2,
            Self::Settings(_) => 78,
            Self::Interrupted(signal) => 128 + signal,
        }
    }

    /// The text for people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Interrupted(_) => "stopped".to_owned(),
            Self::Usage(text) => format!("error: {text}"),
            Self::Settings(error) => format!(
                "error: {} invalid setting(s)\n{error}\n\nhint: config/default.toml explains every setting",
                error.faults().len()
            ),
            Self::Refused(advice) => advice.text(),
            Self::Other(error) => format!("error: {error:#}"),
        }
    }

    /// The JSON for programs.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Refused(advice) => json!({ "error": advice.json() }),
            other => json!({ "error": { "meaning": other.text().trim_start_matches("error: ") } }),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::Settings(error)
    }
}

impl From<Advice> for Failure {
    fn from(advice: Advice) -> Self {
        Self::Refused(Box::new(advice))
    }
}
