//! Finding the authentication template, and checking that it can be sent.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Notify, watch};

use super::WhatsAppAccount;
use super::client::{CallError, GraphClient};
use super::paging;
use crate::otp::{Locale, RefusalKind};

const FIELDS: &str =
    "id,name,language,status,category,rejected_reason,message_send_ttl_seconds,components,quality_score";

/// The lifetimes that a footer can state, in minutes.
const CODE_MINUTES: RangeInclusive<u64> = 1..=90;

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
    components: Value,
}

impl Template {
    /// Returns the text of the message, with `{{1}}` in place of the code.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.component("BODY")?["text"].as_str()
    }

    /// Returns the text below the message.
    #[must_use]
    pub fn footer(&self) -> Option<&str> {
        self.component("FOOTER")?["text"].as_str()
    }

    /// Returns the lifetime of a code according to the footer.
    #[must_use]
    pub fn code_lifetime(&self) -> Option<Duration> {
        let minutes = self.component("FOOTER")?["code_expiration_minutes"].as_u64();
        minutes.filter(|minutes| CODE_MINUTES.contains(minutes)).map(|minutes| Duration::from_secs(60 * minutes))
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

/// A template as messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedTemplate {
    /// Its name, the same in each language.
    pub name: String,
    /// The languages in which it can be sent, at least one, in the order of `whatsapp.languages`.
    pub languages: Vec<Locale>,
    /// Its ID in each of these languages, in the same order; none if it is not known.
    pub ids: Vec<String>,
}

impl ApprovedTemplate {
    /// Returns its ID in a language, if it is known.
    #[must_use]
    pub fn id(&self, language: &Locale) -> Option<&str> {
        let place = self.languages.iter().position(|other| other == language)?;
        self.ids.get(place).map(String::as_str)
    }
}

/// The template to send, or the reason why there is none.
pub type Sendable = Result<Arc<ApprovedTemplate>, Arc<str>>;

/// The template to send at the moment, kept up to date by a watch. Clones share it.
#[derive(Debug, Clone)]
pub struct CurrentTemplate {
    sendable: watch::Receiver<Sendable>,
    doubts: Arc<Notify>,
}

impl CurrentTemplate {
    /// Follows `sendable`. `doubts` is notified of each reason to check the template again.
    #[must_use]
    pub fn new(sendable: watch::Receiver<Sendable>, doubts: Arc<Notify>) -> Self {
        Self { sendable, doubts }
    }

    /// A template that never changes.
    #[must_use]
    pub fn always(name: String, languages: Vec<Locale>) -> Self {
        let always = ApprovedTemplate { name, languages, ids: Vec::new() };
        Self::new(watch::channel(Ok(Arc::new(always))).1, Arc::default())
    }

    /// A template that never changes, with its ID in each of the languages.
    #[must_use]
    pub fn always_with_ids(name: String, languages: Vec<Locale>, ids: Vec<String>) -> Self {
        let always = ApprovedTemplate { name, languages, ids };
        Self::new(watch::channel(Ok(Arc::new(always))).1, Arc::default())
    }

    /// Returns the template to send now.
    ///
    /// # Errors
    ///
    /// The reason why there is none.
    pub fn get(&self) -> Sendable {
        self.sendable.borrow().clone()
    }

    /// Reports a reason to check the template again.
    pub fn doubt(&self) {
        self.doubts.notify_one();
    }
}

/// Returns `true` if WhatsApp's error code means that the template does not exist in the language, is paused, or is
/// disabled.
pub(super) fn is_about_template(code: Option<i64>) -> bool {
    matches!(code, Some(132_001 | 132_015 | 132_016))
}

/// The reason why the template cannot be sent.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TemplateError {
    /// The list cannot be read.
    #[error(transparent)]
    Call(#[from] CallError),
    /// No template has the ID.
    #[error("Could not find template with ID {template_id} for WABA {waba_id}.")]
    Missing {
        /// The ID that was looked for.
        template_id: String,
        /// The account that it was looked for in.
        waba_id: String,
    },
    /// The template exists, but not in the language.
    #[error("Template '{name}' with ID {template_id} has no translation into {language}: set whatsapp.languages to some of {}.", languages.join(", "))]
    MissingLanguage {
        /// The template's ID.
        template_id: String,
        /// Its name.
        name: String,
        /// The language that was looked for.
        language: Locale,
        /// The languages that exist.
        languages: Vec<String>,
    },
    /// The template has another category.
    #[error("Template '{name}' with ID {template_id} is a template for {category}, not for AUTHENTICATION.")]
    WrongCategory {
        /// The template's ID.
        template_id: String,
        /// Its name.
        name: String,
        /// Its category.
        category: String,
    },
    /// The template is not, or no longer, approved.
    #[error(
        "Please wait until the template with ID {template_id} is approved before running this program: its status is {status}."
    )]
    NotApproved {
        /// The template's ID.
        template_id: String,
        /// Its status.
        status: String,
    },
}

impl TemplateError {
    /// Returns `true` if a retry may help: the list cannot be read for a transient reason.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Call(CallError::Unreachable(_) | CallError::Unclear(_)) => true,
            Self::Call(CallError::Api(error)) => {
                error.class().retries > 0 || error.class().kind == RefusalKind::Throttled
            }
            _ => false,
        }
    }

    /// Returns `true` if WhatsApp said that the template cannot be sent, rather than nothing.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        !matches!(self, Self::Call(_))
    }
}

/// Lists all templates of the account, or those with one name.
///
/// # Errors
///
/// [`CallError`] of the first page that cannot be read.
pub async fn list(client: &GraphClient, waba_id: &str, name: Option<&str>) -> Result<Vec<Template>, CallError> {
    let mut query = vec![("fields", FIELDS)];
    query.extend(name.map(|name| ("name", name)));
    let mut templates: Vec<Template> = paging::all(client, &format!("{waba_id}/message_templates"), &query).await?;
    // WhatsApp's filter also finds names that contain this one.
    templates.retain(|template| name.is_none_or(|name| template.name == name));
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

/// A template in one of the languages that were looked for.
#[derive(Debug, Clone)]
pub struct Translation {
    /// The language.
    pub language: Locale,
    /// The approved template, or the reason why it cannot be sent.
    pub template: Result<Template, TemplateError>,
}

/// Finds the template with the account's `template_id` in each of the languages.
///
/// The ID names a template in one language; the others are its translations.
///
/// # Errors
///
/// [`TemplateError`] if the list cannot be read or has no such template.
pub async fn translations(
    client: &GraphClient,
    account: &WhatsAppAccount,
    languages: &[Locale],
) -> Result<Vec<Translation>, TemplateError> {
    choose(list(client, &account.waba_id, None).await?, account, languages)
}

fn choose(
    mut templates: Vec<Template>,
    account: &WhatsAppAccount,
    languages: &[Locale],
) -> Result<Vec<Translation>, TemplateError> {
    let template_id = account.template_id.clone();
    let Some(named) = templates.iter().find(|template| template.id == template_id).cloned() else {
        return Err(TemplateError::Missing { template_id, waba_id: account.waba_id.clone() });
    };
    templates.retain(|template| template.name == named.name);
    let existing: Vec<_> = templates.iter().map(|template| template.language.clone()).collect();
    let in_language = |language: &Locale| {
        let template = templates.iter().find(|template| template.language == language.as_str()).cloned();
        let missing = || TemplateError::MissingLanguage {
            template_id: template_id.clone(),
            name: named.name.clone(),
            language: language.clone(),
            languages: existing.clone(),
        };
        Translation { language: language.clone(), template: template.ok_or_else(missing).and_then(approved) }
    };
    Ok(languages.iter().map(in_language).collect())
}

fn approved(template: Template) -> Result<Template, TemplateError> {
    if !template.category.is_empty() && !template.category.eq_ignore_ascii_case("AUTHENTICATION") {
        let (name, category) = (template.name, template.category);
        return Err(TemplateError::WrongCategory { template_id: template.id, name, category });
    }
    if template.status != "APPROVED" {
        return Err(TemplateError::NotApproved { template_id: template.id, status: template.status });
    }
    Ok(template)
}

/// Returns the template as messages name it, or the reasons why it can be sent in none of the languages.
///
/// # Errors
///
/// The reasons, as one text.
pub fn sendable(translations: &[Translation]) -> Result<ApprovedTemplate, String> {
    let approved =
        translations.iter().filter_map(|translation| Some((translation, translation.template.as_ref().ok()?)));
    let languages = approved.clone().map(|(translation, _)| translation.language.clone()).collect();
    match approved.map(|(_, template)| template.name.clone()).next() {
        Some(name) => {
            let ids =
                translations.iter().filter_map(|translation| Some(translation.template.as_ref().ok()?.id.clone()));
            Ok(ApprovedTemplate { name, languages, ids: ids.collect() })
        }
        None => Err(reasons(translations).unwrap_or_else(|| "there is no language to send it in".to_owned())),
    }
}

/// Returns the reasons why the template cannot be sent in some languages, if there are any.
#[must_use]
pub fn reasons(translations: &[Translation]) -> Option<String> {
    let refused = translations.iter().filter_map(|translation| {
        let error = translation.template.as_ref().err()?;
        Some(if translations.len() == 1 { error.to_string() } else { format!("{}: {error}", translation.language) })
    });
    let refused: Vec<_> = refused.collect();
    (!refused.is_empty()).then(|| refused.join(" "))
}

/// Returns the warning for a template whose footer promises another lifetime than codes have.
#[must_use]
pub fn lifetime_warning(template: &Template, code_lifetime: Duration) -> Option<String> {
    let promised = template.code_lifetime()?;
    let [promised_text, actual] = [promised, code_lifetime].map(humantime::format_duration);
    (promised != code_lifetime).then(|| {
        format!("the template says that codes expire after {promised_text}, but otp.code_lifetime is {actual}: set it to {promised_text}, or change the template")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> WhatsAppAccount {
        WhatsAppAccount {
            waba_id: "1".to_owned(),
            access_token: "token".into(),
            phone_number_id: "2".to_owned(),
            template_id: "30".to_owned(),
        }
    }

    fn template(id: &str, language: &str, status: &str) -> Template {
        Template {
            id: id.to_owned(),
            name: "login".to_owned(),
            language: language.to_owned(),
            status: status.to_owned(),
            category: "AUTHENTICATION".to_owned(),
            ..Template::default()
        }
    }

    fn chosen(templates: &[Template], languages: &[&str]) -> Vec<Translation> {
        let languages: Vec<_> = languages.iter().map(|language| Locale::parse(language).unwrap()).collect();
        choose(templates.to_vec(), &account(), &languages).unwrap()
    }

    #[test]
    fn the_translations_into_the_languages_are_chosen() {
        let templates = [template("30", "en_US", "APPROVED"), template("31", "de", "APPROVED")];
        let ids = |languages: &[&str]| {
            let chosen = chosen(&templates, languages);
            chosen.into_iter().map(|translation| translation.template.unwrap().id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&["en_US"]), ["30"]);
        assert_eq!(ids(&["de", "en_US"]), ["31", "30"]);
        let error = sendable(&chosen(&templates, &["en"])).unwrap_err();
        assert!(error.ends_with("has no translation into en: set whatsapp.languages to some of en_US, de."), "{error}");
    }

    #[test]
    fn the_reason_against_sending_is_stated() {
        let said = |template| sendable(&chosen(&[template], &["en_US"])).unwrap_err();
        let missing = choose(vec![template("9", "en_US", "APPROVED")], &account(), &[]).unwrap_err();
        assert_eq!(missing.to_string(), "Could not find template with ID 30 for WABA 1.");
        assert!(said(template("30", "en_US", "PAUSED")).contains("its status is PAUSED"));
        let marketing = Template { category: "MARKETING".to_owned(), ..template("30", "en_US", "APPROVED") };
        assert!(said(marketing).contains("for MARKETING, not for AUTHENTICATION"));
    }

    #[test]
    fn it_can_be_sent_in_the_approved_languages_and_the_others_are_named() {
        let templates =
            [template("30", "en_US", "APPROVED"), template("31", "de", "PAUSED"), template("32", "fr", "APPROVED")];
        let all = chosen(&templates, &["fr", "de", "en_US", "it"]);
        let languages = sendable(&all).unwrap().languages;
        assert_eq!(languages.iter().map(Locale::as_str).collect::<Vec<_>>(), ["fr", "en_US"]);
        let reasons = reasons(&all).unwrap();
        assert!(
            reasons.starts_with("de: ") && reasons.contains("is PAUSED. it: ") && !reasons.contains("fr: "),
            "{reasons}"
        );
        let none = chosen(&templates, &["de", "it"]);
        assert!(sendable(&none).unwrap_err().contains(" it: Template 'login'"), "{none:?}");
    }

    fn parsed(text: &str) -> Template {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_existing_template_has_its_button_as_a_link() {
        // As captured from the Graph API.
        let template = parsed(
            r#"{"id":"1","name":"login","language":"en_US","status":"APPROVED","category":"AUTHENTICATION","components":[
            {"type":"BODY","text":"*{{1}}* is your verification code.","add_security_recommendation":false,
             "example":{"body_text":[["123456"]]}},
            {"type":"FOOTER","text":"This code expires in 5 minutes.","code_expiration_minutes":5},
            {"type":"BUTTONS","buttons":[{"type":"URL","text":"Copy code",
             "url":"https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code_expiration_minutes=5&code=otp{{1}}"}]}]}"#,
        );
        assert_eq!(template.otp_type().as_deref(), Some("COPY_CODE"));
        assert_eq!(template.code_lifetime(), Some(Duration::from_mins(5)));
        assert_eq!(template.footer(), Some("This code expires in 5 minutes."));
        assert!(template.is_for_codes());
    }

    #[test]
    fn other_templates_are_not_for_codes() {
        let of = |category: &str, buttons: &str| {
            parsed(&format!(
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
