//! The commands, and how their failures are told.

mod api_key;
mod check;
mod healthcheck;
mod inspect;
pub mod output;
mod revoke;
#[cfg(feature = "simulator")]
mod sandbox;
mod serve;
#[cfg(feature = "simulator")]
mod simulator;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::output::{OutputError, print_error};
use crate::config::{SettingsError, Sources};
use crate::otp::PhoneNumber;
use crate::telemetry::{self, LogFormat, LogSettings};

/// Exit code: failed at run time.
const FAILED: u8 = 1;
/// Exit code: bad settings (`EX_CONFIG` of sysexits.h). 2, for bad usage, is clap's.
const BAD_SETTINGS: u8 = 78;

/// One-time passcodes over WhatsApp.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Cli {
    /// Settings, over the built-in defaults and under the environment (`WHATSAPP_OTP__SECTION__KEY`)
    ///
    /// Without it the file that `WHATSAPP_OTP_CONFIG` names, if any.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service on Redis and the WhatsApp Cloud API
    Serve(serve::Arguments),
    /// Try everything on this machine, with nothing installed or configured; sends no real message
    #[cfg(feature = "simulator")]
    Sandbox(sandbox::Arguments),
    /// Run only the simulated WhatsApp Cloud API with its inbox
    #[cfg(feature = "simulator")]
    Simulator(simulator::Arguments),
    /// This build has neither the sandbox nor the simulator
    #[cfg(not(feature = "simulator"))]
    #[command(name = "sandbox", alias = "simulator", hide = true)]
    NoSimulator {
        #[arg(allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Try Redis, the token, the phone number and the template, and say what to do
    Check,
    /// Show active codes, or one phone's code and limits
    Inspect(inspect::Arguments),
    /// Drop a phone's active code
    Revoke(revoke::Arguments),
    /// Make an API key for a caller, and the settings that accept it
    ApiKey(api_key::Arguments),
    /// Exit 0 if the instance on this machine is ready
    Healthcheck(healthcheck::Arguments),
}

/// Makes ring the TLS provider of this process. Calling it again changes nothing.
pub fn install_tls_provider() {
    // The error says that there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Keeps secrets and codes out of core files: there are none, whatever the system's limit is.
pub fn forbid_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // Lowering a limit is always allowed; if it were not, the program could still do its work.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

impl Cli {
    /// Runs the command to its end.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let hint = self.command.hint();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let outcome = match runtime {
            Ok(runtime) => runtime.block_on(self.command.run(Sources::from_process(self.config))),
            Err(error) => Err(anyhow::Error::new(error).context("the runtime cannot be started")),
        };
        let code = outcome.unwrap_or_else(|error| failed(&error, hint));
        telemetry::flush_log();
        code
    }
}

impl Command {
    /// One thing to try when the command failed.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Serve(_) => Some("`whatsapp-otp check`, with the same settings, tries each part and says what to do"),
            #[cfg(feature = "simulator")]
            Self::Sandbox(_) => Some("--simulator-listen and WHATSAPP_OTP__SERVER__LISTEN choose other addresses"),
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
            Self::Check => check::run(&sources).await,
            Self::Inspect(arguments) => inspect::run(&sources, arguments).await,
            Self::Revoke(arguments) => revoke::run(&sources, &arguments).await,
            Self::ApiKey(arguments) => api_key::run(&arguments),
            Self::Healthcheck(arguments) => healthcheck::run(&sources, arguments).await,
        }
    }
}

/// Says what went wrong, and returns the exit code that says so too: to the log if it is for machines, as nothing else
/// belongs in between its lines, and to people if there are any or the log is for them.
fn failed(error: &anyhow::Error, hint: Option<&str>) -> ExitCode {
    if matches!(error.downcast_ref(), Some(OutputError::Closed)) {
        return ExitCode::from(FAILED);
    }
    let settings = error.downcast_ref::<SettingsError>();
    let hint = settings.map_or(hint, |_| Some("config/default.toml explains every setting"));
    let exit_code = if settings.is_some() { BAD_SETTINGS } else { FAILED };
    let is_logged = telemetry::log_format() == Some(LogFormat::Json) && tracing::enabled!(tracing::Level::ERROR);
    if is_logged {
        for fault in settings.map(SettingsError::faults).unwrap_or_default() {
            tracing::error!(setting = fault.key, "{fault}");
        }
        let failure = settings.map_or_else(|| format!("{error:#}"), bad_settings);
        tracing::error!(exit_code, hint, "{failure}");
    }
    if !is_logged || std::io::stderr().is_terminal() {
        match settings {
            Some(settings) => print_error(format_args!("error: {}\n{settings}", bad_settings(settings))),
            None => print_error(format_args!("error: {error:#}")),
        }
        if let Some(hint) = hint {
            print_error(format_args!("\nhint: {hint}"));
        }
    }
    ExitCode::from(exit_code)
}

fn bad_settings(settings: &SettingsError) -> String {
    format!("{} bad setting(s)", settings.faults().len())
}

/// Settings of a command that logs, with the log set up in the configured format even if other settings are bad: what is
/// wrong with them is its last lines then.
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

/// A phone number on the command line.
fn phone(text: &str) -> Result<PhoneNumber, String> {
    PhoneNumber::parse(text).map_err(|error| error.to_string())
}
