//! The argument of `inspect` and `revoke`: a number, or the id of a verification.

use anyhow::Context;

use crate::config::{AppSettings, Settings};
use crate::otp::{KeyRing, PhoneNumber, VerificationId};

/// A number, or the id of a verification.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Phone(PhoneNumber),
    Id(VerificationId),
}

/// Parses a target; no text is both a number and an id.
pub(super) fn parse(text: &str) -> Result<Target, String> {
    match (text.parse(), PhoneNumber::parse(text)) {
        (Ok(id), _) => Ok(Target::Id(id)),
        (_, Ok(phone)) => Ok(Target::Phone(phone)),
        (Err(no_id), Err(no_phone)) => Err(format!("{no_phone}; or {no_id}")),
    }
}

/// Returns the app and the number in an id.
pub(super) fn locate<'s>(
    id: &VerificationId,
    keys: &KeyRing,
    settings: &'s Settings,
) -> anyhow::Result<(&'s AppSettings, PhoneNumber)> {
    let (tag, phone) = keys.locate(id).with_context(|| {
        format!("{id} was not issued under otp.secret or one of otp.previous_secrets, so nobody can read it here")
    })?;
    let app = settings.apps.iter().find(|app| app.name.tag() == tag);
    Ok((app.with_context(|| format!("{id} is about an app that these settings do not have"))?, phone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_every_spelling_and_numbers_are_told_apart() {
        for text in ["ver_01jee7m001081g81860w40kazz", "01939c7a-0001-0203-0405-06070809abff", &"1".repeat(32)] {
            assert!(matches!(parse(text), Ok(Target::Id(_))), "{text}");
        }
        for text in ["15551234567", "+1 555 123-4567"] {
            assert!(matches!(parse(text), Ok(Target::Phone(_))), "{text}");
        }
        let error = parse("ver_1").unwrap_err();
        assert!(error.starts_with("a phone number has digits") && error.contains("; or an id such as ver_"), "{error}");
    }
}
