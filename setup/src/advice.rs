//! The meaning of WhatsApp's errors for someone who sets up a service, and how to fix them.
//!
//! Sources: "Error codes", "Access tokens" and "Template management" in the WhatsApp Business Platform's documentation.
//! The two preconditions of authentication templates are those that Meta's partners state.

use serde_json::{Value, json};
use whatsapp_otp::whatsapp::client::{ApiError, CallError};

use crate::links;

/// The failure, a way to fix it, and WhatsApp's own words for Meta's support.
#[derive(Debug, Clone)]
pub(crate) struct Advice {
    pub(crate) meaning: String,
    pub(crate) hint: String,
    pub(crate) concerns: Concern,
    code: Option<(i64, Option<i64>)>,
    words: Option<String>,
}

/// The answer that has to change before another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concern {
    WabaId,
    /// Another token is needed.
    Token,
    /// The token or its user's permissions; with the latter fixed, the same token works.
    Permission,
    PhoneNumber,
    /// The number is not registered.
    Registration,
    Pin,
    Delivery,
    TemplateName,
    Languages,
    /// The template's content.
    Template,
    /// Something outside the program; once it is fixed, the same answers work.
    Outside,
}

/// The action that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    Account,
    Template,
    Sending,
    Registration,
}

impl Advice {
    pub(crate) fn new(meaning: impl Into<String>, hint: impl Into<String>, concerns: Concern) -> Self {
        Self { meaning: meaning.into(), hint: hint.into(), concerns, code: None, words: None }
    }

    /// The advice for `error` during `doing`.
    pub(crate) fn of(error: &CallError, doing: Doing) -> Self {
        match error {
            CallError::Api(error) => {
                let advice = of_code(error.code, error.subcode, error.details.as_deref(), doing);
                Self { code: Some((error.code, error.subcode)), words: Some(words(error)), ..advice }
            }
            CallError::Unreachable(_) => Self::new(
                "WhatsApp is unreachable from this machine",
                "Check the network, and that no firewall blocks whatsapp.base_url (graph.facebook.com, port 443).",
                Concern::Outside,
            )
            .with_words(error.to_string()),
            CallError::Unclear(_) => Self::new(
                "WhatsApp gave no clear answer",
                "Try again; a template that was created meanwhile is found by its name. If it happens again, a proxy may \
                 be answering in WhatsApp's place.",
                Concern::Outside,
            )
            .with_words(error.to_string()),
            CallError::Foreign(_) => Self::new(
                "the answer is not from WhatsApp",
                "A proxy or a sign-in page of your network may be in between, or whatsapp.base_url (--base-url) is not \
                 that of the Graph API.",
                Concern::Outside,
            )
            .with_words(error.to_string()),
        }
    }

    /// The advice for an error code during sending.
    pub(crate) fn of_refusal(code: i64, words: String) -> Self {
        let advice = of_code(code, None, None, Doing::Sending);
        Self { code: Some((code, None)), ..advice }.with_words(words)
    }

    pub(crate) fn with_words(self, words: String) -> Self {
        Self { words: Some(words), ..self }
    }

    /// The text for people: the error, an empty line, and the hint.
    pub(crate) fn text(&self) -> String {
        let words = self.words.as_ref().map(|words| format!("\n\n({words})")).unwrap_or_default();
        format!("error: {}\n\nhint: {}{words}", self.meaning, self.hint)
    }

    /// The name of what has to change, for programs.
    pub(crate) fn missing(&self) -> &'static str {
        match self.concerns {
            Concern::WabaId => "waba_id",
            Concern::Token => "access_token",
            Concern::Permission => "permission",
            Concern::PhoneNumber => "phone_number",
            Concern::Registration => "registration",
            Concern::Pin => "pin",
            Concern::Delivery => "delivery",
            Concern::TemplateName => "template_name",
            Concern::Languages => "languages",
            Concern::Template => "template",
            Concern::Outside => "action",
        }
    }

    /// The JSON for programs.
    pub(crate) fn json(&self) -> Value {
        let (code, subcode) = self.code.unzip();
        json!({
            "meaning": self.meaning, "hint": self.hint, "code": code, "subcode": subcode.flatten(), "words": self.words,
        })
    }
}

/// WhatsApp's own words.
fn words(error: &ApiError) -> String {
    let trace = error.trace_id.as_ref().map(|id| format!("; trace ID for Meta's support: {id}")).unwrap_or_default();
    format!("{error}{trace}")
}

fn new_token() -> String {
    format!(
        "Generate a new one: {}, your system user, Generate token. Choose your app, an expiry of Never, and both \
         whatsapp_business_management and whatsapp_business_messaging.",
        links::SYSTEM_USERS
    )
}

#[expect(clippy::too_many_lines, reason = "a table of codes")]
fn of_code(code: i64, subcode: Option<i64>, details: Option<&str>, doing: Doing) -> Advice {
    use Concern::{Outside, Permission, PhoneNumber, Pin, Registration, Template, TemplateName, Token, WabaId};
    use links::{APPS, MANAGER, PHONE_NUMBERS, SYSTEM_USERS, TEMPLATES};
    let refused = || details.map_or_else(String::new, |details| format!(": {details}"));
    let (meaning, hint, concerns) = match (code, subcode) {
        (190, Some(463)) => ("the token has expired", new_token(), Token),
        (190, Some(460)) => {
            ("the token was invalidated, by a changed password or for security reasons", new_token(), Token)
        }
        (0 | 104 | 190, _) => (
            "WhatsApp does not know this token",
            format!(
                "Check that you copied all of it: a token starts with EAA and has about 200 characters. If it was \
                 revoked, generate a new one: {SYSTEM_USERS}"
            ),
            Token,
        ),
        (10, Some(2_388_185)) => (
            "this account may not have authentication templates",
            format!(
                "Meta requires a verified business (business.facebook.com, Settings, Security centre) and a messaging \
                 limit of 2,000 or more ({MANAGER}). Fix that and try again, or use another account."
            ),
            Outside,
        ),
        (3 | 10 | 200..=299 | 131_005, _) if doing == Doing::Sending => (
            "the token may not send messages for this account",
            format!(
                "It lacks whatsapp_business_messaging, or its system user is not assigned to the account. Generate a \
                 token with both permissions: {SYSTEM_USERS}"
            ),
            Permission,
        ),
        (3 | 10 | 200..=299 | 131_005, _) => (
            "the token lacks a permission, or its system user is not assigned to this account",
            format!(
                "Assign the WhatsApp account to your system user with full control; then generate its token with both \
                 whatsapp_business_management and whatsapp_business_messaging: {SYSTEM_USERS}"
            ),
            Permission,
        ),
        (33 | 100, Some(33)) | (33, _) => match doing {
            Doing::Account => (
                "there is no such account, or the token's system user may not see it",
                format!(
                    "Compare the ID with WhatsApp Manager, Account tools; it is neither the phone number's ID nor the \
                     app's ({MANAGER}). If it is right, assign the account to your system user ({SYSTEM_USERS})."
                ),
                WabaId,
            ),
            Doing::Sending | Doing::Registration => (
                "there is no such phone number, or the token's system user may not see it",
                format!("The ID is not the number itself. App Dashboard, WhatsApp, API Setup shows it: {APPS}"),
                PhoneNumber,
            ),
            Doing::Template => (
                "there is no such template, or the token's system user may not see it",
                "It may have been deleted. Choose another name.".to_owned(),
                TemplateName,
            ),
        },
        (100, Some(2_388_019)) => (
            "the account has reached its limit of templates",
            "Delete an unused one: `whatsapp-otp-setup template list`, then `whatsapp-otp-setup template delete NAME`."
                .to_owned(),
            Outside,
        ),
        (100, Some(2_388_023)) => (
            "a template of this name was deleted less than 30 days ago, and WhatsApp still holds the name",
            "Choose another name.".to_owned(),
            TemplateName,
        ),
        (100, Some(2_388_024)) => (
            "a template of this name already exists in this language",
            "Use that one, or choose another name.".to_owned(),
            TemplateName,
        ),
        (100, Some(2_388_039)) => (
            "this template cannot be changed now",
            "An approved template can be changed once in 24 hours and ten times in 30 days, and one that is in review or \
             disabled cannot be changed. Use it unchanged, wait, or choose another name."
                .to_owned(),
            TemplateName,
        ),
        (4 | 613 | 80_007 | 80_008 | 130_429, _) => (
            "too many calls were made for this app or account",
            "Try again in an hour, as WhatsApp counts per hour. Check whether something else uses the same account."
                .to_owned(),
            Outside,
        ),
        (133_005, _) => ("this is not the number's PIN", "Enter it again, or change it as described.".to_owned(), Pin),
        (133_006, _) => (
            "the ownership of this number is not verified yet",
            format!("Verify it in WhatsApp Manager with a code by text message or call, and try again: {PHONE_NUMBERS}"),
            Outside,
        ),
        (133_008 | 133_009, _) => (
            "too many wrong PINs were tried for this number",
            format!("Wait a few hours, or change the PIN in WhatsApp Manager: {PHONE_NUMBERS}"),
            Outside,
        ),
        (133_015, _) => {
            ("this number was deleted only minutes ago", "Try again in five minutes.".to_owned(), Outside)
        }
        (133_016, _) => (
            "this number was registered or deregistered too often",
            "Meta allows 10 attempts in 72 hours. Try again in 72 hours.".to_owned(),
            Outside,
        ),
        (133_000, _) => (
            "an earlier deregistration of this number is incomplete",
            "Try again in a few minutes. If the error stays, give Meta's support the trace ID below.".to_owned(),
            Outside,
        ),
        (1 | 2 | 131_000 | 131_016 | 131_057 | 133_004, _) => (
            "WhatsApp has a temporary fault",
            "Try again in a few minutes. metastatus.com reports longer ones.".to_owned(),
            Outside,
        ),
        (368 | 131_031, _) => (
            "Meta has blocked or locked this account",
            format!("WhatsApp Manager shows the reason and accepts appeals: {MANAGER}"),
            Outside,
        ),
        (131_042, _) => (
            "the account has no valid payment method",
            "Add one, or pay the balance: business.facebook.com, Settings, Billing.".to_owned(),
            Outside,
        ),
        (131_037, _) => (
            "the number's display name is not approved",
            format!("WhatsApp Manager shows the review of the display name: {PHONE_NUMBERS}"),
            PhoneNumber,
        ),
        (133_001..=133_014, _) => (
            "this number is not registered with the Cloud API",
            "Run whatsapp-otp-setup, which registers it. Until then it cannot send.".to_owned(),
            Registration,
        ),
        (132_001, _) => (
            "the template does not exist in this language, or is not approved",
            "Run whatsapp-otp-setup again, which shows the template's status.".to_owned(),
            TemplateName,
        ),
        (132_015 | 132_016, _) => (
            "WhatsApp has paused or disabled the template, because people blocked or reported its messages",
            format!(
                "A paused one resumes after a few hours; {TEMPLATES} shows when. Otherwise run whatsapp-otp-setup again \
                 and create another."
            ),
            TemplateName,
        ),
        (131_026, _) => (
            "the message cannot be delivered to this phone",
            "Check that WhatsApp is installed there, up to date and signed in with exactly this number, and that its terms \
             are accepted."
                .to_owned(),
            Outside,
        ),
        (131_030, _) => (
            "this is a test number, and the recipient is not on its list",
            format!(
                "Add the recipient (at most five) in the App Dashboard, WhatsApp, API Setup, To: {APPS}. Or send from a \
                 real number."
            ),
            Outside,
        ),
        (131_021, _) => ("this is the sender's own number", "Send to another phone.".to_owned(), Outside),
        (131_056, _) => {
            ("this phone has just received too many messages from you", "Wait a minute or two.".to_owned(), Outside)
        }
        (130_497, _) => (
            "the account may not message people in this country",
            format!("WhatsApp Manager shows the account's restrictions: {MANAGER}"),
            Outside,
        ),
        (2_500, _) => (
            "WhatsApp does not know this path or version",
            "Set whatsapp.api_version to a version such as v24.0, and whatsapp.base_url to https://graph.facebook.com."
                .to_owned(),
            Outside,
        ),
        _ if doing == Doing::Template => {
            let meaning = format!("WhatsApp rejects this template{}", refused());
            return Advice::new(meaning, "Change what WhatsApp objects to.", Template);
        }
        _ => {
            let meaning = format!("WhatsApp refuses the request{}", refused());
            return Advice::new(meaning, "Meta's page \"Error codes\" of the Cloud API explains the code.", Outside);
        }
    };
    Advice::new(meaning, hint, concerns)
}
