//! Files of secrets that are replaced while the service runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::harness::app::TestApp;
use crate::harness::reply::send;
use crate::harness::stub::Stub;
use crate::harness::{eventually, logs};

/// A folder as Kubernetes mounts secrets: `NAME` is a link to `..data/NAME`, and `..data` one to the folder of a version.
struct Mounted(TempDir);

impl Mounted {
    fn new(name: &str, text: &str) -> Self {
        let mounted = Self(TempDir::new().unwrap());
        mounted.replace(name, text);
        symlink(Path::new("..data").join(name), mounted.path(name)).unwrap();
        mounted
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn replace(&self, name: &str, text: &str) {
        let version = TempDir::new_in(self.0.path()).unwrap().keep();
        fs::write(version.join(name), text).unwrap();
        symlink(version, self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
    }
}

#[tokio::test]
async fn a_new_access_token_is_sent_without_a_restart() {
    let log = logs::capture();
    let mounted = Mounted::new("token", "FIRST0TOKEN\n");
    let path = mounted.path("token");
    let accepted = json!({ "messaging_product": "whatsapp", "messages": [{ "id": "wamid.x" }] }).to_string();
    let stub = Stub::answering(200, None, &accepted).await;
    let app = TestApp::builder()
        .set("whatsapp.base_url", &stub.url)
        .without("whatsapp.access_token")
        .set("whatsapp.access_token_file", path.to_str().unwrap())
        .set("limits.per_phone", "off")
        .set("limits.per_ip", "off")
        .start()
        .await;
    let sent = async || {
        app.request("15551234567").await.is(200, "OK");
        let sent = stub.sends().pop().unwrap();
        sent.headers["authorization"].to_str().unwrap().to_owned()
    };
    assert_eq!(sent().await, "Bearer FIRST0TOKEN");
    mounted.replace("token", "SECOND0TOKEN");
    eventually("the new token is sent", async || sent().await == "Bearer SECOND0TOKEN").await;

    let refused = || {
        log.lines_with("the new value cannot be used").into_iter().filter(|line| line.contains(path.to_str().unwrap()))
    };
    fs::write(&path, "no token at all").unwrap();
    eventually("a token that cannot be used is logged", async || refused().count() > 0).await;
    // The file is checked every second.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(refused().count(), 1);
    assert_eq!(sent().await, "Bearer SECOND0TOKEN");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "THIRD0TOKEN").unwrap();
    eventually("the next one is sent", async || sent().await == "Bearer THIRD0TOKEN").await;
    log.has_no_secrets(&[], &["FIRST0TOKEN", "SECOND0TOKEN", "no token at all", "THIRD0TOKEN"]);
    app.finish().await;
}

#[tokio::test]
async fn a_new_hash_replaces_an_api_key_without_a_restart() {
    let log = logs::capture();
    let hash = |key: &str| data_encoding::HEXLOWER.encode(&Sha256::digest(key));
    let mounted = Mounted::new("hash", &hash("old-key"));
    let app = TestApp::builder()
        .set("auth.mode", "api_key")
        .set("keys.backend.kind", "server")
        .set("keys.backend.sha256_file", mounted.path("hash").to_str().unwrap())
        .start()
        .await;
    let status = async |key: &str| {
        let call = app.call(Method::GET, "/otp/15551234567").header("authorization", format!("Bearer {key}"));
        send(call).await.status
    };
    assert_eq!((status("old-key").await, status("new-key").await), (200, 401));
    mounted.replace("hash", &hash("new-key"));
    eventually("the new key is accepted", async || status("new-key").await == 200).await;
    assert_eq!(status("old-key").await, 401);

    mounted.replace("hash", "new-key");
    let refused = || log.lines_with("keys: the new value cannot be used").len();
    eventually("a hash that cannot be used is logged", async || refused() > 0).await;
    assert_eq!((status("new-key").await, refused()), (200, 1));
    log.has_no_secrets(&[], &["old-key", "new-key"]);
    app.finish().await;
}
