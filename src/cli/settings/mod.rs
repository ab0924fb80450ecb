//! `whatsapp-otp config`: shows the settings.

mod explain;
mod show;

use std::process::ExitCode;

use clap::Subcommand;

use super::output::print;
use crate::config::{DEFAULTS, Sources};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print every setting with its default and its meaning, as a file to start from
    Default,
    /// Show the settings in force and the source of each; secrets are never shown
    Show(show::Arguments),
    /// Explain a setting: its meaning, the values it takes, its default and its current value
    #[command(after_help = EXAMPLES)]
    Explain(explain::Arguments),
}

const EXAMPLES: &str = "Examples:
  whatsapp-otp config explain otp.code_lifetime
  whatsapp-otp config explain WHATSAPP_OTP__REDIS__URL
  whatsapp-otp config explain limits                    # all settings of a section";

pub(super) fn run(sources: &Sources, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Default => {
            print(DEFAULTS.trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Show(arguments) => show::run(sources, arguments),
        Command::Explain(arguments) => explain::run(sources, arguments),
    }
}
