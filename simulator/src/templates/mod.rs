//! Message templates: what one is, and what a message made from it looks like.
//!
//! [`content`] turns the definition of an authentication template into the form Meta stores,
//! [`store`] holds the account's templates and knows when one may be created, edited or deleted.

pub(crate) mod content;
pub(crate) mod store;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{OtpButton, languages::Texts};

/// Where a template stands in Meta's review. Only an approved one can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TemplateStatus {
    /// Can be sent.
    Approved,
    /// In review.
    Pending,
    /// Refused by the review.
    Rejected,
    /// Stopped for a while because recipients complained.
    Paused,
    /// Stopped for good.
    Disabled,
    /// The refusal is being appealed.
    InAppeal,
    /// Deleted, with messages still on their way.
    PendingDeletion,
    /// Gone.
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

/// What a template is for; each has its own rules and price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    Authentication,
    Marketing,
    Utility,
}

impl Category {
    /// Names in the order Meta's error message lists them.
    pub(crate) const NAMES: [&'static str; 3] = ["UTILITY", "MARKETING", "AUTHENTICATION"];

    /// Reads a name in any letter case, as Graph does.
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

/// A template as the account holds it.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) language: String,
    pub(crate) category: Category,
    pub(crate) status: TemplateStatus,
    /// Components in the form the API reads them back.
    pub(crate) components: Vec<Value>,
    /// The kind of button, for an authentication template.
    pub(crate) otp_button: Option<OtpButton>,
    /// Seconds an undelivered message is kept; `-1` for 30 days.
    pub(crate) ttl_seconds: Option<i64>,
    pub(crate) rejected_reason: &'static str,
    pub(crate) updated_at: Timestamp,
    /// When it was edited while approved, within the last 30 days.
    pub(crate) edits: Vec<Timestamp>,
    /// Reads that will still see it pending, when its approval waits for those.
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

    /// How many parameters the header or body (`HEADER`, `BODY`) takes.
    pub(crate) fn parameters_of(&self, kind: &str) -> usize {
        let text = self.text_of(kind).unwrap_or_default();
        let mut count = 0;
        while text.contains(&placeholder(count + 1)) {
            count += 1;
        }
        count
    }

    /// Whether the button must be given a value with each message.
    pub(crate) fn button_takes_a_parameter(&self) -> bool {
        self.first_button().and_then(|button| button["url"].as_str()).is_some_and(|url| url.contains(&placeholder(1)))
    }

    /// The body as the recipient reads it, `*bold*` still marked as WhatsApp marks it.
    pub(crate) fn body_with(&self, values: &[String]) -> String {
        let text = self.text_of("BODY").unwrap_or_default().to_owned();
        (1..).zip(values).fold(text, |text, (n, value)| text.replace(&placeholder(n), value))
    }

    /// The footer, if it has one.
    pub(crate) fn footer(&self) -> Option<&str> {
        self.text_of("FOOTER")
    }

    /// Minutes until the button goes dead, if it does.
    pub(crate) fn code_expiration_minutes(&self) -> Option<u8> {
        self.component("FOOTER")?.get("code_expiration_minutes")?.as_u64()?.try_into().ok()
    }

    /// The words on its button, if it has one.
    pub(crate) fn button_text(&self) -> Option<&str> {
        self.first_button()?.get("text")?.as_str()
    }

    /// The words on the button that hands the code to the app, if its kind does that. The API does not read back the
    /// owner's own words, so these are Meta's.
    pub(crate) fn autofill_text(&self) -> Option<&'static str> {
        self.otp_button.filter(|button| *button != OtpButton::CopyCode)?;
        Some(Texts::of(&self.language).autofill)
    }

    /// Gives its one-time-passcode button another kind; `false` if it has none.
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
