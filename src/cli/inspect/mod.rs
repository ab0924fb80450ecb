//! `whatsapp-otp inspect [PHONE|ID]`

mod json;
mod story;
mod text;

use std::process::ExitCode;

use clap::Args;

use super::output::print;
use super::target::{self, Target};
use crate::app;
use crate::config::{Settings, Sources};
use crate::otp::{PhoneNumber, PhoneStatus, VerificationId, VerificationStore};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Show this phone's verifications in every app, or the story of the verification with this ID, with the phone's limits
    ///
    /// A phone is given in international format. Reading an ID needs `otp.secret`.
    #[arg(value_name = "PHONE|ID", value_parser = target::parse)]
    target: Option<Target>,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
    /// The most codes to show
    #[arg(long, default_value_t = 1_000, conflicts_with = "target")]
    most: usize,
}

pub(super) async fn run(sources: &Sources, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let answer = match arguments.target {
        None => active(sources, arguments.most, arguments.json).await?,
        Some(Target::Phone(phone)) => of_phone(sources, &phone, arguments.json).await?,
        Some(Target::Id(id)) => one(sources, &id, arguments.json).await?,
    };
    print(answer)?;
    Ok(ExitCode::SUCCESS)
}

/// Shows the active codes.
async fn active(sources: &Sources, most: usize, json: bool) -> anyhow::Result<String> {
    let store = app::store(&Settings::load(sources)?)?;
    // One more than is shown tells whether there are more.
    let mut codes = store.active(most.saturating_add(1)).await?;
    let more = codes.len() > most;
    codes.truncate(most);
    Ok(if json { json::codes(&codes, more).to_string() } else { text::codes(&codes, more) })
}

/// Shows a number's verifications in every app. The limits are those of the app `default`, which comes first.
async fn of_phone(sources: &Sources, phone: &PhoneNumber, json: bool) -> anyhow::Result<String> {
    let settings = Settings::load(sources)?;
    let store = app::store(&settings)?;
    let mut of_apps: Vec<PhoneStatus> = Vec::new();
    for app in &settings.apps {
        of_apps.push(store.status(phone, &app.name, &app.policy).await?);
    }
    Ok(if json { json::phone(phone, &of_apps).to_string() } else { text::phone(phone, &of_apps) })
}

/// Shows one verification, with the limits that its app sets for the number.
async fn one(sources: &Sources, id: &VerificationId, json: bool) -> anyhow::Result<String> {
    let (settings, keys) = Settings::load_with_keys(sources)?;
    let (app, phone) = target::locate(id, &keys, &settings)?;
    let status = app::store(&settings)?.status(&phone, &app.name, &app.policy).await?;
    let found = status.verifications.iter().find(|verification| verification.id == *id);
    Ok(if json { json::one(found, &status.limits).to_string() } else { text::one(id, &phone, found, &status.limits) })
}
