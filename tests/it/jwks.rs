//! The public keys of proofs, for other programs.

use std::fs;

use reqwest::header::{HeaderMap, IF_NONE_MATCH};
use reqwest::{Method, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use whatsapp_otp::proof::SigningKey;
use whatsapp_otp_simulator::{Simulator, SimulatorSettings};

use crate::harness::app::{TestApp, TestAppBuilder};
use crate::harness::proxy::{Mode, Proxy};
use crate::harness::redis::RedisServer;
use crate::harness::reply::{Client, send};
use crate::harness::{eventually, logs};

const PATH: &str = "/.well-known/jwks.json";
const TEST_PATH: &str = "/test/.well-known/jwks.json";

/// A folder of keys.
struct Keys(TempDir);

impl Keys {
    fn new(names: &[&str]) -> Self {
        let keys = Self(TempDir::new().unwrap());
        for name in names {
            keys.draw(name);
        }
        keys
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn draw(&self, name: &str) {
        self.write(name, SigningKey::draw().unwrap().expose_secret());
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn public(&self, name: &str) -> Value {
        SigningKey::from_pem(&fs::read_to_string(self.path(name)).unwrap()).unwrap().public().clone()
    }

    fn service(&self) -> TestAppBuilder {
        TestApp::builder()
            .set("server.public_url", "https://otp.example.com")
            .set("proof.signing_key_files", &format!("{},{}@2999-01-01T00:00:00Z", self.path("old"), self.path("new")))
            .set("proof.test_signing_key_files", &self.path("test"))
    }
}

async fn get(client: &Client, path: &str) -> Response {
    client.call(Method::GET, path).send().await.unwrap()
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

async fn published(client: &Client, path: &str) -> Value {
    let response = get(client, path).await;
    assert_eq!(response.status(), 200);
    let headers = response.headers();
    assert_eq!(header(headers, "content-type"), Some("application/jwk-set+json"));
    assert_eq!(header(headers, "cache-control"), Some("public, max-age=300"));
    assert_eq!(header(headers, "access-control-allow-origin"), Some("*"));
    assert!(header(headers, "x-request-id").is_some());
    response.json().await.unwrap()
}

#[tokio::test]
async fn keys_are_published_to_anyone_each_world_apart() {
    let keys = Keys::new(&["old", "new", "test"]);
    let hash = "ab".repeat(32);
    let app = keys.service().set("auth.mode", "api_key").set("keys.a.kind", "server").set("keys.a.sha256", &hash);
    let app = app.start().await;
    let published = [published(&app, PATH).await, published(&app, TEST_PATH).await];
    assert_eq!(published[0], json!({ "keys": [keys.public("old"), keys.public("new")] }));
    assert_eq!(published[1], json!({ "keys": [keys.public("test")] }));
    send(app.call(Method::POST, PATH)).await.is(405, "Method not allowed: GET reads the document.");
    app.finish().await;
}

#[tokio::test]
async fn a_client_that_has_the_keys_is_not_sent_them_again() {
    let keys = Keys::new(&["old", "new", "test"]);
    let app = keys.service().set("server.cors_origins", "https://app.example").start().await;
    let etag = get(&app, PATH).await.headers()["etag"].clone();
    for method in [Method::GET, Method::HEAD] {
        let known = app.call(method, PATH).header(IF_NONE_MATCH, &etag).send().await.unwrap();
        assert_eq!((known.status().as_u16(), known.headers().get("etag")), (304, Some(&etag)));
        assert_eq!(header(known.headers(), "cache-control"), Some("public, max-age=300"));
        assert_eq!(header(known.headers(), "access-control-allow-origin"), Some("*"));
        assert_eq!(known.text().await.unwrap(), "");
    }
    let other = app.call(Method::GET, TEST_PATH).header(IF_NONE_MATCH, etag).send().await.unwrap();
    assert_eq!(other.status(), 200);
    app.finish().await;
}

#[tokio::test]
async fn head_is_get_without_the_keys() {
    let app = TestApp::start().await;
    let over_http2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let url = format!("http://{}{PATH}", app.address());
    for request in [app.call(Method::HEAD, PATH), over_http2.head(&url)] {
        let response = request.send().await.unwrap();
        assert_eq!((response.status().as_u16(), header(response.headers(), "content-length")), (200, Some("11")));
        assert_eq!(response.text().await.unwrap(), "");
    }
    assert_eq!(published(&app, PATH).await, json!({ "keys": [] }), "there are none");
    app.finish().await;
}

#[tokio::test]
async fn keys_are_published_while_redis_is_away() {
    let (keys, server) = (Keys::new(&["old", "new", "test"]), RedisServer::start());
    let proxy = Proxy::start(server.address());
    let app = keys.service().redis(&std::sync::Arc::new(server)).redis_through(&proxy).start().await;
    proxy.set(Mode::Cut).await;
    eventually("Redis is away", async || app.ready().await.0 == 503).await;
    assert_eq!(published(&app, PATH).await["keys"].as_array().unwrap().len(), 2);
    proxy.set(proxy.upstream()).await;
    eventually("Redis is back", async || app.ready().await.0 == 200).await;
    app.finish().await;
}

#[tokio::test]
async fn a_new_key_is_published_without_a_restart() {
    let log = logs::capture();
    let keys = Keys::new(&["old", "new", "test"]);
    let app = keys.service().start().await;
    let old = keys.public("old");
    keys.draw("old");
    let now = [keys.public("old"), keys.public("new")];
    assert_ne!(old, now[0]);
    eventually("the new key is published", async || published(&app, PATH).await["keys"] == json!(now)).await;

    keys.write("new", "no key at all");
    let refused = || log.lines_with("proof keys: the new value cannot be used");
    eventually("a file without a key is logged", async || {
        refused().iter().any(|line| line.contains(&keys.path("new")))
    })
    .await;
    assert_eq!(published(&app, PATH).await["keys"], json!(now));
    app.finish().await;
}

#[tokio::test]
async fn a_service_with_a_file_without_a_key_does_not_start() {
    let keys = Keys::new(&["old", "new", "test"]);
    keys.write("new", "no key at all");
    let error = keys.service().start_fails(Simulator::new(SimulatorSettings::default())).await;
    assert!(error.contains(&keys.path("new")) && error.contains("no PEM block"), "{error}");
}
