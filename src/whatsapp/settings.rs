//! What the WhatsApp client is told.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use url::{Host, Url};

use super::WhatsAppAccount;

/// Where the Cloud API is, who we are there, and how patient to be.
#[derive(Debug, Clone)]
pub struct WhatsAppSettings {
    /// The Graph API without a version, `https://graph.facebook.com` or a simulator.
    pub base_url: Url,
    /// The Graph API's version.
    pub api_version: ApiVersion,
    /// Who sends.
    pub account: WhatsAppAccount,
    /// The template's language code, such as `en_US`.
    pub language: String,
    /// The longest that one call may take.
    pub timeout: Duration,
    /// How often a call is tried again after a transient failure.
    pub max_retries: u32,
    /// What the number may send in a second, over all instances; `None` for no limit.
    pub messages_per_second: Option<NonZeroU32>,
}

/// What an app has of its own; the rest is every app's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhatsAppOverrides {
    /// The sending number's ID.
    pub phone_number_id: Option<String>,
    /// The authentication template's ID.
    pub template_id: Option<String>,
    /// The template's language code.
    pub language: Option<String>,
}

impl WhatsAppSettings {
    /// The settings of an app.
    #[must_use]
    pub fn with(mut self, overrides: &WhatsAppOverrides) -> Self {
        let WhatsAppOverrides { phone_number_id, template_id, language } = overrides.clone();
        self.account.phone_number_id = phone_number_id.unwrap_or(self.account.phone_number_id);
        self.account.template_id = template_id.unwrap_or(self.account.template_id);
        self.language = language.unwrap_or(self.language);
        self
    }
}

/// Reads the address of the Graph API, or of a simulator.
///
/// # Errors
///
/// What was expected.
pub fn base_url(text: &str) -> Result<Url, &'static str> {
    let bare = |url: &Url| matches!(url.scheme(), "http" | "https") && !text.contains(['@', '?', '#']);
    let url = Url::parse(text).ok().filter(bare);
    url.ok_or("https:// or http://, a host and, if need be, a path; no user name, ? or #")
}

/// What to say of an address over which the token would travel in plain text, if it is one: `http://`, other than to this
/// machine.
#[must_use]
pub fn plain_text_warning(base_url: &Url) -> Option<String> {
    let is_local = match base_url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    };
    (base_url.scheme() == "http" && !is_local).then(|| {
        format!("whatsapp.base_url is {base_url}: whoever is on the way there can read the access token; use https://")
    })
}

/// A Graph API version, such as `v21.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiVersion(String);

/// The text is not a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version of the Graph API, such as v21.0")]
pub struct ApiVersionError;

impl ApiVersion {
    /// Reads `v<major>.<minor>`.
    ///
    /// # Errors
    ///
    /// [`ApiVersionError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, ApiVersionError> {
        let number = |part: &str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
        text.strip_prefix('v')
            .and_then(|numbers| numbers.split_once('.'))
            .filter(|(major, minor)| number(major) && number(minor))
            .map(|_| Self(text.to_owned()))
            .ok_or(ApiVersionError)
    }

    /// The version as it stands in paths.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_address_elsewhere_is_warned_of() {
        let warned = |text: &str| plain_text_warning(&base_url(text).unwrap()).is_some();
        for text in
            ["http://graph.example.com", "http://10.0.0.1:3001", "http://[2001:db8::1]/", "http://localhost.example"]
        {
            assert!(warned(text), "{text}");
        }
        for text in ["https://graph.facebook.com", "http://127.0.0.1:3001", "http://localhost:3001", "http://[::1]:1"] {
            assert!(!warned(text), "{text}");
        }
    }

    #[test]
    fn versions_are_v_major_minor() {
        assert_eq!(ApiVersion::parse("v21.0").unwrap().to_string(), "v21.0");
        for text in ["", "21.0", "v21", "v.0", "v21.", "v21.0/..", "v21.x", "V21.0"] {
            assert_eq!(ApiVersion::parse(text), Err(ApiVersionError), "{text}");
        }
    }
}
