//! The results for people.

use std::io;

use super::Report;
use crate::app::{Outcome, Trial};
use crate::cli::output::{BOLD, DIMMED, GREEN, OutputError, RED, YELLOW, print, wrapped};

/// The width of the column with the outcomes.
const COLUMN: usize = 9;

/// Prints the results, then the remarks, the settings if they are asked for, and a summary.
pub(super) fn print_report(report: &Report, with_settings: bool) -> Result<(), OutputError> {
    report.trials.iter().try_for_each(print_trial)?;
    let warnings = report.warnings.iter().map(|warning| (format!("{YELLOW}warning:{YELLOW:#}"), warning));
    let notes = report.notes.iter().map(|note| ("note:".to_owned(), note));
    for (label, text) in warnings.chain(notes) {
        print(format_args!("\n{}", wrapped(&format!("{label} {text}"), io::stdout(), 0)))?;
    }
    if with_settings {
        print(format_args!("\n{BOLD}Settings{BOLD:#}"))?;
        for setting in &report.settings {
            print(wrapped(&format!("  {setting}"), io::stdout(), 4))?;
        }
    }
    print(format_args!("\n{}", summary(report)))
}

fn print_trial(trial: &Trial) -> Result<(), OutputError> {
    let Trial { part, subject, outcome, details, warnings } = trial;
    let (style, word, needs, fix) = match outcome {
        Outcome::Works => (GREEN, "ok", String::new(), None),
        Outcome::Failed { fix } => (RED, "FAILED", String::new(), Some(fix)),
        Outcome::Skipped { needs } => (DIMMED, "skipped", format!(" (needs: {})", needs.name()), None),
    };
    print_wrapped(&format!("{style}{word:<COLUMN$}{style:#}{BOLD}{}:{BOLD:#} {subject}{needs}", part.name()))?;
    let lines = details.iter().map(String::to_owned);
    let lines = lines.chain(warnings.iter().map(|warning| format!("{YELLOW}warning:{YELLOW:#} {warning}")));
    for line in lines.chain(fix.map(|fix| format!("{BOLD}To fix it:{BOLD:#} {fix}"))) {
        print_wrapped(&format!("{:COLUMN$}{line}", ""))?;
    }
    Ok(())
}

fn print_wrapped(line: &str) -> Result<(), OutputError> {
    print(wrapped(line, io::stdout(), COLUMN))
}

fn summary(report: &Report) -> String {
    let (all, failed, skipped) = (report.trials.len(), report.failed(), report.skipped());
    match (failed, skipped) {
        (0, _) => format!("{GREEN}Everything works.{GREEN:#}"),
        (failed, 0) => format!("{RED}{failed} of {all} failed.{RED:#}"),
        (failed, skipped) => format!("{RED}{failed} of {all} failed{RED:#}, {skipped} skipped."),
    }
}
