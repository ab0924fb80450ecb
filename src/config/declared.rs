//! Every setting, declared once: its key, kind, bounds, default and meaning.
//!
//! A setting is one entry here and its use in `sections`. The readers look up its bounds, any other key is a fault, and a
//! test generates `config/default.toml` and `docs/settings.md` from the entries and their comments.

use std::fmt;
use std::time::Duration;

/// The part of a value that may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// All of it.
    Open,
    /// None of it, or a form without its secret parts: an address may contain a password, and someone may have written a
    /// key where its hash belongs.
    Guarded,
    /// None of it. `KEY_file` may name a file that holds it.
    Secret,
}

/// The values that a setting accepts. It prints as what a fault expected.
#[derive(Debug, Clone, Copy)]
pub(super) enum Takes {
    /// A whole number.
    Whole(u64, u64),
    /// A duration in whole milliseconds: Redis would not keep a finer one.
    Span(Duration, Duration),
    /// One of a few words.
    Words(&'static [&'static str]),
    /// A number or text that matches a description.
    Text(&'static str),
    /// A list whose entries match a description.
    List(&'static str),
    /// Any text, for a purpose.
    Any(&'static str),
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::Span(least, most) => {
                let [least, most] = [*least, *most].map(humantime::format_duration);
                write!(f, "a duration from {least} to {most} in whole milliseconds, such as 90s, 5m or 1h")
            }
            Self::Words(words) => f.write_str(&words.join(" or ")),
            Self::Text(text) | Self::List(text) | Self::Any(text) => f.write_str(text),
        }
    }
}

/// A section of the settings.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: &'static str,
    /// Its comment, line by line.
    #[cfg(test)]
    pub(super) about: &'static [&'static str],
    pub(super) settings: &'static [Setting],
}

/// The value of a setting that is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unset {
    /// This value; entries of a list are separated by commas.
    Default(&'static str),
    /// Nothing. The value is an example.
    Nothing(&'static str),
}

/// A setting.
#[derive(Debug)]
pub(super) struct Setting {
    /// With its section: `otp.code_length`.
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    pub(super) takes: Takes,
    /// `true` if an app may have its own.
    pub(super) per_app: bool,
    pub(super) unset: Unset,
    /// Its comment, line by line.
    pub(super) meaning: &'static [&'static str],
}

macro_rules! settings {
    (@) => { false };
    (@ per_app) => { true };
    ($($(#[doc = $about:literal])* $section:literal {
        $($(#[doc = $meaning:literal])* $kind:ident $name:literal: $takes:expr => $unset:expr $(, $per_app:ident)?;)*
    })*) => {
        &[$(Section {
            name: $section,
            #[cfg(test)]
            about: &[$($about),*],
            settings: &[$(Setting {
                key: concat!($section, ".", $name),
                kind: Kind::$kind,
                takes: $takes,
                per_app: settings!(@ $($per_app)?),
                unset: $unset,
                meaning: &[$($meaning),*],
            }),*],
        }),*]
    };
}

use Takes::{Any, List, Span, Text, Whole, Words};
use Unset::{Default, Nothing};

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

const fn hours(count: u64) -> Duration {
    Duration::from_hours(count)
}

const PATH: Takes = Any("a path");
const NAME: Takes = Any("a name");
const PASSWORD: Takes = Any("a password");
const LIMIT: Takes = Text("1/1s to 10000/31days, or off");
const SECRET: Takes = Text("at least 32 bytes");
const KEY_FILES: Takes = List("PATH or PATH@TIME, such as /run/secrets/proof-key.pem@2026-12-01T00:00:00Z");
const VISIBLE: &str = "1 to 256 visible ASCII characters without spaces";
const GRAPH_ID: Takes = Text("an ID of 1 to 32 digits");

pub(super) const SECTIONS: &[Section] = settings! {
    "server" {
        /// The address of the public listener. (`port` of the sample server)
        Open "listen": Text("an IP address and a port, such as 0.0.0.0:3000 or [::]:3000") => Default("0.0.0.0:3000");

        /// The address of the operators' listener, which serves /health/live, /health/ready and /metrics. Keep it private.
        /// "" turns it off.
        Open "ops_listen": Text("an IP address and a port, such as 127.0.0.1:9464") => Default("127.0.0.1:9464");

        /// The URL at which others reach the public listener, such as that of your load balancer. Absolute links begin
        /// with it, and it is the issuer of proofs unless proof.issuer is set.
        Open "public_url": Text("http:// or https://, a host and, if need be, a path; no / at its end, user name, ? or #")
            => Nothing("https://otp.example.com");

        /// The certificate chain of the public listener, as PEM. With it and its key the listener speaks HTTPS. Both
        /// files are read again when they change.
        Open "tls_cert_file": PATH => Nothing("/etc/whatsapp-otp/tls.crt");

        /// The private key of that certificate, as PEM.
        Open "tls_key_file": PATH => Nothing("/etc/whatsapp-otp/tls.key");

        /// Web origins whose pages may call from a browser.
        Open "cors_origins": List("an origin http(s)://HOST[:PORT] without a path") => Default("");

        /// Your load balancers. Their X-Forwarded-For is believed. The address of any other client is that of its
        /// connection.
        Open "trusted_proxies": List("an IP address or network, such as 10.0.0.0/8") => Default("");

        /// The longest time that a request may take, sending included. It must exceed redis.timeout.
        Open "request_timeout": Span(secs(1), secs(120)) => Default("15s");

        /// Connections to the public listener. Further ones are closed immediately. One address may hold a tenth of
        /// them, unless it is a trusted proxy's. If the limit on file descriptors (ulimit -n) allows fewer, fewer are
        /// accepted, and the log says so on startup.
        Open "max_connections": Whole(1, 1_000_000) => Default("10000");

        /// Requests in progress. Further ones are answered 503 immediately. One address may use a quarter of them,
        /// unless it is a trusted proxy's or callers need API keys. As many request bodies may be arriving at once.
        Open "max_concurrent_requests": Whole(1, 100_000) => Default("4096");

        /// The number of these requests that may wait for WhatsApp. Keep it well below max_concurrent_requests, so that a
        /// slow WhatsApp leaves room for verification.
        Open "max_concurrent_sends": Whole(1, 100_000) => Default("256");

        /// Reports the limits, and what is left of them, in the headers RateLimit-Policy and RateLimit of /v1. Set
        /// false if callers pass answers on to anonymous browsers. Client keys never get them.
        Open "rate_limit_fields": Words(&["true", "false"]) => Default("true");

        /// The time after SIGTERM during which /health/ready answers 503 and the listener stays open, so that load
        /// balancers notice.
        Open "drain_delay": Span(secs(0), secs(600)) => Default("5s");

        /// The time after that for requests in flight to finish.
        Open "shutdown_timeout": Span(secs(0), hours(1)) => Default("30s");
    }

    "auth" {
        /// Access to the sample server's calls. `open`: anyone, as with the sample server. `api_key`: callers that send
        /// "Authorization: Bearer KEY" with a key for the app `default`. Backends act for many people and send the
        /// person's address as "X-Client-IP: 203.0.113.7"; without it, no limit by address applies.
        Open "mode": Words(&["open", "api_key"]) => Default("open");
    }

    /// An API key named NAME, such as [keys.backend]. Several may be in force, so that keys can be rotated.
    /// `whatsapp-otp api-key NAME` makes one and prints these settings. The name appears in logs and metrics. It consists of
    /// lower-case letters, digits, - and _, and begins with a letter. In the environment it is in upper case:
    /// WHATSAPP_OTP__KEYS__BACKEND__KIND.
    "keys.NAME" {
        /// The apps that the key works for. The first is the app of requests that name none. The default is
        /// ["default"].
        Open "apps": List("the name of an app") => Nothing("default");

        /// The kind of the key. `server`: everything in its apps, for backends; the client address that they send is
        /// believed. `client`: requesting and checking codes, for an app or a page on somebody's device. `test`: as
        /// `server`, but no message is sent. Required.
        Open "kind": Words(&["server", "client", "test"]) => Nothing("server");

        /// The SHA-256 of the key. Required. A file is read again when it changes.
        Secret "sha256": Text("64 hexadecimal digits") => Nothing("/run/secrets/api_key_backend_sha256");
    }

    "sample" {
        /// Serves the sample server's two calls, GET and POST /otp/{phone}. If false, they answer 404.
        Open "enabled": Words(&["true", "false"]) => Default("true");
    }

    "otp" {
        /// The number of digits of a code. (`codeLength`)
        Open "code_length": Whole(4, 10) => Default("6"), per_app;

        /// The lifetime of a code. (`codeLifetimeInMinutes`) The template's text has its own number of minutes. Keep
        /// the two equal: `serve` and `check` warn if they differ.
        Open "code_lifetime": Span(secs(30), secs(90 * 60)) => Default("5m"), per_app;

        /// Guesses that are compared with one code before it is locked. (`maxVerificationAttempts`)
        Open "max_verification_attempts": Whole(1, 100) => Default("3"), per_app;

        /// Messages for one verification, over all channels. The sample server's calls make a new verification for each
        /// message.
        Open "max_sends": Whole(1, 100) => Default("3"), per_app;

        /// The time for which the record of a verification outlives its code, so that an expired code is not reported
        /// as unknown.
        Open "linger": Span(secs(0), hours(24)) => Default("10m"), per_app;

        /// Numbers for people who review your app for a store, each with a fixed code and its last day (UTC). Until
        /// then no message is sent to the number, and the code is that one. Only numbers that belong to nobody are
        /// allowed: +1 AREA 555 0100 to 0199 and +44 7700 900000 to 900999. In the file, one entry per line.
        Secret "reviewers": List("a number, a code and a last day, such as +12025550123 424242 2027-01-31")
            => Nothing("/run/secrets/otp_reviewers"), per_app;

        /// The secret from which codes, their digests and IDs are derived, the same on every instance. `serve` requires
        /// it; generate one with `openssl rand -hex 32`. The characters themselves are the secret: they are not
        /// decoded.
        Secret "secret": SECRET => Nothing("/run/secrets/otp_secret");

        /// Earlier secrets, under which existing codes stay valid. To rotate without losing a code, first add the new
        /// secret here on every instance; then make it `secret` and add the old one here; remove the old one after
        /// code_lifetime. In the file, one per line.
        Secret "previous_secrets": List("at least 32 bytes") => Nothing("/run/secrets/otp_previous_secrets");
    }

    /// A limit is COUNT/WINDOW: at most COUNT in any window of that length, wherever it starts. "off" turns it off.
    "limits" {
        /// Codes sent to one phone.
        Open "per_phone": LIMIT => Default("5/1h"), per_app;

        /// The shortest time between two messages; 0s for none. If it is not set, the verification API uses 30s and the
        /// sample server's calls none. The verification API counts the messages of one verification, the sample
        /// server's calls those of a phone.
        Open "resend_cooldown": Span(secs(0), hours(24)) => Nothing("30s"), per_app;

        /// Codes sent on behalf of one client address (IPv6: its /64).
        Open "per_ip": LIMIT => Default("60/1h"), per_app;

        /// Guesses from one client address, including correct ones and those at phones without a code.
        Open "checks_per_ip": LIMIT => Default("120/1h"), per_app;

        /// Codes sent by all instances together: the most that an hour or a day may cost you. A send makes room again
        /// at most a thirtieth of the window after it has left the window.
        Open "total": Text("1/1s to 100000000/31days, or off") => Default("off"), per_app;

        /// Wrong guesses for one phone, over all its codes. A new code does not reset the count; a verified one does.
        /// An address that reaches the limit has to wait. At most two thirds of the limit count from one address, so
        /// that nobody can lock another person's phone alone.
        Open "failures_per_phone": LIMIT => Default("15/24h"), per_app;

        /// Countries whose numbers may be sent codes, by ISO 3166 code: only these, ["+DE", "+AT"], or all but these,
        /// ["-KP"]. A list uses one sign; an empty one allows all. A number that several countries share (+1 800;
        /// docs/deployment.md lists them) counts for each of them: one allowed country permits it, and one denied
        /// country refuses it. A refused request is answered 403. Codes that were sent before can still be verified.
        Open "countries": List("+ (only these) or - (all but these) and a country code") => Default(""), per_app;

        /// The same for types of numbers: mobile, fixed_line, voip, personal_number, toll_free, shared_cost,
        /// premium_rate, uan (companies), pager, voicemail, and unknown for ranges newer than the service's data. Where
        /// mobile phones and landlines share ranges, as in the United States, a number is both.
        Open "number_types": List("+ (only these) or - (all but these) and a type") => Default(""), per_app;
    }

    "redis" {
        /// The mode in which Redis runs; docs/redis.md compares the modes and what each promises when a server is
        /// lost. `single`: one address, which may be a proxy's. `sentinel`: a primary with replicas, watched by
        /// sentinels. `cluster`: several primaries with replicas.
        Open "mode": Words(&["single", "sentinel", "cluster"]) => Default("single");

        /// single: the address of the server; rediss:// for TLS.
        Guarded "url": Text("redis[s]://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]") => Default("redis://127.0.0.1:6379/0");

        /// sentinel: the addresses of the sentinels. The default port is 26379; rediss:// for TLS.
        Guarded "sentinels": List("[rediss://]HOST[:PORT]") => Nothing("redis-sentinel-1,redis-sentinel-2,redis-sentinel-3");

        /// sentinel: the sentinels' name for the primary (`sentinel monitor NAME …`).
        Open "master_name": NAME => Nothing("otp");

        /// sentinel: the user name for the sentinels, if they require one.
        Open "sentinel_username": NAME => Nothing("otp");

        /// sentinel: the password for the sentinels.
        Secret "sentinel_password": PASSWORD => Nothing("/run/secrets/redis_sentinel_password");

        /// sentinel: TLS to the primary and its replicas. `auto`: if the sentinels use TLS. `on` and `off`: whatever
        /// the sentinels use. In the other modes the address decides.
        Open "tls": Words(&["auto", "on", "off"]) => Default("auto");

        /// cluster: some of its nodes, from which the service learns the others. The default port is 6379; rediss://
        /// for TLS.
        Guarded "nodes": List("[rediss://]HOST[:PORT]") => Nothing("redis-1,redis-2,redis-3");

        /// The user name for the servers that hold the codes, if it is not in the URL. It requires a password.
        Open "username": NAME => Nothing("otp");

        /// The password for the servers that hold the codes, if it is not in the URL.
        Secret "password": PASSWORD => Nothing("/run/secrets/redis_password");

        /// The number of replicas that must confirm a decision before it is answered. If they do not in time, the
        /// answer is 503. The default is 0 in mode single and 1 in the others.
        Open "min_replicas_ack": Whole(0, 16) => Nothing("1");

        /// The fate of codes made before a failover, because the new primary may not know that they were used or
        /// guessed at. `reject`: they count as expired, and people request another. `accept`: they stay valid, perhaps
        /// used ones too. The default is accept in mode single, where a restart of Redis is such a failover, and reject
        /// in the others.
        Open "after_failover": Words(&["reject", "accept"]) => Nothing("reject");

        /// The beginning of every key.
        Open "key_prefix": Text("1 to 64 letters, digits, and - . : _") => Default("otp");

        /// The form of phones and client addresses in keys. `phone`: as plain digits, which you can read. `hashed`: as
        /// a keyed digest, so that a copy of Redis identifies nobody.
        Open "subject": Words(&["phone", "hashed"]) => Default("phone");

        /// The secret of that digest; by default otp.secret. With another secret a phone has other keys: its limits
        /// start again and its live codes are not found. To rotate otp.secret and keep the keys, first set this to the
        /// old otp.secret.
        Secret "subject_secret": SECRET => Nothing("/run/secrets/redis_subject_secret");

        /// The longest time that a decision may take, connecting included. It must be less than server.request_timeout.
        Open "timeout": Span(ms(50), secs(30)) => Default("2s");

        /// Connections per instance and server. Many requests share one at the same time, so one is usually enough.
        Open "pool_size": Whole(1, 64) => Default("1");

        /// Starts even with a Redis that may lose or disclose codes. `check` says what is wrong with yours and why it
        /// matters.
        Open "allow_unsafe": Words(&["true", "false"]) => Default("false");
    }

    "whatsapp" {
        /// The Graph API, or a simulator. Over http:// others can read the access token: a warning is logged unless the
        /// address is on this machine. HTTPS_PROXY applies to https://; HTTP_PROXY does not apply to http://.
        Guarded "base_url": Text("https:// or http://, a host and, if need be, a path; no user name, ? or #")
            => Default("https://graph.facebook.com");

        /// The version of the Graph API. (`apiVersion`)
        Open "api_version": Text("a version of the Graph API, such as v21.0") => Default("v21.0");

        /// The file that whatsapp-otp-setup writes: JSON with waba_id, access_token, phone_number_id, template_id and
        /// the languages of that template, which apply if whatsapp.languages is not set. It contains a secret. It is
        /// not needed if the four settings below are given.
        Open "info_file": PATH => Default("setup/whatsapp-info.json");

        /// The ID of the WhatsApp Business account (WABA), instead of the info file's.
        Open "waba_id": GRAPH_ID => Nothing("102290129340398");

        /// The access token, instead of the info file's. Both files are read again when they change.
        Secret "access_token": Text("visible ASCII characters without spaces") => Nothing("/run/secrets/whatsapp_access_token");

        /// The secrets of the apps at Meta that send webhooks to /webhooks/whatsapp, which report what became of
        /// messages. Without any, that path answers 404, and the service only knows how WhatsApp answered a send.
        /// Several may be in force, so that they can be rotated. In the file, one per line; it is read again when it
        /// changes.
        Secret "app_secret": List("visible ASCII characters without spaces") => Nothing("/run/secrets/whatsapp_app_secret");

        /// The tokens that you make up and enter next to the webhook's URL at Meta, which sends one of them to make
        /// sure that the URL is yours. In the file, one per line; it is read again when it changes.
        Secret "webhook_verify_token": List("visible ASCII characters without spaces")
            => Nothing("/run/secrets/whatsapp_webhook_verify_token");

        /// The ID of the sending number (not the number itself), instead of the info file's.
        Open "phone_number_id": GRAPH_ID => Nothing("106540352242922"), per_app;

        /// The ID of the authentication template, instead of the info file's.
        Open "template_id": GRAPH_ID => Nothing("594425479261596"), per_app;

        /// The languages in which the template exists. A request gets the approved one nearest to its locale: pt_AO
        /// gets pt_PT, else pt_BR, else the first of the list, which requests without a locale also get.
        Open "languages": List("a language with or without a country, such as de, fil, pt_BR or pt-BR") => Default("en_US"), per_app;

        /// The longest time that a call may take, but at most three quarters of server.request_timeout. Half of it is
        /// for connecting.
        Open "timeout": Span(ms(100), secs(60)) => Default("10s");

        /// The number of times that a call is retried if WhatsApp reports a transient failure.
        Open "max_retries": Whole(0, 10) => Default("2");

        /// The messages that WhatsApp lets your number send in a second, over all instances; 0 for no limit. Further
        /// messages wait for at most two seconds and are then answered 503. WhatsApp allows 80 by default, and up to
        /// 1000 on request.
        Open "messages_per_second": Whole(0, 10_000) => Default("80");
    }

    /// Proofs: signed statements that a number was verified, which callers show to others. Without keys there are none.
    "proof" {
        /// The issuer named in proofs. The default is server.public_url. Proofs of test keys have the issuer
        /// ISSUER/test.
        Open "issuer": Text(VISIBLE) => Nothing("https://otp.example.com");

        /// The signing keys: files of PKCS#8 PEM, which `whatsapp-otp proof-key` makes. The public keys of all of them
        /// are published at /.well-known/jwks.json. The key with the latest TIME that has passed signs; a key without a
        /// TIME counts as the oldest. The files are read again when they change. docs/operations.md explains how to
        /// rotate keys.
        Open "signing_key_files": KEY_FILES => Nothing("/run/secrets/proof-key.pem");

        /// The keys that sign the proofs of test keys, published at /test/.well-known/jwks.json.
        Open "test_signing_key_files": KEY_FILES => Nothing("/run/secrets/proof-key-test.pem");

        /// The lifetime of a proof.
        Open "lifetime": Span(secs(60), secs(900)) => Default("5m"), per_app;

        /// The recipients for whom a proof may be requested; the first is the default. If there are none, proofs are
        /// for the app's name. "*" allows any recipient: use it only for development.
        Open "audiences": List(VISIBLE) => Default(""), per_app;
    }

    /// Events: what the service reports to an app's endpoint (docs/events.md).
    "events" {
        /// The URL to which events are posted. Without it no events are sent. Its host must have public addresses only.
        Guarded "url": Text("https:// with a host name, its default port, no user name and no #")
            => Nothing("https://hooks.example.com/otp"), per_app;

        /// The secret that signs events; two while one replaces the other. Generate one with `openssl rand -base64 32`
        /// and put whsec_ before it. In the file, one per line, which is read again when it changes. Required with a
        /// URL.
        Secret "secret": List("whsec_ and 24 to 64 bytes in base 64") => Nothing("/run/secrets/events_secret"), per_app;

        /// The types of events that are posted; all of them if the list is empty.
        Open "types": List("the type of an event, such as verification.approved") => Default(""), per_app;

        /// The longest time that an endpoint may take to answer.
        Open "timeout": Span(ms(100), secs(30)) => Default("5s"), per_app;

        /// The waits between attempts to deliver an event, each varied by up to a fifth. The first attempt is
        /// immediate. After the last one, the event is kept for `whatsapp-otp events replay`.
        Open "schedule": List("a duration, such as 30s; five days in all at most") => Default("5s,30s,2m,10m,1h,6h"), per_app;

        /// Networks that are not public but in which the host may be. With any, the URL may have a port, an address
        /// instead of a name, and a name without a dot.
        Open "allow_networks": List("an IP address or network, such as 10.0.0.0/8") => Default(""), per_app;

        /// Allows http:// URLs, over which others can read events.
        Open "allow_http": Words(&["true", "false"]) => Default("false"), per_app;
    }

    "log" {
        /// `json`: for machines. `pretty`: for people, with the sample server's table of active codes after calls, at
        /// most once a second.
        Open "format": Words(&["json", "pretty"]) => Default("json");

        /// The lowest level that is logged, or a filter.
        Open "level": Text("off, error, warn, info, debug, trace, or a filter such as info,whatsapp_otp=debug")
            => Default("info");
    }

    "telemetry" {
        /// The collector that receives traces of requests: OTLP over HTTP.
        Guarded "otlp_endpoint":
            Text("http:// or https://, a host and, if need be, a path; no user name, ? or #, and without /v1/traces")
            => Nothing("http://localhost:4318");

        /// The share of requests that are traced. A caller that sends a traceparent decides for its own requests.
        Open "sample_ratio": Text("a number from 0 to 1, such as 0.1") => Default("1.0");
    }

    /// An app named NAME: a product or purpose that asks people to prove their number. Its name is spelled like that of a
    /// key. The app `default` always exists. An app uses the settings above, except for those marked "per app" that it sets
    /// in a section of the same name, such as
    ///
    ///     [apps.shop.otp]
    ///     code_length = 8
    ///
    /// or WHATSAPP_OTP__APPS__SHOP__OTP__CODE_LENGTH.
    "apps.NAME" {}
};
