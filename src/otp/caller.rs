//! Callers: the holders of API keys, or anyone where no key is asked for.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::AppName;
use super::app::{NameError, is_name};

/// The caller of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Anyone, as no key is asked for.
    Anyone,
    /// The holder of this key.
    Key(Arc<Key>),
}

/// An API key, without the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name, which logs and metrics show.
    pub name: KeyName,
    /// What its holder may do.
    pub kind: KeyKind,
    /// The apps that it works for; the first is the default of its requests.
    pub apps: Vec<AppName>,
}

/// The name of an API key, spelled like that of an app.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(Box<str>);

/// What the holder of a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Everything in its apps. It is a backend, which knows its users, so the client address that it states is believed.
    Server,
    /// Creating, resending and checking. It is in an app on somebody's device, so its own address is the client's.
    Client,
    /// What a server key may, but no message leaves.
    Test,
}

impl Caller {
    /// The name of the caller's key, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Anyone => None,
            Self::Key(key) => Some(key.name.as_str()),
        }
    }

    /// Returns `true` if the caller may use `app`.
    #[must_use]
    pub fn may_use(&self, app: &AppName) -> bool {
        match self {
            Self::Anyone => true,
            Self::Key(key) => key.apps.contains(app),
        }
    }
}

impl KeyName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// [`NameError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if is_name(text) { Ok(Self(text.into())) } else { Err(NameError) }
    }

    /// The name.
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

    /// The kind's name in settings, logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Test => "test",
        }
    }

    /// What keys of this kind start with.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Server => "otp_sk_",
            Self::Client => "otp_pk_",
            Self::Test => "otp_test_",
        }
    }
}

/// The text is not a kind.
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
