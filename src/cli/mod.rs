//! The commands and the reports of their failures.

mod api_key;
mod check;
mod events;
mod healthcheck;
mod inspect;
mod openapi;
pub mod output;
mod proof_key;
mod revoke;
#[cfg(feature = "simulator")]
mod sandbox;
mod serve;
#[cfg(feature = "simulator")]
mod simulator;
mod target;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ColorChoice, Parser, Subcommand};

use self::output::{OutputError, print_error};
use crate::config::{SettingsError, Sources};
use crate::telemetry::{self, LogFormat, LogSettings};

/// Exit code of a failure at run time.
const FAILED: u8 = 1;
/// Exit code for invalid settings (`EX_CONFIG` of sysexits.h). Clap exits with 2 on wrong usage.
const INVALID_SETTINGS: u8 = 78;

/// One-time passcodes over WhatsApp.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Cli {
    /// File of settings, which override the built-in defaults and are overridden by the environment
    /// (`WHATSAPP_OTP__SECTION__KEY`)
    ///
    /// Defaults to the file that `WHATSAPP_OTP_CONFIG` names, if any.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Colour the output
    #[arg(long, global = true, value_name = "WHEN", default_value_t)]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service on Redis and the WhatsApp Cloud API
    Serve(serve::Arguments),
    /// Try everything on this machine, with nothing to install or configure; sends no real message
    #[cfg(feature = "simulator")]
    Sandbox(sandbox::Arguments),
    /// Run only the simulated WhatsApp Cloud API and its inbox
    #[cfg(feature = "simulator")]
    Simulator(simulator::Arguments),
    /// This build has neither the sandbox nor the simulator
    #[cfg(not(feature = "simulator"))]
    #[command(name = "sandbox", alias = "simulator", hide = true)]
    NoSimulator {
        #[arg(allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Try Redis, the token, the phone number, the template, webhooks, keys of proofs and endpoints, and suggest what to do
    Check(check::Arguments),
    /// Show active codes, one phone's verifications, or the one with an ID
    Inspect(inspect::Arguments),
    /// Revoke a phone's active codes, or one verification by its ID
    Revoke(revoke::Arguments),
    /// Show events that endpoints did not take, send them again, or try an endpoint
    Events(events::Arguments),
    /// Generate an API key for a caller, and print the settings that accept it
    ApiKey(api_key::Arguments),
    /// Generate a key that signs proofs, and print the settings that use it
    ProofKey(proof_key::Arguments),
    /// Print the description of the API (OpenAPI 3.1)
    #[command(name = "openapi")]
    OpenApi,
    /// Exit with 0 if the instance on this machine is ready
    Healthcheck(healthcheck::Arguments),
}

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
    /// Something to try if the command failed.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Serve(_) => {
                Some("run `whatsapp-otp check` with the same settings; it tries each part and suggests what to do")
            }
            #[cfg(feature = "simulator")]
            Self::Sandbox(_) => Some("choose other addresses with --simulator-listen and WHATSAPP_OTP__SERVER__LISTEN"),
            _ => None,
        }
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
            Self::Inspect(arguments) => inspect::run(&sources, arguments).await,
            Self::Revoke(arguments) => revoke::run(&sources, &arguments).await,
            Self::Events(arguments) => events::run(&sources, arguments).await,
            Self::ApiKey(arguments) => api_key::run(&arguments),
            Self::ProofKey(arguments) => proof_key::run(&arguments),
            Self::OpenApi => openapi::run(),
            Self::Healthcheck(arguments) => healthcheck::run(&sources, arguments).await,
        }
    }
}

/// Reports a failure and returns the exit code for it. The report goes to the log if that is JSON, where other lines
/// would be in the way, and to standard error if it is a terminal or the log is for people.
fn failed(error: &anyhow::Error, hint: Option<&str>) -> ExitCode {
    if matches!(error.downcast_ref(), Some(OutputError::Closed)) {
        return ExitCode::from(FAILED);
    }
    let settings = error.downcast_ref::<SettingsError>();
    let hint = settings.map_or(hint, |_| Some("config/default.toml explains every setting"));
    let exit_code = if settings.is_some() { INVALID_SETTINGS } else { FAILED };
    let is_logged = telemetry::log_format() == Some(LogFormat::Json) && tracing::enabled!(tracing::Level::ERROR);
    if is_logged {
        for fault in settings.map(SettingsError::faults).unwrap_or_default() {
            tracing::error!(setting = fault.key, "{fault}");
        }
        let failure = settings.map_or_else(|| format!("{error:#}"), invalid_settings);
        tracing::error!(exit_code, hint, "{failure}");
    }
    if !is_logged || std::io::stderr().is_terminal() {
        match settings {
            Some(settings) => print_error(format_args!("error: {}\n{settings}", invalid_settings(settings))),
            None => print_error(format_args!("error: {error:#}")),
        }
        if let Some(hint) = hint {
            print_error(format_args!("\nhint: {hint}"));
        }
    }
    ExitCode::from(exit_code)
}

fn invalid_settings(settings: &SettingsError) -> String {
    format!("{} invalid setting(s)", settings.faults().len())
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
