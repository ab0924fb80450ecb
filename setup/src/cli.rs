//! The command line.

use std::fmt::Display;
use std::process::ExitCode;

use anyhow::Context;
use clap::{ArgMatches, CommandFactory, Parser, Subcommand};
use console::Term;
use tokio::signal::unix::{SignalKind, signal};
use whatsapp_otp::cli::output::{self, OutputError};
use whatsapp_otp::version::with_commit;

use crate::answers::Given;
use crate::connection::ConnectionArguments;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::{completions, guide, hash, man, send_test, subscribe, templates, terminal};

const AFTER_HELP: &str = "\
Without a command it guides you through the set-up: it asks for what it needs, registers the number, creates the template \
and writes the files that `whatsapp-otp serve` reads. Without a terminal, or with --yes, it asks nothing: the answers come \
from flags, from variables and from the file of an earlier run.

Every flag can be a variable instead, except --config, --json and --yes: WHATSAPP_OTP_SETUP_WABA_ID is --waba-id.

The access token has no flag, as everyone on the machine can see arguments. Type it at its prompt, which hides it, or use \
--token-file or the variable WHATSAPP_OTP_SETUP_ACCESS_TOKEN.

Exit codes: 0 success, 1 failure, 2 usage, 3 WhatsApp is still reviewing the template, 4 the template is rejected, paused \
or disabled, 78 invalid settings, 130 interrupted.";

/// The guided set-up of whatsapp-otp
#[derive(Debug, Parser)]
#[command(name = "whatsapp-otp-setup", version = with_commit(), about, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    /// Print the result as JSON on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Ask no questions, and agree to everything
    #[arg(long, short, global = true)]
    yes: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
    #[command(flatten)]
    given: Given,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compute the 11 characters that identify an Android app to WhatsApp
    Hash(hash::Arguments),
    /// Send one real code to a phone, to test the set-up
    SendTest(send_test::Arguments),
    /// Subscribe the app to the account's webhooks, which report the fate of messages
    Subscribe(subscribe::Arguments),
    /// List, show or delete the account's templates
    #[command(subcommand)]
    Template(templates::Command),
    /// Print completions for a shell
    Completions(completions::Arguments),
    /// Write the man pages to a directory
    Man(man::Arguments),
}

impl Command {
    /// Returns `true` if the command may have questions.
    fn may_ask(&self) -> bool {
        !matches!(self, Self::Hash(_) | Self::Completions(_) | Self::Man(_))
    }
}

/// The command line, without the variable of each flag, as they all follow one rule.
pub(crate) fn command_line() -> clap::Command {
    without_variables(<Cli as CommandFactory>::command())
}

fn without_variables(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| argument.hide_env(true)).mut_subcommands(without_variables)
}

/// The options that all commands share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) ui: Ui,
    pub(crate) json: bool,
    pub(crate) yes: bool,
}

impl Cli {
    /// Runs the command, and returns its exit code.
    pub(crate) fn run(self, matches: &ArgMatches) -> ExitCode {
        let asks = terminal::is_there() && !self.yes && self.command.as_ref().is_none_or(Command::may_ask);
        // A terminal that cannot be guarded can still be used.
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
                        // In this order, as the command itself takes the Ctrl-C that ends a wait.
                        biased;
                        ended = self.run_command(matches, manner) => ended,
                        stopped = stopped() => Err(stopped),
                    }
                });
                // A prompt may still be waiting for a key, so do not wait for its thread.
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

    async fn run_command(self, matches: &ArgMatches, manner: Manner) -> Result<u8, Failure> {
        match self.command {
            None => guide::run(self.connection.check(matches)?, self.given, manner).await,
            Some(Command::Hash(arguments)) => hash::run(&arguments, manner),
            Some(Command::Completions(arguments)) => completions::run(&arguments),
            Some(Command::Man(arguments)) => man::run(&arguments),
            Some(Command::SendTest(arguments)) => {
                send_test::run(self.connection.check(matches)?, &arguments, manner).await
            }
            Some(Command::Subscribe(arguments)) => {
                subscribe::run(self.connection.check(matches)?, &arguments, manner).await
            }
            Some(Command::Template(command)) => templates::run(self.connection.check(matches)?, &command, manner).await,
        }
    }
}

/// Completes when a signal asks the program to stop.
async fn stopped() -> Failure {
    let hear = || -> std::io::Result<_> { Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)) };
    match hear().context("signals cannot be received") {
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

/// Prints a result. A reader that closes the pipe early is no error.
pub(crate) fn print(text: impl Display) {
    if let Err(error @ OutputError::Write(_)) = output::print(text) {
        let _ = Term::stderr().write_line(&format!("error: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_of_the_guided_set_up_has_a_variable_of_its_name() {
        let command = <Cli as CommandFactory>::command();
        let flags: Vec<_> =
            command.get_arguments().filter_map(|argument| argument.get_long().map(|long| (long, argument))).collect();
        assert!(flags.len() > 20);
        for (long, argument) in flags {
            let variable = argument.get_env().map(|name| name.to_string_lossy().into_owned());
            let expected = format!("WHATSAPP_OTP_SETUP_{}", long.replace('-', "_").to_uppercase());
            let has_none = ["config", "json", "yes"].contains(&long);
            assert_eq!(variable, (!has_none).then_some(expected), "--{long}");
        }
        assert!(!command_line().render_long_help().to_string().contains("[env:"));
    }
}
