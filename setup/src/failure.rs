//! How a run can end other than well, and what the person and the calling program are told.

use serde_json::{Value, json};
use whatsapp_otp::config::SettingsError;

use crate::advice::Advice;

/// Why a run did not come to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Somebody stopped it: by Ctrl-C, by the signal of this number, or by saying so.
    Interrupted(u8),
    /// The command line lacks something, or has something that it must not have.
    Usage(String),
    /// The settings that are shared with the service are wrong.
    Settings(SettingsError),
    /// WhatsApp refused, or was not to be had.
    Refused(Box<Advice>),
    /// Anything else.
    Other(anyhow::Error),
}

impl Failure {
    /// The exit code; README.md lists them.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::Other(_) => 1,
            Self::Usage(_) => 2,
            Self::Settings(_) => 78,
            Self::Interrupted(signal) => 128 + signal,
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Interrupted(_) => "stopped".to_owned(),
            Self::Usage(text) => format!("error: {text}"),
            Self::Settings(error) => format!(
                "error: {} bad setting(s)\n{error}\n\nhint: config/default.toml explains every setting",
                error.faults().len()
            ),
            Self::Refused(advice) => advice.text(),
            Self::Other(error) => format!("error: {error:#}"),
        }
    }

    /// For programs.
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
