//! Notices about the account, its numbers and its templates, and the port of whatever acts on them.
//!
//! WhatsApp adds values to its enumerations at any time. Each type here has a variant for those.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::otp::{PhoneNumber, StoreError};

/// Acts on notices about the account.
#[async_trait]
pub trait AccountNotices: Send + Sync {
    /// Acts on a notice, which may come more than once, late, and in any order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store did not take it: WhatsApp sends the notice again.
    async fn act_on(&self, notice: &AccountNotice) -> Result<Effect, StoreError>;

    /// Acts on the error with which a message to `phone` failed: it may be about the account, the number that sent it or
    /// the country.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store did not take it. The error comes again with the next message.
    async fn act_on_failure(&self, code: i64, phone: Option<&PhoneNumber>) -> Result<Effect, StoreError>;
}

/// The effect of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changed something.
    Applied,
    /// It was known already.
    Duplicate,
    /// It is about nothing of ours, or has no consequence.
    Ignored,
}

/// A notice about the account that is ours, or about a part of it. A template need not be one that we send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountNotice {
    /// The status of a template changed.
    TemplateStatus {
        /// The template.
        template: TemplateName,
        /// The change.
        event: TemplateEvent,
    },
    /// The quality of a template changed.
    TemplateQuality {
        /// The template.
        template: TemplateName,
        /// Its quality now.
        quality: Quality,
    },
    /// The text or the buttons of a template changed.
    TemplateComponents {
        /// The template.
        template: TemplateName,
    },
    /// The category of a template changed, or is about to.
    CategoryChange {
        /// The template.
        template: TemplateName,
        /// Announced, or done.
        stage: CategoryStage,
        /// The category that it gets, in capitals: `AUTHENTICATION` if it stays as it should be.
        category: String,
    },
    /// Something about a number changed: its limits or its throughput.
    NumberQuality {
        /// The number's digits, if they are given.
        digits: Option<String>,
        /// The change, in capitals, such as `THROUGHPUT_UPGRADE`.
        event: String,
        /// The tier of its messaging limit, if it is given.
        tier: Option<Tier>,
    },
    /// The limits of the account changed.
    Capability {
        /// The tier of its messaging limit, if it is given.
        tier: Option<Tier>,
    },
    /// The account changed.
    AccountUpdate {
        /// The change.
        event: AccountEvent,
    },
    /// WhatsApp alerts the owner of the account.
    AccountAlert {
        /// Its severity.
        severity: AlertSeverity,
        /// Its type, in capitals, such as `OBA_APPROVED`.
        alert: String,
        /// `true` if it is over.
        is_over: bool,
    },
    /// The review of the account ended.
    ReviewUpdate {
        /// The decision.
        decision: ReviewDecision,
    },
    /// Somebody changes the PIN of a number.
    Security {
        /// The change.
        event: SecurityEvent,
    },
    /// The app or the account has trouble that concerns no single message.
    Error {
        /// The code, as in the table of errors.
        code: i64,
    },
    /// Something without a consequence here.
    Other {
        /// The field of the webhook: one of the documented ones, or `other`.
        field: &'static str,
    },
}

/// A template in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateName {
    /// The template's ID, of this language.
    pub id: Option<String>,
    /// Its name; empty if it is missing.
    pub name: String,
    /// Its language as WhatsApp wrote it, `en_US` or `en-US`; empty if it is missing.
    pub language: String,
}

/// Declares an enumeration of words that WhatsApp uses, in its spelling.
macro_rules! words {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $help:literal])+ $variant:ident = $word:literal,)+ }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[doc = $help])+ $variant,)+
            /// A word that this version does not know.
            Other,
        }

        impl $name {
            /// Returns the variant of a word, in any letter case.
            #[must_use]
            pub fn of(word: &str) -> Self {
                $(if word.eq_ignore_ascii_case($word) {
                    return Self::$variant;
                })+
                Self::Other
            }

            /// Returns the word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other => "other",
                }
            }
        }
    };
}

words! {
    /// A change of a template's status.
    TemplateEvent {
        /// It may be sent.
        Approved = "APPROVED",
        /// It may be sent again.
        Reinstated = "REINSTATED",
        /// It is no longer archived.
        Unarchived = "UNARCHIVED",
        /// It may not be sent for some hours, for its quality.
        Paused = "PAUSED",
        /// It may not be sent any more.
        Disabled = "DISABLED",
        /// It was rejected.
        Rejected = "REJECTED",
        /// It is being reviewed.
        Pending = "PENDING",
        /// Its rejection is being reviewed.
        InAppeal = "IN_APPEAL",
        /// It will be disabled unless its quality improves.
        Flagged = "FLAGGED",
        /// It cannot be edited.
        Locked = "LOCKED",
        /// There are too many templates.
        LimitExceeded = "LIMIT_EXCEEDED",
        /// It is about to be deleted.
        PendingDeletion = "PENDING_DELETION",
        /// It is deleted.
        Deleted = "DELETED",
        /// It is archived.
        Archived = "ARCHIVED",
    }
}

impl TemplateEvent {
    /// Returns `true` if the template must not be used after this, until WhatsApp says otherwise.
    #[must_use]
    pub fn stops(self) -> bool {
        !self.may_reopen() && self != Self::Other
    }

    /// Returns `true` if the template may be usable after this, which its status has to confirm.
    #[must_use]
    pub fn may_reopen(self) -> bool {
        matches!(self, Self::Approved | Self::Reinstated | Self::Unarchived)
    }
}

words! {
    /// The quality of a template.
    Quality {
        /// Good.
        Green = "GREEN",
        /// Not good.
        Yellow = "YELLOW",
        /// Bad: the template may be paused.
        Red = "RED",
        /// Not known yet.
        Unknown = "UNKNOWN",
    }
}

/// The stage of a change of category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CategoryStage {
    /// It is going to happen.
    Announced {
        /// The time, if it is given.
        at: Option<Timestamp>,
    },
    /// It has happened.
    Done,
}

/// The tier of a messaging limit: the people that a business may write to first in 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// So many.
    Limited(u64),
    /// Any number.
    Unlimited,
}

impl Tier {
    /// Parses a tier as WhatsApp writes it: `TIER_250`, `TIER_1K`, `TIER_UNLIMITED`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix("TIER_")?;
        if name == "UNLIMITED" {
            return Some(Self::Unlimited);
        }
        let (digits, unit) = name.strip_suffix('K').map_or((name, 1), |thousands| (thousands, 1_000));
        digits.parse::<u64>().ok()?.checked_mul(unit).map(Self::Limited)
    }
}

/// A change of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountEvent {
    /// It violates a policy.
    Violation {
        /// The policy, in capitals.
        violation: String,
    },
    /// It is restricted.
    Restriction {
        /// The end of the last restriction, if every one has an end.
        until: Option<Timestamp>,
    },
    /// It is banned, will be, or is no longer.
    Ban(BanState),
    /// It is deleted.
    Deleted,
    /// Codes to some countries are going to cost more.
    InternationalPrice {
        /// The time from which on they do, if it is given.
        from: Option<Timestamp>,
    },
    /// Something without a consequence here, in capitals.
    Other(String),
}

words! {
    /// The state of a ban.
    BanState {
        /// Banned.
        Disable = "DISABLE",
        /// Going to be banned.
        ScheduleForDisable = "SCHEDULE_FOR_DISABLE",
        /// No longer banned.
        Reinstate = "REINSTATE",
    }
}

words! {
    /// The severity of an alert.
    AlertSeverity {
        /// Somebody has to act now.
        Critical = "CRITICAL",
        /// Somebody has to look.
        Warning = "WARNING",
        /// Good to know.
        Informational = "INFORMATIONAL",
    }
}

words! {
    /// The decision about an account.
    ReviewDecision {
        /// It may be used.
        Approved = "APPROVED",
        /// It may not be used.
        Rejected = "REJECTED",
        /// There is none yet.
        Pending = "PENDING",
        /// There is none for now.
        Deferred = "DEFERRED",
    }
}

words! {
    /// A change of a number's PIN.
    SecurityEvent {
        /// The PIN was changed.
        PinChanged = "PIN_CHANGED",
        /// Somebody asks to remove the PIN.
        PinResetRequest = "PIN_RESET_REQUEST",
        /// The PIN is removed.
        PinRequestSuccess = "PIN_REQUEST_SUCCESS",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_any_letter_case_and_others_are_other() {
        assert_eq!(TemplateEvent::of("PAUSED"), TemplateEvent::Paused);
        assert_eq!(TemplateEvent::of("paused"), TemplateEvent::Paused);
        assert_eq!(TemplateEvent::of("SHREDDED"), TemplateEvent::Other);
        assert_eq!(Quality::of("RED").as_str(), "RED");
    }

    #[test]
    fn a_template_is_stopped_by_every_event_but_those_that_may_reopen_it() {
        let stop = |word| TemplateEvent::of(word).stops();
        for word in [
            "PAUSED",
            "DISABLED",
            "REJECTED",
            "PENDING",
            "IN_APPEAL",
            "FLAGGED",
            "LOCKED",
            "LIMIT_EXCEEDED",
            "PENDING_DELETION",
            "DELETED",
            "ARCHIVED",
        ] {
            assert!(stop(word), "{word}");
        }
        for word in ["APPROVED", "REINSTATED", "UNARCHIVED", "SHREDDED"] {
            assert!(!stop(word), "{word}");
        }
    }
}
