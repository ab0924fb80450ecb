//! Creating, changing and deleting authentication templates, and registering numbers.
//!
//! Source: "Authentication templates", "Bulk management", "Template preview", "Template management" and "Register a
//! business phone number" in the WhatsApp Business Platform's documentation, editions of 2026.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use whatsapp_otp::otp::Locale;
use whatsapp_otp::otp::RefusalKind;
use whatsapp_otp::whatsapp::GraphClient;
use whatsapp_otp::whatsapp::client::CallError;
use whatsapp_otp::whatsapp::error::ErrorClass;

use crate::authentication::{AuthenticationTemplate, CodeMinutes, TemplateName};
use crate::steps::registration::Pin;

/// A template in one language that was just created or changed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Translation {
    /// Its ID.
    pub(crate) id: String,
    /// Its language code.
    pub(crate) language: String,
    /// `PENDING`, `APPROVED` or `REJECTED`.
    pub(crate) status: String,
}

/// A preview of a template in one language.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Preview {
    /// The language code.
    pub(crate) language: String,
    /// The text of the message, with `{{1}}` in place of the code.
    pub(crate) body: String,
    /// The text below the message.
    pub(crate) footer: Option<String>,
    /// Its buttons.
    #[serde(default)]
    pub(crate) buttons: Vec<PreviewButton>,
}

/// The label of a button.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PreviewButton {
    /// The label if the button copies the code.
    pub(crate) text: String,
    /// The label if it passes the code to the app.
    pub(crate) autofill_text: Option<String>,
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
pub(crate) async fn create(
    client: &GraphClient,
    waba_id: &str,
    template: &AuthenticationTemplate,
    language: &Locale,
) -> Result<Translation, CallError> {
    #[derive(Deserialize)]
    struct Created {
        id: String,
        status: String,
    }
    let mut body = whole(template);
    body["language"] = json!(language.as_str());
    let Created { id, status } = client.post(&format!("{waba_id}/message_templates"), &body, client.timeout()).await?;
    Ok(Translation { id, language: language.to_string(), status })
}

/// Creates the template in each of the languages in which its name does not exist, and changes it in the others.
///
/// # Errors
///
/// [`CallError`]; after [`CallError::Unclear`] the template may exist in some or all of the languages.
pub(crate) async fn upsert(
    client: &GraphClient,
    waba_id: &str,
    template: &AuthenticationTemplate,
    languages: &[Locale],
) -> Result<Vec<Translation>, CallError> {
    let mut body = whole(template);
    body["languages"] = languages.iter().map(Locale::as_str).collect();
    let path = format!("{waba_id}/upsert_message_templates");
    let upserted: Data<Translation> = client.post(&path, &body, client.timeout()).await?;
    Ok(upserted.data)
}

/// Replaces the content of an approved, rejected or paused template. An approved one can be changed once in 24 hours.
///
/// # Errors
///
/// [`CallError`], with subcode 2388039 if it cannot be changed now; after [`CallError::Unclear`] it may be changed.
pub(crate) async fn edit(
    client: &GraphClient,
    template_id: &str,
    template: &AuthenticationTemplate,
) -> Result<(), CallError> {
    client.post::<Success>(template_id, &content(template), client.timeout()).await?.confirmed()
}

/// Deletes the template with this name in every language. The name of an approved one stays taken for 30 days.
///
/// # Errors
///
/// [`CallError`]; after [`CallError::Unclear`] it may be deleted.
pub(crate) async fn delete(client: &GraphClient, waba_id: &str, name: &TemplateName) -> Result<(), CallError> {
    let path = format!("{waba_id}/message_templates");
    client.delete::<Success>(&path, &[("name", name.as_str())]).await?.confirmed()
}

/// Lists every language of authentication templates: those of the previews, if no language is asked for.
///
/// # Errors
///
/// [`CallError`].
pub(crate) async fn languages(client: &GraphClient, waba_id: &str) -> Result<Vec<String>, CallError> {
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
pub(crate) async fn previews(
    client: &GraphClient,
    waba_id: &str,
    languages: &[Locale],
    security_recommendation: bool,
    code_lifetime: CodeMinutes,
) -> Result<Vec<Preview>, CallError> {
    let languages = languages.iter().map(Locale::as_str).collect::<Vec<_>>().join(",");
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
pub(crate) async fn may_send(client: &GraphClient, phone_number_id: &str) -> Result<(), CallError> {
    let nobody = json!({ "messaging_product": "whatsapp", "type": "template" });
    match client.post::<serde_json::Value>(&format!("{phone_number_id}/messages"), &nobody, client.timeout()).await {
        Ok(_) => Ok(()),
        Err(CallError::Api(error)) if error.class() == ErrorClass { kind: RefusalKind::Request, retries: 0 } => Ok(()),
        Err(error) => Err(error),
    }
}

/// Registers a number with the Cloud API. If the number has a PIN for two-step verification, it must be this one; if it
/// has none, this becomes its PIN.
///
/// # Errors
///
/// [`CallError`], with code 133005 for a wrong PIN; after [`CallError::Unclear`] it may be registered.
pub(crate) async fn register(client: &GraphClient, phone_number_id: &str, pin: &Pin) -> Result<(), CallError> {
    let body = json!({ "messaging_product": "whatsapp", "pin": pin.digits().expose_secret() });
    let path = format!("{phone_number_id}/register");
    client.post::<Success>(&path, &body, client.timeout()).await?.confirmed()
}

fn seconds(duration: Duration) -> u64 {
    duration.as_secs()
}
