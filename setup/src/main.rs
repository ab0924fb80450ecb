//! `whatsapp-otp-setup` guides from a WhatsApp Business account to an approved template and the file that the service
//! reads.
//!
//! ```text
//! main → cli → guide          the questions in their order, and again after a refusal
//!              guide → steps  one question each
//!              hash, send_test, subscribe, templates   the other commands
//! answers      the questions' answers, from flags, the environment and the file of an earlier run
//! outcome      the state of the template in the end, what is missing, and the next commands
//! advice       the meaning of WhatsApp's errors, and how to fix them
//! ui, terminal prompts, and restoring the terminal
//! ```
//!
//! Calls to WhatsApp use the service's client (`whatsapp_otp::whatsapp`), so the service accepts the same values.

mod advice;
mod answers;
mod authentication;
mod cli;
mod completions;
mod connection;
mod failure;
mod guide;
mod hash;
mod info_file;
mod links;
mod man;
mod manage;
mod outcome;
mod private_file;
mod send_test;
mod settings_file;
mod status;
mod steps;
mod subscribe;
mod templates;
mod terminal;
mod ui;

use std::process::ExitCode;

use clap::FromArgMatches;

use self::cli::Cli;

fn main() -> ExitCode {
    // Before any client is built: there is exactly one TLS provider.
    whatsapp_otp::cli::install_tls_provider();
    whatsapp_otp::cli::forbid_core_dumps();
    let matches = cli::command_line().get_matches();
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.run(&matches),
        Err(error) => error.exit(),
    }
}
