//! Settings of the WhatsApp client.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use secrecy::SecretString;
use url::{Host, Url};

use crate::otp::Locale;

/// The Cloud API and the business's account there.
#[derive(Debug, Clone)]
pub struct WhatsAppSettings {
    /// The API.
    pub api: WhatsAppApi,
    /// The account.
    pub account: WhatsAppAccount,
}

/// An account with its number and template, as the set-up program writes it down.
#[derive(Debug, Clone)]
pub struct WhatsAppAccount {
    /// The WhatsApp Business account (WABA).
    pub waba_id: String,
    /// A system user's token with `whatsapp_business_messaging` and `whatsapp_business_management`.
    pub access_token: SecretString,
    /// The ID of the sending number (not the number itself).
    pub phone_number_id: String,
    /// The ID of the authentication template.
    pub template_id: String,
}

/// The Cloud API, whatever the account.
#[derive(Debug, Clone)]
pub struct WhatsAppApi {
    /// The Graph API without a version, `https://graph.facebook.com` or a simulator.
    pub base_url: Url,
    /// The Graph API's version.
    pub api_version: ApiVersion,
    /// The template's languages, at least one, the first for people whose language is not known or not among them.
    pub languages: Vec<Locale>,
    /// The longest that one call may take.
    pub timeout: Duration,
    /// The most retries of a send after transient failures.
    pub max_retries: u32,
    /// Messages that the number may send in a second, over all instances; `None` for no limit.
    pub messages_per_second: Option<NonZeroU32>,
}

/// The settings that an app may have of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhatsAppOverrides {
    /// The sending number's ID.
    pub phone_number_id: Option<String>,
    /// The authentication template's ID.
    pub template_id: Option<String>,
    /// The template's languages.
    pub languages: Option<Vec<Locale>>,
}

impl WhatsAppSettings {
    /// Applies the overrides of an app.
    #[must_use]
    pub fn with(mut self, overrides: &WhatsAppOverrides) -> Self {
        let WhatsAppOverrides { phone_number_id, template_id, languages } = overrides.clone();
        self.account.phone_number_id = phone_number_id.unwrap_or(self.account.phone_number_id);
        self.account.template_id = template_id.unwrap_or(self.account.template_id);
        self.api.languages = languages.unwrap_or(self.api.languages);
        self
    }

    /// Returns `true` if messages of these settings and of `other` have the same sender.
    #[must_use]
    pub fn sends_as(&self, other: &Self) -> bool {
        let of = |settings: &Self| {
            let WhatsAppAccount { phone_number_id, template_id, .. } = settings.account.clone();
            (phone_number_id, template_id, settings.api.languages.clone())
        };
        of(self) == of(other)
    }
}

/// Parses the address of the Graph API, or of a simulator.
///
/// # Errors
///
/// A description of the expected text.
pub fn base_url(text: &str) -> Result<Url, &'static str> {
    let bare = |url: &Url| matches!(url.scheme(), "http" | "https") && !text.contains(['@', '?', '#']);
    let url = Url::parse(text).ok().filter(bare);
    url.ok_or("https:// or http://, a host and, if need be, a path; no user name, ? or #")
}

/// Returns the warning about an address to which the token would travel in plain text: `http://`, except to this
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
        format!("whatsapp.base_url is {base_url}: anyone on the network path can read the access token; use https://")
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
    /// Parses `v<major>.<minor>`.
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

    /// Returns the version as written in paths.
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
    fn a_plain_text_address_elsewhere_leads_to_a_warning() {
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
