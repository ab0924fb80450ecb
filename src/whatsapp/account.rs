//! The business's account on WhatsApp, and the syntax of its parts.

use secrecy::SecretString;
use serde::Deserialize;

use super::client::{CallError, GraphClient};

/// The account as WhatsApp describes it, for people to recognize it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BusinessAccount {
    /// Its name.
    #[serde(default)]
    pub name: String,
}

impl BusinessAccount {
    /// Reads the account; the token must be valid and assigned to it.
    ///
    /// # Errors
    ///
    /// [`CallError`], with code 190 for an invalid token, 200 for one without the right permission or assignment, and 100/33
    /// for an account that the token may not see.
    pub async fn read(client: &GraphClient, waba_id: &str) -> Result<Self, CallError> {
        client.get(waba_id, &[("fields", "id,name")]).await
    }
}

/// Parses the ID of an account, number or template. IDs become parts of paths, so only digits are allowed.
///
/// # Errors
///
/// A description of the expected text.
pub fn graph_id(text: &str) -> Result<String, &'static str> {
    let fine = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fine.then(|| text.to_owned()).ok_or("an ID of 1 to 32 digits")
}

/// Parses an access token, which is sent in a header.
///
/// # Errors
///
/// A description of the expected text.
pub fn access_token(text: &str) -> Result<SecretString, &'static str> {
    let fine = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    fine.then(|| text.into()).ok_or("a token of visible ASCII characters without spaces")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_digits() {
        for text in ["0", "100000000000001", &"9".repeat(32)] {
            assert_eq!(graph_id(text).unwrap(), text);
        }
        for text in ["", "12a", "1/2", "-1", "１", &"9".repeat(33)] {
            assert!(graph_id(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tokens_fit_into_a_header() {
        assert!(access_token("EAAJB-_.~").is_ok());
        for text in ["", "EAA JB", "EAA\n", "EAÄ"] {
            assert!(access_token(text).is_err(), "{text:?}");
        }
    }
}
