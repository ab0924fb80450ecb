//! The languages of templates, and Meta's fixed texts for authentication templates.
//!
//! Meta writes the body of an authentication template in each language. The texts here cover English, Spanish,
//! Portuguese, German and French; every other language uses the English ones.

/// Every language code that Meta lists for templates. Codes are case-sensitive.
pub(crate) const LANGUAGES: &[&str] = &[
    "af", "ar", "ar_AE", "ar_EG", "ar_LB", "ar_MA", "ar_QA", "az", "be_BY", "bg", "bn", "bn_IN", "ca", "cs", "da",
    "de", "de_AT", "de_CH", "el", "en", "en_AE", "en_AU", "en_CA", "en_GB", "en_GH", "en_IE", "en_IN", "en_JM",
    "en_MY", "en_NZ", "en_QA", "en_SG", "en_UG", "en_US", "en_ZA", "es", "es_AR", "es_CL", "es_CO", "es_CR", "es_DO",
    "es_EC", "es_ES", "es_HN", "es_MX", "es_PA", "es_PE", "es_UY", "et", "fa", "fi", "fil", "fr", "fr_BE", "fr_CA",
    "fr_CH", "fr_CI", "fr_MA", "ga", "gu", "ha", "he", "hi", "hr", "hu", "id", "it", "ja", "ka", "kk", "kn", "ko",
    "ky_KG", "lo", "lt", "lv", "mk", "ml", "mr", "ms", "nb", "nl", "nl_BE", "pa", "pl", "prs_AF", "ps_AF", "pt_BR",
    "pt_PT", "ro", "ru", "rw_RW", "si_LK", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "th", "tr", "uk", "ur",
    "uz", "vi", "zh_CN", "zh_HK", "zh_TW", "zu",
];

/// Returns `true` if Meta lists this code.
pub(crate) fn is_known(code: &str) -> bool {
    LANGUAGES.contains(&code)
}

/// The texts of an authentication template in one language.
#[derive(Debug)]
pub(crate) struct Texts {
    body: &'static str,
    recommendation: &'static str,
    expires_in_one: &'static str,
    expires_in_many: &'static str,
    /// Label of the button that copies the code.
    pub(crate) copy_code: &'static str,
    /// Label of the button that hands the code to the app.
    pub(crate) autofill: &'static str,
}

impl Texts {
    /// The texts for a language code such as `pt_BR`.
    pub(crate) fn of(code: &str) -> &'static Self {
        match code.split('_').next() {
            Some("es") => &SPANISH,
            Some("pt") => &PORTUGUESE,
            Some("de") => &GERMAN,
            Some("fr") => &FRENCH,
            _ => &ENGLISH,
        }
    }

    /// The body, with `{{1}}` in place of the code.
    pub(crate) fn body(&self, with_recommendation: bool) -> String {
        if with_recommendation { format!("{} {}", self.body, self.recommendation) } else { self.body.to_owned() }
    }

    /// The footer that states the code's lifetime.
    pub(crate) fn footer(&self, minutes: u8) -> String {
        let text = if minutes == 1 { self.expires_in_one } else { self.expires_in_many };
        text.replace("{n}", &minutes.to_string())
    }
}

const ENGLISH: Texts = Texts {
    body: "*{{1}}* is your verification code.",
    recommendation: "For your security, do not share this code.",
    expires_in_one: "This code expires in 1 minute.",
    expires_in_many: "This code expires in {n} minutes.",
    copy_code: "Copy code",
    autofill: "Autofill",
};

const SPANISH: Texts = Texts {
    body: "Tu código de verificación es *{{1}}*.",
    recommendation: "Por tu seguridad, no lo compartas.",
    expires_in_one: "Este código caduca en 1 minuto.",
    expires_in_many: "Este código caduca en {n} minutos.",
    copy_code: "Copiar código",
    autofill: "Autocompletar",
};

const PORTUGUESE: Texts = Texts {
    body: "Seu código de verificação é *{{1}}*.",
    recommendation: "Para sua segurança, não o compartilhe.",
    expires_in_one: "Este código expira em 1 minuto.",
    expires_in_many: "Este código expira em {n} minutos.",
    copy_code: "Copiar código",
    autofill: "Preencher",
};

const GERMAN: Texts = Texts {
    body: "*{{1}}* ist dein Verifizierungscode.",
    recommendation: "Gib diesen Code aus Sicherheitsgründen nicht weiter.",
    expires_in_one: "Dieser Code läuft in 1 Minute ab.",
    expires_in_many: "Dieser Code läuft in {n} Minuten ab.",
    copy_code: "Code kopieren",
    autofill: "Ausfüllen",
};

const FRENCH: Texts = Texts {
    body: "*{{1}}* est votre code de vérification.",
    recommendation: "Pour votre sécurité, ne le partagez pas.",
    expires_in_one: "Ce code expire dans 1 minute.",
    expires_in_many: "Ce code expire dans {n} minutes.",
    copy_code: "Copier le code",
    autofill: "Remplir",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_complete_and_without_duplicates() {
        let distinct: std::collections::BTreeSet<_> = LANGUAGES.iter().collect();
        assert_eq!((distinct.len(), LANGUAGES.len()), (111, 111));
    }

    #[test]
    fn codes_are_matched_exactly() {
        assert!(is_known("en_US") && is_known("en"));
        assert!(!is_known("en-US") && !is_known("EN_us") && !is_known("pt"));
    }

    #[test]
    fn every_text_has_one_placeholder_and_names_the_minutes() {
        for texts in [&ENGLISH, &SPANISH, &PORTUGUESE, &GERMAN, &FRENCH] {
            assert_eq!(texts.body(true).matches("{{1}}").count(), 1, "{texts:?}");
            assert!(texts.footer(17).contains(" 17 "), "{texts:?}");
            assert_ne!(texts.footer(1), texts.footer(2).replace('2', "1"));
        }
    }

    #[test]
    fn regional_variants_share_the_text_of_their_language() {
        assert_eq!(Texts::of("es_MX").copy_code, "Copiar código");
        assert_eq!(Texts::of("de_AT").copy_code, "Code kopieren");
        assert_eq!(Texts::of("zu").copy_code, "Copy code");
    }
}
