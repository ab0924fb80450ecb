//! The keys of one world: the one that signs, and the public halves of all.

use std::collections::HashSet;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::key::SigningKey;

/// The keys of one world.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<(Option<Timestamp>, SigningKey)>,
    jwks: Jwks,
}

/// A document of public keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwks {
    /// The JSON Web Key Set.
    pub text: Arc<str>,
    /// Its entity tag, quotes included.
    pub etag: Arc<str>,
}

/// The key is in the set twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key {0} is given twice")]
pub struct GivenTwice(pub(super) String);

/// No keys.
impl Default for KeySet {
    fn default() -> Self {
        Self { keys: Vec::new(), jwks: Jwks::of(&[]) }
    }
}

impl Jwks {
    fn of(keys: &[(Option<Timestamp>, SigningKey)]) -> Self {
        let public: Vec<_> = keys.iter().map(|(_, key)| key.public()).collect();
        let text = json!({ "keys": public }).to_string();
        let etag = format!("\"{}\"", HEXLOWER.encode(&Sha256::digest(&text)[..16]));
        Self { text: text.into(), etag: etag.into() }
    }
}

impl KeySet {
    /// Makes a set of keys, each with the moment from which it signs.
    ///
    /// # Errors
    ///
    /// [`GivenTwice`] if two keys are the same.
    pub fn new(keys: Vec<(Option<Timestamp>, SigningKey)>) -> Result<Self, GivenTwice> {
        let mut kids = HashSet::new();
        if let Some((_, twice)) = keys.iter().find(|(_, key)| !kids.insert(key.kid())) {
            return Err(GivenTwice(twice.kid().to_owned()));
        }
        let jwks = Jwks::of(&keys);
        Ok(Self { keys, jwks })
    }

    /// Returns the key that signs: the one whose moment has passed last. A key without a moment is older than any other,
    /// and of two with the same moment the first signs.
    #[must_use]
    pub fn signing(&self, now: Timestamp) -> Option<&SigningKey> {
        let begun = self.keys.iter().rev().filter(|(start, _)| start.is_none_or(|start| start <= now));
        begun.max_by_key(|(start, _)| *start).map(|(_, key)| key)
    }

    /// Returns every key with its moment, in the order of the settings.
    pub fn iter(&self) -> impl Iterator<Item = (Option<Timestamp>, &SigningKey)> {
        self.keys.iter().map(|(start, key)| (*start, key))
    }

    /// Returns the public keys.
    #[must_use]
    pub fn jwks(&self) -> &Jwks {
        &self.jwks
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::Value;

    use super::*;

    fn moment(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn key() -> SigningKey {
        SigningKey::from_pem(SigningKey::draw().unwrap().expose_secret()).unwrap()
    }

    #[test]
    fn the_key_whose_moment_has_passed_last_signs() {
        let starts = [None, None, Some(20), Some(10), Some(20)].map(|start: Option<i64>| start.map(moment));
        let set = KeySet::new(starts.map(|start| (start, key())).into()).unwrap();
        let index = |now| {
            let signing = set.signing(moment(now)).unwrap().kid();
            set.keys.iter().position(|(_, key)| key.kid() == signing).unwrap()
        };
        assert_eq!([0, 9, 10, 19, 20, 1_000].map(index), [0, 0, 3, 3, 2, 2]);
    }

    #[test]
    fn no_key_signs_before_its_moment() {
        let set = KeySet::new(vec![(Some(moment(10)), key())]).unwrap();
        assert!(set.signing(moment(9)).is_none() && set.signing(moment(10)).is_some());
        assert!(KeySet::default().signing(moment(0)).is_none());
    }

    #[test]
    fn every_public_key_is_published_and_nothing_private() {
        let set = KeySet::new(vec![(None, key()), (Some(moment(i64::from(u32::MAX))), key())]).unwrap();
        let document: Value = serde_json::from_str(&set.jwks().text).unwrap();
        let published: Vec<_> = document["keys"].as_array().unwrap().iter().collect();
        assert_eq!(published, set.iter().map(|(_, key)| key.public()).collect::<Vec<_>>());
        for key in published {
            let members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        }
    }

    #[test]
    fn no_keys_are_a_document_as_well() {
        let none = KeySet::default();
        assert_eq!(&*none.jwks().text, r#"{"keys":[]}"#);
        let one = KeySet::new(vec![(None, key())]).unwrap();
        assert_ne!(none.jwks().etag, one.jwks().etag);
        assert!(one.jwks().etag.starts_with('"') && one.jwks().etag.ends_with('"') && one.jwks().etag.len() == 34);
    }

    #[test]
    fn the_same_key_twice_is_refused() {
        let pem = SigningKey::draw().unwrap();
        let keys = [0, 1].map(|second| (Some(moment(second)), SigningKey::from_pem(pem.expose_secret()).unwrap()));
        let kid = keys[0].1.kid().to_owned();
        assert_eq!(KeySet::new(keys.into()).unwrap_err(), GivenTwice(kid));
    }
}
