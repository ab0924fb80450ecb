//! Settings of the signer.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::otp::World;

/// The keys of proofs, and their issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofSettings {
    /// The issuer of live proofs.
    pub issuer: Issuer,
    /// The files of keys.
    pub files: KeyFiles,
}

/// The files of the keys of each world.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFiles {
    /// Those of live proofs.
    pub live: Vec<KeyFile>,
    /// Those of test proofs.
    pub test: Vec<KeyFile>,
}

impl KeyFiles {
    /// Returns `true` if there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.test.is_empty()
    }

    /// Returns the files of one world.
    #[must_use]
    pub fn of(&self, world: World) -> &[KeyFile] {
        match world {
            World::Live => &self.live,
            World::Test => &self.test,
        }
    }
}

/// The file of a signing key, and the moment from which the key signs. It is written `PATH` or `PATH@TIME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// The file.
    pub path: PathBuf,
    /// The moment; `None` if it is past.
    pub not_before: Option<Timestamp>,
}

/// The text is not a file with or without a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("PATH or PATH@TIME, such as /run/secrets/proof-key.pem@2026-12-01T00:00:00Z")]
pub struct KeyFileError;

impl KeyFile {
    /// Parses a file with or without a moment.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`] if there is no path, or no moment after the `@`.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let (path, not_before) = match text.rsplit_once('@') {
            Some((path, moment)) => (path, Some(moment.parse().map_err(|_| KeyFileError)?)),
            None => (text, None),
        };
        if path.is_empty() { Err(KeyFileError) } else { Ok(Self { path: path.into(), not_before }) }
    }
}

impl fmt::Display for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        self.not_before.map_or(Ok(()), |moment| write!(f, "@{moment}"))
    }
}

/// The issuer of proofs: 1 to 256 visible ASCII characters, usually a URL without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(Box<str>);

/// The text is not a valid issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to {MAX_LENGTH} visible ASCII characters without spaces")]
pub struct IssuerError;

const MAX_LENGTH: usize = 256;

impl Issuer {
    /// Parses an issuer.
    ///
    /// # Errors
    ///
    /// [`IssuerError`] if the text is not a valid issuer.
    pub fn parse(text: &str) -> Result<Self, IssuerError> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if (1..=MAX_LENGTH).contains(&text.len()) && is_visible { Ok(Self::of_url(text)) } else { Err(IssuerError) }
    }

    /// Uses a URL as the issuer.
    #[must_use]
    pub fn of_url(url: &str) -> Self {
        Self(url.into())
    }

    /// Returns the issuer of that world's proofs.
    #[must_use]
    pub fn of(&self, world: World) -> String {
        match world {
            World::Live => self.0.to_string(),
            World::Test => format!("{}/test", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_have_a_moment() {
        let file = KeyFile::parse("/keys/a.pem").unwrap();
        assert_eq!((file.path.to_str(), file.not_before), (Some("/keys/a.pem"), None));
        for text in ["/keys/a.pem@2026-12-01T00:00:00Z", "/keys/a@b.pem@2026-12-01T01:00:00+01:00"] {
            let file = KeyFile::parse(text).unwrap();
            assert_eq!(file.not_before.unwrap().as_second(), 1_796_083_200, "{text}");
            assert!(file.to_string().ends_with("pem@2026-12-01T00:00:00Z"), "{file}");
        }
        for text in ["", "@2026-12-01T00:00:00Z", "/keys/a.pem@", "/keys/a.pem@tomorrow", "/keys/a.pem@2026-12-01"] {
            assert_eq!(KeyFile::parse(text), Err(KeyFileError), "{text}");
        }
    }

    #[test]
    fn test_proofs_have_an_issuer_of_their_own() {
        let issuer = Issuer::parse("https://otp.example.com").unwrap();
        assert_eq!(issuer.of(World::Live), "https://otp.example.com");
        assert_eq!(issuer.of(World::Test), "https://otp.example.com/test");
        for text in ["", "two words", &"a".repeat(257)] {
            assert_eq!(Issuer::parse(text), Err(IssuerError), "{text}");
        }
    }
}
