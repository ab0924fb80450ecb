//! `whatsapp-otp healthcheck`: for a container's HEALTHCHECK, which may have no other program to ask with.

use std::process::ExitCode;

use clap::Args;
use url::Url;

use crate::app;
use crate::config::{Settings, Sources};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Ask this URL instead of the instance on this machine: the simulator's is <http://127.0.0.1:3001/healthz>
    #[arg(long)]
    url: Option<Url>,
}

pub(super) async fn run(sources: &Sources, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let url = match arguments.url {
        Some(url) => url.into(),
        None => app::readiness_url(&Settings::load(sources)?)?,
    };
    app::healthcheck(&url).await?;
    Ok(ExitCode::SUCCESS)
}
