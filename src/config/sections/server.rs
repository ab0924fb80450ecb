//! `server.*`, `auth.*` and `sample.*`: listeners, proxies, timeouts and callers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use ipnet::IpNet;
use tokio::sync::watch;
use url::Url;

use crate::config::reader::{Reader, Reported};
use crate::http::{AcceptedKey, AuthMode, PublicUrl, ServerSettings, TlsFiles};

/// The addresses that may reach the listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Reach {
    /// Any that the settings allow.
    Any,
    /// This machine only: the sandbox shows every code it sends.
    Loopback,
}

/// Reads the section. `redis_timeout` is the longest that a decision of the store may take, if that could be read.
pub(in crate::config) fn read(
    reader: &mut Reader,
    reach: Reach,
    redis_timeout: Option<Duration>,
    keys: Result<Arc<[AcceptedKey]>, Reported>,
) -> Result<ServerSettings, Reported> {
    let listen = reader.required("server.listen", |text| address(text, reach));
    let ops_listen = reader.optional("server.ops_listen", |text| address(text, reach));
    let ops_listen = apart(reader, listen, ops_listen);
    let public_url = reader.optional("server.public_url", PublicUrl::parse);
    let tls = tls(reader);
    let cors_origins = reader.declared_list("server.cors_origins", web_origin);
    let trusted_proxies = reader.declared_list("server.trusted_proxies", network);
    let request_timeout = reader.duration("server.request_timeout");
    let body_timeout = request_timeout.and_then(|request| body_timeout(reader, request, redis_timeout));
    let max_connections = reader.whole_number("server.max_connections");
    let max_concurrent_requests = reader.whole_number("server.max_concurrent_requests");
    let max_concurrent_sends = reader.whole_number("server.max_concurrent_sends");
    let rate_limit_fields = reader.switch("server.rate_limit_fields");
    let drain_delay = reader.duration("server.drain_delay");
    let shutdown_timeout = reader.duration("server.shutdown_timeout");
    let auth = auth_mode(reader);
    let sample_enabled = reader.switch("sample.enabled");
    Ok(ServerSettings {
        listen: listen?,
        ops_listen: ops_listen?,
        public_url: public_url?,
        tls: tls?,
        cors_origins: cors_origins?,
        cors_local_origins: false,
        trusted_proxies: trusted_proxies?,
        request_timeout: request_timeout?,
        body_timeout: body_timeout?,
        max_connections: max_connections?,
        max_concurrent_requests: max_concurrent_requests?,
        max_concurrent_sends: max_concurrent_sends?,
        rate_limit_fields: rate_limit_fields?,
        drain_delay: drain_delay?,
        shutdown_timeout: shutdown_timeout?,
        auth: auth?,
        keys: watch::channel(keys?).1,
        sample_enabled: sample_enabled?,
    })
}

/// Returns the callers of the sample server's calls.
pub(super) fn auth_mode(reader: &mut Reader) -> Result<AuthMode, Reported> {
    reader.word("auth.mode", &[("open", AuthMode::Open), ("api_key", AuthMode::ApiKey)])
}

/// Returns the time that a request leaves for its body to arrive.
fn body_timeout(reader: &mut Reader, request: Duration, redis: Option<Duration>) -> Result<Duration, Reported> {
    let redis = redis.unwrap_or_default();
    let left = request.checked_sub(redis).filter(|left| !left.is_zero());
    left.ok_or_else(|| {
        let expected = format!("more than redis.timeout, which is {}", humantime::format_duration(redis));
        reader.fault("server.request_timeout", expected)
    })
}

fn address(text: &str, reach: Reach) -> Result<SocketAddr, &'static str> {
    let address = text.parse::<SocketAddr>().ok();
    match reach {
        Reach::Any => address.ok_or("an IP address and a port, such as 0.0.0.0:3000 or [::]:3000"),
        Reach::Loopback => address
            .filter(|address| address.ip().is_loopback())
            .ok_or("a loopback address and a port, such as 127.0.0.1:3000, as the sandbox shows every code; --listen-all allows others"),
    }
}

/// Checks that the operators' listener, which is private, differs from the public one.
fn apart(
    reader: &mut Reader,
    listen: Result<SocketAddr, Reported>,
    ops_listen: Result<Option<SocketAddr>, Reported>,
) -> Result<Option<SocketAddr>, Reported> {
    match (listen, ops_listen) {
        // Port 0 stands for a free port, a different one each time.
        (Ok(public), Ok(Some(ops))) if public == ops && ops.port() != 0 => {
            Err(reader.fault("server.ops_listen", "an address other than server.listen"))
        }
        (_, ops_listen) => ops_listen,
    }
}

fn tls(reader: &mut Reader) -> Result<Option<TlsFiles>, Reported> {
    let certificate = reader.path("server.tls_cert_file");
    let key = reader.path("server.tls_key_file");
    match (certificate?, key?) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(reader.fault("server.tls_key_file", "a file, as server.tls_cert_file is set")),
        (None, Some(_)) => Err(reader.fault("server.tls_cert_file", "a file, as server.tls_key_file is set")),
    }
}

/// An origin as browsers write it, without the default port.
fn web_origin(text: &str) -> Option<HeaderValue> {
    let url = Url::parse(text).ok()?;
    let bare = url.path() == "/" && !text.ends_with('/') && !text.contains(['?', '#', '@']);
    let fine = bare && matches!(url.scheme(), "http" | "https");
    HeaderValue::from_str(&fine.then(|| url.origin().ascii_serialization())?).ok()
}

/// A network; a single address is a network of one.
pub(super) fn network(text: &str) -> Option<IpNet> {
    let one = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().map(|network: IpNet| network.trunc()).or_else(|_| one()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_browsers_send_it() {
        for (text, sent) in [
            ("https://example.com", "https://example.com"),
            ("https://Example.com:443", "https://example.com"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(web_origin(text).unwrap(), sent);
        }
        for text in [
            "*",
            "null",
            "example.com",
            "https://",
            "https://example.com/",
            "https://example.com/app",
            "https://example.com?q",
            "https://example.com#f",
            "https://user@example.com",
            "ftp://example.com",
        ] {
            assert_eq!(web_origin(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_is_the_network_of_itself() {
        for (text, expected) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("2001:db8::1", "2001:db8::1/128"),
        ] {
            assert_eq!(network(text).unwrap().to_string(), expected);
        }
        for text in ["", "10.0.0.0/33", "example.com", "10.0.0"] {
            assert_eq!(network(text), None, "{text}");
        }
    }

    #[test]
    fn the_sandbox_is_reached_from_this_machine_alone() {
        for text in ["127.0.0.1:3000", "127.9.9.9:0", "[::1]:3000"] {
            assert!(address(text, Reach::Loopback).is_ok(), "{text}");
        }
        for text in ["0.0.0.0:3000", "[::]:3000", "192.0.2.1:3000"] {
            assert!(address(text, Reach::Loopback).is_err(), "{text}");
            assert!(address(text, Reach::Any).is_ok(), "{text}");
        }
        for text in ["", "3000", "localhost:3000", "127.0.0.1", "127.0.0.1:65536"] {
            assert!(address(text, Reach::Any).is_err(), "{text}");
        }
    }
}
