//! `whatsapp-otp openapi`: prints the description of the API.

use std::process::ExitCode;

use super::output::print;
use crate::app;

pub(super) fn run() -> anyhow::Result<ExitCode> {
    print(app::openapi().trim_end())?;
    Ok(ExitCode::SUCCESS)
}
