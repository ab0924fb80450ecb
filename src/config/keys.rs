//! The names of settings: keys, environment variables, and the ones that were probably meant by misspelled ones.
//!
//! Keys that contain the name of a key or an app match a declared one: `keys.backend.kind` is `keys.NAME.kind`, and
//! `apps.shop.otp.linger` is `otp.linger`, of which an app may have its own.

use super::declared::{Kind, SECTIONS, Setting, Takes};

/// The start of each setting's environment variable.
const PREFIX: &str = "WHATSAPP_OTP__";
/// Separates section and key in a variable: doubled, as keys contain single ones.
const SEPARATOR: &str = "__";

/// Returns every declared key, in the order of `config/default.toml`.
pub(super) fn all() -> impl Iterator<Item = String> {
    with_files(settings())
}

/// Returns the keys of `settings`, and those that name the files of secrets.
fn with_files(settings: impl Iterator<Item = &'static Setting>) -> impl Iterator<Item = String> {
    settings.flat_map(|setting| {
        let file = (setting.kind == Kind::Secret).then(|| file_of(setting.key));
        std::iter::once(setting.key.to_owned()).chain(file)
    })
}

/// Returns the key that names the file with the secret of `key`.
pub(super) fn file_of(key: &str) -> String {
    format!("{key}_file")
}

fn settings() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.iter().flat_map(|section| section.settings)
}

/// Returns the app of `key`, if it is an app's, and the declared key that it matches, which need not exist.
fn declared(key: &str) -> (Option<&str>, String) {
    match key.splitn(3, '.').collect::<Vec<_>>()[..] {
        ["apps", app, rest] => (Some(app), rest.to_owned()),
        ["keys", _, member] => (None, format!("keys.NAME.{member}")),
        _ => (None, key.to_owned()),
    }
}

/// Returns the declared key that `key` matches, such as `otp.linger` for `apps.shop.otp.linger`.
pub(super) fn shared(key: &str) -> String {
    declared(key.strip_suffix("_file").filter(|key| kind(key) == Some(Kind::Secret)).unwrap_or(key)).1
}

/// Returns the key of all apps that `key` is an app's own for; `""` if it is not an app's.
pub(super) fn of_app(key: &str) -> &str {
    key.strip_prefix("apps.").and_then(|rest| rest.split_once('.')).map_or("", |(_, rest)| rest)
}

/// Returns the declaration of `key`.
pub(super) fn setting(key: &str) -> Option<&'static Setting> {
    let (app, declared) = declared(key);
    settings().find(|setting| setting.key == declared && (app.is_none() || setting.per_app))
}

/// Returns the kind of the setting `key`, if there is one.
pub(super) fn kind(key: &str) -> Option<Kind> {
    let file = || setting(key.strip_suffix("_file")?).filter(|setting| setting.kind == Kind::Secret);
    setting(key).map(|setting| setting.kind).or_else(|| file().map(|_| Kind::Open))
}

/// Returns the values that the setting `key` accepts.
pub(super) fn takes(key: &str) -> Takes {
    setting(key).map_or(Takes::Text("a declared setting"), |setting| setting.takes)
}

/// Sorts keys in the order of `config/default.toml`: unknown ones first, those of apps last, API keys by name.
pub(super) fn rank(key: &str) -> (Option<String>, Option<usize>, Option<String>) {
    let (app, declared) = declared(key);
    let named = |key: &str| key.starts_with("keys.");
    let place = all().position(|other| other == declared || (named(&other) && named(&declared)));
    (app.map(str::to_owned), place, named(key).then(|| key.to_owned()))
}

/// Returns `true` if keys start with `section`.
pub(super) fn is_section(section: &str) -> bool {
    let names_follow = matches!(section.split('.').collect::<Vec<_>>()[..], ["keys" | "apps"] | ["keys" | "apps", _]);
    let (app, member) = declared(section);
    let of_section = |setting: &Setting| setting.key.rsplit_once('.').is_some_and(|(name, _)| name == member);
    names_follow || settings().any(|setting| of_section(setting) && (app.is_none() || setting.per_app))
}

/// Returns the environment variable of `key`.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', SEPARATOR).to_uppercase())
}

/// Returns the key whose variable is `name`.
pub(super) fn of_variable(name: &str) -> Option<String> {
    let key = name.strip_prefix(PREFIX)?.replace(SEPARATOR, ".").to_lowercase();
    (kind(&key).is_some() && variable(&key) == name).then_some(key)
}

/// Returns `true` if `name` starts as only the variables of settings do.
pub(super) fn has_prefix(name: &str) -> bool {
    name.to_uppercase().starts_with(PREFIX)
}

/// Returns the key that was probably meant by the unknown variable `name`. None is meant by those of other programs:
/// Kubernetes sets some, such as `WHATSAPP_OTP_SERVICE_HOST`, for a service named `whatsapp-otp`.
pub(super) fn of_misspelled_variable(name: &str) -> Option<String> {
    let plain = |name: &str| name.to_uppercase().replace(SEPARATOR, "_");
    let meant = all().find(|key| plain(&variable(key)) == plain(name));
    meant.or_else(|| closest(&name.to_uppercase().strip_prefix(PREFIX)?.to_lowercase().replace(SEPARATOR, ".")))
}

/// Returns the key that was probably meant by `unknown`.
pub(super) fn closest(unknown: &str) -> Option<String> {
    if unknown == "auth.api_keys" {
        return Some("keys.NAME.sha256".to_owned());
    }
    if let Some(section) = unknown.strip_suffix("whatsapp.language") {
        return Some(format!("{section}whatsapp.languages"));
    }
    let (app, declared) = declared(unknown);
    if kind(&declared).is_some() {
        // All apps share it.
        return None;
    }
    let known = || with_files(settings().filter(|setting| app.is_none() || setting.per_app));
    let last = |key: &str| key.rsplit('.').next().map(str::to_owned);
    let meant = known().find(|key| last(key) == last(&declared)).or_else(|| {
        let (edits, key) = known().map(|key| (strsim::levenshtein(&key, &declared), key)).min()?;
        (edits <= 3).then_some(key)
    })?;
    let name = unknown.split('.').nth(1).filter(|_| declared.starts_with("keys."));
    let meant = name.map_or(meant.clone(), |name| meant.replace("NAME", name));
    Some(app.map_or(meant.clone(), |app| format!("apps.{app}.{meant}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_may_come_by_file_and_other_keys_may_not() {
        assert_eq!(kind("keys.backend.sha256_file"), Some(Kind::Open));
        assert_eq!(kind("otp.secret"), Some(Kind::Secret));
        assert_eq!(kind("otp.secret_file"), Some(Kind::Open));
        assert_eq!(kind("otp.code_length_file"), None);
        assert_eq!(kind("otp.secret_file_file"), None);
        assert_eq!(kind("otp"), None);
    }

    #[test]
    fn variables_have_two_underscores_where_keys_have_a_dot() {
        for (key, name) in [
            ("otp.code_length", "WHATSAPP_OTP__OTP__CODE_LENGTH"),
            ("keys.back_end-2.sha256", "WHATSAPP_OTP__KEYS__BACK_END-2__SHA256"),
            ("apps.shop.limits.per_ip", "WHATSAPP_OTP__APPS__SHOP__LIMITS__PER_IP"),
        ] {
            assert_eq!((variable(key).as_str(), of_variable(name).as_deref()), (name, Some(key)));
        }
        for name in ["WHATSAPP_OTP_OTP_CODE_LENGTH", "whatsapp_otp__otp__code_length"] {
            assert_eq!((of_variable(name), of_misspelled_variable(name)), (None, Some("otp.code_length".to_owned())));
        }
        for name in ["WHATSAPP_OTP_SERVICE_HOST", "WHATSAPP_OTP_PORT_3000_TCP", "WHATSAPP_OTP_CONFIG"] {
            assert_eq!((of_variable(name), of_misspelled_variable(name), has_prefix(name)), (None, None, false));
        }
    }

    #[test]
    fn an_app_has_settings_of_its_own_where_that_is_declared() {
        for key in ["otp.linger", "limits.countries", "whatsapp.template_id"] {
            assert!(kind(&format!("apps.shop.{key}")).is_some(), "{key}");
        }
        for key in ["otp.secret", "otp.secret_file", "whatsapp.access_token", "redis.url", "keys.a.kind", "otp", ""] {
            assert_eq!(kind(&format!("apps.shop.{key}")), None, "{key}");
        }
        for section in ["otp", "keys", "keys.backend", "apps", "apps.shop", "apps.shop.otp"] {
            assert!(is_section(section), "{section}");
        }
        for section in ["apps.shop.redis", "apps.shop.otp.linger", "otp.linger", "keys.a.kind", "app"] {
            assert!(!is_section(section), "{section}");
        }
    }

    #[test]
    fn a_typing_error_or_a_wrong_section_is_recognised() {
        for (written, meant) in [
            ("otp.code_lenght", Some("otp.code_length")),
            ("opt.secret", Some("otp.secret")),
            ("code_length", Some("otp.code_length")),
            ("otp.per_phone", Some("limits.per_phone")),
            ("auth.api_keys", Some("keys.NAME.sha256")),
            ("whatsapp.language", Some("whatsapp.languages")),
            ("apps.shop.whatsapp.language", Some("apps.shop.whatsapp.languages")),
            ("keys.backend.sha265", Some("keys.backend.sha256")),
            ("apps.shop.otp.code_lenght", Some("apps.shop.otp.code_length")),
            ("apps.shop.code_length", Some("apps.shop.otp.code_length")),
            ("apps.shop.redis.url", None),
            ("redis.database", None),
            ("", None),
        ] {
            assert_eq!(closest(written).as_deref(), meant, "{written}");
        }
    }
}
