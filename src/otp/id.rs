//! Ids of verifications.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::str::FromStr;

use data_encoding::HEXLOWER_PERMISSIVE;

/// The id of a verification: 128 bits, written as `ver_` and 26 characters of Crockford's base 32.
///
/// It is an encrypted block that contains the number and the app. Any instance with the secret can derive the
/// verification's key from it, and nobody else can tell the number. See [`KeyRing::locate`](super::KeyRing::locate).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VerificationId([u8; 16]);

/// The text is not a valid id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id such as ver_01js7whh8m7m9a9s94qzrj8k0w, a UUID, or 32 hexadecimal digits")]
pub struct VerificationIdError;

const PREFIX: &str = "ver_";
/// Crockford's base 32 in lower case. Of the 26 characters for 128 bits, the first holds three bits.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CHARACTERS: u32 = 26;

/// Decodes 26 characters. As Crockford specifies, case does not matter, and letters that look like digits are read as
/// digits.
fn decode(characters: &str) -> Option<u128> {
    let value = |character: u8| {
        let character = match character.to_ascii_lowercase() {
            b'i' | b'l' => b'1',
            b'o' => b'0',
            other => other,
        };
        ALPHABET.iter().position(|&symbol| symbol == character)
    };
    if characters.len() != CHARACTERS as usize || value(*characters.as_bytes().first()?)? > 7 {
        return None;
    }
    characters.bytes().try_fold(0, |bits, character| Some(bits << 5 | value(character)? as u128))
}

impl VerificationId {
    pub(super) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the 128 bits.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for VerificationId {
    type Err = VerificationIdError;

    /// Parses any of three spellings: `ver_` and 26 characters, a UUID, or 32 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, VerificationIdError> {
        if let Some(characters) = text.strip_prefix(PREFIX) {
            return decode(characters).map(|bits| Self(bits.to_be_bytes())).ok_or(VerificationIdError);
        }
        let is_dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
        let is_uuid = text.len() == 36 && text.bytes().enumerate().all(|(at, byte)| (byte == b'-') == is_dash(at));
        let digits = if is_uuid { Cow::Owned(text.replace('-', "")) } else { Cow::Borrowed(text) };
        let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok();
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(VerificationIdError)
    }
}

/// `ver_01js7whh8m7m9a9s94qzrj8k0w`
impl fmt::Display for VerificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        let bits = u128::from_be_bytes(self.0);
        let symbol = |place: u32| char::from(ALPHABET[(bits >> (5 * place)) as usize % ALPHABET.len()]);
        (0..CHARACTERS).rev().try_for_each(|place| f.write_char(symbol(place)))
    }
}

impl fmt::Debug for VerificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_spellings_are_one_id() {
        let id = VerificationId([0x01, 0x93, 0x9c, 0x7a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xab, 0xff]);
        let text = id.to_string();
        assert_eq!(text, "ver_01jee7m001081g81860w40kazz");
        for spelling in [&text, "01939c7a-0001-0203-0405-06070809abff", "01939C7A00010203040506070809abff"] {
            assert_eq!(spelling.parse(), Ok(id), "{spelling}");
        }
        assert_eq!(text.to_uppercase().replace("VER_", "ver_").parse(), Ok(id));
        assert_eq!(text.replace('0', "O").parse(), Ok(id), "what looks like a zero is one");
    }

    #[test]
    fn other_texts_are_refused() {
        let id = "01jee7m001081g81860w40kazz";
        for text in [
            "",
            "ver_",
            id,
            &format!("ver_{}", &id[1..]),
            &format!("ver_{id}0"),
            &format!("ver_8{}", &id[1..]),
            &format!("ver_{}u", &id[..25]),
            "01939c7a00010203040506070809abf",
            "0193-9c7a00010203040506070809abff---",
            "é",
        ] {
            assert_eq!(text.parse::<VerificationId>(), Err(VerificationIdError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_id_is_read_as_it_is_written(bytes: [u8; 16]) {
            let id = VerificationId(bytes);
            prop_assert_eq!(id.to_string().len(), 30);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn no_text_makes_it_panic(text in "(ver_)?[0-9a-zA-Z-]{0,40}") {
            let _ = text.parse::<VerificationId>();
        }
    }
}
