//! The pages of problems, for developers.

use reqwest::header::{ACCEPT, IF_NONE_MATCH};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::harness::app::TestApp;
use crate::harness::eventually;
use crate::harness::proxy::{Mode, Proxy};
use crate::harness::redis::RedisServer;
use crate::harness::reply::Client;

async fn get(client: &Client, path: &str) -> Response {
    client.call(Method::GET, path).send().await.unwrap()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_page_loads_and_runs_nothing_and_may_be_kept() {
    let app = TestApp::start().await;
    for path in ["/problems", "/problems/code_incorrect", "/problems/code_incorrect/"] {
        let page = get(&app, path).await;
        assert_eq!((page.status().as_u16(), header(&page, "content-type")), (200, "text/html; charset=utf-8"));
        assert_eq!(header(&page, "cache-control"), "public, max-age=300");
        assert!(header(&page, "content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
        assert_eq!(header(&page, "x-content-type-options"), "nosniff");
        let etag = header(&page, "etag").to_owned();
        let known = app.call(Method::GET, path).header(IF_NONE_MATCH, etag).send().await.unwrap();
        assert_eq!(known.status(), 304);
    }
    let page = app.call(Method::GET, "/problems/code_incorrect").header(ACCEPT, "text/markdown").send().await.unwrap();
    assert_eq!((header(&page, "content-type"), header(&page, "vary")), ("text/markdown; charset=utf-8", "accept"));
    assert!(page.text().await.unwrap().starts_with("# The code is wrong\n\n`code_incorrect` · HTTP 422\n"));
    app.finish().await;
}

#[tokio::test]
async fn an_unknown_code_gets_the_list_of_all() {
    let app = TestApp::start().await;
    for path in ["/problems/no_such_code", "/problems/Forbidden", "/problems/%3Cscript%3E"] {
        let page = get(&app, path).await;
        assert_eq!((page.status().as_u16(), header(&page, "cache-control")), (404, "no-store"), "{path}");
        let text = page.text().await.unwrap();
        assert!(text.contains("<a href=\"/problems/forbidden\">") && !text.contains("script"), "{text}");
    }
    let response = app.call(Method::POST, "/problems/forbidden").send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, "GET, HEAD"));
    app.finish().await;
}

#[tokio::test]
async fn pages_are_there_while_redis_is_away() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address());
    let app = TestApp::builder().redis(&std::sync::Arc::new(server)).redis_through(&proxy).start().await;
    proxy.set(Mode::Cut).await;
    eventually("Redis is away", async || app.ready().await.0 == 503).await;
    assert_eq!(get(&app, "/problems/unavailable").await.status(), 200);
    proxy.set(proxy.upstream()).await;
    eventually("Redis is back", async || app.ready().await.0 == 200).await;
    app.finish().await;
}

#[tokio::test]
async fn a_path_without_a_route_below_v1_is_a_problem_with_a_page() {
    let app = TestApp::start().await;
    for path in ["/v1", "/v1/", "/V1/verification"] {
        let response = app.call(Method::GET, path).header("X-Request-Id", "req-42").send().await.unwrap();
        assert_eq!((response.status().as_u16(), header(&response, "content-type")), (404, "application/problem+json"));
        let problem: Value = response.json().await.unwrap();
        assert_eq!((&problem["code"], &problem["request_id"]), (&json!("not_found"), &json!("req-42")));
        let page = problem["type"].as_str().unwrap();
        assert_eq!(get(&app, page).await.status(), 200);
    }
    assert_eq!(header(&get(&app, "/v2").await, "content-type"), "text/plain; charset=utf-8");
    app.finish().await;
}
