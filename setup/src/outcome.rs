//! The outcome of a run, and the next commands.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use whatsapp_otp::whatsapp::BusinessNumber;

use crate::cli::{Manner, print_json};
use crate::connection::Connection;
use crate::steps::approval::{Reviewed, is_in_review};

/// Exit code: WhatsApp has not yet decided on the template.
const PENDING: u8 = 3;
/// Exit code: WhatsApp has rejected, paused or disabled it.
const NOT_APPROVED: u8 = 4;

/// A template, and the file that names it.
pub(crate) struct Outcome {
    json: Value,
    template: String,
    /// At least one; the service's is first.
    translations: Vec<Reviewed>,
    /// The service's settings that differ from its defaults, as variables.
    settings: BTreeMap<&'static str, String>,
}

impl Outcome {
    pub(crate) fn new(
        connection: &Connection,
        number: &BusinessNumber,
        template: &str,
        translations: Vec<Reviewed>,
        code_lifetime: Option<Duration>,
    ) -> Self {
        let info_file = connection.info_file.path().display().to_string();
        let mut settings = BTreeMap::new();
        let mut set = |needed: bool, name, value: &str| settings.extend(needed.then(|| (name, value.to_owned())));
        let lifetime = code_lifetime.filter(|lifetime| *lifetime != connection.policy.code_lifetime);
        let text = lifetime.map(|lifetime| humantime::format_duration(lifetime).to_string()).unwrap_or_default();
        set(lifetime.is_some(), "WHATSAPP_OTP__OTP__CODE_LIFETIME", &text);
        set(!connection.is_usual_file, "WHATSAPP_OTP__WHATSAPP__INFO_FILE", &info_file);
        let url = connection.base_url.as_str().trim_end_matches('/');
        set(!connection.is_usual_base_url, "WHATSAPP_OTP__WHATSAPP__BASE_URL", url);
        let first = &translations[0].translation;
        let listed: Vec<_> = translations
            .iter()
            .map(|Reviewed { translation, rejection }| {
                json!({
                    "id": translation.id,
                    "language": translation.language,
                    "status": translation.status,
                    "rejected_reason": rejection,
                })
            })
            .collect();
        let json = json!({
            "status": first.status,
            "phone_number": number.international(),
            "phone_number_id": number.id,
            "template_id": first.id,
            "template_name": template,
            "language": first.language,
            "translations": listed,
            "info_file": info_file,
            "settings": settings,
        });
        Self { json, template: template.to_owned(), translations, settings }
    }

    /// The exit code: 0 if the service can send.
    pub(crate) fn exit_code(&self) -> u8 {
        match &self.translations[0].translation {
            translation if translation.status == "APPROVED" => 0,
            translation if is_in_review(translation) => PENDING,
            _ => NOT_APPROVED,
        }
    }

    pub(crate) fn tell(&self, manner: Manner) {
        manner.ui.say(self.text());
        if manner.json {
            print_json(&self.json);
        }
    }

    fn text(&self) -> String {
        let template = &self.template;
        let mut text = String::from("\n");
        for Reviewed { translation, rejection } in &self.translations {
            let (language, status) = (&translation.language, &translation.status);
            let why = rejection.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            let _ = writeln!(text, "The template \"{template}\" in {language} is {status}{why}.");
        }
        match self.exit_code() {
            PENDING => {
                text +=
                    "\nWhatsApp decides within 24 hours. Run this again to continue waiting; your answers are kept.\n";
            }
            NOT_APPROVED => {
                text += "\nIt cannot be sent. WhatsApp Manager, Message templates, shows the reason; run this again to \
                    change it or to create another.\n";
            }
            _ => {}
        }
        text += "\nNext:\n\n";
        for (name, value) in &self.settings {
            let _ = writeln!(text, "  export {name}={value}");
        }
        text += "  export WHATSAPP_OTP__OTP__SECRET=$(openssl rand -hex 32)\n";
        text += "  whatsapp-otp-setup send-test PHONE\n  whatsapp-otp check\n  whatsapp-otp serve";
        text
    }
}
