//! `whatsapp-otp-setup completions SHELL`

use anyhow::Context;
use clap::Args;
use clap_complete::{Shell, generate};

use crate::cli::{command_line, print};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut command_line(), env!("CARGO_PKG_NAME"), &mut script);
    let script = String::from_utf8(script).context("the completions are not text")?;
    print(script.trim_end());
    Ok(0)
}
