//! The names of settings: keys, environment variables, and what a misspelled one may have meant.

use super::declared::{Kind, SECTIONS, Setting, Takes};

/// The start of each setting's environment variable.
pub(super) const PREFIX: &str = "WHATSAPP_OTP";
/// Separates prefix, section and key in a variable: doubled, as keys contain single ones.
pub(super) const SEPARATOR: &str = "__";

/// Every key, in the order of `config/default.toml`.
pub(super) fn all() -> impl Iterator<Item = String> {
    settings().flat_map(|setting| {
        let file = (setting.kind == Kind::Secret).then(|| file_of(setting.key));
        std::iter::once(setting.key.to_owned()).chain(file)
    })
}

/// The key that names the file with the secret of `key`.
pub(super) fn file_of(key: &str) -> String {
    format!("{key}_file")
}

fn settings() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.iter().flat_map(|section| section.settings)
}

fn setting(key: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.key == key)
}

/// The kind of `key`, if that is one.
pub(super) fn kind(key: &str) -> Option<Kind> {
    let file = || setting(key.strip_suffix("_file")?).filter(|setting| setting.kind == Kind::Secret);
    setting(key).map(|setting| setting.kind).or_else(|| file().map(|_| Kind::Open))
}

/// What the setting `key` accepts.
pub(super) fn takes(key: &str) -> Takes {
    setting(key).map_or(Takes::Text("a declared setting"), |setting| setting.takes)
}

/// Whether keys start with `section`.
pub(super) fn is_section(section: &str) -> bool {
    settings().any(|setting| setting.key.split_once('.').is_some_and(|(first, _)| first == section))
}

/// The environment variable of `key`.
pub(super) fn variable(key: &str) -> String {
    let name = key.replace('.', SEPARATOR).to_uppercase();
    format!("{PREFIX}{SEPARATOR}{name}")
}

/// The key whose variable is `name`, up to letter case and single underscores in place of double ones.
///
/// Other variables with the prefix are not settings: Kubernetes sets some, such as `WHATSAPP_OTP_SERVICE_HOST`, for a
/// service named `whatsapp-otp`.
pub(super) fn of_misspelt_variable(name: &str) -> Option<String> {
    let plain = |name: &str| name.to_uppercase().replace(SEPARATOR, "_");
    let name = plain(name);
    all().find(|key| plain(&variable(key)) == name)
}

/// The key that was probably meant by `unknown`.
pub(super) fn closest(unknown: &str) -> Option<String> {
    let last = |key: &str| key.rsplit('.').next().map(str::to_owned);
    all().find(|key| last(key) == last(unknown)).or_else(|| {
        let (edits, key) = all().map(|key| (strsim::levenshtein(&key, unknown), key)).min()?;
        (edits <= 3).then_some(key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_may_come_by_file_and_other_keys_may_not() {
        assert_eq!(kind("otp.secret"), Some(Kind::Secret));
        assert_eq!(kind("otp.secret_file"), Some(Kind::Open));
        assert_eq!(kind("otp.code_length_file"), None);
        assert_eq!(kind("otp.secret_file_file"), None);
        assert_eq!(kind("otp"), None);
    }

    #[test]
    fn variables_have_two_underscores_where_keys_have_a_dot() {
        assert_eq!(variable("otp.code_length"), "WHATSAPP_OTP__OTP__CODE_LENGTH");
        for name in ["WHATSAPP_OTP_OTP_CODE_LENGTH", "whatsapp_otp__otp__code_length"] {
            assert_eq!(of_misspelt_variable(name).as_deref(), Some("otp.code_length"));
        }
        for name in ["WHATSAPP_OTP_SERVICE_HOST", "WHATSAPP_OTP_PORT_3000_TCP", "WHATSAPP_OTP_CONFIG"] {
            assert_eq!(of_misspelt_variable(name), None);
        }
    }

    #[test]
    fn a_typing_error_or_a_wrong_section_is_recognised() {
        for (written, meant) in [
            ("otp.code_lenght", Some("otp.code_length")),
            ("opt.secret", Some("otp.secret")),
            ("code_length", Some("otp.code_length")),
            ("otp.per_phone", Some("limits.per_phone")),
            ("redis.database", None),
            ("", None),
        ] {
            assert_eq!(closest(written).as_deref(), meant, "{written}");
        }
    }
}
