//! `whatsapp-otp serve`

use std::process::ExitCode;

use super::signals::stop_signals;
use crate::app;
use crate::config::{Origin, ServeSettings, Sources};
use crate::telemetry::{init_log, init_traces};

pub(super) async fn run(sources: &Sources) -> anyhow::Result<ExitCode> {
    let settings = ServeSettings::load(sources)?;
    init_log(&settings.common.log)?;
    for setting in settings.common.shown() {
        if setting.origin == Origin::Default {
            tracing::debug!("{setting}");
        } else {
            tracing::info!("{setting}");
        }
    }
    let traces = init_traces(settings.common.traces.as_ref())?;
    let stop = stop_signals()?;
    let app = app::serve(settings).await?;
    tracing::info!(public = app.public_url(), ops = app.ops_address().map(|ops| ops.to_string()), "listening");
    let ran = app.run_until(stop).await;
    traces.stop().await;
    ran.map(|()| ExitCode::SUCCESS)
}
