//! Callers: the holders of API keys, or anyone if no key is required.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::app::{NameError, is_name};
use super::{AppName, World};

/// The caller of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Anyone, as no key is required.
    Anyone,
    /// The holder of this key.
    Key(Arc<Key>),
}

/// An API key, without the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name in logs and metrics.
    pub name: KeyName,
    /// The permissions of its holder.
    pub kind: KeyKind,
    /// The apps that it may use; the first is the default for its requests.
    pub apps: Vec<AppName>,
}

/// The name of an API key, which follows the same rules as an app's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(Box<str>);

/// The permissions of a key's holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Everything in its apps. The holder is a backend that knows its users, so the client address that it states is
    /// trusted.
    Server,
    /// Creating, resending and checking. The key is in an app on a user's device, so the caller's own address is the
    /// client's.
    Client,
    /// The same as a server key, but no message is sent.
    Test,
}

impl Caller {
    /// Returns the name of the caller's key, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Anyone => None,
            Self::Key(key) => Some(key.name.as_str()),
        }
    }

    /// Returns the world in which the caller's verifications are.
    #[must_use]
    pub fn world(&self) -> World {
        match self {
            Self::Key(key) if key.kind == KeyKind::Test => World::Test,
            Self::Anyone | Self::Key(_) => World::Live,
        }
    }

    /// Returns `true` if the caller may use `app`, in its world.
    #[must_use]
    pub fn may_use(&self, app: &AppName) -> bool {
        match self {
            Self::Anyone => true,
            Self::Key(key) => key.apps.contains(app),
        }
    }
}

impl KeyName {
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
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Server, Self::Client, Self::Test];

    /// Returns `true` if the holder is a backend, which knows its users.
    #[must_use]
    pub fn is_backend(self) -> bool {
        self != Self::Client
    }

    /// Returns the kind's name in settings, logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Test => "test",
        }
    }

    /// Returns the prefix of keys of this kind.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Server => "otp_sk_",
            Self::Client => "otp_pk_",
            Self::Test => "otp_test_",
        }
    }
}

/// The text is not the name of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("server, client or test")]
pub struct KeyKindError;

impl FromStr for KeyKind {
    type Err = KeyKindError;

    fn from_str(text: &str) -> Result<Self, KeyKindError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(KeyKindError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in KeyKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("admin".parse::<KeyKind>(), Err(KeyKindError));
    }

    #[test]
    fn a_key_works_for_its_apps_alone() {
        let (shop, name) = (AppName::parse("shop").unwrap(), KeyName::parse("backend").unwrap());
        let key = Caller::Key(Arc::new(Key { name, kind: KeyKind::Server, apps: vec![shop.clone()] }));
        assert!(key.may_use(&shop) && !key.may_use(&AppName::default()));
        assert_eq!(key.name(), Some("backend"));
        assert!(Caller::Anyone.may_use(&AppName::default()) && Caller::Anyone.name().is_none());
    }
}
