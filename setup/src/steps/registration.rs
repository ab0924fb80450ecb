//! Registers the number with the Cloud API, which only the API can do.

use std::fs;
use std::path::Path;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use whatsapp_otp::whatsapp::{BusinessNumber, GraphClient};

use crate::advice::{Advice, Concern, Doing};
use crate::failure::Failure;
use crate::links;
use crate::manage;
use crate::ui::Ui;

const PIN_LENGTH: usize = 6;

/// The PIN of a number's two-step verification.
#[derive(Debug, Clone)]
pub(crate) struct Pin(SecretString);

impl Pin {
    /// Reads the PIN from a file. A newline at its end does not count.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).with_context(|| format!("--pin-file {}", path.display()))?;
        let text = SecretString::from(text);
        let digits = digits(text.expose_secret().trim_end_matches(['\r', '\n']));
        digits.map(Self).map_err(|expected| Failure::Usage(format!("--pin-file: expected {expected}")))
    }

    /// The digits.
    pub(crate) fn digits(&self) -> &SecretString {
        &self.0
    }
}

/// Returns `true` if registering the number may make it able to send.
pub(crate) fn is_possible(number: &BusinessNumber) -> bool {
    matches!(number.status.as_str(), "DISCONNECTED" | "PENDING" | "UNVERIFIED" | "UNLINKED")
}

/// Registers the number with the given PIN, or asks for one. Returns `false` if the person does not want that.
pub(crate) async fn register(
    ui: Ui,
    client: &GraphClient,
    number: &BusinessNumber,
    given: Option<&Pin>,
) -> Result<bool, Failure> {
    let international = number.international();
    if !ui.asks() {
        let Some(pin) = given else {
            let text = format!("{international} is not registered with the Cloud API");
            let hint = format!("Put its PIN into a file and add --pin-file FILE.\n{RULES}\n{}", forgotten());
            return Err(Advice::new(text, hint, Concern::Registration).into());
        };
        return attempt(ui, client, number, pin).await.map(|()| true);
    }
    ui.say(format!("\n{international} is not registered with the Cloud API yet, so it cannot send."));
    if !ui.confirm("Register it now?", Some(true)).await? {
        return Ok(false);
    }
    let mut given = given.cloned();
    loop {
        let pin = if let Some(pin) = given.take() {
            pin
        } else {
            ui.say(format!("{RULES}\n{}", forgotten()));
            Pin(ui.secret_twice("PIN, 6 digits (hidden)", digits).await?)
        };
        match attempt(ui, client, number, &pin).await {
            Ok(()) => return Ok(true),
            Err(Failure::Refused(advice)) if advice.concerns == Concern::Pin => ui.complain(&advice.text()),
            Err(failure) => return Err(failure),
        }
    }
}

const RULES: &str = "Registering takes the 6-digit PIN of the number's two-step verification. If the number has none yet, \
    choose one now. Keep it, as registering the number again takes the same PIN. Meta allows 10 attempts in 72 hours.";

/// The way to another PIN.
fn forgotten() -> String {
    format!(
        "If you have forgotten it, change it in WhatsApp Manager ({}): the number, Settings, Two-step verification.",
        links::PHONE_NUMBERS
    )
}

async fn attempt(ui: Ui, client: &GraphClient, number: &BusinessNumber, pin: &Pin) -> Result<(), Failure> {
    let registered = manage::register(client, &number.id, pin).await;
    registered.map_err(|error| Advice::of(&error, Doing::Registration))?;
    ui.confirm_fine(format!("{} is registered", number.international()));
    Ok(())
}

fn digits(text: &str) -> Result<SecretString, &'static str> {
    let fine = text.len() == PIN_LENGTH && text.bytes().all(|byte| byte.is_ascii_digit());
    fine.then(|| text.into()).ok_or("exactly 6 digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_has_six_digits() {
        assert!(digits("012834").is_ok());
        for text in ["", "12345", "1234567", "12345a", "１23456"] {
            assert!(digits(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_files_final_newline_does_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pin");
        fs::write(&path, "212834\n").unwrap();
        assert_eq!(Pin::read(&path).unwrap().digits().expose_secret(), "212834");
        fs::write(&path, "21283").unwrap();
        assert!(matches!(Pin::read(&path), Err(Failure::Usage(text)) if !text.contains("21283")));
    }
}
