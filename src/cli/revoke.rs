//! `whatsapp-otp revoke PHONE`

use std::process::ExitCode;

use clap::Args;

use super::output::print;
use crate::app;
use crate::config::{Settings, Sources};
use crate::otp::{PhoneNumber, VerificationStore};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The phone, in international format
    #[arg(value_parser = super::phone)]
    phone: PhoneNumber,
    /// Also reset its limits by dropping its counts of sends and wrong guesses
    #[arg(long)]
    limits: bool,
}

pub(super) async fn run(sources: &Sources, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(sources)?;
    let store = app::store(&settings)?;
    let apps: Vec<_> = settings.apps.iter().map(|app| app.name.clone()).collect();
    let canceled = store.cancel(&arguments.phone, &apps, arguments.limits, &settings.policy).await?;
    print(if canceled.verifications > 0 { "The active code was revoked." } else { "There was no active code." })?;
    if arguments.limits {
        print(if canceled.limits { "The limits were reset." } else { "There was nothing to reset." })?;
    }
    Ok(ExitCode::SUCCESS)
}
