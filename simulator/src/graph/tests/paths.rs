//! Versions, paths and headers.

use reqwest::Method;
use serde_json::json;

use super::with_token;
use crate::testing::{Answer, RECIPIENT, Server, message};

#[tokio::test]
async fn unknown_versions_and_paths_are_refused_before_the_token_is_checked() {
    let server = Server::start().await;
    for (path, components) in [
        ("/v99.0/200000000000001", "/200000000000001"),
        ("/v21/200000000000001/messages", "/200000000000001/messages"),
        ("/v24.0/200000000000001/mesages", "/200000000000001/mesages"),
        ("/v24.0", "/v24.0"),
        ("/a/b/c/d", "/b/c/d"),
    ] {
        let answer = Answer::to(server.plain(Method::GET, path)).await;
        let error = answer.refused(400, 2500, None);
        let expected = format!("Unknown path components: {components}");
        assert_eq!(error["message"], expected, "{path}");
    }
}

#[tokio::test]
async fn expired_versions_are_served_as_the_oldest_current_one() {
    let server = Server::start().await;
    for (asked, served) in [("v16.0", "v21.0"), ("v21.0", "v21.0"), ("v26.0", "v26.0")] {
        let path = format!("/{asked}/{}", server.simulator.settings().waba_id);
        let request = server.plain(Method::GET, &path);
        let answer = Answer::to(request.bearer_auth("EAASIMULATOR0SYSTEM0USER0TOKEN")).await;
        answer.ok();
        assert_eq!(answer.header("facebook-api-version"), served);
    }
}

#[tokio::test]
async fn every_answer_has_a_trace_id_and_may_not_be_cached() {
    let server = Server::start().await;
    for answer in [server.get("/100000000000001").await, server.get("/1").await] {
        assert!(answer.header("x-fb-request-id").len() > 20);
        assert!(answer.header("x-fb-trace-id").len() > 10);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn an_error_repeats_its_message_in_a_header() {
    let server = Server::start().await;
    let answer = server.send(&json!({})).await;
    let error = answer.refused(400, 100, None);
    assert_eq!(
        answer.header("www-authenticate"),
        r#"OAuth "Facebook Platform" "invalid_request" "(#100) The parameter messaging_product is required.""#
    );
    assert_eq!(error["type"], "OAuthException");
    assert!(error["fbtrace_id"].as_str().unwrap().len() > 10);
}

#[tokio::test]
async fn an_id_that_names_nothing_is_refused_as_graph_does() {
    let server = Server::start().await;
    let body = message(RECIPIENT, "482913");
    for (method, path) in [
        (Method::POST, "/1/messages"),
        (Method::POST, "/100000000000001/messages"),
        (Method::GET, "/1/message_templates"),
        (Method::POST, "/1/message_templates"),
        (Method::DELETE, "/1/message_templates"),
        (Method::POST, "/1/upsert_message_templates"),
        (Method::GET, "/1/message_template_previews"),
        (Method::GET, "/1/phone_numbers"),
        (Method::GET, "/1"),
        (Method::POST, "/1"),
        (Method::DELETE, "/200000000000001/messages"),
    ] {
        let answer = Answer::to(server.graph(method.clone(), path).json(&body)).await;
        let error = answer.refused(400, 100, Some(33));
        assert_eq!(error["type"], "GraphMethodException", "{method} {path}");
        let id = path.split('/').nth(1).unwrap();
        let verb = method.as_str().to_lowercase();
        let expected = format!("Unsupported {verb} request. Object with ID '{id}' does not exist");
        assert!(error["message"].as_str().unwrap().starts_with(&expected), "{error}");
    }
}

#[tokio::test]
async fn every_send_is_counted_accepted_or_not() {
    let server = Server::start().await;
    server.send_code(RECIPIENT, "482913").await.ok();
    server.send(&json!({})).await.refused(400, 100, None);
    let unauthorized = with_token(&server, Method::POST, &server.messages(), "EAAB").await;
    unauthorized.refused(401, 190, None);
    assert_eq!(server.simulator.send_requests(), 3);
    let headers = &server.simulator.requests()[2].headers;
    assert_eq!(headers["authorization"], "Bearer EAASIMULATOR0SYSTEM0USER0TOKEN");
}

#[tokio::test]
async fn the_simulator_reports_its_health() {
    let server = Server::start().await;
    let answer = server.own(Method::GET, "/healthz", None).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "ok"));
}
