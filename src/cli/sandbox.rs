//! `whatsapp-otp sandbox`

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;
use clap::builder::FalseyValueParser;
use secrecy::ExposeSecret;

use super::output::print;
use crate::app::{self, SandboxStore};
use crate::config::{SandboxSettings, Sources};
use crate::telemetry::{init_log, init_traces};

/// A number for the example that belongs to nobody (NANP 555).
const EXAMPLE_PHONE: &str = "15551234567";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The store for the codes
    #[arg(long, value_enum, default_value_t)]
    store: SandboxStore,
    /// The address of the simulated WhatsApp and the page [default: 127.0.0.1:3001]
    #[arg(long, value_name = "ADDRESS:PORT")]
    simulator_listen: Option<SocketAddr>,
    /// Listen on all addresses, 0.0.0.0:3000 and 0.0.0.0:3001, as a container must to publish its ports
    ///
    /// Without this flag, only this machine can reach the sandbox. With it, so can anyone who reaches the ports: they can
    /// use the service and read every code. No message is ever sent.
    #[arg(long, env = "WHATSAPP_OTP_SANDBOX_LISTEN_ALL", hide_env_values = true, value_parser = FalseyValueParser::new())]
    listen_all: bool,
}

/// The port of the page.
const PAGE_PORT: u16 = 3001;

pub(super) async fn run(sources: &Sources, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let any = if arguments.listen_all { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
    let simulator_listen = arguments.simulator_listen.unwrap_or((any, PAGE_PORT).into());
    ensure!(
        arguments.listen_all || simulator_listen.ip().is_loopback(),
        "--simulator-listen must be a loopback address, as the page shows every code; --listen-all allows others"
    );
    let settings = if arguments.listen_all {
        SandboxSettings::load_for_all_addresses(sources)?
    } else {
        SandboxSettings::load(sources)?
    };
    init_log(&settings.common.log)?;
    let traces = init_traces(settings.common.traces.as_ref())?;
    let stop = app::stop_signals()?;
    let sandbox = app::sandbox(settings, simulator_listen, arguments.store).await?;

    let (service, inbox) = (sandbox.app.browser_url(), sandbox.inbox_url());
    let keys: Vec<_> =
        sandbox.keys.iter().map(|(kind, key)| format!("  {:<6}  {}", kind.as_str(), key.expose())).collect();
    let keys = if keys.is_empty() { "  those of the settings".to_owned() } else { keys.join("\n") };
    let events = sandbox.event_secret.as_ref().map_or_else(String::new, |secret| {
        format!("Events of apps without an endpoint go to the page, signed with {}\n\n", secret.expose_secret())
    });
    let limits: Vec<_> = sandbox.limits.iter().map(|limit| format!("{} {}", limit.name, limit.value)).collect();
    let limits = format!("Limits: {}. The page resets them.\n\n", limits.join(", "));
    let reach = if arguments.listen_all {
        "It listens on all addresses: anyone who reaches its ports can use it and read its codes.\n"
    } else {
        ""
    };
    let welcome = format!(
        "Sandbox: it sends no real message. Open {inbox}\n{reach}\
         The API is described at {service}/docs\n\n\
         API keys, valid while it runs:\n{keys}\n\n{events}{limits}\
         Or without a browser:\n\
         \u{20} KEY=…                                        # the server key\n\
         \u{20} curl {service}/v1/verifications -H \"Authorization: Bearer $KEY\" --json '{{\"to\":\"+{EXAMPLE_PHONE}\"}}'\n\
         \u{20} curl {inbox}/inbox/{EXAMPLE_PHONE}/latest     # read the code off the simulated phone\n\
         \u{20} curl {service}/v1/verifications/ID/check -H \"Authorization: Bearer $KEY\" --json '{{\"code\":\"…\"}}'\n"
    );
    // The sandbox runs even if nobody reads this.
    let _ = print(welcome);

    let ran = sandbox.run_until(stop).await;
    traces.stop().await;
    ran.map(|()| ExitCode::SUCCESS)
}
