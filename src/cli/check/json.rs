//! The results as JSON, for programs.

use serde_json::{Value, json};

use super::Report;
use crate::app::{Outcome, Trial};
use crate::cli::json::{fault, setting};
use crate::config::SettingsError;

pub(super) fn of(report: &Report) -> Value {
    json!({
        "ok": report.failed() == 0,
        "failed": report.failed(),
        "skipped": report.skipped(),
        "checks": report.trials.iter().map(check).collect::<Vec<_>>(),
        "warnings": report.warnings,
        "notes": report.notes,
        "invalid_settings": [],
        "settings": report.settings.iter().map(setting).collect::<Vec<_>>(),
    })
}

/// Returns the result if the settings are invalid, so that nothing was tried.
pub(super) fn invalid(error: &SettingsError) -> Value {
    json!({
        "ok": false,
        "failed": 0,
        "skipped": 0,
        "checks": [],
        "warnings": [],
        "notes": [],
        "invalid_settings": error.faults().iter().map(fault).collect::<Vec<_>>(),
        "settings": [],
    })
}

fn check(trial: &Trial) -> Value {
    let (status, fix, needs) = match &trial.outcome {
        Outcome::Works => ("ok", None, None),
        Outcome::Failed { fix } => ("failed", Some(fix), None),
        Outcome::Skipped { needs } => ("skipped", None, Some(needs.id())),
    };
    json!({
        "check": trial.part.id(),
        "subject": trial.subject,
        "status": status,
        "details": trial.details,
        "warnings": trial.warnings,
        "fix": fix,
        "needs": needs,
    })
}
