//! `whatsapp-otp events replay [ID]`

use std::process::ExitCode;

use clap::Args;

use super::told;
use crate::app;
use crate::cli::output::print;
use crate::config::{Settings, Sources};
use crate::otp::{AppName, EventQueue, World};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only this app's
    #[arg(long)]
    app: Option<AppName>,
    /// Only the event with this ID
    #[arg(value_name = "ID")]
    id: Option<String>,
}

pub(super) async fn run(sources: &Sources, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(sources)?;
    let store = app::store(&settings)?;
    let mut replayed = 0;
    for app in told(&settings, arguments.app.as_ref())? {
        for world in World::ALL {
            replayed += store.replay(&app.name.in_world(world), arguments.id.as_deref()).await?;
        }
    }
    if let (0, Some(id)) = (replayed, &arguments.id) {
        print(format_args!("No event {id} was given up."))?;
        return Ok(ExitCode::FAILURE);
    }
    print(format_args!("{replayed} event(s) will be sent again, and the endpoint is enabled."))?;
    Ok(ExitCode::SUCCESS)
}
