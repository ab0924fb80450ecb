//! The values that each key accepts and refuses, and its default.

use std::time::Duration;

use super::*;
use crate::config::Origin;
use crate::http::{AuthMode, TlsFiles};
use crate::otp::{Destinations, Limit, NumberType, Selection, World};
use crate::store::redis::{AfterFailover, Subject, Topology};
use crate::telemetry::LogFormat;
use crate::whatsapp::WhatsAppSettings;

#[test]
fn the_defaults_mean_what_they_say() {
    let ServeSettings { common, whatsapp: WhatsAppSettings { api, .. }, .. } = serve(&[]).unwrap();
    let Settings { server, policy, redis, log, traces, .. } = common;
    assert_eq!(traces, None);
    assert_eq!(server.listen, "0.0.0.0:3000".parse().unwrap());
    assert_eq!(server.ops_listen, Some("127.0.0.1:9464".parse().unwrap()));
    assert_eq!((server.tls, server.auth), (None, AuthMode::Open));
    assert!(server.cors_origins.is_empty() && server.trusted_proxies.is_empty());
    assert_eq!(
        [server.request_timeout, server.drain_delay, server.shutdown_timeout],
        [15, 5, 30].map(Duration::from_secs)
    );
    assert_eq!((policy.code_length.digits(), policy.max_attempts), (6, 3));
    assert_eq!([policy.code_lifetime, policy.linger], [5, 10].map(Duration::from_mins));
    let limit = |max, hours| {
        let window = Duration::from_hours(hours);
        Some(Limit { max, window })
    };
    assert_eq!(policy.limits.get("per_phone"), limit(5, 1));
    assert_eq!(policy.limits.get("per_ip"), limit(60, 1));
    assert_eq!(policy.limits.get("failures_per_phone"), limit(15, 24));
    assert_eq!(policy.limits.get("resend_cooldown"), None);
    assert_eq!(redis.topology.to_string(), "redis://127.0.0.1:6379/0");
    assert!(redis.credentials.password.is_none() && matches!(redis.subject, Subject::Phone));
    assert_eq!((redis.key_prefix.as_str(), redis.pool_size), ("otp", 1));
    assert_eq!(redis.timeout, Duration::from_secs(2));
    assert_eq!(api.base_url.as_str(), "https://graph.facebook.com/");
    assert_eq!((api.api_version.as_str(), api.languages[0].as_str()), ("v21.0", "en_US"));
    assert_eq!((api.timeout, api.max_retries), (Duration::from_secs(10), 2));
    assert_eq!((log.format, log.level.as_str()), (LogFormat::Json, "info"));
}

/// Loads `value` for `key`, among settings without any other fault.
fn with(key: &str, value: &str) -> Result<ServeSettings, SettingsError> {
    let others = [("server.request_timeout", "2m"), ("redis.timeout", "50ms"), ("redis.subject", "hashed")];
    let mut pairs: Vec<_> = others.into_iter().filter(|(other, _)| *other != key).collect();
    pairs.push((key, value));
    serve(&pairs)
}

#[test]
fn values_within_bounds_are_taken() {
    for (key, values) in [
        ("server.listen", &["127.0.0.1:0", "[::]:3000", " 0.0.0.0:80 "][..]),
        ("server.ops_listen", &["", "0.0.0.0:9464"]),
        ("server.cors_origins", &["", "https://a.example, http://localhost:8080"]),
        ("server.public_url", &["", "https://otp.example.com", "http://127.0.0.1:3000/otp"]),
        ("server.trusted_proxies", &["", "10.0.0.0/8,192.0.2.7, 2001:db8::/32"]),
        ("server.request_timeout", &["1s", "2m", "90s"]),
        ("server.drain_delay", &["0s", "10m"]),
        ("server.shutdown_timeout", &["0s", "1h"]),
        ("auth.mode", &["open"]),
        ("otp.code_length", &["4", "10"]),
        ("otp.code_lifetime", &["30s", "90m", "1h 30m"]),
        ("otp.max_verification_attempts", &["1", "100"]),
        ("otp.linger", &["0s", "24h"]),
        ("limits.per_phone", &["off", "1/1s", "10000/31days"]),
        ("limits.per_ip", &["off", "60/1h"]),
        ("limits.failures_per_phone", &["off", "15/24h"]),
        ("limits.resend_cooldown", &["0s", "24h"]),
        ("limits.countries", &["", "+DE", "+DE, +AT", "-KP,-KP"]),
        ("limits.number_types", &["", "+mobile", "-premium_rate,-shared_cost, -unknown"]),
        ("redis.url", &["redis://redis", "rediss://app:pass@redis.internal:6380/3"]),
        ("redis.mode", &["single"]),
        ("redis.sentinels", &["", "a", "a:1, redis://b"]),
        ("redis.nodes", &["rediss://a"]),
        ("redis.min_replicas_ack", &["", "0", "16"]),
        ("redis.after_failover", &["reject", "accept"]),
        ("redis.key_prefix", &["otp-staging"]),
        ("redis.subject", &["phone", "hashed"]),
        ("redis.timeout", &["50ms", "30s"]),
        ("redis.pool_size", &["1", "64"]),
        ("whatsapp.base_url", &["http://127.0.0.1:3001", "https://proxy.example/graph"]),
        ("whatsapp.api_version", &["v22.0"]),
        ("whatsapp.languages", &["de", "pt_BR", "de, pt-BR"]),
        ("whatsapp.timeout", &["100ms", "60s"]),
        ("whatsapp.max_retries", &["0", "10"]),
        ("proof.issuer", &["", "https://otp.example.com", "otp"]),
        ("proof.signing_key_files", &[""]),
        ("proof.lifetime", &["60s", "15m"]),
        ("proof.audiences", &["", "*", "https://shop.example.com, pay"]),
        ("log.format", &["json", "pretty"]),
        ("log.level", &["debug", "info,whatsapp_otp=trace"]),
        ("telemetry.otlp_endpoint", &["", "http://localhost:4318", "https://otel.example/team/"]),
        ("telemetry.sample_ratio", &["0", "1", "0.05"]),
    ] {
        for value in values {
            let loaded = with(key, value);
            assert!(loaded.is_ok(), "{key} = {value:?}: {}", loaded.unwrap_err());
        }
    }
}

#[test]
fn values_out_of_bounds_are_faults_that_name_the_bounds() {
    for (key, expected, values) in [
        ("server.listen", "an IP address and a port", &["", "3000", "localhost:3000"][..]),
        ("server.ops_listen", "an IP address and a port", &["off"]),
        ("server.cors_origins", "http(s)://HOST", &["*", "https://a.example/"]),
        ("server.public_url", "no / at its end", &["otp.example.com", "https://otp.example.com/"]),
        ("server.trusted_proxies", "an IP address or network", &["any", "10.0.0.0/33"]),
        ("server.request_timeout", "from 1s to 2m", &["999ms", "121s", "15", "-1s", ""]),
        ("server.drain_delay", "from 0s to 10m", &["601s", "soon"]),
        ("server.shutdown_timeout", "from 0s to 1h", &["3601s"]),
        ("auth.mode", "open or api_key", &["", "closed", "Open"]),
        ("otp.code_length", "from 4 to 10", &["3", "11", "six", "", "6.0", "300"]),
        ("otp.code_lifetime", "from 30s to 1h 30m", &["29s", "5401s", "5", "30s 1us"]),
        ("otp.max_verification_attempts", "from 1 to 100", &["0", "101", "-1"]),
        ("otp.linger", "from 0s to 1day", &["24h 1s"]),
        ("limits.per_phone", "or off", &["", "5", "0/1h", "none"]),
        ("limits.per_ip", "or off", &["60/hour/2"]),
        ("limits.failures_per_phone", "or off", &["15/32days"]),
        ("limits.resend_cooldown", "from 0s to 1day", &["25h", "off"]),
        ("limits.countries", "in two capital letters", &["DE", "+de", "-DEU", "+001", "-AQ", "- KP", "+", "off"]),
        ("limits.number_types", "one of premium_rate", &["mobile", "+Mobile", "-sms"]),
        ("redis.mode", "single or sentinel or cluster", &["", "standalone"]),
        ("redis.master_name", "sentinel monitor", &["a b"]),
        ("redis.min_replicas_ack", "from 0 to 16", &["-1", "17", "all"]),
        ("redis.after_failover", "reject or accept", &["drop"]),
        ("redis.key_prefix", "letters", &["", "a{b}", "a*"]),
        ("redis.subject", "phone or hashed", &["", "plain"]),
        ("redis.timeout", "from 50ms to 30s", &["49ms", "31s"]),
        ("redis.pool_size", "from 1 to 64", &["0", "65"]),
        ("whatsapp.api_version", "v21.0", &["", "21.0", "latest"]),
        ("whatsapp.waba_id", "1 to 32 digits", &["abc", "1/2"]),
        ("whatsapp.languages", "language", &["", "english"]),
        ("whatsapp.timeout", "from 100ms to 1m", &["99ms", "61s"]),
        ("whatsapp.max_retries", "from 0 to 10", &["11"]),
        ("proof.issuer", "visible ASCII", &["one two", "é"]),
        ("proof.signing_key_files", "PATH or PATH@TIME", &["/a.pem@tomorrow", "@2026-12-01T00:00:00Z"]),
        ("proof.test_signing_key_files", "PATH or PATH@TIME", &["/a.pem@"]),
        ("proof.lifetime", "from 1m to 15m", &["59s", "16m", ""]),
        ("proof.audiences", "visible ASCII", &["one two"]),
        ("log.format", "json or pretty", &["", "text"]),
        ("log.level", "off, error", &["", "inof"]),
        ("telemetry.sample_ratio", "from 0 to 1", &["", "-0.1", "1.1", "10%", "NaN"]),
    ] {
        for value in values {
            let fault = only_fault(with(key, value));
            assert_eq!((fault.key.as_str(), fault.given.as_deref()), (key, Some(*value)));
            assert_eq!(fault.origin, Origin::Variable(keys::variable(key)));
            assert!(fault.expected.contains(expected), "{fault}");
        }
    }
}

#[test]
fn addresses_out_of_shape_are_faults_that_do_not_repeat_them() {
    for (key, values) in [
        ("redis.url", &["", "redis", "http://redis", "redis://redis/zero"][..]),
        (
            "whatsapp.base_url",
            &["", "graph.facebook.com", "ftp://a.example", "https://a.example?b", "https://a.example#b"],
        ),
        (
            "telemetry.otlp_endpoint",
            &["localhost:4318", "grpc://a.example", "http://u:p@a.example", "http://a.example/v1/traces"],
        ),
        ("redis.sentinels", &["redis://app:hunter22@other", "a:b"]),
        ("redis.nodes", &["redis://other/1", "http://a"]),
    ] {
        for value in values {
            let fault = only_fault(with(key, value));
            assert_eq!((fault.key.as_str(), fault.given), (key, None), "{value}");
            assert!(fault.expected.contains("://"), "{}", fault.expected);
        }
    }
}

#[test]
fn traces_go_where_they_are_told() {
    let pairs = [("telemetry.otlp_endpoint", "http://otel:4318/"), ("telemetry.sample_ratio", "0.25")];
    let traces = serve(&pairs).unwrap().common.traces.unwrap();
    assert_eq!((traces.endpoint.as_str(), traces.sample_ratio), ("http://otel:4318/", 0.25));
}

#[test]
fn lists_come_as_toml_arrays_and_with_commas() {
    let networks = ["10.0.0.0/8", "192.0.2.7/32"];
    let (_directory, mut sources) = from_file("[server]\ntrusted_proxies = [\"10.0.0.0/8\", \"192.0.2.7\"]");
    let mut loaded = vec![Settings::load(&sources).unwrap()];
    sources.file = None;
    sources.environment.extend(given(&[("server.trusted_proxies", " 10.0.0.0/8 , 192.0.2.7")]).environment);
    loaded.push(Settings::load(&sources).unwrap());
    for settings in loaded {
        let read: Vec<_> = settings.server.trusted_proxies.iter().map(ToString::to_string).collect();
        assert_eq!(read, networks);
    }
}

#[test]
fn every_bad_entry_of_a_list_is_named() {
    let error = serve(&[("server.trusted_proxies", "10.0.0.0/8,a,,b")]).unwrap_err();
    let entries: Vec<_> =
        error.faults().iter().map(|fault| (fault.given.as_deref().unwrap(), &fault.expected[..7])).collect();
    assert_eq!(entries, [("a", "entry 2"), ("", "entry 3"), ("b", "entry 4")]);
}

#[test]
fn destinations_are_lists_of_what_is_allowed_or_of_what_is_denied() {
    let destinations = |pairs: &[(&str, &str)]| serve(pairs).unwrap().common.policy.limits.destinations;
    assert_eq!(destinations(&[]), Destinations::default());
    let read = destinations(&[("limits.countries", "+DE,+AT"), ("limits.number_types", "-pager")]);
    let countries = ["DE", "AT"].map(|code| code.parse().unwrap());
    assert_eq!(read.countries, Selection::Only(countries.to_vec()));
    assert_eq!(read.number_types, Selection::AllBut(vec![NumberType::Pager]));
}

#[test]
fn every_fault_of_the_destinations_is_reported_in_one_go() {
    let error = serve(&[("limits.countries", "+DE, -KP, ZZ, +AT"), ("limits.number_types", "-pager, -fax, +mobile")])
        .unwrap_err();
    let text = error.to_string();
    let variable = |key| format!("(environment variable {})", keys::variable(key));
    let (countries, types) = (variable("limits.countries"), variable("limits.number_types"));
    let one_sign = "like the first: all with + (only these) or all with - (all but these)";
    let either_sign = "+ (only these) or - (all but these) and";
    let country = format!("{either_sign} a country that has phone numbers, in two capital letters, such as DE");
    let names = NumberType::ALL.map(NumberType::as_str).join(", ");
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        [
            format!("limits.countries: expected entry 2 to be {one_sign}, got \"-KP\" {countries}"),
            format!("limits.countries: expected entry 3 to be {country}, got \"ZZ\" {countries}"),
            format!("limits.number_types: expected entry 2 to be {either_sign} one of {names}, got \"-fax\" {types}"),
            format!("limits.number_types: expected entry 3 to be {one_sign}, got \"+mobile\" {types}"),
        ]
    );
}

#[test]
fn an_empty_ops_address_means_no_such_listener() {
    assert_eq!(serve(&[("server.ops_listen", "")]).unwrap().common.server.ops_listen, None);
}

#[test]
fn the_operators_listener_is_never_the_public_one() {
    let address = "127.0.0.1:3000";
    let fault = only_fault(serve(&[("server.listen", address), ("server.ops_listen", address)]));
    assert_eq!(fault.key, "server.ops_listen");
    let any_free = "127.0.0.1:0";
    assert!(serve(&[("server.listen", any_free), ("server.ops_listen", any_free)]).is_ok());
}

#[test]
fn a_certificate_comes_with_its_key() {
    let (certificate, key) = (("server.tls_cert_file", "/tls.crt"), ("server.tls_key_file", "/tls.key"));
    let both = TlsFiles { certificate: "/tls.crt".into(), key: "/tls.key".into() };
    assert_eq!(serve(&[certificate, key]).unwrap().common.server.tls, Some(both));
    assert_eq!(only_fault(serve(&[certificate])).key, key.0);
    assert_eq!(only_fault(serve(&[key])).key, certificate.0);
    assert_eq!(serve(&[("server.tls_cert_file", ""), ("server.tls_key_file", "")]).unwrap().common.server.tls, None);
}

#[test]
fn keys_of_proofs_need_an_issuer() {
    let files = ("proof.signing_key_files", "/a.pem, /b.pem@2026-12-01T00:00:00Z");
    for files in [files, ("proof.test_signing_key_files", "/a.pem")] {
        let fault = only_fault(serve(&[files]));
        assert_eq!(fault.key, "proof.issuer");
        assert!(fault.expected.contains("server.public_url"), "{fault}");
    }
    let url = ("server.public_url", "https://otp.example.com");
    for (pairs, issuer) in [
        (vec![files, url], "https://otp.example.com"),
        (vec![files, ("proof.issuer", "otp")], "otp"),
        (vec![files, url, ("proof.issuer", "otp")], "otp"),
    ] {
        let proofs = serve(&pairs).unwrap().proofs.unwrap();
        assert_eq!(proofs.issuer.of(World::Live), issuer);
        let files: Vec<_> = proofs.files.live.iter().map(ToString::to_string).collect();
        assert_eq!(files, ["/a.pem", "/b.pem@2026-12-01T00:00:00Z"]);
    }
    assert_eq!(serve(&[url]).unwrap().proofs, None);
}

#[test]
fn a_request_outlives_its_redis_call() {
    for timeout in ["5s", "6s"] {
        let fault = only_fault(serve(&[("server.request_timeout", "5s"), ("redis.timeout", timeout)]));
        assert_eq!(fault.key, "server.request_timeout");
        assert!(fault.expected.contains("more than redis.timeout"), "{fault}");
    }
    assert!(serve(&[("server.request_timeout", "5s"), ("redis.timeout", "4999ms")]).is_ok());
}

#[test]
fn a_key_is_required_if_callers_need_one() {
    let mode = ("auth.mode", "api_key");
    let fault = only_fault(serve(&[mode]));
    assert_eq!((fault.key.as_str(), fault.given.as_deref()), ("auth.mode", Some("api_key")));
    assert!(fault.expected.contains("at least one key"), "{fault}");
    let hash = "Ab".repeat(32);
    let key = [("keys.backend.kind", "server"), ("keys.backend.sha256", &hash)];
    let server = serve(&[[mode].as_slice(), &key].concat()).unwrap().common.server;
    assert_eq!((server.auth, server.keys.borrow()[0].sha256), (AuthMode::ApiKey, [0xab; 32]));
    assert_eq!(serve(&key).unwrap().common.server.auth, AuthMode::Open);
}

#[test]
fn a_mode_of_redis_needs_its_servers() {
    let sentinel = ("redis.mode", "sentinel");
    assert_eq!(only_fault(serve(&[sentinel, ("redis.master_name", "otp")])).key, "redis.sentinels");
    assert_eq!(only_fault(serve(&[sentinel, ("redis.sentinels", "a:1,b:2")])).key, "redis.master_name");
    assert_eq!(only_fault(serve(&[("redis.mode", "cluster")])).key, "redis.nodes");
    let redis = serve(&[sentinel, ("redis.sentinels", "a, rediss://b:2"), ("redis.master_name", "otp")]);
    assert!(only_fault(redis).expected.contains("for all servers or for none"));
    let redis = serve(&[
        sentinel,
        ("redis.sentinels", "a, redis://b:2"),
        ("redis.master_name", "otp"),
        ("redis.sentinel_password", "watch"),
        ("redis.username", "app"),
        ("redis.password", "store"),
    ])
    .unwrap()
    .common
    .redis;
    assert_eq!(redis.topology.to_string(), "primary otp of sentinels a:26379, b:2");
    let Topology::Sentinel { credentials, .. } = redis.topology else { panic!("sentinel was asked for") };
    assert_eq!((credentials.username, credentials.password.is_some()), (None, true));
    assert_eq!(redis.credentials.username.as_deref(), Some("app"));
    let redis = serve(&[("redis.mode", "cluster"), ("redis.nodes", "a,b:7001")]).unwrap().common.redis;
    assert_eq!(redis.topology.to_string(), "cluster of a:6379, b:7001");
}

#[test]
fn servers_speak_tls_as_sentinels_do_unless_it_is_set() {
    let sentinel = [("redis.mode", "sentinel"), ("redis.master_name", "otp")];
    for (sentinels, tls, expected) in
        [("a", "auto", false), ("rediss://a", "auto", true), ("a", "on", true), ("rediss://a", "off", false)]
    {
        let pairs = [sentinel.as_slice(), &[("redis.sentinels", sentinels), ("redis.tls", tls)]].concat();
        let Topology::Sentinel { servers_speak_tls, .. } = serve(&pairs).unwrap().common.redis.topology else {
            panic!("sentinel was asked for")
        };
        assert_eq!(servers_speak_tls, expected, "{sentinels} {tls}");
    }
    assert_eq!(only_fault(serve(&[("redis.tls", "on")])).key, "redis.tls");
    let cluster = [("redis.mode", "cluster"), ("redis.nodes", "a"), ("redis.tls", "off")];
    assert_eq!(only_fault(serve(&cluster)).key, "redis.tls");
}

#[test]
fn what_a_failover_may_undo_depends_on_the_mode_unless_it_is_set() {
    let replicated = [("redis.mode", "cluster"), ("redis.nodes", "a")];
    let explicit = [("redis.min_replicas_ack", "2"), ("redis.after_failover", "accept")];
    for (pairs, expected) in [
        (vec![], (0, AfterFailover::Accept)),
        (replicated.to_vec(), (1, AfterFailover::Reject)),
        ([replicated, explicit].concat(), (2, AfterFailover::Accept)),
    ] {
        let redis = serve(&pairs).unwrap().common.redis;
        assert_eq!((redis.min_replicas_ack, redis.after_failover), expected, "{pairs:?}");
    }
}

#[test]
fn a_user_of_redis_has_one_password_and_one_name() {
    assert_eq!(only_fault(serve(&[("redis.username", "app")])).key, "redis.password");
    let twice = [("redis.url", "redis://app@redis"), ("redis.username", "app"), ("redis.password", "store")];
    assert_eq!(only_fault(serve(&twice)).key, "redis.username");
}

#[test]
fn a_cooldown_of_nothing_is_none_and_off_switches_a_limit_off() {
    let limits = serve(&[("limits.resend_cooldown", "30s"), ("limits.per_phone", "off"), ("limits.per_ip", "7/1m")])
        .unwrap()
        .common
        .policy
        .limits;
    assert_eq!(limits.get("resend_cooldown").unwrap().window, Duration::from_secs(30));
    assert_eq!(limits.get("per_phone"), None);
    assert_eq!(limits.get("per_ip").unwrap().max, 7);
}
