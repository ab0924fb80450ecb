//! `whatsapp-otp api-key NAME`: makes a key for a caller.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};

use super::output::print;
use crate::http::AcceptedKey;

/// What keys start with, so that people and scanners know one when they see it.
const PREFIX: &str = "wotp_";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The key's name in logs and metrics: lower-case letters, digits, '-' and '_', a letter first
    #[arg(value_parser = name)]
    name: String,
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

fn name(text: &str) -> Result<String, String> {
    let named = AcceptedKey::parse(&format!("{text}:{}", "0".repeat(64)));
    named
        .map(|accepted| accepted.key.name.to_string())
        .map_err(|_| "1 to 32 lower-case letters, digits, '-' and '_', a letter first".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_the_settings_take() {
        assert_eq!(name("backend-1").as_deref(), Ok("backend-1"));
        assert!(name("a:b").is_err() && name("").is_err());
    }
}
