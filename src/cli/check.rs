//! `whatsapp-otp check`: prints, for everything that the service needs, what was tried, what was seen and what to do.

use std::process::ExitCode;

use clap::Args;

use super::output::print;
use crate::app;
use crate::config::{ServeSettings, Sources};
use crate::otp::PhoneNumber;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Also send a real code to this number, yours, and wait up to a minute for WhatsApp's webhook about it
    #[arg(long, value_name = "PHONE", value_parser = PhoneNumber::parse)]
    webhook: Option<PhoneNumber>,
}

pub(super) async fn run(sources: &Sources, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = ServeSettings::load(sources)?;
    print("Settings in force:")?;
    for setting in settings.common.shown() {
        print(format_args!("  {setting}"))?;
    }
    for warning in app::warnings(&settings.common, &settings.whatsapp.api) {
        print(format_args!("\nwarning: {warning}"))?;
    }
    print("")?;
    let trials = app::check(&settings, arguments.webhook.as_ref()).await;
    for app::Trial { tried, seen, advice } in &trials {
        match seen {
            Ok(seen) => print(format_args!("ok    {tried}\n      {seen}\n"))?,
            Err(seen) => print(format_args!("FAIL  {tried}\n      {seen}\n      hint: {advice}\n"))?,
        }
    }
    let failed = trials.iter().filter(|trial| trial.seen.is_err()).count();
    if failed == 0 {
        print("Everything works.")?;
        return Ok(ExitCode::SUCCESS);
    }
    print(format_args!("{failed} of {} failed.", trials.len()))?;
    Ok(ExitCode::FAILURE)
}
