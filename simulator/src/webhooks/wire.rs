//! The bytes of a webhook: JSON escaped as Meta does, and its signature.

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// The header with the signature.
pub(crate) const SIGNATURE: &str = "x-hub-signature-256";

/// Writes JSON as Meta signs and sends it: in ASCII, with lowercase `\uXXXX` for other characters, and `\/` for `/`.
#[must_use]
pub(crate) fn escaped(json: &Value) -> Vec<u8> {
    let mut text = String::new();
    // Outside of strings, JSON has neither `/` nor anything beyond ASCII.
    for c in json.to_string().chars() {
        match c {
            '/' => text.push_str("\\/"),
            c if c.is_ascii() => text.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.into_bytes()
}

/// Returns the value of `X-Hub-Signature-256` for exactly these bytes, `sha256=…`.
#[must_use]
pub fn webhook_signature(app_secret: &str, body: &[u8]) -> String {
    // HMAC takes keys of any length.
    let mac = Hmac::<Sha256>::new_from_slice(app_secret.as_bytes());
    let digest = mac.map(|mac| mac.chain_update(body).finalize().into_bytes());
    format!("sha256={}", HEXLOWER.encode(digest.as_deref().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "sim-app-secret-0001";

    #[test]
    fn signatures_match_known_ones() {
        let status = r#"{"object":"whatsapp_business_account","entry":[{"id":"2000000001","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550001111","phone_number_id":"1000000001"},"statuses":[{"id":"wamid.SIM0001","status":"delivered","timestamp":"1793800000","recipient_id":"15551234567","biz_opaque_callback_data":"ch_1"}]}}]}]}"#;
        let escaped = r#"{"object":"whatsapp_business_account","entry":[{"id":"2000000001","changes":[{"field":"messages","value":{"contacts":[{"profile":{"name":"Zo\u00eb \ud83d\ude00 a\/b"}}]}}]}]}"#;
        for (body, hex) in [
            (status, "f9c6840cd7ed472df47b98e291864380cf21d4b2762758e27cbd51748209c00d"),
            (escaped, "23037ca8028f3b9b83b7ee90f8910758e77282c19e01fef2fc84a3e6b4c196ee"),
        ] {
            assert_eq!(webhook_signature(SECRET, body.as_bytes()), format!("sha256={hex}"));
        }
    }

    #[test]
    fn text_is_escaped_as_meta_does() {
        let escaped = escaped(&json!({ "name": "Zoë 😀 a/b \"\\\n" }));
        assert_eq!(escaped, br#"{"name":"Zo\u00eb \ud83d\ude00 a\/b \"\\\n"}"#);
    }
}
