//! The setup as people run it, at a terminal, and as programs run it, with flags; against a simulated WhatsApp over real
//! HTTP.

#![allow(missing_docs, reason = "tests explain themselves by their names")]
#![allow(unreachable_pub, reason = "the harness is public to the tests beside it, and there is nobody else")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "what goes wrong in a test or its harness fails the test, and is shown"
)]

mod commands;
mod failures;
mod first_run;
mod flags;
mod harness;
mod interruption;
mod manners;
mod outcomes;
mod re_run;
mod registration;
mod settings_file;
mod subscribe;
