//! Apps: the products or purposes for which people prove their numbers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// The name of an app: a letter, followed by up to 31 characters of `a-z`, `0-9`, `-` and `_`. Each name exists once in
/// each [`World`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppName {
    name: Arc<str>,
    world: World,
}

/// The world of a verification. Nothing in one affects the other: verifications, limits, paces and proofs are separate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum World {
    /// Real numbers and real messages.
    Live,
    /// Test keys: the outcome depends on the number, and no message is sent.
    Test,
}

/// The text is not a valid name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name of 1 to 32 lower-case letters, digits, '-' and '_' that starts with a letter")]
pub struct NameError;

impl World {
    /// Both worlds.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// Returns the start of the names of the world's subjects.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Live => "",
            Self::Test => "test:",
        }
    }
}

impl AppName {
    /// The app that always exists and serves the sample server's two calls.
    pub const DEFAULT: &'static str = "default";

    /// Parses a name.
    ///
    /// # Errors
    ///
    /// [`NameError`] if the text is not a valid name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if is_name(text) { Ok(Self { name: text.into(), world: World::Live }) } else { Err(NameError) }
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Returns the world.
    #[must_use]
    pub fn world(&self) -> World {
        self.world
    }

    /// Returns `true` in the world of test keys.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.world == World::Test
    }

    /// Returns the same name in that world.
    #[must_use]
    pub fn in_world(&self, world: World) -> Self {
        Self { name: Arc::clone(&self.name), world }
    }

    /// Returns the name's tags in both worlds.
    #[must_use]
    pub fn tags(&self) -> [u16; 2] {
        [World::Live, World::Test].map(|world| self.in_world(world).tag())
    }

    /// Returns the first 16 bits of the name's SHA-256, which identify the app in the ids of its verifications. No two
    /// apps of a service may have the same tag.
    #[must_use]
    pub fn tag(&self) -> u16 {
        let hash = match self.world {
            World::Live => Sha256::digest(self.name.as_bytes()),
            World::Test => Sha256::digest(["test/", &self.name].concat()),
        };
        u16::from_be_bytes([hash[0], hash[1]])
    }
}

/// `default`
impl Default for AppName {
    fn default() -> Self {
        Self { name: Self::DEFAULT.into(), world: World::Live }
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
        f.write_str(&self.name)
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
        // printf test/default | sha256sum
        let test = AppName::default().in_world(World::Test);
        assert_eq!((test.tag(), test.as_str(), test.is_test()), (0x88ad, "default", true));
    }
}
