//! Creating, reading, changing and deleting authentication templates.
//!
//! Source: "Authentication templates", "Bulk management", "Template preview" and "Template management" in the WhatsApp
//! Business Platform's documentation, editions of 2026.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::authentication::{AuthenticationTemplate, CodeMinutes, LanguageCode, TemplateName};
use super::client::{CallError, GraphClient};
use super::error::ErrorClass;
use super::paging;
use crate::otp::RefusalKind;

const FIELDS: &str =
    "id,name,language,status,category,rejected_reason,message_send_ttl_seconds,components,quality_score";

/// A template in one language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Template {
    /// Its ID, a different one for each language.
    pub id: String,
    /// Its name, the same in each language.
    pub name: String,
    /// Its language code, such as `en_US`.
    pub language: String,
    /// `APPROVED`, `PENDING`, `REJECTED`, `PAUSED`, `DISABLED`, …
    pub status: String,
    /// `AUTHENTICATION`, `MARKETING` or `UTILITY`.
    #[serde(default)]
    pub category: String,
    /// Why it was rejected, in WhatsApp's word; `NONE` if it was not.
    pub rejected_reason: Option<String>,
    /// Seconds for which WhatsApp tries to deliver; -1 for 30 days.
    pub message_send_ttl_seconds: Option<i64>,
    /// As JSON, so that no component of another kind of template makes a list unreadable.
    #[serde(default)]
    pub(super) components: Value,
}

impl Template {
    /// The text of the message, with `{{1}}` in place of the code.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.component("BODY")?["text"].as_str()
    }

    /// The text below the message.
    #[must_use]
    pub fn footer(&self) -> Option<&str> {
        self.component("FOOTER")?["text"].as_str()
    }

    /// The lifetime of a code according to the footer.
    #[must_use]
    pub fn code_lifetime(&self) -> Option<CodeMinutes> {
        self.component("FOOTER")?["code_expiration_minutes"].as_u64().and_then(CodeMinutes::new)
    }

    /// `COPY_CODE`, `ONE_TAP` or `ZERO_TAP`; none without a button for a code.
    ///
    /// WhatsApp shows the button of an existing template as a link with the type in its query.
    #[must_use]
    pub fn otp_type(&self) -> Option<String> {
        let button = &self.component("BUTTONS")?["buttons"][0];
        button["otp_type"].as_str().map(str::to_owned).or_else(|| {
            let url = url::Url::parse(button["url"].as_str()?).ok()?;
            url.query_pairs().find(|(name, _)| name == "otp_type").map(|(_, value)| value.into_owned())
        })
    }

    /// Returns `true` for a template that can carry codes once it is approved.
    #[must_use]
    pub fn is_for_codes(&self) -> bool {
        self.category.eq_ignore_ascii_case("AUTHENTICATION") && self.otp_type().is_some()
    }

    /// Why it was rejected, if it was.
    #[must_use]
    pub fn rejection(&self) -> Option<&str> {
        self.rejected_reason.as_deref().filter(|reason| *reason != "NONE")
    }

    fn component(&self, kind: &str) -> Option<&Value> {
        let of_kind =
            |component: &&Value| component["type"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(kind));
        self.components.as_array()?.iter().find(of_kind)
    }
}

/// A template in one language that was just created or changed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Translation {
    /// Its ID.
    pub id: String,
    /// Its language code.
    pub language: String,
    /// `PENDING`, `APPROVED` or `REJECTED`.
    pub status: String,
}

/// A preview of a template in one language.
#[derive(Debug, Clone, Deserialize)]
pub struct Preview {
    /// The language code.
    pub language: String,
    /// The text of the message, with `{{1}}` in place of the code.
    pub body: String,
    /// The text below the message.
    pub footer: Option<String>,
    /// Its buttons.
    #[serde(default)]
    pub buttons: Vec<PreviewButton>,
}

/// The label of a button.
#[derive(Debug, Clone, Deserialize)]
pub struct PreviewButton {
    /// The label if the button copies the code.
    pub text: String,
    /// The label if it passes the code to the app.
    pub autofill_text: Option<String>,
}

/// `{"data": …}` without pages.
#[derive(Deserialize)]
struct Data<T> {
    data: Vec<T>,
}

/// `{"success": true}`
#[derive(Deserialize)]
struct Success {
    success: bool,
}

impl Success {
    fn confirmed(self) -> Result<(), CallError> {
        if self.success { Ok(()) } else { Err(CallError::Unclear("neither success nor an error".to_owned())) }
    }
}

/// The body for creating a template, without its languages.
fn whole(template: &AuthenticationTemplate) -> Value {
    let mut body = content(template);
    body["name"] = json!(template.name);
    body["category"] = json!("AUTHENTICATION");
    body
}

/// The content of a template, for creating and for changing it.
fn content(template: &AuthenticationTemplate) -> Value {
    json!({
        "message_send_ttl_seconds": seconds(template.message_ttl.duration()),
        "components": template.components(),
    })
}

/// Creates the template in one language.
///
/// # Errors
///
/// [`CallError`]; after [`CallError::Unclear`] the template may exist.
pub async fn create(
    client: &GraphClient,
    waba_id: &str,
    template: &AuthenticationTemplate,
    language: &LanguageCode,
) -> Result<Translation, CallError> {
    #[derive(Deserialize)]
    struct Created {
        id: String,
        status: String,
    }
    let mut body = whole(template);
    body["language"] = json!(language);
    let Created { id, status } = client.post(&format!("{waba_id}/message_templates"), &body, client.timeout()).await?;
    Ok(Translation { id, language: language.to_string(), status })
}

/// Creates the template in each of the languages in which its name does not exist, and changes it in the others.
///
/// # Errors
///
/// [`CallError`]; after [`CallError::Unclear`] the template may exist in some or all of the languages.
pub async fn upsert(
    client: &GraphClient,
    waba_id: &str,
    template: &AuthenticationTemplate,
    languages: &[LanguageCode],
) -> Result<Vec<Translation>, CallError> {
    let mut body = whole(template);
    body["languages"] = json!(languages);
    let path = format!("{waba_id}/upsert_message_templates");
    let upserted: Data<Translation> = client.post(&path, &body, client.timeout()).await?;
    Ok(upserted.data)
}

/// Replaces the content of an approved, rejected or paused template. An approved one can be changed once in 24 hours.
///
/// # Errors
///
/// [`CallError`], with subcode 2388039 if it cannot be changed now; after [`CallError::Unclear`] it may be changed.
pub async fn edit(client: &GraphClient, template_id: &str, template: &AuthenticationTemplate) -> Result<(), CallError> {
    client.post::<Success>(template_id, &content(template), client.timeout()).await?.confirmed()
}

/// Deletes the template with this name in every language. The name of an approved one stays taken for 30 days.
///
/// # Errors
///
/// [`CallError`]; after [`CallError::Unclear`] it may be deleted.
pub async fn delete(client: &GraphClient, waba_id: &str, name: &TemplateName) -> Result<(), CallError> {
    let path = format!("{waba_id}/message_templates");
    client.delete::<Success>(&path, &[("name", name.as_str())]).await?.confirmed()
}

/// Lists all templates of the account, or those with one name.
///
/// # Errors
///
/// [`CallError`] of the first page that cannot be read.
pub async fn list(
    client: &GraphClient,
    waba_id: &str,
    name: Option<&TemplateName>,
) -> Result<Vec<Template>, CallError> {
    let mut query = vec![("fields", FIELDS)];
    query.extend(name.map(|name| ("name", name.as_str())));
    let mut templates: Vec<Template> = paging::all(client, &format!("{waba_id}/message_templates"), &query).await?;
    // WhatsApp's filter also finds names that contain this one.
    templates.retain(|template| name.is_none_or(|name| template.name == name.as_str()));
    Ok(templates)
}

/// Reads one template.
///
/// # Errors
///
/// [`CallError`], with code 100/33 if it does not exist or the token may not see it.
pub async fn read(client: &GraphClient, template_id: &str) -> Result<Template, CallError> {
    client.get(template_id, &[("fields", FIELDS)]).await
}

/// Lists every language of authentication templates: those of the previews, if no language is asked for.
///
/// # Errors
///
/// [`CallError`].
pub async fn languages(client: &GraphClient, waba_id: &str) -> Result<Vec<String>, CallError> {
    #[derive(Deserialize)]
    struct Named {
        language: String,
    }
    let path = format!("{waba_id}/message_template_previews");
    let named: Data<Named> = client.get(&path, &[("category", "AUTHENTICATION"), ("button_types", "OTP")]).await?;
    Ok(named.data.into_iter().map(|named| named.language).collect())
}

/// Previews a template with such a footer in each of the languages.
///
/// # Errors
///
/// [`CallError`].
pub async fn previews(
    client: &GraphClient,
    waba_id: &str,
    languages: &[LanguageCode],
    security_recommendation: bool,
    code_lifetime: CodeMinutes,
) -> Result<Vec<Preview>, CallError> {
    let languages = languages.iter().map(LanguageCode::as_str).collect::<Vec<_>>().join(",");
    let minutes = code_lifetime.get().to_string();
    let query = [
        ("category", "AUTHENTICATION"),
        ("add_security_recommendation", if security_recommendation { "true" } else { "false" }),
        ("code_expiration_minutes", &minutes),
        ("button_types", "OTP"),
        // The documentation describes the first and shows the second; unknown parameters are ignored.
        ("language", languages.as_str()),
        ("languages", languages.as_str()),
    ];
    let previews: Data<Preview> = client.get(&format!("{waba_id}/message_template_previews"), &query).await?;
    Ok(previews.data)
}

/// Checks that the token may send from the number, and that the number can send: asks for a message without a recipient,
/// which is refused as incomplete if nothing else prevents sending.
///
/// # Errors
///
/// [`CallError`] that every message would get, or that leaves the question open.
pub async fn may_send(client: &GraphClient, phone_number_id: &str) -> Result<(), CallError> {
    let nobody = json!({ "messaging_product": "whatsapp", "type": "template" });
    match client.post::<serde_json::Value>(&format!("{phone_number_id}/messages"), &nobody, client.timeout()).await {
        Ok(_) => Ok(()),
        Err(CallError::Api(error)) if error.class() == ErrorClass { kind: RefusalKind::Request, retries: 0 } => Ok(()),
        Err(error) => Err(error),
    }
}

fn seconds(duration: Duration) -> u64 {
    duration.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_existing_template_has_its_button_as_a_link() {
        // As captured from the Graph API.
        let template = template(
            r#"{"id":"1","name":"login","language":"en_US","status":"APPROVED","category":"AUTHENTICATION","components":[
            {"type":"BODY","text":"*{{1}}* is your verification code.","add_security_recommendation":false,
             "example":{"body_text":[["123456"]]}},
            {"type":"FOOTER","text":"This code expires in 5 minutes.","code_expiration_minutes":5},
            {"type":"BUTTONS","buttons":[{"type":"URL","text":"Copy code",
             "url":"https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code_expiration_minutes=5&code=otp{{1}}"}]}]}"#,
        );
        assert_eq!(template.otp_type().as_deref(), Some("COPY_CODE"));
        assert_eq!(template.code_lifetime().map(CodeMinutes::get), Some(5));
        assert_eq!(template.footer(), Some("This code expires in 5 minutes."));
        assert!(template.is_for_codes());
    }

    #[test]
    fn other_templates_are_not_for_codes() {
        let of = |category: &str, buttons: &str| {
            template(&format!(
                r#"{{"id":"1","name":"x","language":"en","status":"APPROVED","category":"{category}","components":[{buttons}]}}"#
            ))
        };
        let link = r#"{"type":"BUTTONS","buttons":[{"type":"URL","text":"Shop","url":"https://example.com/"}]}"#;
        let otp = r#"{"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"ONE_TAP"}]}"#;
        assert!(of("AUTHENTICATION", otp).is_for_codes());
        assert!(!of("UTILITY", otp).is_for_codes());
        assert!(!of("AUTHENTICATION", link).is_for_codes());
        assert!(!of("AUTHENTICATION", "").is_for_codes());
        for unknown in [r#"{"type":"CAROUSEL","cards":[{}]}"#, r#"{"type":"BUTTONS","buttons":null}"#, "1"] {
            assert!(!of("MARKETING", unknown).is_for_codes());
        }
    }
}
