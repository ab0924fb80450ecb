//! The description of the API, and the sandbox's page that shows it.

use reqwest::{Method, Response};
use serde_json::Value;

use crate::harness::app::TestApp;
use crate::harness::reply::Client;

async fn get(client: &Client, path: &str) -> Response {
    client.call(Method::GET, path).send().await.unwrap()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn anyone_may_read_the_description() {
    let app = TestApp::start().await;
    let response = get(&app, "/openapi.json").await;
    assert_eq!((response.status().as_u16(), header(&response, "content-type")), (200, "application/json"));
    assert_eq!(header(&response, "cache-control"), "public, max-age=300");
    let description: Value = response.json().await.unwrap();
    assert_eq!(description["openapi"], "3.1.0");
    let committed = include_str!("../../docs/openapi.json");
    assert!(description == serde_json::from_str::<Value>(committed).unwrap());
    app.finish().await;
}

#[tokio::test]
async fn only_the_sandbox_has_a_page_for_it() {
    let app = TestApp::start().await;
    for path in ["/docs", "/docs/swagger-ui.css"] {
        assert_eq!(get(&app, path).await.status(), 404, "{path}");
    }
    app.finish().await;
}
