//! Every key there is. Whatever is not in this list is a fault.

/// How much of a key's value people may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// All of it.
    Open,
    /// None of it, or a form without its secret parts: an address may hold a password, and what stands where a
    /// hash belongs may be the key itself.
    Guarded,
    /// None of it. `KEY_file` may name a file that holds it.
    Secret,
}

use Kind::{Guarded, Open, Secret};

const KEYS: &[(&str, Kind)] = &[
    ("server.listen", Open),
    ("server.ops_listen", Open),
    ("server.tls_cert_file", Open),
    ("server.tls_key_file", Open),
    ("server.cors_origins", Open),
    ("server.trusted_proxies", Open),
    ("server.request_timeout", Open),
    ("server.max_connections", Open),
    ("server.max_concurrent_requests", Open),
    ("server.max_concurrent_sends", Open),
    ("server.drain_delay", Open),
    ("server.shutdown_timeout", Open),
    ("auth.mode", Open),
    ("auth.api_keys", Guarded),
    ("sample.enabled", Open),
    ("otp.code_length", Open),
    ("otp.code_lifetime", Open),
    ("otp.max_verification_attempts", Open),
    ("otp.linger", Open),
    ("otp.secret", Secret),
    ("otp.previous_secrets", Secret),
    ("limits.per_phone", Open),
    ("limits.resend_cooldown", Open),
    ("limits.per_ip", Open),
    ("limits.checks_per_ip", Open),
    ("limits.total", Open),
    ("limits.failures_per_phone", Open),
    ("limits.countries", Open),
    ("limits.number_types", Open),
    ("redis.mode", Open),
    ("redis.url", Guarded),
    ("redis.sentinels", Guarded),
    ("redis.master_name", Open),
    ("redis.sentinel_username", Open),
    ("redis.sentinel_password", Secret),
    ("redis.tls", Open),
    ("redis.nodes", Guarded),
    ("redis.username", Open),
    ("redis.password", Secret),
    ("redis.min_replicas_ack", Open),
    ("redis.after_failover", Open),
    ("redis.key_prefix", Open),
    ("redis.subject", Open),
    ("redis.subject_secret", Secret),
    ("redis.timeout", Open),
    ("redis.pool_size", Open),
    ("redis.allow_unsafe", Open),
    ("whatsapp.base_url", Guarded),
    ("whatsapp.api_version", Open),
    ("whatsapp.info_file", Open),
    ("whatsapp.waba_id", Open),
    ("whatsapp.access_token", Secret),
    ("whatsapp.phone_number_id", Open),
    ("whatsapp.template_id", Open),
    ("whatsapp.language", Open),
    ("whatsapp.timeout", Open),
    ("whatsapp.max_retries", Open),
    ("whatsapp.messages_per_second", Open),
    ("log.format", Open),
    ("log.level", Open),
    ("telemetry.otlp_endpoint", Guarded),
    ("telemetry.sample_ratio", Open),
];

/// What the variables of settings start with.
pub(super) const PREFIX: &str = "WHATSAPP_OTP";
/// What separates prefix, section and key in a variable's name: two, as keys have single ones.
pub(super) const SEPARATOR: &str = "__";

/// Every key, in the order of `config/default.toml`.
pub(super) fn all() -> impl Iterator<Item = (String, Kind)> {
    KEYS.iter().flat_map(|&(key, kind)| {
        let file = (kind == Secret).then(|| (file_of(key), Open));
        std::iter::once((key.to_owned(), kind)).chain(file)
    })
}

/// The key that names the file with the secret of `key`.
pub(super) fn file_of(key: &str) -> String {
    format!("{key}_file")
}

/// What `key` is, if it is one.
pub(super) fn kind(key: &str) -> Option<Kind> {
    let listed = |key| {
        let (_, kind) = KEYS.iter().find(|(listed, _)| *listed == key)?;
        Some(*kind)
    };
    listed(key).or_else(|| {
        let of = key.strip_suffix("_file")?;
        (listed(of) == Some(Secret)).then_some(Open)
    })
}

/// Whether keys start with `section`.
pub(super) fn is_section(section: &str) -> bool {
    KEYS.iter().any(|(key, _)| key.split_once('.').is_some_and(|(first, _)| first == section))
}

/// The environment variable of `key`.
pub(super) fn variable(key: &str) -> String {
    let name = key.replace('.', SEPARATOR).to_uppercase();
    format!("{PREFIX}{SEPARATOR}{name}")
}

/// The key whose variable is `name`, but for letter case and single underscores where two belong.
///
/// Other variables that start with the prefix are none of ours: Kubernetes makes some, such as
/// `WHATSAPP_OTP_SERVICE_HOST`, for a service named `whatsapp-otp`.
pub(super) fn of_misspelt_variable(name: &str) -> Option<String> {
    let plain = |name: &str| name.to_uppercase().replace(SEPARATOR, "_");
    let name = plain(name);
    all().map(|(key, _)| key).find(|key| plain(&variable(key)) == name)
}

/// The key that somebody who wrote `unknown` may have meant.
pub(super) fn closest(unknown: &str) -> Option<String> {
    let last = |key: &str| key.rsplit('.').next().map(str::to_owned);
    let elsewhere = all().map(|(key, _)| key).find(|key| last(key) == last(unknown));
    elsewhere.or_else(|| {
        let (edits, key) = all().map(|(key, _)| (edits(&key, unknown), key)).min()?;
        (edits <= 3).then_some(key)
    })
}

/// The Levenshtein distance: how many letters to add, drop or change to make one text of the other.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, other) in to.chars().enumerate() {
            let changed = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[row.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_may_come_by_file_and_other_keys_may_not() {
        assert_eq!(kind("otp.secret"), Some(Secret));
        assert_eq!(kind("otp.secret_file"), Some(Open));
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

    #[test]
    fn the_distance_counts_added_dropped_and_changed_letters() {
        for (from, to, expected) in [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("same", "same", 0)] {
            assert_eq!(edits(from, to), expected, "{from} {to}");
        }
    }
}
