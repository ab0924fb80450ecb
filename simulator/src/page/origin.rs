//! The service's origin for browsers.

use std::{fmt, str::FromStr};

use url::Url;

/// A web origin, `http://localhost:3000`. It becomes part of the page's Content-Security-Policy, so it contains no
/// character with a meaning there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceOrigin(Box<str>);

/// The text is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the service's address without a path, such as http://localhost:3000")]
pub struct ServiceOriginError;

impl ServiceOrigin {
    /// The origin as browsers write it: without a trailing slash or a default port.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceOrigin {
    type Err = ServiceOriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| ServiceOriginError)?;
        let bare = url.path() == "/" && !text.contains(['?', '#', '@']);
        let origin = url.origin().ascii_serialization();
        let plain = origin.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:/[]".contains(c));
        if bare && plain && matches!(url.scheme(), "http" | "https") {
            Ok(Self(origin.into_boxed_str()))
        } else {
            Err(ServiceOriginError)
        }
    }
}

impl fmt::Display for ServiceOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_normalized() {
        for (text, origin) in [
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://localhost:3000/", "http://localhost:3000"),
            ("https://Otp.Example:443", "https://otp.example"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(text.parse::<ServiceOrigin>().unwrap().as_str(), origin);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "localhost:3000",
            "ftp://localhost",
            "http://localhost/otp",
            "http://a@localhost",
            "http://localhost?",
            "http://a;script-src",
            "http://a,b",
        ] {
            assert_eq!(text.parse::<ServiceOrigin>(), Err(ServiceOriginError), "{text}");
        }
    }
}
