//! Failures of a run, and their reports to people and programs.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};
use whatsapp_otp::config::SettingsError;

use crate::advice::Advice;

/// Something that still has to be done, for programs: its name, and the way to do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Missing {
    what: &'static str,
    how: String,
}

impl Missing {
    pub(crate) fn new(what: &'static str, how: impl Into<String>) -> Self {
        Self { what, how: how.into() }
    }

    /// The way to do it.
    pub(crate) fn how(&self) -> &str {
        &self.how
    }
}

/// The failure of a run.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Stopped by Ctrl-C, by the signal of this number, or by choice.
    Interrupted(u8),
    /// An invalid command line.
    Usage(String),
    /// Answers are missing and cannot be asked for, for this reason.
    Unanswered(&'static str, Vec<Missing>),
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
            Self::Usage(_) | Self::Unanswered(..) => 2,
            Self::Settings(_) => 78,
            Self::Interrupted(signal) => 128 + signal,
        }
    }

    /// The text for people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Interrupted(_) => "stopped".to_owned(),
            Self::Usage(text) => format!("error: {text}"),
            Self::Unanswered(why, missing) => format!(
                "error: {why}, and these are missing:\n  {}\n\nhint: whatsapp-otp-setup --help lists all flags and their \
                 variables",
                missing.iter().map(Missing::how).collect::<Vec<_>>().join("\n  ")
            ),
            Self::Settings(error) => settings(error),
            Self::Refused(advice) => advice.text(),
            Self::Other(error) => format!("error: {error:#}"),
        }
    }

    /// The JSON for programs.
    pub(crate) fn json(&self) -> Value {
        let missing = match self {
            Self::Unanswered(_, missing) => missing.clone(),
            Self::Refused(advice) => vec![Missing::new(advice.missing(), advice.hint.clone())],
            _ => Vec::new(),
        };
        let error = match self {
            Self::Refused(advice) => advice.json(),
            other => json!({ "meaning": other.text().trim_start_matches("error: ") }),
        };
        json!({ "error": error, "missing": missing })
    }
}

/// The text for invalid settings, with the remedy for each.
fn settings(error: &SettingsError) -> String {
    let count = match error.faults().len() {
        1 => "1 setting is invalid".to_owned(),
        count => format!("{count} settings are invalid"),
    };
    let mut text = format!("error: {count}\n");
    for fault in error.faults() {
        let remedy = fault.remedy().map(|remedy| format!("\n  {remedy}")).unwrap_or_default();
        let _ = write!(text, "\n{fault}{remedy}\n");
    }
    text + "\nhint: `whatsapp-otp config explain KEY` describes a setting."
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
