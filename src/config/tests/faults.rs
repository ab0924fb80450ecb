//! All faults are reported together, without secrets.

use super::*;

#[test]
fn all_faults_are_reported_in_one_go() {
    let (_directory, mut sources) = from_file(
        r#"
        [server]
        listen = "localhost:3000"
        request_timeout = "1s"
        tls_cert_file = "/tls.crt"

        [auth]
        mode = "api_key"

        [keys.backend]
        kind = "server"
        sha256 = "plain-api-key"

        [otp]
        code_lenght = 6
        secret = "short-secret"
        previous_secrets = ["short-previous", "0123456789abcdef0123456789abcdef", "short-too"]

        [whatsapp]
        info_file = "/nowhere/info.json"
        access_token = "token with spaces"
        "#,
    );
    sources.environment = given(&[
        ("otp.code_length", "12"),
        ("limits.per_phone", "many"),
        ("redis.url", "http://app:url-password@redis"),
        ("redis.subject", "hashed"),
        ("redis.subject_secret", "short-subject"),
        ("redis.password", "redis-password"),
        ("redis.password_file", "/nowhere/password"),
        ("log.level", "loud"),
        ("otp.sceret", "misspelt-secret"),
    ])
    .environment;

    let error = ServeSettings::load(&sources).unwrap_err();
    assert_eq!(
        fault_keys(&error),
        [
            "otp.code_lenght",
            "WHATSAPP_OTP__OTP__SCERET",
            "server.listen",
            "server.tls_key_file",
            "keys.backend.sha256",
            "otp.code_length",
            "otp.secret",
            "otp.previous_secrets",
            "otp.previous_secrets",
            "limits.per_phone",
            "redis.url",
            "redis.password",
            "redis.subject_secret",
            "whatsapp.info_file",
            "whatsapp.access_token",
            "log.level",
        ]
    );
    let printed = error.to_string();
    assert_eq!(printed.lines().count(), error.faults().len());
    assert!(
        printed.contains(
            "otp.code_length: expected a whole number from 4 to 10, got \"12\" \
             (environment variable WHATSAPP_OTP__OTP__CODE_LENGTH)"
        ),
        "{printed}"
    );
    for secret in [
        "plain-api-key",
        "short-secret",
        "short-previous",
        "0123456789abcdef",
        "short-too",
        "token with spaces",
        "url-password",
        "short-subject",
        "redis-password",
        "misspelt-secret",
    ] {
        assert!(!format!("{error} {error:?}").contains(secret), "{secret} is in {error}");
    }
}

#[test]
fn long_values_are_cut() {
    let fault = only_fault(serve(&[("redis.key_prefix", &"é*".repeat(200))]));
    let given = fault.given.unwrap();
    assert_eq!(given.chars().count(), 101);
    assert!(given.ends_with('…'));
}
