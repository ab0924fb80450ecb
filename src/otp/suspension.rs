//! Suspensions: parts of the business's presence on a channel over which nothing is sent for the time being.
//!
//! All instances share them. Checking codes never depends on them.

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{Country, PhoneNumber, StoreError, UnixMillis, numbering_plan};

/// The most countries that one number may belong to for it to be told apart by country.
const MOST_COUNTRIES: usize = 4;

/// The part that is suspended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SuspensionScope {
    /// The whole account.
    Account,
    /// The sender with that ID.
    Sender(String),
    /// The template with that ID, in its language.
    Template(String),
    /// Numbers of that country.
    Country(NumberCountry),
}

impl SuspensionScope {
    /// Returns the kind of part, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Sender(_) => "sender",
            Self::Template(_) => "template",
            Self::Country(_) => "country",
        }
    }

    /// Returns the ID or the country; empty for the account.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::Account => "",
            Self::Sender(subject) | Self::Template(subject) => subject,
            Self::Country(country) => country.as_str(),
        }
    }

    /// Returns the scope that [`Display`](fmt::Display) wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, subject) = text.split_once(':').unwrap_or((text, ""));
        match (kind, subject) {
            ("account", "") => Some(Self::Account),
            (_, "") => None,
            ("sender", id) => Some(Self::Sender(id.to_owned())),
            ("template", id) => Some(Self::Template(id.to_owned())),
            ("country", country) => Some(Self::Country(NumberCountry(country.into()))),
            _ => None,
        }
    }
}

/// The form in the store: `account`, or kind and subject, such as `sender:106540352242922`.
impl fmt::Display for SuspensionScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => f.write_str(self.kind()),
            _ => write!(f, "{}:{}", self.kind(), self.subject()),
        }
    }
}

/// The country of a number, or the few that share its range, such as `DE` or `IT+VA`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumberCountry(Box<str>);

impl NumberCountry {
    /// Returns the country of a number; `None` if it may belong to many.
    #[must_use]
    pub fn of(phone: &PhoneNumber) -> Option<Self> {
        let homes = numbering_plan::homes(phone.digits());
        let mut countries: Vec<_> = homes.iter().filter_map(|home| home.country.as_ref()).map(Country::code).collect();
        countries.sort_unstable();
        (1..=MOST_COUNTRIES).contains(&countries.len()).then(|| Self(countries.join("+").into()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Declares the causes, each with its name and its description for people.
macro_rules! causes {
    ($($variant:ident = $name:literal, $text:literal;)+) => {
        /// The cause of a suspension.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum SuspensionCause {
            $(#[doc = $text] $variant,)+
        }

        impl SuspensionCause {
            /// Every cause.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the name in the store, logs and events.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Returns the cause in plain words.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

causes! {
    TemplatePaused = "template_paused", "WhatsApp paused the template because people reported it";
    TemplateDisabled = "template_disabled", "WhatsApp disabled the template because people reported it";
    TemplateRejected = "template_rejected", "WhatsApp rejected the template";
    TemplateInReview = "template_in_review", "WhatsApp is reviewing the template";
    TemplateFlagged = "template_flagged", "WhatsApp is about to disable the template for its quality";
    TemplateLocked = "template_locked", "WhatsApp locked the template";
    TemplateDeleted = "template_deleted", "the template is deleted";
    TemplateArchived = "template_archived", "the template is archived";
    TemplateRefused = "template_refused", "WhatsApp refuses messages of the template";
    AccountViolation = "account_violation", "WhatsApp says that the account violates a policy";
    AccountRestricted = "account_restricted", "WhatsApp restricted the account";
    AccountBanned = "account_banned", "WhatsApp banned the account, or is about to";
    AccountDeleted = "account_deleted", "the account is deleted";
    AccountRefused = "account_refused", "WhatsApp refuses every message of the account";
    PaymentProblem = "payment_problem", "WhatsApp cannot bill the account";
    MessagingLimitCut = "messaging_limit_cut", "WhatsApp cut the account's messaging limit";
    NotPermitted = "not_permitted", "the access token lacks a permission for the account";
    SpamLimit = "spam_limit", "WhatsApp restricted the number because people blocked or reported it";
    NumberNotUsable = "number_not_usable", "WhatsApp says that the number is not registered or may not be used";
    CountryRestricted = "country_restricted", "the account may not send to numbers of this country";
    Blocked = "blocked", "WhatsApp's health status says that it cannot send";
    Other = "other", "a newer version of this program suspended it";
}

impl SuspensionCause {
    /// Returns the cause with that name; [`Other`](Self::Other) if this version has none.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self::ALL.iter().copied().find(|cause| cause.as_str() == name).unwrap_or(Self::Other)
    }
}

/// The time that a suspension lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Term {
    /// It ends by itself after this time.
    For(Duration),
    /// It ends once WhatsApp says that sending is possible again, or by itself after [`Term::LONGEST`].
    UntilResumed,
}

impl Term {
    /// The longest that a suspension lasts unless it is renewed.
    pub const LONGEST: Duration = Duration::from_hours(24);

    /// Returns the time after which it ends by itself.
    #[must_use]
    pub fn longest(self) -> Duration {
        match self {
            Self::For(duration) => duration.min(Self::LONGEST),
            Self::UntilResumed => Self::LONGEST,
        }
    }
}

/// A suspension to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSuspension {
    /// The part to suspend.
    pub scope: SuspensionScope,
    /// The cause.
    pub cause: SuspensionCause,
    /// The time that it lasts.
    pub term: Term,
}

/// A suspension in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// The suspended part.
    pub scope: SuspensionScope,
    /// The cause.
    pub cause: SuspensionCause,
    /// The time at which it was opened.
    pub since: UnixMillis,
    /// The time at which it ends by itself.
    pub ends_at: UnixMillis,
    /// The time left until then by the store's clock.
    pub ends_in: Duration,
    /// `true` if it ends by itself alone.
    pub is_timed: bool,
}

impl Suspension {
    /// Returns the time since it was opened.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.ends_at.since(self.since).saturating_sub(self.ends_in)
    }
}

/// Suspensions as they were read last.
#[derive(Debug, Clone)]
pub struct SeenSuspensions {
    suspensions: Vec<Suspension>,
    read_at: Instant,
}

impl Default for SeenSuspensions {
    fn default() -> Self {
        Self::new(Vec::new(), Instant::now())
    }
}

impl SeenSuspensions {
    /// Those that were read at `read_at`.
    #[must_use]
    pub fn new(suspensions: Vec<Suspension>, read_at: Instant) -> Self {
        Self { suspensions, read_at }
    }

    /// Returns `true` if there were none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.suspensions.is_empty()
    }

    /// Returns those that have not ended by themselves by `now`.
    pub fn in_force(&self, now: Instant) -> impl Iterator<Item = &Suspension> {
        let passed = now.saturating_duration_since(self.read_at);
        self.suspensions.iter().filter(move |suspension| suspension.ends_in > passed)
    }
}

/// The result of opening a suspension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// `true` if the part was not suspended before.
    pub is_new: bool,
    /// The suspension as it is now.
    pub suspension: Suspension,
}

/// Keeps the suspensions of an account's parts, for all instances.
///
/// Each method is one atomic decision by the store's own clock.
#[async_trait]
pub trait Suspensions: Send + Sync {
    /// Suspends a part. If it is suspended already, the suspension keeps its beginning and gets whichever term ends
    /// later, with its cause.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: it may have been suspended; repeating it is harmless.
    async fn suspend(&self, account: &str, new: &NewSuspension) -> Result<Opened, StoreError>;

    /// Ends the suspension of a part. Returns `false` if it was not suspended, or if its end is no longer the one
    /// that was `seen`, as it has been suspended again since.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: it may have been ended; repeating it is harmless.
    async fn resume(
        &self,
        account: &str,
        scope: &SuspensionScope,
        seen: Option<UnixMillis>,
    ) -> Result<bool, StoreError>;

    /// Returns the suspensions in force, in the order of their scopes.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not answer.
    async fn suspensions(&self, account: &str) -> Result<Vec<Suspension>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_found_by_its_name_and_an_unknown_one_still_suspends() {
        for cause in SuspensionCause::ALL {
            assert_eq!(SuspensionCause::from_name(cause.as_str()), *cause);
        }
        assert_eq!(SuspensionCause::from_name("new"), SuspensionCause::Other);
    }

    #[test]
    fn every_scope_is_read_as_it_was_written() {
        let country = NumberCountry::of(&PhoneNumber::parse("4915123456789").unwrap()).unwrap();
        for (scope, text) in [
            (SuspensionScope::Account, "account"),
            (SuspensionScope::Sender("1".to_owned()), "sender:1"),
            (SuspensionScope::Template("30".to_owned()), "template:30"),
            (SuspensionScope::Country(country), "country:DE"),
        ] {
            assert_eq!(scope.to_string(), text);
            assert_eq!(SuspensionScope::parse(text), Some(scope));
        }
        for text in ["", "sender", "sender:", "account:1", "galaxy:1"] {
            assert_eq!(SuspensionScope::parse(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_have_the_country_or_the_few_countries_of_their_range() {
        let of = |digits: &str| {
            NumberCountry::of(&PhoneNumber::parse(digits).unwrap()).map(|country| country.as_str().to_owned())
        };
        assert_eq!(of("12015550123").as_deref(), Some("US"));
        assert_eq!(of("15062345678").as_deref(), Some("CA"));
        assert_eq!(of("393123456789").as_deref(), Some("IT+VA"));
        assert_eq!(of("18005551234"), None, "many countries share it");
    }
}
