//! Details that a caller attaches to a verification, and that its answers repeat.

use std::collections::BTreeMap;

use super::{Audience, Channel, Locale, Nonce};

/// The details of a verification. They do not change after its creation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// The language of its messages, if their sender has languages.
    pub locale: Option<Locale>,
    /// The channel of its messages.
    pub channel: Option<Channel>,
    /// The caller's own name for it.
    pub reference: Option<Reference>,
    /// The caller's own facts about it.
    pub metadata: Metadata,
    /// The audience of its proof.
    pub audience: Option<Audience>,
    /// The value that ties its proof to the caller's session.
    pub nonce: Option<Nonce>,
}

impl Details {
    /// Returns `true` if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A caller's own name for a verification, such as an order number: 1 to 128 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference(Box<str>);

/// The text is not a valid reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a text of 1 to {} characters", Reference::MAX_CHARACTERS)]
pub struct ReferenceError;

impl Reference {
    /// The maximum length.
    pub const MAX_CHARACTERS: usize = 128;

    /// Parses a reference.
    ///
    /// # Errors
    ///
    /// [`ReferenceError`] if the text is empty or too long.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let fits = (1..=Self::MAX_CHARACTERS).contains(&text.chars().count());
        if fits { Ok(Self(text.into())) } else { Err(ReferenceError) }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A caller's own facts about a verification: up to ten pairs of texts of up to 128 characters each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata(BTreeMap<String, String>);

/// The pairs are not valid metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// There are too many.
    #[error("at most {} pairs", Metadata::MAX_PAIRS)]
    TooMany,
    /// The key of one of them is empty or too long.
    #[error("keys of 1 to {} characters", Metadata::MAX_CHARACTERS)]
    Key,
    /// The value with this key is too long.
    #[error("a text of at most {} characters", Metadata::MAX_CHARACTERS)]
    Value(String),
}

impl Metadata {
    /// The maximum number of pairs.
    pub const MAX_PAIRS: usize = 10;
    /// The maximum length of a key and of a value.
    pub const MAX_CHARACTERS: usize = 128;

    /// Parses metadata.
    ///
    /// # Errors
    ///
    /// [`MetadataError`] if there are too many pairs, or a text is too long.
    pub fn parse(pairs: BTreeMap<String, String>) -> Result<Self, MetadataError> {
        if pairs.len() > Self::MAX_PAIRS {
            return Err(MetadataError::TooMany);
        }
        for (key, value) in &pairs {
            if !(1..=Self::MAX_CHARACTERS).contains(&key.chars().count()) {
                return Err(MetadataError::Key);
            }
            if value.chars().count() > Self::MAX_CHARACTERS {
                return Err(MetadataError::Value(key.clone()));
            }
        }
        Ok(Self(pairs))
    }

    /// Returns the pairs.
    #[must_use]
    pub fn pairs(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// Returns `true` if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_short() {
        assert_eq!(Reference::parse("order-42").unwrap().as_str(), "order-42");
        assert_eq!(Reference::parse(&"é".repeat(128)).unwrap().as_str().chars().count(), 128);
        assert_eq!(Reference::parse(""), Err(ReferenceError));
        assert_eq!(Reference::parse(&"x".repeat(129)).unwrap_err().to_string(), "a text of 1 to 128 characters");
    }

    #[test]
    fn metadata_are_few_and_short() {
        let pairs = |count: usize, key: usize, value: usize| -> BTreeMap<String, String> {
            (0..count).map(|n| (format!("{n}{}", "k".repeat(key - 1)), "v".repeat(value))).collect()
        };
        assert_eq!(Metadata::parse(pairs(10, 128, 128)).unwrap().pairs().len(), 10);
        assert!(Metadata::parse(BTreeMap::new()).unwrap().is_empty());
        assert_eq!(Metadata::parse(pairs(11, 2, 1)), Err(MetadataError::TooMany));
        assert_eq!(Metadata::parse(pairs(1, 129, 1)), Err(MetadataError::Key));
        assert_eq!(Metadata::parse([(String::new(), String::new())].into()), Err(MetadataError::Key));
        assert_eq!(Metadata::parse(pairs(1, 1, 129)), Err(MetadataError::Value("0".to_owned())));
    }
}
