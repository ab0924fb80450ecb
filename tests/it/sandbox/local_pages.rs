//! Pages that are being developed on this machine, on any port, may call the service.

use reqwest::Method;

use super::Sandbox;
use crate::harness::reply::{Client, Reply, send};

async fn preflight(service: &Client, path: &str, origin: &str) -> Reply {
    let call =
        service.call(Method::OPTIONS, path).header("origin", origin).header("access-control-request-method", "POST");
    send(call.header("access-control-request-headers", "authorization,content-type,idempotency-key")).await
}

#[tokio::test]
async fn pages_on_this_machine_may_call_both_apis() {
    let sandbox = Sandbox::start(&[]).await;
    for origin in ["http://localhost:5173", "https://localhost", "http://127.0.0.1:8080", "http://[::1]:3333"] {
        for path in ["/v1/verifications", "/otp/15551234567"] {
            let reply = preflight(&sandbox.service, path, origin).await;
            assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some(origin)));
            let allowed = reply.header("access-control-allow-headers").unwrap().to_lowercase();
            for header in ["authorization", "content-type", "idempotency-key"] {
                assert!(allowed.contains(header), "{allowed}");
            }
        }
    }
    let cross_site = sandbox.service.call(Method::GET, "/otp/15551234567").header("origin", "http://localhost:5173");
    let reply = send(cross_site.header("sec-fetch-site", "cross-site")).await;
    reply.is(200, "OK");
    assert_eq!(reply.header("access-control-allow-origin"), Some("http://localhost:5173"));
    sandbox.stop().await;
}

#[tokio::test]
async fn pages_elsewhere_may_not() {
    let sandbox = Sandbox::start(&[]).await;
    for origin in ["https://evil.example", "http://localhost.evil.example", "http://192.0.2.1:5173", "null"] {
        let reply = preflight(&sandbox.service, "/v1/verifications", origin).await;
        assert_eq!(reply.header("access-control-allow-origin"), None, "{origin}");
    }
    let cross_site = sandbox.service.call(Method::GET, "/otp/15551234567").header("origin", "https://evil.example");
    let reply = send(cross_site.header("sec-fetch-site", "cross-site")).await;
    reply.is(403, "Requests from other web sites are not allowed.");
    sandbox.stop().await;
}
