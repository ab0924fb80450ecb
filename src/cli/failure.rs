//! Reports failures.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use super::exit_code::{FAILED, INVALID_SETTINGS};
use super::output::{BOLD, OutputError, RED, print_error, wrapped};
use crate::app::Advised;
use crate::config::{Fault, SettingsError};
use crate::telemetry::{self, LogFormat};

const EXPLAIN: &str = "`whatsapp-otp config explain KEY` describes a setting.";

/// Reports a failure and returns the exit code for it. The report goes to the log if that is JSON, where other lines
/// would be in the way, and to standard error if it is a terminal or the log is for people. On a terminal that shows both
/// it is not repeated as JSON.
pub(super) fn failed(error: &anyhow::Error, hint: Option<&str>) -> ExitCode {
    if matches!(error.downcast_ref(), Some(OutputError::Closed)) {
        return ExitCode::from(FAILED);
    }
    let settings = error.downcast_ref::<SettingsError>();
    let advised = error.downcast_ref::<Advised>().map(|advised| advised.fix.as_str());
    let hint = settings.map(|_| EXPLAIN).or(advised).or(hint);
    let exit_code = if settings.is_some() { INVALID_SETTINGS } else { FAILED };
    let failure = settings.map_or_else(|| in_words(error), |settings| count(settings.faults()));
    let is_watched = io::stdout().is_terminal() && io::stderr().is_terminal();
    let is_json = telemetry::log_format() == Some(LogFormat::Json) && tracing::enabled!(tracing::Level::ERROR);
    let is_logged = is_json && !is_watched;
    if is_logged {
        for fault in settings.map(SettingsError::faults).unwrap_or_default() {
            tracing::error!(setting = fault.key, hint = fault.remedy(), "{fault}");
        }
        tracing::error!(exit_code, hint, "{failure}");
    }
    if !is_logged || io::stderr().is_terminal() {
        print_wrapped(&format!("{RED}error:{RED:#} {failure}"));
        if let Some(settings) = settings {
            print_faults(settings.faults());
        }
        if let Some(hint) = hint {
            print_error("");
            print_wrapped(&format!("{BOLD}hint:{BOLD:#} {hint}"));
        }
    }
    ExitCode::from(exit_code)
}

/// Prints a paragraph for each fault, with its remedy.
pub(super) fn print_faults(faults: &[Fault]) {
    for fault in faults {
        let text = fault.to_string();
        let (key, rest) = text.split_at(fault.key.len());
        print_error("");
        print_wrapped(&format!("{BOLD}{key}{BOLD:#}{rest}"));
        if let Some(remedy) = fault.remedy() {
            print_wrapped(&format!("  {remedy}"));
        }
    }
}

fn print_wrapped(text: &str) {
    print_error(wrapped(text, io::stderr(), 2));
}

fn count(faults: &[Fault]) -> String {
    match faults.len() {
        1 => "1 setting is invalid".to_owned(),
        count => format!("{count} settings are invalid"),
    }
}

/// Returns the error with its causes. Some errors already include their causes in their own text.
fn in_words(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| {
        if text.is_empty() {
            cause
        } else if text.ends_with(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_cause_that_an_error_includes_is_not_repeated() {
        let cause = || io::Error::other("refused");
        let error = Err::<(), _>(cause()).context("no connection: refused").unwrap_err();
        assert_eq!(in_words(&error), "no connection: refused");
        let error = Err::<(), _>(cause()).context("no connection").unwrap_err();
        assert_eq!(in_words(&error), "no connection: refused");
    }
}
