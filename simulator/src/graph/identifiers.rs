//! Ids that look like Meta's: message ids, trace ids, request ids.

use std::fmt::Write as _;

use data_encoding::{BASE64, BASE64URL_NOPAD};

/// Generates the id of a message to these digits.
///
/// As in Meta's own, the base64 after `wamid.` contains the recipient's digits, so that tests catch code that forgets
/// that a message id is personal data.
pub(crate) fn message_id(recipient_digits: &str) -> String {
    let mut hex = String::new();
    for byte in rand::random::<[u8; 9]>() {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02X}");
    }
    let mut bytes = vec![0x1c, 0x18];
    bytes.push(u8::try_from(recipient_digits.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(recipient_digits.as_bytes());
    bytes.extend_from_slice(&[0x15, 0x02, 0x00, 0x11, 0x18]);
    bytes.push(u8::try_from(hex.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(hex.as_bytes());
    bytes.push(0x00);
    format!("wamid.{}", BASE64.encode(&bytes))
}

/// Generates a trace id, which Meta asks for in error reports.
pub(crate) fn trace_id() -> String {
    format!("A{}", BASE64URL_NOPAD.encode(&rand::random::<[u8; 16]>()))
}

/// Generates an `x-fb-request-id`.
pub(crate) fn request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_decodes_to_the_recipient_and_is_unique() {
        let id = message_id("5511900000001");
        let bytes = BASE64.decode(id.trim_start_matches("wamid.").as_bytes()).unwrap();
        assert_eq!(&bytes[..3], [0x1c, 0x18, 13]);
        assert_eq!(&bytes[3..16], b"5511900000001");
        assert_eq!(&bytes[16..22], [0x15, 0x02, 0x00, 0x11, 0x18, 18]);
        assert_eq!(bytes.last(), Some(&0));
        assert!(id.starts_with("wamid.HBgN") && id.len() <= 128);
        assert_ne!(id, message_id("5511900000001"));
    }
}
