//! `whatsapp-otp revoke PHONE`

use std::process::ExitCode;

use clap::Args;

use crate::config::{Settings, Sources};
use crate::otp::{CodeStore, PhoneNumber};
use crate::store::redis::RedisStore;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The phone, in international format
    #[arg(value_parser = super::phone)]
    phone: PhoneNumber,
    /// Also forget its sends and wrong guesses, so that its limits start anew
    #[arg(long)]
    limits: bool,
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(super) async fn run(sources: &Sources, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(sources)?;
    let store = RedisStore::new(&settings.redis)?;
    let revoked = store.revoke(&arguments.phone, arguments.limits).await?;
    println!("{}", if revoked.code { "The active code was revoked." } else { "There was no active code." });
    if arguments.limits {
        println!("{}", if revoked.limits { "The limits start anew." } else { "The limits had counted nothing." });
    }
    Ok(ExitCode::SUCCESS)
}
