//! The service's origin for browsers.

use std::{fmt, str::FromStr};

use axum::http::uri::Authority;
use url::{Host, Url};

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

impl ServiceOrigin {
    /// The origin for a page that a browser reads from `host`, such as `localhost:3001`. A service that listens on all
    /// addresses, `http://0.0.0.0:3000`, is reached by the page's own name.
    pub(super) fn seen_from(&self, host: Option<&str>) -> Self {
        let Ok(mut url) = Url::parse(&self.0) else { return self.clone() };
        let is_any = match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_unspecified(),
            Some(Host::Ipv6(ip)) => ip.is_unspecified(),
            Some(Host::Domain(_)) | None => false,
        };
        if !is_any {
            return self.clone();
        }
        let host = host.and_then(|host| host.parse::<Authority>().ok());
        let named = host.and_then(|host| {
            url.set_host(Some(host.host())).ok()?;
            url.as_str().parse().ok()
        });
        named.unwrap_or_else(|| self.clone())
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
    fn a_service_on_all_addresses_has_the_name_of_the_page() {
        let seen = |origin: &str, host| origin.parse::<ServiceOrigin>().unwrap().seen_from(host).to_string();
        for (origin, host, expected) in [
            ("http://0.0.0.0:3000", Some("localhost:3001"), "http://localhost:3000"),
            ("http://0.0.0.0:3000", Some("192.168.1.5:8081"), "http://192.168.1.5:3000"),
            ("http://0.0.0.0:3000", Some("[::1]:3001"), "http://[::1]:3000"),
            ("https://[::]:3000", Some("build-box"), "https://build-box:3000"),
            ("http://0.0.0.0:3000", Some("a;script-src"), "http://0.0.0.0:3000"),
            ("http://0.0.0.0:3000", None, "http://0.0.0.0:3000"),
            ("http://127.0.0.1:3000", Some("localhost:3001"), "http://127.0.0.1:3000"),
        ] {
            assert_eq!(seen(origin, host), expected, "{origin} at {host:?}");
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
