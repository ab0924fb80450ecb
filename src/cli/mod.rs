//! The commands and the reports of their failures.

mod api_key;
mod check;
mod completions;
mod events;
mod exit_code;
mod failure;
mod healthcheck;
mod inspect;
mod json;
mod man;
mod openapi;
pub mod output;
mod proof_key;
mod revoke;
#[cfg(feature = "simulator")]
mod sandbox;
mod serve;
mod settings;
#[cfg(feature = "simulator")]
mod simulator;
mod target;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ColorChoice, Parser, Subcommand};

use self::failure::failed;
use crate::app;
use crate::config::{Settings, SettingsError, Sources};
use crate::otp::StoreError;
use crate::telemetry::{self, LogSettings};
use crate::version;

/// Verifies phone numbers with one-time codes over WhatsApp
#[derive(Debug, Parser)]
#[command(version = version::with_commit(), max_term_width = 100, after_help = START)]
pub struct Cli {
    /// File with settings
    ///
    /// They override the built-in defaults, and the environment (`WHATSAPP_OTP__SECTION__KEY`) overrides them. Without the
    /// flag, `WHATSAPP_OTP_CONFIG` may name the file.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    config: Option<PathBuf>,
    /// When to colour the output
    #[arg(long, global = true, value_name = "WHEN", default_value_t, help_heading = "Global options")]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[cfg(feature = "simulator")]
const START: &str = "Start with `whatsapp-otp sandbox`: it needs nothing and sends no real message.";
#[cfg(not(feature = "simulator"))]
const START: &str = "Start with `whatsapp-otp check`: it says what is missing.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service on Redis and the WhatsApp Cloud API
    Serve(serve::Arguments),
    /// Try everything on this machine with a simulated WhatsApp
    ///
    /// Nothing has to be installed or configured, and no real message is sent.
    #[cfg(feature = "simulator")]
    Sandbox(sandbox::Arguments),
    /// Run only the simulated WhatsApp Cloud API and its page
    #[cfg(feature = "simulator")]
    Simulator(simulator::Arguments),
    /// This build has neither the sandbox nor the simulator
    #[cfg(not(feature = "simulator"))]
    #[command(name = "sandbox", alias = "simulator", hide = true)]
    NoSimulator {
        #[arg(allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Try everything that the service needs, and say how to fix what fails
    ///
    /// These are Redis, the WhatsApp account, phone numbers, templates, webhooks, proof keys and event endpoints. A part that
    /// depends on a failed one is skipped.
    Check(check::Arguments),
    /// Show and explain settings
    Config(settings::Arguments),
    /// Show active codes, or one phone's or one verification's story
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect(inspect::Arguments),
    /// Cancel a phone's active codes, or one verification
    Revoke(revoke::Arguments),
    /// Show, resend and test events for the apps' endpoints
    Events(events::Arguments),
    /// Generate an API key, and print the settings that accept it
    #[command(after_help = API_KEY_EXAMPLES)]
    ApiKey(api_key::Arguments),
    /// Generate a key that signs proofs, and print the settings that use it
    ProofKey(proof_key::Arguments),
    /// Print the description of the API (OpenAPI 3.1)
    #[command(name = "openapi")]
    OpenApi,
    /// Succeed if the instance on this machine is ready
    Healthcheck(healthcheck::Arguments),
    /// Print completions for a shell
    Completions(completions::Arguments),
    /// Write the man pages to a directory
    Man(man::Arguments),
}

const INSPECT_EXAMPLES: &str = "Examples:
  whatsapp-otp inspect
  whatsapp-otp inspect +15551234567
  whatsapp-otp inspect --json ver_01jee7m001081g81860w40kazz";

const API_KEY_EXAMPLES: &str = "Examples:
  whatsapp-otp api-key backend
  whatsapp-otp api-key ios --kind client --app shop";

/// Makes ring this process's TLS provider. Further calls change nothing.
pub fn install_tls_provider() {
    // Fails if there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Keeps secrets and codes out of core files by forbidding them, whatever the system's limit is.
pub fn forbid_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // Lowering a limit is always allowed, and without it the program would still work.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

impl Cli {
    /// Runs the command to its end.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match self.color {
            // That is for terminals, unless `NO_COLOR` is set.
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        let hint = self.command.hint();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let outcome = match runtime {
            Ok(runtime) => runtime.block_on(self.command.run(Sources::from_process(self.config))),
            Err(error) => Err(anyhow::Error::new(error).context("cannot start the runtime")),
        };
        let code = outcome.unwrap_or_else(|error| failed(&error, hint));
        telemetry::flush_log();
        code
    }
}

impl Command {
    /// Returns something to try if the command failed and its error does not name the next step.
    fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::Serve(_))
            .then_some("`whatsapp-otp check` with the same settings tries each part and suggests what to do.")
    }

    async fn run(self, sources: Sources) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve(arguments) => serve::run(&sources, &arguments).await,
            #[cfg(feature = "simulator")]
            Self::Sandbox(arguments) => sandbox::run(&sources, &arguments).await,
            #[cfg(feature = "simulator")]
            Self::Simulator(arguments) => simulator::run(arguments).await,
            #[cfg(not(feature = "simulator"))]
            Self::NoSimulator { .. } => {
                anyhow::bail!("this build has neither the sandbox nor the simulator (cargo feature `simulator`)")
            }
            Self::Check(arguments) => check::run(&sources, &arguments).await,
            Self::Config(arguments) => settings::run(&sources, &arguments),
            Self::Inspect(arguments) => about_redis(&sources, inspect::run(&sources, arguments).await),
            Self::Revoke(arguments) => about_redis(&sources, revoke::run(&sources, &arguments).await),
            Self::Events(arguments) => about_redis(&sources, events::run(&sources, arguments).await),
            Self::ApiKey(arguments) => api_key::run(&arguments),
            Self::ProofKey(arguments) => proof_key::run(&arguments),
            Self::OpenApi => openapi::run(),
            Self::Healthcheck(arguments) => healthcheck::run(&sources, arguments).await,
            Self::Completions(arguments) => completions::run(&arguments),
            Self::Man(arguments) => man::run(&arguments),
        }
    }
}

/// Adds the address and a remedy to a failure of Redis.
fn about_redis<T>(sources: &Sources, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
    outcome.map_err(|error| match (error.downcast::<StoreError>(), Settings::load(sources)) {
        (Ok(failure), Ok(settings)) => app::about_redis(&failure, &settings.redis).into(),
        (Ok(failure), Err(_)) => failure.into(),
        (Err(other), _) => other,
    })
}

/// Returns the settings of a command that logs. The log is set up in the configured format even if other settings are
/// invalid, so that it ends with the faults.
fn with_log<T>(
    sources: &Sources,
    settings: Result<T, SettingsError>,
    log: impl FnOnce(&T) -> &LogSettings,
) -> anyhow::Result<T> {
    match settings {
        Ok(settings) => {
            telemetry::init_log(log(&settings))?;
            Ok(settings)
        }
        Err(error) => {
            telemetry::init_log(&sources.log_settings())?;
            Err(error.into())
        }
    }
}
