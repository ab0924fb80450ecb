//! The definition of an authentication template: the choices that WhatsApp leaves to its owner.
//!
//! The text of the message is WhatsApp's own. Source: "Authentication templates", "Copy code", "One-tap autofill",
//! "Zero-tap" and "Time-to-live" in the WhatsApp Business Platform's documentation, editions of 2026.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The most apps that a template can pass codes to.
pub(crate) const MOST_APPS: usize = 5;
const LONGEST_NAME: usize = 512;
const LONGEST_PACKAGE: usize = 224;
const HASH_LENGTH: usize = 11;

/// A template as its owner defines it, the same in every language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthenticationTemplate {
    /// Its name, the same in each language.
    pub(crate) name: TemplateName,
    /// The way of the code from WhatsApp into the app.
    pub(crate) delivery: CodeDelivery,
    /// Adds the advice not to share the code to the message.
    pub(crate) security_recommendation: bool,
    /// The lifetime of the code according to the footer.
    pub(crate) code_lifetime: CodeMinutes,
    /// The time for which WhatsApp tries to deliver.
    pub(crate) message_ttl: MessageTtl,
}

/// The way of the code from WhatsApp into the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CodeDelivery {
    /// The person copies it with a button.
    CopyCode,
    /// A button passes it to the app, Android only.
    OneTap(SupportedApps),
    /// It reaches the app without a tap, Android only. Creating such a template implies acceptance of WhatsApp's terms.
    ZeroTap(SupportedApps),
}

impl CodeDelivery {
    /// The name in the Graph API.
    pub(crate) fn otp_type(&self) -> &'static str {
        match self {
            Self::CopyCode => "COPY_CODE",
            Self::OneTap(_) => "ONE_TAP",
            Self::ZeroTap(_) => "ZERO_TAP",
        }
    }

    /// The one button of the template.
    fn button(&self) -> Value {
        let mut button = json!({ "type": "OTP", "otp_type": self.otp_type() });
        if let Self::OneTap(apps) | Self::ZeroTap(apps) = self {
            button["supported_apps"] = json!(apps.0);
        }
        if let Self::ZeroTap(_) = self {
            button["zero_tap_terms_accepted"] = json!(true);
        }
        button
    }
}

impl AuthenticationTemplate {
    /// The components as WhatsApp expects them for creating or changing a template, in any language.
    pub(crate) fn components(&self) -> Value {
        json!([
            { "type": "BODY", "add_security_recommendation": self.security_recommendation },
            { "type": "FOOTER", "code_expiration_minutes": self.code_lifetime.0 },
            { "type": "BUTTONS", "buttons": [self.delivery.button()] },
        ])
    }
}

macro_rules! text {
    ($name:ident, $expected:literal, $fine:expr) => {
        impl $name {
            /// Parses the text.
            ///
            /// # Errors
            ///
            /// A description of the expected text.
            pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
                let fine: fn(&str) -> bool = $fine;
                if fine(text) { Ok(Self(text.to_owned())) } else { Err($expected) }
            }

            /// The text.
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    };
}

/// A template's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct TemplateName(String);

text!(TemplateName, "1 to 512 lowercase letters, digits and underscores", |text| {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(legal)
});

/// The name of an Android app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct PackageName(String);

text!(PackageName, "an Android package name, such as com.example.app", |text| {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.len() <= LONGEST_PACKAGE && text.contains('.') && text.split('.').all(is_word)
});

/// The hash by which WhatsApp recognizes an app by its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct SignatureHash(String);

text!(SignatureHash, "an app signature hash: exactly 11 letters, digits, '+', '/' or '='", |text| {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    text.len() == HASH_LENGTH && text.bytes().all(legal)
});

/// An app that may receive codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SupportedApp {
    /// Its name.
    pub(crate) package_name: PackageName,
    /// The hash of its signing key; debug and release builds have different ones.
    pub(crate) signature_hash: SignatureHash,
}

/// One to [`MOST_APPS`] distinct apps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SupportedApps(Vec<SupportedApp>);

impl SupportedApps {
    /// Collects the apps; a pair given twice counts once.
    ///
    /// # Errors
    ///
    /// A description of the expected apps.
    pub(crate) fn new(apps: Vec<SupportedApp>) -> Result<Self, &'static str> {
        let mut distinct = Vec::with_capacity(apps.len());
        for app in apps {
            if !distinct.contains(&app) {
                distinct.push(app);
            }
        }
        let fine = (1..=MOST_APPS).contains(&distinct.len());
        if fine { Ok(Self(distinct)) } else { Err("1 to 5 pairs of a package name and a signature hash") }
    }

    /// The apps as a slice.
    pub(crate) fn as_slice(&self) -> &[SupportedApp] {
        &self.0
    }
}

/// The lifetime of a code according to the message: 1 to 90 whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CodeMinutes(u8);

impl CodeMinutes {
    /// Accepts `minutes` if a footer can state them.
    pub(crate) fn new(minutes: u64) -> Option<Self> {
        u8::try_from(minutes).ok().filter(|minutes| (1..=90).contains(minutes)).map(Self)
    }

    /// Accepts a duration of whole minutes that a footer can state.
    pub(crate) fn exactly(duration: Duration) -> Option<Self> {
        let whole = duration.as_secs().is_multiple_of(60) && duration.subsec_nanos() == 0;
        if whole { Self::new(duration.as_secs() / 60) } else { None }
    }

    /// The number of minutes.
    pub(crate) fn get(self) -> u8 {
        self.0
    }

    /// The same as a duration.
    pub(crate) fn duration(self) -> Duration {
        Duration::from_secs(60 * u64::from(self.0))
    }
}

/// The time after which WhatsApp drops an undelivered message: 30 seconds to 15 minutes, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageTtl(Duration);

impl MessageTtl {
    /// The allowed range.
    pub(crate) const RANGE: std::ops::RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_mins(15);

    /// Accepts `duration` if WhatsApp does.
    pub(crate) fn new(duration: Duration) -> Option<Self> {
        (Self::RANGE.contains(&duration) && duration.subsec_nanos() == 0).then_some(Self(duration))
    }

    /// The value that WhatsApp recommends: at most the lifetime of the code.
    pub(crate) fn advised(code_lifetime: CodeMinutes) -> Self {
        Self(code_lifetime.duration().min(*Self::RANGE.end()))
    }

    /// The duration.
    pub(crate) fn duration(self) -> Duration {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lowercase() {
        for name in ["login_code", "a", "0", &"x".repeat(512)] {
            assert_eq!(TemplateName::parse(name).unwrap().as_str(), name);
        }
        for name in ["", "Login", "login-code", "login code", "logïn", &"x".repeat(513)] {
            assert!(TemplateName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn package_names_have_at_least_two_words_that_start_with_a_letter() {
        for name in ["com.example", "com.example.app_1", "a.B"] {
            assert!(PackageName::parse(name).is_ok(), "{name}");
        }
        let long = format!("com.{}", "a".repeat(221));
        for name in ["com", "com.", ".com", "com.1app", "com.ex-ample", "com..app", "", "com.exämple", &long] {
            assert!(PackageName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn signature_hashes_have_eleven_characters_of_base64() {
        assert!(SignatureHash::parse("AbCdEfGh+/1").is_ok());
        for hash in ["AbCdEfGh+/", "AbCdEfGh+/12", "AbCdEfGh%2F", "AbCdEfGh-_1", "", "AbCdEfGh+ä"] {
            assert!(SignatureHash::parse(hash).is_err(), "{hash}");
        }
    }

    #[test]
    fn one_to_five_apps_and_a_pair_given_twice_counts_once() {
        let app = |hash: &str| SupportedApp {
            package_name: PackageName::parse("com.example").unwrap(),
            signature_hash: SignatureHash::parse(hash).unwrap(),
        };
        assert!(SupportedApps::new(Vec::new()).is_err());
        let apps = |most: u8| (0..most).map(|n| app(&format!("AbCdEfGh+/{n}"))).collect::<Vec<_>>();
        assert!(SupportedApps::new(apps(5)).is_ok());
        assert!(SupportedApps::new(apps(6)).is_err());
        let twice = SupportedApps::new([apps(5), apps(5)].concat()).unwrap();
        assert_eq!(twice.as_slice(), apps(5));
    }

    #[test]
    fn footers_state_whole_minutes() {
        let minutes = |seconds| CodeMinutes::exactly(Duration::from_secs(seconds)).map(CodeMinutes::get);
        assert_eq!([60, 300, 5400].map(minutes), [Some(1), Some(5), Some(90)]);
        assert_eq!([0, 30, 90, 5460].map(minutes), [None; 4]);
        assert_eq!(CodeMinutes::exactly(Duration::from_millis(60_500)), None);
    }

    #[test]
    fn a_message_is_delivered_only_during_the_lifetime_of_its_code() {
        let advised = |minutes| MessageTtl::advised(CodeMinutes::new(minutes).unwrap()).duration().as_secs();
        assert_eq!([1, 5, 15, 90].map(advised), [60, 300, 900, 900]);
        let seconds = |seconds| MessageTtl::new(Duration::from_secs(seconds)).is_some();
        assert_eq!([29, 30, 900, 901].map(seconds), [false, true, true, false]);
    }

    #[test]
    fn the_components_are_the_documented_ones() {
        let app = SupportedApp {
            package_name: PackageName::parse("com.example.app").unwrap(),
            signature_hash: SignatureHash::parse("AbCdEfGh+/1").unwrap(),
        };
        let apps = SupportedApps::new(vec![app]).unwrap();
        let template = |delivery| AuthenticationTemplate {
            name: TemplateName::parse("login_code").unwrap(),
            delivery,
            security_recommendation: true,
            code_lifetime: CodeMinutes::new(5).unwrap(),
            message_ttl: MessageTtl::new(Duration::from_mins(5)).unwrap(),
        };
        let components = |button: Value| {
            json!([
                { "type": "BODY", "add_security_recommendation": true },
                { "type": "FOOTER", "code_expiration_minutes": 5 },
                { "type": "BUTTONS", "buttons": [button] },
            ])
        };
        let supported = json!([{ "package_name": "com.example.app", "signature_hash": "AbCdEfGh+/1" }]);
        for (delivery, button) in [
            (CodeDelivery::CopyCode, json!({ "type": "OTP", "otp_type": "COPY_CODE" })),
            (
                CodeDelivery::OneTap(apps.clone()),
                json!({ "type": "OTP", "otp_type": "ONE_TAP", "supported_apps": supported }),
            ),
            (
                CodeDelivery::ZeroTap(apps),
                json!({
                    "type": "OTP", "otp_type": "ZERO_TAP", "supported_apps": supported,
                    "zero_tap_terms_accepted": true,
                }),
            ),
        ] {
            assert_eq!(template(delivery).components(), components(button));
        }
    }
}
