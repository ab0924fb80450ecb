//! `whatsapp-otp-setup man DIRECTORY`

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::cli::{command_line, print};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The directory for the pages, created if it does not exist
    directory: PathBuf,
}

pub(crate) fn run(Arguments { directory }: &Arguments) -> Result<u8, Failure> {
    let written = fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(command_line(), directory));
    written.with_context(|| format!("cannot write the pages to {}", directory.display()))?;
    print(format_args!("The pages are in {0}. Read one with `man {0}/whatsapp-otp-setup.1`.", directory.display()));
    Ok(0)
}
