//! `whatsapp-otp serve`

use std::process::ExitCode;

use super::with_log;
use crate::app::{self, WhatsAppAtStart};
use crate::config::{Origin, ServeSettings, Sources};
use crate::telemetry::init_traces;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Refuse to start unless WhatsApp confirms that the template is approved
    ///
    /// Without this, the service starts anyway, checks codes, and sends codes once the template is approved.
    #[arg(long)]
    require_whatsapp: bool,
}

pub(super) async fn run(sources: &Sources, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = with_log(sources, ServeSettings::load(sources), |settings| &settings.common.log)?;
    for setting in settings.common.shown() {
        if setting.origin == Origin::Default {
            tracing::debug!("{setting}");
        } else {
            tracing::info!("{setting}");
        }
    }
    let traces = init_traces(settings.common.traces.as_ref())?;
    let stop = app::stop_signals()?;
    let whatsapp = if arguments.require_whatsapp { WhatsAppAtStart::Required } else { WhatsAppAtStart::Awaited };
    let app = app::serve(settings, whatsapp).await?;
    tracing::info!(public = app.public_url(), ops = app.ops_address().map(|ops| ops.to_string()), "listening");
    let ran = app.run_until(stop).await;
    traces.stop().await;
    ran.map(|()| ExitCode::SUCCESS)
}
