//! What WhatsApp's errors mean to somebody who sets a service up, and where to mend them.
//!
//! Source: "Error codes", "Access tokens" and "Template management" in the WhatsApp Business Platform's documentation;
//! the two preconditions of authentication templates are what Meta's partners state.

use serde_json::{Value, json};
use whatsapp_otp::whatsapp::client::{ApiError, CallError};

/// What went wrong, what to do, and WhatsApp's own words for those who ask Meta's support.
#[derive(Debug, Clone)]
pub(crate) struct Advice {
    pub(crate) meaning: String,
    pub(crate) hint: String,
    pub(crate) concerns: Concern,
    code: Option<(i64, Option<i64>)>,
    words: Option<String>,
}

/// What has to change for another try to have a chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concern {
    WabaId,
    /// Another token is needed.
    Token,
    /// The token, or what its user may do; then the same token does.
    Permission,
    PhoneNumber,
    Delivery,
    TemplateName,
    Languages,
    /// What the template is to say.
    Template,
    /// Something outside, which the person can mend; then the same answers do.
    Outside,
}

/// What was tried when the error came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    Account,
    Template,
    Sending,
}

impl Advice {
    pub(crate) fn new(meaning: impl Into<String>, hint: impl Into<String>, concerns: Concern) -> Self {
        Self { meaning: meaning.into(), hint: hint.into(), concerns, code: None, words: None }
    }

    /// What `error` means while `doing` something.
    pub(crate) fn of(error: &CallError, doing: Doing) -> Self {
        match error {
            CallError::Api(error) => {
                let advice = of_code(error.code, error.subcode, error.details.as_deref(), doing);
                Self { code: Some((error.code, error.subcode)), words: Some(words(error)), ..advice }
            }
            CallError::Unreachable(_) => Self::new(
                "WhatsApp cannot be reached from this machine",
                "Is there a network, and does a firewall let you out to whatsapp.base_url (graph.facebook.com, port 443)?",
                Concern::Outside,
            )
            .with_words(error.to_string()),
            CallError::Unclear(_) => Self::new(
                "WhatsApp gave no clear answer",
                "Try again. If something was being made, the next try finds it by its name. A proxy between here and \
                 WhatsApp may have answered in its place.",
                Concern::Outside,
            )
            .with_words(error.to_string()),
            CallError::Foreign(_) => Self::new(
                "something answered that is not WhatsApp",
                "A proxy or a sign-in page of your network may stand between, or whatsapp.base_url (--base-url) is not \
                 the Graph API's.",
                Concern::Outside,
            )
            .with_words(error.to_string()),
        }
    }

    /// What the error of a code means while sending.
    pub(crate) fn of_refusal(code: i64, words: String) -> Self {
        let advice = of_code(code, None, None, Doing::Sending);
        Self { code: Some((code, None)), ..advice }.with_words(words)
    }

    pub(crate) fn with_words(self, words: String) -> Self {
        Self { words: Some(words), ..self }
    }

    /// For people: the error, a blank line, and what to do.
    pub(crate) fn text(&self) -> String {
        let words = self.words.as_ref().map(|words| format!("\n\n({words})")).unwrap_or_default();
        format!("error: {}\n\nhint: {}{words}", self.meaning, self.hint)
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let (code, subcode) = self.code.unzip();
        json!({
            "meaning": self.meaning, "hint": self.hint, "code": code, "subcode": subcode.flatten(), "words": self.words,
        })
    }
}

/// WhatsApp's own.
fn words(error: &ApiError) -> String {
    let trace = error.trace_id.as_ref().map(|id| format!("; trace id for Meta's support: {id}")).unwrap_or_default();
    format!("{error}{trace}")
}

const NEW_TOKEN: &str = "Make a new one: business.facebook.com, Settings, Users, System users, your system user, \
    Generate token; choose your app, an expiry of Never, and both whatsapp_business_management and \
    whatsapp_business_messaging.";
const ASSIGN: &str = "On business.facebook.com, Settings: under Users, System users, assign the WhatsApp account to your \
    system user with full control; then generate its token with both whatsapp_business_management and \
    whatsapp_business_messaging.";

#[expect(clippy::too_many_lines, reason = "a table of codes")]
fn of_code(code: i64, subcode: Option<i64>, details: Option<&str>, doing: Doing) -> Advice {
    use Concern::{Outside, Permission, PhoneNumber, Template, TemplateName, Token, WabaId};
    let refused = || details.map_or_else(String::new, |details| format!(": {details}"));
    let (meaning, hint, concerns) = match (code, subcode) {
        (190, Some(463)) => ("the token has expired", NEW_TOKEN, Token),
        (190, Some(460)) => {
            ("the token was invalidated, by a changed password or for security reasons", NEW_TOKEN, Token)
        }
        (0 | 104 | 190, _) => (
            "this is no token that WhatsApp knows",
            "Was all of it copied, and nothing else? A token starts with EAA and is some 200 characters long. If it was \
             revoked, generate a new one for your system user on business.facebook.com.",
            Token,
        ),
        (10, Some(2_388_185)) => (
            "this account may not have authentication templates",
            "Meta wants the business behind it verified (business.facebook.com, Settings, Security centre) and a \
             messaging limit of 2,000 or more (WhatsApp Manager, Overview). Mend that and try again, or take another account.",
            Outside,
        ),
        (3 | 10 | 200..=299 | 131_005, _) if doing == Doing::Sending => (
            "the token may not send messages for this account",
            "It lacks whatsapp_business_messaging, or its system user is not assigned to the account. Generate a token \
             with both permissions (business.facebook.com, Settings, Users, System users).",
            Permission,
        ),
        (3 | 10 | 200..=299 | 131_005, _) => {
            ("the token lacks a permission, or its system user is not assigned to this account", ASSIGN, Permission)
        }
        (33 | 100, Some(33)) | (33, _) => match doing {
            Doing::Account => (
                "there is no such account, or the token's system user may not see it",
                "Compare the id with WhatsApp Manager, Account tools (it is neither the phone number's id nor the \
                 app's). If it is right, assign the account to your system user.",
                WabaId,
            ),
            Doing::Sending => (
                "there is no such phone number, or the token's system user may not see it",
                "The phone number's id is not the number itself: App Dashboard, WhatsApp, API Setup.",
                PhoneNumber,
            ),
            Doing::Template => (
                "there is no such template, or the token's system user may not see it",
                "Somebody may have deleted it. Choose another name.",
                TemplateName,
            ),
        },
        (100, Some(2_388_019)) => (
            "the account has as many templates as it may have",
            "Delete one that is not used: `whatsapp-otp-setup template list`, `… template delete NAME`.",
            Outside,
        ),
        (100, Some(2_388_023)) => (
            "a template of this name was deleted less than 30 days ago, and WhatsApp still holds the name",
            "Choose another name.",
            TemplateName,
        ),
        (100, Some(2_388_024)) => (
            "there is already a template of this name in this language",
            "Use that one, or choose another name.",
            TemplateName,
        ),
        (100, Some(2_388_039)) => (
            "this template cannot be changed now",
            "WhatsApp lets an approved template be changed once in 24 hours and ten times in 30 days, and one that is in \
             review or disabled not at all. Use it as it is, wait, or choose another name.",
            TemplateName,
        ),
        (4 | 613 | 80_007 | 80_008 | 130_429, _) => (
            "too many calls were made for this app or account",
            "Wait; WhatsApp counts by the hour. Is something else using the same account?",
            Outside,
        ),
        (1 | 2 | 131_000 | 131_016 | 131_057 | 133_004, _) => (
            "WhatsApp has a passing fault",
            "Try again in a few minutes. metastatus.com tells of longer ones.",
            Outside,
        ),
        (368 | 131_031, _) => (
            "Meta has blocked or locked this account",
            "WhatsApp Manager and business.facebook.com, Business support, say why and take appeals.",
            Outside,
        ),
        (131_042, _) => (
            "the account has no valid means of payment",
            "business.facebook.com, Settings, Billing: add one or settle what is owed.",
            Outside,
        ),
        (131_037, _) => (
            "the number's display name is not approved",
            "WhatsApp Manager, Phone numbers: look at the display name's review.",
            PhoneNumber,
        ),
        (133_000..=133_016, _) => (
            "this number is not registered with the Cloud API",
            "App Dashboard, WhatsApp, API Setup: add and register it, with its two-step PIN. Until then nothing can be \
             sent from it.",
            PhoneNumber,
        ),
        (132_001, _) => (
            "the template does not exist in this language, or is not approved",
            "Run whatsapp-otp-setup again; it shows how the template stands.",
            TemplateName,
        ),
        (132_015 | 132_016, _) => (
            "WhatsApp has paused or disabled the template, because people reported it",
            "A paused one resumes after some hours. Otherwise run whatsapp-otp-setup again with another name.",
            TemplateName,
        ),
        (131_026, _) => (
            "the message cannot be delivered to this phone",
            "Is WhatsApp installed there, up to date, with this very number, and its terms accepted?",
            Outside,
        ),
        (131_030, _) => (
            "this is a test number, and the recipient is not on its list",
            "App Dashboard, WhatsApp, API Setup, To: add the recipient (at most five), or send from a real number.",
            Outside,
        ),
        (131_021, _) => ("this is the number that sends", "Send to another phone.", Outside),
        (131_056, _) => ("this phone got too many messages from you just now", "Wait a minute or two.", Outside),
        (130_497, _) => (
            "the account may not message people in this country",
            "WhatsApp Manager, Overview, shows the account's restrictions.",
            Outside,
        ),
        (2_500, _) => (
            "WhatsApp does not know this path or version",
            "whatsapp.api_version is such as v21.0, and whatsapp.base_url is https://graph.facebook.com.",
            Outside,
        ),
        _ if doing == Doing::Template => {
            let meaning = format!("WhatsApp does not accept this template{}", refused());
            return Advice::new(meaning, "Change what it objects to.", Template);
        }
        _ => {
            let meaning = format!("WhatsApp refused{}", refused());
            return Advice::new(meaning, "See Meta's page \"Error codes\" of the Cloud API.", Outside);
        }
    };
    Advice::new(meaning, hint, concerns)
}
