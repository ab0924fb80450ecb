//! Apps: the products or purposes for which people prove their numbers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// The name of an app: a letter, followed by up to 31 characters of `a-z`, `0-9`, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppName(Arc<str>);

/// The text is not a valid name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name of 1 to 32 lower-case letters, digits, '-' and '_' that starts with a letter")]
pub struct NameError;

impl AppName {
    /// The app that always exists and serves the sample server's two calls.
    pub const DEFAULT: &'static str = "default";

    /// Parses a name.
    ///
    /// # Errors
    ///
    /// [`NameError`] if the text is not a valid name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if is_name(text) { Ok(Self(text.into())) } else { Err(NameError) }
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first 16 bits of the name's SHA-256, which identify the app in the ids of its verifications. No two
    /// apps of a service may have the same tag.
    #[must_use]
    pub fn tag(&self) -> u16 {
        let hash = Sha256::digest(self.0.as_bytes());
        u16::from_be_bytes([hash[0], hash[1]])
    }
}

/// `default`
impl Default for AppName {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

impl FromStr for AppName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns `true` if `text` can name an app or a key. Names become part of Redis keys, metric labels and environment
/// variables.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=32).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for name in ["a", "shop", "shop-2_eu", &"a".repeat(32)] {
            assert_eq!(AppName::parse(name).unwrap().as_str(), name);
        }
        for text in ["", "Shop", "2shop", "-shop", "_", "shop!", "sh op", "a:b", "{a}", "é", &"a".repeat(33)] {
            assert_eq!(AppName::parse(text), Err(NameError), "{text}");
        }
    }

    #[test]
    fn a_tag_is_the_start_of_the_names_hash() {
        // printf default | sha256sum
        assert_eq!(AppName::default().tag(), 0x37a8);
        assert_ne!(AppName::default().tag(), AppName::parse("shop").unwrap().tag());
    }
}
