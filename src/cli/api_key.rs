//! `whatsapp-otp api-key NAME`: makes a key for a caller.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};

use super::output::print;
use crate::otp::KeyName;

/// What keys start with, so that people and scanners know one when they see it.
const PREFIX: &str = "wotp_";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The key's name in logs and metrics: lower-case letters, digits, '-' and '_', a letter first
    #[arg(value_parser = KeyName::parse)]
    name: KeyName,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    // 256 bits: as many as the hash has, so that nobody finds the key from it.
    let mut random = [0; 32];
    SysRng.try_fill_bytes(&mut random).context("the operating system gave no randomness")?;
    let key = format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&random));
    let hash = HEXLOWER.encode(&Sha256::digest(&key));
    print(format_args!("The key, for the caller, shown only now:\n\n{key}\n"))?;
    print("Its hash, for the settings, beside those of other callers:\n")?;
    print(format_args!("[auth]\nmode = \"api_key\"\napi_keys = [\"{}:{hash}\"]", arguments.name))?;
    Ok(ExitCode::SUCCESS)
}
