//! `whatsapp-otp man DIRECTORY`

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, CommandFactory};

use super::Cli;
use super::output::print;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The directory for the pages, created if it does not exist
    directory: PathBuf,
}

pub(super) fn run(Arguments { directory }: &Arguments) -> anyhow::Result<ExitCode> {
    let written = fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(Cli::command(), directory));
    written.with_context(|| format!("cannot write the pages to {}", directory.display()))?;
    print(format_args!("The pages are in {0}. Read one with `man {0}/whatsapp-otp.1`.", directory.display()))?;
    Ok(ExitCode::SUCCESS)
}
