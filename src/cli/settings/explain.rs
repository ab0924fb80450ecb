//! `whatsapp-otp config explain`

use std::io;
use std::process::ExitCode;

use clap::Args;

use crate::cli::exit_code::USAGE;
use crate::cli::output::{BOLD, OutputError, print, print_error, wrapped};
use crate::config::{Description, ShownSetting, Sources, describe, section};

/// The width of the column with the names of facts.
const COLUMN: usize = 13;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The key of a setting, its environment variable, or the name of a section
    key: String,
}

pub(super) fn run(sources: &Sources, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = section(&arguments.key);
    if !settings.is_empty() {
        let width = settings.iter().map(|(key, _)| key.len()).max().unwrap_or_default() + 2;
        for (key, brief) in settings {
            print(wrapped(&format!("{BOLD}{key:<width$}{BOLD:#}{brief}"), io::stdout(), width))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    match describe(&arguments.key) {
        Ok(description) => {
            print_description(&description, &sources.settings_in_force())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            print_error(format_args!("error: {error}\n\nhint: `whatsapp-otp config default` lists every setting."));
            Ok(ExitCode::from(USAGE))
        }
    }
}

fn print_description(description: &Description, in_force: &[ShownSetting]) -> Result<(), OutputError> {
    let Description { key, shared, file_key, variable, meaning, takes, default, per_app } = description;
    print(format_args!("{BOLD}{key}{BOLD:#}\n\n{}\n", wrapped(meaning, io::stdout(), 0)))?;
    fact("Takes", takes)?;
    match default {
        Ok("") => fact("Default", "none")?,
        Ok(value) => fact("Default", value)?,
        Err(example) if file_key.is_none() => fact("Default", &format!("none; an example is {example}"))?,
        Err(_) => fact("Default", "none")?,
    }
    fact("Environment", variable)?;
    if let Some(file_key) = file_key {
        fact("From a file", &format!("{file_key} or {variable}_FILE names it"))?;
    }
    if *per_app && shared.is_none() {
        fact("Per app", &format!("apps.NAME.{key}"))?;
    }
    let mut keys = [Some(key), file_key.as_ref(), shared.as_ref()].into_iter().flatten();
    let current = keys.find_map(|key| in_force.iter().find(|setting| setting.key == *key));
    match current {
        Some(ShownSetting { key: of, value, origin }) if of == key => fact("Now", &format!("{value} ({origin})")),
        Some(other) => fact("Now", &other.to_string()),
        None => fact("Now", "not set"),
    }
}

fn fact(name: &str, text: &str) -> Result<(), OutputError> {
    print(wrapped(&format!("{name:<COLUMN$}{text}"), io::stdout(), COLUMN))
}
