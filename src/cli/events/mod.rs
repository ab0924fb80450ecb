//! `whatsapp-otp events`

mod list;
mod replay;
mod test;

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};

use crate::config::{AppSettings, Settings, Sources};
use crate::otp::AppName;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the state of each endpoint, and the events that it did not take
    List(list::Arguments),
    /// Send events again that an endpoint did not take, and enable it
    Replay(replay::Arguments),
    /// Send each endpoint a test event, and show its answer
    Test(test::Arguments),
}

pub(super) async fn run(sources: &Sources, arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::List(arguments) => list::run(sources, &arguments).await,
        Command::Replay(arguments) => replay::run(sources, &arguments).await,
        Command::Test(arguments) => test::run(sources, &arguments).await,
    }
}

/// Returns the apps that have an endpoint, or the one with that name, which must have one.
fn told<'s>(settings: &'s Settings, name: Option<&AppName>) -> anyhow::Result<Vec<&'s AppSettings>> {
    let meant = |app: &&AppSettings| app.endpoint.is_some() && name.is_none_or(|name| app.name == *name);
    let told: Vec<_> = settings.apps.iter().filter(meant).collect();
    match name {
        Some(name) if told.is_empty() => bail!("the app {name} has no endpoint: events.url is not set for it"),
        None if told.is_empty() => bail!("no app has an endpoint: events.url is not set"),
        _ => Ok(told),
    }
}
