//! `whatsapp-otp check`: prints, for everything that the service needs, what was tried, what was seen and what to do.

mod json;
mod text;

use std::process::ExitCode;

use clap::Args;

use super::exit_code::INVALID_SETTINGS;
use super::output::print;
use crate::app::{self, Outcome, Trial};
use crate::config::{ServeSettings, ShownSetting, Sources};
use crate::otp::PhoneNumber;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Also send a real code to this number, yours, and wait up to a minute for WhatsApp's webhook about it
    #[arg(long, value_name = "PHONE", value_parser = PhoneNumber::parse)]
    webhook: Option<PhoneNumber>,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
    /// Also print the settings in force and their sources
    #[arg(long, short)]
    verbose: bool,
}

/// The results of all trials, with the remarks on the settings.
struct Report {
    trials: Vec<Trial>,
    /// Settings that work but are rarely intended.
    warnings: Vec<String>,
    /// Remarks that need no action yet.
    notes: Vec<String>,
    settings: Vec<ShownSetting>,
}

impl Report {
    fn failed(&self) -> usize {
        self.trials.iter().filter(|trial| matches!(trial.outcome, Outcome::Failed { .. })).count()
    }

    fn skipped(&self) -> usize {
        self.trials.iter().filter(|trial| matches!(trial.outcome, Outcome::Skipped { .. })).count()
    }
}

pub(super) async fn run(sources: &Sources, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = match ServeSettings::load(sources) {
        Ok(settings) => settings,
        Err(error) if arguments.json => {
            print(json::invalid(&error))?;
            return Ok(ExitCode::from(INVALID_SETTINGS));
        }
        Err(error) => return Err(error.into()),
    };
    let (common, whatsapp) = (&settings.common, &settings.whatsapp.api);
    let report = Report {
        trials: app::check(&settings, arguments.webhook.as_ref()).await,
        warnings: app::warnings(common, whatsapp),
        notes: app::notes(whatsapp),
        settings: common.shown().to_vec(),
    };
    if arguments.json {
        print(json::of(&report))?;
    } else {
        text::print_report(&report, arguments.verbose)?;
    }
    Ok(if report.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
