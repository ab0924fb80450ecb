//! `whatsapp-otp inspect [PHONE]`

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::output::print;
use crate::app;
use crate::config::{Settings, Sources};
use crate::otp::{AppName, PhoneNumber, PhoneStatus, Verification, VerificationStore};
use crate::table;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Show only this phone, given in international format, with its limits
    #[arg(value_parser = super::phone)]
    phone: Option<PhoneNumber>,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
    /// The most codes to show
    #[arg(long, default_value_t = 1_000, conflicts_with = "phone")]
    most: usize,
}

pub(super) async fn run(sources: &Sources, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(sources)?;
    let store = app::store(&settings)?;
    let answer = if let Some(phone) = arguments.phone {
        let status = store.status(&phone, &AppName::default(), &settings.policy).await?;
        if arguments.json { phone_json(&phone, &status).to_string() } else { phone_text(&phone, &status) }
    } else {
        // One more than is shown tells whether there are more.
        let mut codes = store.active(arguments.most.saturating_add(1)).await?;
        let more = codes.len() > arguments.most;
        codes.truncate(arguments.most);
        if arguments.json {
            json!({ "codes": codes.iter().map(code_json).collect::<Vec<_>>(), "more": more }).to_string()
        } else {
            codes_text(&codes, more)
        }
    };
    print(answer)?;
    Ok(ExitCode::SUCCESS)
}

fn codes_text(codes: &[Verification], more: bool) -> String {
    let table = table::active_codes(codes, str::to_owned);
    let count =
        if more { format!("The first {}; there are more.", codes.len()) } else { format!("{} code(s).", codes.len()) };
    format!("{table}\n{count}")
}

fn phone_text(phone: &PhoneNumber, status: &PhoneStatus) -> String {
    let code = match status.active() {
        Some(code) => table::active_codes(std::slice::from_ref(code), str::to_owned),
        None => format!("No active code for phone # {}", phone.digits()),
    };
    let limits = status.limits.iter().map(|(kind, count, wait)| {
        let wait = if wait.is_zero() {
            "one more fits now".to_owned()
        } else {
            format!("one more fits in {}", humantime::format_duration(whole_seconds(*wait)))
        };
        format!("\nlimits.{}: {count} in its window, {wait}", kind.name)
    });
    code + &limits.collect::<String>()
}

fn phone_json(phone: &PhoneNumber, status: &PhoneStatus) -> Value {
    let limits: serde_json::Map<_, _> = status
        .limits
        .iter()
        .map(|(kind, count, wait)| {
            (kind.name.to_owned(), json!({ "count": count, "retry_after_ms": milliseconds(*wait) }))
        })
        .collect();
    json!({ "phone": phone.digits(), "code": status.active().map(code_json), "limits": limits })
}

fn code_json(code: &Verification) -> Value {
    json!({
        "phone": code.subject,
        "digest": code.digest,
        "expires_at": table::moment(code.expires_at),
        "expires_in_ms": milliseconds(code.expires_in),
        "attempts": code.attempts,
        "max_attempts": code.max_attempts,
    })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX))
}
