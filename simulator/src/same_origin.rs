//! Refuses requests from other web pages: these routes are for programs and for the simulator's own page.
//!
//! The browser's `Origin` header identifies a page of another origin. A page whose name its owner has pointed at this
//! machine (DNS rebinding) has the same origin; its name gives it away.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::{
    extract::Request,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{HOST, ORIGIN},
        request::Parts,
        uri::Authority,
    },
    middleware::Next,
    response::Response,
};

const RESOURCE_POLICY: (HeaderName, HeaderValue) =
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));

/// Lets a request through unless a browser makes it on behalf of another page.
pub(crate) async fn only(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let host = host(&parts);
    if !host.is_some_and(is_local) {
        let sentence = "Call this by an IP address or by a name without a dot, such as localhost.";
        return super::refuse(StatusCode::MISDIRECTED_REQUEST, sentence);
    }
    let origin = parts.headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    if origin.is_some_and(|origin| origin.split_once("://").map(|(_, host)| host) != host) {
        return super::refuse(StatusCode::FORBIDDEN, "Only the simulator's own page may call this from a browser.");
    }
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let (name, value) = RESOURCE_POLICY;
    response.headers_mut().insert(name, value);
    response
}

/// Returns the host that a request names, with its port.
pub(crate) fn host(request: &Parts) -> Option<&str> {
    let host = request.headers.get(HOST).and_then(|host| host.to_str().ok());
    // HTTP/2 carries it in the request target.
    request.uri.authority().map(Authority::as_str).or(host)
}

/// Returns `true` if nobody can own this name publicly: an address, a name without a dot, or one in a private-use zone.
pub(crate) fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let name = name.trim_end_matches('.');
    !name.contains('.')
        || address.parse::<Ipv4Addr>().is_ok()
        || address.parse::<Ipv6Addr>().is_ok()
        || [".localhost", ".internal"].iter().any(|zone| name.ends_with(zone))
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::*;
    use crate::testing::{Answer, Server};

    #[test]
    fn names_that_can_be_owned_are_not_local() {
        for host in
            ["localhost", "localhost:3001", "127.0.0.1:3001", "[::1]:3001", "simulator:3001", "host.docker.internal"]
        {
            assert!(is_local(host), "{host}");
        }
        for host in ["attacker.example", "attacker.example:3001", "127.0.0.1.attacker.example", "", "a b"] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[tokio::test]
    async fn other_web_pages_get_nothing() {
        let server = Server::start().await;
        let own = server.base.clone();
        for (path, method) in [("/", Method::GET), ("/inbox", Method::GET), ("/inbox", Method::DELETE)]
            .into_iter()
            .chain([("/orders", Method::POST), ("/page/settings.json", Method::GET), ("/switches", Method::GET)])
        {
            let call = || server.plain(method.clone(), path);
            assert_eq!(Answer::to(call().header("host", "attacker.example:3001")).await.status, 421, "{path}");
            for origin in ["https://attacker.example", "http://localhost:8080", "null"] {
                assert_eq!(Answer::to(call().header("origin", origin)).await.status, 403, "{path} {origin}");
            }
            let answer = Answer::to(call().header("origin", &own)).await;
            assert!(![403, 421].contains(&answer.status), "{path}: {answer:?}");
            assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        }
    }

    #[tokio::test]
    async fn services_may_call_the_api_by_any_name() {
        let server = Server::start().await;
        let by_name = server.graph(Method::GET, "/300000000000001").header("host", "graph.example.com");
        Answer::to(by_name).await.ok();
    }
}
