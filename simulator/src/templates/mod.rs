//! Message templates, and the messages made from them.
//!
//! [`content`] turns the definition of an authentication template into the form that Meta stores. [`store`] holds the
//! account's templates and decides when one may be created, edited or deleted.

pub(crate) mod content;
pub(crate) mod store;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{OtpButton, languages::Texts};

/// The state of a template in Meta's review. Only an approved one can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TemplateStatus {
    /// Can be sent.
    Approved,
    /// In review.
    Pending,
    /// Refused by the review.
    Rejected,
    /// Suspended because recipients complained.
    Paused,
    /// Disabled permanently.
    Disabled,
    /// The rejection is being appealed.
    InAppeal,
    /// Being deleted, with messages still in flight.
    PendingDeletion,
    /// Deleted.
    Deleted,
    /// Not reviewed because the account has too many templates.
    LimitExceeded,
    /// Unused for a year.
    Archived,
}

impl TemplateStatus {
    /// The name as the Graph API writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::Pending => "PENDING",
            Self::Rejected => "REJECTED",
            Self::Paused => "PAUSED",
            Self::Disabled => "DISABLED",
            Self::InAppeal => "IN_APPEAL",
            Self::PendingDeletion => "PENDING_DELETION",
            Self::Deleted => "DELETED",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::Archived => "ARCHIVED",
        }
    }
}

/// The purpose of a template; each has its own rules and price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    Authentication,
    Marketing,
    Utility,
}

impl Category {
    /// The names, in the order of Meta's error message.
    pub(crate) const NAMES: [&'static str; 3] = ["UTILITY", "MARKETING", "AUTHENTICATION"];

    /// Parses a name in any letter case, as Graph does.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Utility, Self::Marketing, Self::Authentication]
            .into_iter()
            .find(|category| category.as_str().eq_ignore_ascii_case(name))
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "AUTHENTICATION",
            Self::Marketing => "MARKETING",
            Self::Utility => "UTILITY",
        }
    }
}

/// A template of the account.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) language: String,
    pub(crate) category: Category,
    pub(crate) status: TemplateStatus,
    /// The components as the API reads them back.
    pub(crate) components: Vec<Value>,
    /// The kind of button, for an authentication template.
    pub(crate) otp_button: Option<OtpButton>,
    /// Seconds for which an undelivered message is kept; `-1` for 30 days.
    pub(crate) ttl_seconds: Option<i64>,
    pub(crate) rejected_reason: &'static str,
    pub(crate) updated_at: Timestamp,
    /// The times of edits while it was approved, within the last 30 days.
    pub(crate) edits: Vec<Timestamp>,
    /// The number of reads that still see it pending, if its approval waits for reads.
    pub(crate) reads_until_approval: Option<u32>,
}

impl Template {
    fn component(&self, kind: &str) -> Option<&Value> {
        self.components.iter().find(|component| component["type"] == kind)
    }

    fn text_of(&self, kind: &str) -> Option<&str> {
        self.component(kind)?.get("text")?.as_str()
    }

    fn first_button(&self) -> Option<&Value> {
        self.component("BUTTONS")?.get("buttons")?.get(0)
    }

    /// The number of parameters that the header or body (`HEADER`, `BODY`) takes.
    pub(crate) fn parameters_of(&self, kind: &str) -> usize {
        let text = self.text_of(kind).unwrap_or_default();
        let mut count = 0;
        while text.contains(&placeholder(count + 1)) {
            count += 1;
        }
        count
    }

    /// Returns `true` if each message must give the button a value.
    pub(crate) fn button_takes_a_parameter(&self) -> bool {
        self.first_button().and_then(|button| button["url"].as_str()).is_some_and(|url| url.contains(&placeholder(1)))
    }

    /// The body as the recipient reads it, with WhatsApp's `*bold*` markup.
    pub(crate) fn body_with(&self, values: &[String]) -> String {
        let text = self.text_of("BODY").unwrap_or_default().to_owned();
        (1..).zip(values).fold(text, |text, (n, value)| text.replace(&placeholder(n), value))
    }

    /// The footer, if it has one.
    pub(crate) fn footer(&self) -> Option<&str> {
        self.text_of("FOOTER")
    }

    /// Minutes until the button stops working, if it does.
    pub(crate) fn code_expiration_minutes(&self) -> Option<u8> {
        self.component("FOOTER")?.get("code_expiration_minutes")?.as_u64()?.try_into().ok()
    }

    /// The label of its button, if it has one.
    pub(crate) fn button_text(&self) -> Option<&str> {
        self.first_button()?.get("text")?.as_str()
    }

    /// The label of the button that hands the code to the app, if it is of that kind. It is Meta's, as the API does not
    /// read back the owner's label.
    pub(crate) fn autofill_text(&self) -> Option<&'static str> {
        self.otp_button.filter(|button| *button != OtpButton::CopyCode)?;
        Some(Texts::of(&self.language).autofill)
    }

    /// Changes the kind of its one-time-passcode button. Returns `false` if it has none.
    pub(crate) fn set_otp_button(&mut self, kind: OtpButton) -> bool {
        let Some(before) = self.otp_button else { return false };
        self.otp_button = Some(kind);
        let otp_type = |button: OtpButton| format!("otp_type={}", button.otp_type());
        let change = |link: &mut Value| {
            if let Value::String(link) = link {
                *link = link.replace(&otp_type(before), &otp_type(kind));
            }
        };
        let buttons = self.components.iter_mut().find(|component| component["type"] == "BUTTONS");
        if let Some(Value::Object(button)) = buttons.and_then(|buttons| buttons.pointer_mut("/buttons/0")) {
            button.get_mut("url").into_iter().for_each(change);
            button.get_mut("example").and_then(Value::as_array_mut).into_iter().flatten().for_each(change);
        }
        true
    }
}

fn placeholder(n: usize) -> String {
    format!("{{{{{n}}}}}")
}
