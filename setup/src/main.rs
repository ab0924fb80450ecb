//! `whatsapp-otp-setup`: from a WhatsApp Business account to an approved template, and the file that the service starts
//! on.
//!
//! ```text
//! main → cli → guide          the questions in their order, and back to the one whose answer was wrong
//!              guide → steps  one question each
//!              hash, send_test, templates   the other commands
//! answers      what is known before anything is asked: flags, environment, and the file of an earlier run
//! advice       what WhatsApp's errors mean, and where to mend them
//! ui, terminal prompts, and leaving the terminal as it was
//! ```
//!
//! Calls to WhatsApp are the service's own (`whatsapp_otp::whatsapp`), so what is accepted here is accepted there.

mod advice;
mod answers;
mod cli;
mod connection;
mod failure;
mod guide;
mod hash;
mod info_file;
mod outcome;
mod send_test;
mod steps;
mod templates;
mod terminal;
mod ui;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use self::cli::Cli;

fn main() -> ExitCode {
    // Before anything builds a client: there is exactly one TLS provider.
    whatsapp_otp::cli::install_tls_provider();
    whatsapp_otp::cli::forbid_core_dumps();
    let matches = Cli::command().get_matches();
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.run(&matches),
        Err(error) => error.exit(),
    }
}
