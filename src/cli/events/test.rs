//! `whatsapp-otp events test`

use std::process::ExitCode;

use clap::Args;

use super::told;
use crate::cli::output::print;
use crate::config::{Settings, Sources};
use crate::events::Client;
use crate::otp::AppName;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only this app's
    #[arg(long)]
    app: Option<AppName>,
}

pub(super) async fn run(sources: &Sources, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (settings, secrets) = Settings::load_with_event_secrets(sources)?;
    let mut code = ExitCode::SUCCESS;
    for app in told(&settings, arguments.app.as_ref())? {
        let (Some(endpoint), Some(secrets)) = (&app.endpoint, secrets.get(&app.name)) else { continue };
        let (name, url) = (&app.name, &endpoint.url);
        match Client::new(endpoint)?.test(name, secrets).await {
            Ok(status) => print(format_args!("ok      {name}: {url} took the test event, with status {status}"))?,
            Err(failure) => {
                print(format_args!("FAILED  {name}: {url}: {failure}"))?;
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}
