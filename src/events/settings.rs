//! The settings of an app's endpoint.

use std::fmt;
use std::time::Duration;

use url::Url;

use super::{AddressError, AddressRules, Schedule};

/// The URL of an endpoint, which its rules allow. Its query may be secret, and is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

impl EndpointUrl {
    /// Parses a URL.
    ///
    /// # Errors
    ///
    /// [`AddressError`] if the text is not a URL that the rules allow.
    pub fn parse(text: &str, rules: &AddressRules) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError::NoHost)?;
        rules.check(&url)?;
        Ok(Self(url))
    }

    /// Returns the URL.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

/// `https://hooks.example.com/otp`
impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        url.set_query(None);
        write!(f, "{url}")
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The settings of an app's endpoint, except for its secrets.
#[derive(Debug, Clone)]
pub struct EndpointSettings {
    /// The URL.
    pub url: EndpointUrl,
    /// The rules for its address.
    pub rules: AddressRules,
    /// The maximum time of an attempt.
    pub timeout: Duration,
    /// The times of further attempts.
    pub schedule: Schedule,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_url_is_not_printed() {
        let url = EndpointUrl::parse("https://hooks.example.com/otp?key=secret", &AddressRules::default()).unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://hooks.example.com/otp https://hooks.example.com/otp");
        assert_eq!(EndpointUrl::parse("hooks", &AddressRules::default()), Err(AddressError::NoHost));
    }
}
