//! The choices of an authentication template's owner, and the template that Meta generates from them.

use serde_json::{Value, json};

use crate::{OtpButton, languages::Texts};

/// The owner's choices; all other text is Meta's.
#[derive(Debug, Clone)]
pub(crate) struct AuthenticationContent {
    pub(crate) security_recommendation: bool,
    pub(crate) expiration_minutes: Option<u8>,
    pub(crate) button: OtpButton,
    pub(crate) copy_code_text: Option<String>,
}

impl AuthenticationContent {
    /// The components as they are stored and read back: with texts, and with the one-time-passcode button as a link.
    pub(crate) fn components(&self, language: &str) -> Vec<Value> {
        let texts = Texts::of(language);
        let mut components = vec![json!({
            "type": "BODY",
            "text": texts.body(self.security_recommendation),
            "add_security_recommendation": self.security_recommendation,
            "example": { "body_text": [["123456"]] },
        })];
        if let Some(minutes) = self.expiration_minutes {
            components.push(json!({
                "type": "FOOTER",
                "text": texts.footer(minutes),
                "code_expiration_minutes": minutes,
            }));
        }
        let label = self.copy_code_text.as_deref().unwrap_or(texts.copy_code);
        components.push(json!({ "type": "BUTTONS", "buttons": [{
            "type": "URL",
            "text": label,
            "url": self.link("{{1}}"),
            "example": [self.link("123456")],
        }]}));
        components
    }

    fn link(&self, code: &str) -> String {
        let otp_type = self.button.otp_type();
        let expiration =
            self.expiration_minutes.map(|minutes| format!("&code_expiration_minutes={minutes}")).unwrap_or_default();
        format!("https://www.whatsapp.com/otp/code/?otp_type={otp_type}{expiration}&code=otp{code}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_reads_back_as_meta_rewrites_it() {
        let content = AuthenticationContent {
            security_recommendation: true,
            expiration_minutes: Some(5),
            button: OtpButton::CopyCode,
            copy_code_text: None,
        };
        let expected = json!([
            {
                "type": "BODY",
                "text": "*{{1}}* is your verification code. For your security, do not share this code.",
                "add_security_recommendation": true,
                "example": { "body_text": [["123456"]] },
            },
            {
                "type": "FOOTER",
                "text": "This code expires in 5 minutes.",
                "code_expiration_minutes": 5,
            },
            { "type": "BUTTONS", "buttons": [{
                "type": "URL",
                "text": "Copy code",
                "url": "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code_expiration_minutes=5&code=otp{{1}}",
                "example": ["https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code_expiration_minutes=5&code=otp123456"],
            }]},
        ]);
        assert_eq!(Value::from(content.components("en_US")), expected);
    }

    #[test]
    fn without_an_expiry_there_is_no_footer_and_the_owners_label_is_kept() {
        let content = AuthenticationContent {
            security_recommendation: false,
            expiration_minutes: None,
            button: OtpButton::ZeroTap,
            copy_code_text: Some("Kopieren".to_owned()),
        };
        let components = content.components("de");
        assert_eq!(components.len(), 2);
        assert_eq!(components[0]["text"], "*{{1}}* ist dein Verifizierungscode.");
        let button = &components[1]["buttons"][0];
        assert_eq!(button["text"], "Kopieren");
        assert_eq!(button["url"], "https://www.whatsapp.com/otp/code/?otp_type=ZERO_TAP&code=otp{{1}}");
    }
}
