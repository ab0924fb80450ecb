//! `whatsapp-otp config show`

use std::io;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::cli::json;
use crate::cli::output::{DIMMED, print, wrapped};
use crate::config::{Origin, Settings, ShownSetting, Sources};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Show only the settings that differ from the defaults
    #[arg(long)]
    changed: bool,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
}

/// Shows the settings. Invalid ones are shown as well, and reported in the end.
pub(super) fn run(sources: &Sources, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let is_wanted = |setting: &ShownSetting| !arguments.changed || setting.origin != Origin::Default;
    let settings: Vec<_> = sources.settings_in_force().into_iter().filter(is_wanted).collect();
    if arguments.json {
        print(json!({ "settings": settings.iter().map(json::setting).collect::<Vec<_>>() }))?;
    } else {
        for setting in &settings {
            let style = if setting.origin == Origin::Default { DIMMED } else { anstyle::Style::new() };
            print(wrapped(&format!("{style}{setting}{style:#}"), io::stdout(), 2))?;
        }
    }
    Settings::load(sources)?;
    Ok(ExitCode::SUCCESS)
}
