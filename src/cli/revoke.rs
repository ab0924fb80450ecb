//! `whatsapp-otp revoke PHONE|ID`

use std::process::ExitCode;

use clap::Args;

use super::output::print;
use super::target::{self, Target};
use crate::app;
use crate::config::{Settings, Sources};
use crate::otp::{PhoneNumber, Status, VerificationId, VerificationStore};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The phone, in international format, whose codes are revoked in every app, or the ID of one verification
    ///
    /// Reading an ID needs `otp.secret`.
    #[arg(value_name = "PHONE|ID", value_parser = target::parse)]
    target: Target,
    /// Also reset the phone's limits by dropping its counts of sends and wrong guesses
    #[arg(long)]
    limits: bool,
}

pub(super) async fn run(sources: &Sources, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.target {
        Target::Phone(phone) => of_phone(sources, phone, arguments.limits).await?,
        Target::Id(id) => one(sources, id, arguments.limits).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Cancels the number's verifications in every app.
async fn of_phone(sources: &Sources, phone: &PhoneNumber, limits: bool) -> anyhow::Result<()> {
    let settings = Settings::load(sources)?;
    let store = app::store(&settings)?;
    let apps: Vec<_> = settings.apps.iter().map(|app| (app.name.clone(), app.policy.events)).collect();
    let canceled = store.cancel(phone, &apps, limits, &settings.policy).await?;
    print(if canceled.verifications > 0 { "The active code was revoked." } else { "There was no active code." })?;
    if limits {
        print(reset(canceled.limits))?;
    }
    Ok(())
}

/// Cancels one verification.
async fn one(sources: &Sources, id: &VerificationId, limits: bool) -> anyhow::Result<()> {
    let (settings, keys) = Settings::load_with_keys(sources)?;
    let (app, phone) = target::locate(id, &keys, &settings)?;
    let store = app::store(&settings)?;
    match store.cancel_one(&phone, &app.name, id, &app.policy).await?.map(|verification| verification.status) {
        None => print(format_args!("No verification {id}"))?,
        Some(Status::Canceled) => print("The verification is canceled.")?,
        Some(status) => print(format_args!("There was nothing to cancel: the verification is {}.", status.as_str()))?,
    }
    if limits {
        print(reset(store.cancel(&phone, &[], true, &app.policy).await?.limits))?;
    }
    Ok(())
}

fn reset(had_counters: bool) -> &'static str {
    if had_counters { "The limits were reset." } else { "There was nothing to reset." }
}
