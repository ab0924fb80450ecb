//! `whatsapp-otp events list`

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::told;
use crate::app;
use crate::cli::output::print;
use crate::config::{Settings, Sources};
use crate::otp::{AppName, EndpointState, EventQueue, EventSubject, UndeliveredEvent, World};
use crate::table::moment;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only this app's
    #[arg(long)]
    app: Option<AppName>,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
    /// The most events to show of each app
    #[arg(long, default_value_t = 100)]
    most: usize,
}

pub(super) async fn run(sources: &Sources, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(sources)?;
    let store = app::store(&settings)?;
    let mut endpoints = Vec::new();
    for of in told(&settings, arguments.app.as_ref())? {
        for world in World::ALL {
            let app = of.name.in_world(world);
            let state = store.endpoint(&app).await?;
            let undelivered = store.undelivered(&app, arguments.most).await?;
            let is_idle = state == EndpointState::default() && undelivered.is_empty();
            // Most services have no test keys.
            if world == World::Live || !is_idle {
                endpoints.push((app, state, undelivered));
            }
        }
    }
    if arguments.json {
        let endpoints: Vec<_> = endpoints.iter().map(|(app, state, events)| json_of(app, state, events)).collect();
        print(json!({ "endpoints": endpoints }))?;
    } else {
        for (app, state, events) in &endpoints {
            print(text_of(app, state, events))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text_of(app: &AppName, state: &EndpointState, events: &[UndeliveredEvent]) -> String {
    let EndpointState { disabled_at, waiting, oldest, undelivered, dropped, last_error } = state;
    let world = if app.is_test() { " (test keys)" } else { "" };
    let status = disabled_at.map_or("enabled".to_owned(), |at| format!("disabled since {}", moment(at)));
    let oldest = humantime::format_duration(Duration::from_secs(oldest.as_secs()));
    let mut lines = vec![format!(
        "{app}{world}: {status}; {waiting} waiting, the oldest for {oldest}; {undelivered} given up; {dropped} dropped"
    )];
    if !last_error.is_empty() {
        lines.push(format!("  last failure: {last_error}"));
    }
    for UndeliveredEvent { event, given_up_at, error } in events {
        let about = match &event.about {
            EventSubject::Verification { verification, .. } => verification.id.to_string(),
            EventSubject::Sender { channel, .. } => channel.clone(),
            EventSubject::Nothing => "-".to_owned(),
        };
        lines.push(format!(
            "  {}  {}  {}  {about}  given up {}: {error}",
            event.id,
            event.event_type,
            moment(event.at),
            moment(*given_up_at),
        ));
    }
    lines.join("\n")
}

fn json_of(app: &AppName, state: &EndpointState, events: &[UndeliveredEvent]) -> Value {
    json!({
        "app": app.as_str(),
        "test": app.is_test(),
        "disabled_at": state.disabled_at.map(moment),
        "waiting": state.waiting,
        "oldest_seconds": state.oldest.as_secs(),
        "undelivered": state.undelivered,
        "dropped": state.dropped,
        "last_error": state.last_error,
        "events": events.iter().map(event).collect::<Vec<_>>(),
    })
}

fn event(UndeliveredEvent { event, given_up_at, error }: &UndeliveredEvent) -> Value {
    let verification = match &event.about {
        EventSubject::Verification { verification, .. } => Some(verification.id.to_string()),
        EventSubject::Sender { .. } | EventSubject::Nothing => None,
    };
    json!({
        "id": event.id,
        "type": event.event_type.as_str(),
        "at": moment(event.at),
        "verification": verification,
        "given_up_at": moment(*given_up_at),
        "error": error,
    })
}
