//! The command line.

use std::fmt::Display;
use std::process::ExitCode;

use anyhow::Context;
use clap::{ArgMatches, Parser, Subcommand};
use console::Term;
use tokio::signal::unix::{SignalKind, signal};
use whatsapp_otp::cli::output::{self, OutputError};

use crate::answers::Given;
use crate::connection::ConnectionArguments;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::{guide, hash, send_test, templates, terminal};

const AFTER_HELP: &str = "\
Without a command it asks what it needs to know, makes the template and writes the file that `whatsapp-otp serve` starts
on. Without a terminal, or with --yes, it takes the answers from flags, variables and the file of an earlier run.

The access token has no flag, as arguments can be seen by everyone on the machine: it is asked for without being shown,
or read from --token-file or WHATSAPP_OTP_SETUP_ACCESS_TOKEN.

Exit codes: 0 fine, 1 failed, 2 usage, 3 WhatsApp has not yet approved the template, 4 it has rejected it, 78 bad
settings, 130 stopped.";

/// From a WhatsApp Business account to a sending service.
#[derive(Debug, Parser)]
#[command(name = "whatsapp-otp-setup", version, about, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    connection: ConnectionArguments,
    #[command(flatten)]
    given: Given,
    /// Print the result as JSON on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Ask nothing; agree to what would be asked
    #[arg(long, short, global = true)]
    yes: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compute the 11 characters by which WhatsApp knows an Android app
    Hash(hash::Arguments),
    /// Send one real code to PHONE, to see that everything works
    SendTest(send_test::Arguments),
    /// Look after the account's templates
    #[command(subcommand)]
    Template(templates::Command),
}

/// What every command knows of how it was called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) ui: Ui,
    pub(crate) json: bool,
    pub(crate) yes: bool,
}

impl Cli {
    /// Runs the command to its end.
    pub(crate) fn run(self, matches: &ArgMatches) -> ExitCode {
        let asks = terminal::is_there() && !self.yes && !matches!(self.command, Some(Command::Hash(_)));
        // If the terminal cannot be looked after, it can still be used.
        if asks
            && !terminal::is_guarded()
            && let Ok(code) = terminal::guard()
        {
            return code;
        }
        let manner = Manner { ui: Ui::new(asks), json: self.json, yes: self.yes };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let ended = match runtime {
            Ok(runtime) => {
                let ended = runtime.block_on(async {
                    tokio::select! {
                        ended = self.command(matches, manner) => ended,
                        stopped = stopped() => Err(stopped),
                    }
                });
                // A prompt may still wait for a key; nobody waits for the prompt.
                runtime.shutdown_background();
                ended
            }
            Err(error) => Err(Failure::Other(anyhow::Error::new(error).context("the runtime cannot be started"))),
        };
        match ended {
            Ok(code) => ExitCode::from(code),
            Err(failure) => {
                manner.ui.complain(&failure.text());
                if manner.json {
                    print_json(&failure.json());
                }
                ExitCode::from(failure.exit_code())
            }
        }
    }

    async fn command(self, matches: &ArgMatches, manner: Manner) -> Result<u8, Failure> {
        match self.command {
            None => guide::run(self.connection.check(matches)?, self.given, manner).await,
            Some(Command::Hash(arguments)) => hash::run(&arguments, manner),
            Some(Command::SendTest(arguments)) => {
                send_test::run(self.connection.check(matches)?, &arguments, manner).await
            }
            Some(Command::Template(command)) => templates::run(self.connection.check(matches)?, &command, manner).await,
        }
    }
}

/// Returns when the program is told to stop.
async fn stopped() -> Failure {
    let hear = || -> std::io::Result<_> { Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)) };
    match hear().context("signals cannot be heard") {
        Err(error) => Failure::Other(error),
        Ok((mut interrupt, mut terminate)) => tokio::select! {
            _ = interrupt.recv() => Failure::Interrupted(2),
            _ = terminate.recv() => Failure::Interrupted(15),
        },
    }
}

/// Prints a result.
pub(crate) fn print_json(value: &serde_json::Value) {
    print(format_args!("{value:#}"));
}

/// Prints a command's answer, which nobody may want to read to its end.
pub(crate) fn print(text: impl Display) {
    if let Err(error @ OutputError::Write(_)) = output::print(text) {
        let _ = Term::stderr().write_line(&format!("error: {error}"));
    }
}
