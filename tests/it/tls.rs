//! HTTPS on the public listener, and TLS towards Redis.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use whatsapp_otp::http::{ConnectionBounds, Handle, Listener, TlsFiles};

use crate::harness::app::TestApp;
use crate::harness::eventually;
use crate::harness::fake_redis::{FakeRedis, array, bulk};
use crate::harness::logs;
use crate::harness::redis::RedisServer;

/// Writes a certificate for this machine to the files that the settings name.
fn write_certificate(folder: &Path) -> (TlsFiles, reqwest::Certificate) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificate: folder.join("tls.crt"), key: folder.join("tls.key") };
    fs::write(&files.certificate, cert.pem()).unwrap();
    fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    (files, reqwest::Certificate::from_pem(cert.pem().as_bytes()).unwrap())
}

/// A client that trusts only this certificate.
fn trusting(certificate: &reqwest::Certificate) -> reqwest::Client {
    whatsapp_otp::cli::install_tls_provider();
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10));
    client.tls_certs_only([certificate.clone()]).build().unwrap()
}

#[tokio::test]
async fn the_service_speaks_https_and_http_2() {
    let folder = TempDir::new().unwrap();
    let (files, certificate) = write_certificate(folder.path());
    let app = TestApp::builder()
        .set("server.tls_cert_file", files.certificate.to_str().unwrap())
        .set("server.tls_key_file", files.key.to_str().unwrap())
        .start()
        .await;
    let client = trusting(&certificate);
    let url = format!("https://{}/otp/15551234567", app.address());
    let response = client.get(&url).send().await.unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("x-request-id"));
    let code = app.code("15551234567");
    let verified = client.post(&url).json(&serde_json::json!({ "code": code })).send().await.unwrap();
    assert_eq!((verified.status().as_u16(), verified.text().await.unwrap().as_str()), (200, "OK"));

    let stranger = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let stranger = reqwest::Certificate::from_pem(stranger.cert.pem().as_bytes()).unwrap();
    assert!(trusting(&stranger).get(&url).send().await.is_err(), "another certificate is not believed");
    app.finish().await;
}

#[tokio::test]
async fn a_new_certificate_takes_effect_and_open_connections_stay() {
    whatsapp_otp::cli::install_tls_provider();
    let folder = TempDir::new().unwrap();
    let (files, old) = write_certificate(folder.path());
    let listener =
        Listener::bind("127.0.0.1:0".parse().unwrap(), Some(files.clone()), ConnectionBounds::local()).await.unwrap();
    let url = format!("{}://{}/", listener.scheme(), listener.address());
    let handle = Handle::default();
    let router = Router::new().route("/", get(async || "here"));
    let serving = tokio::spawn(listener.serve(router, handle.clone()));

    let connected = trusting(&old);
    let ask = async |client: &reqwest::Client| client.get(&url).send().await.map(|response| response.status().as_u16());
    assert_eq!(ask(&connected).await.unwrap(), 200);

    // Half a replacement does not match, so it changes nothing.
    let other = TempDir::new().unwrap();
    let (replacement, new) = write_certificate(other.path());
    fs::copy(&replacement.certificate, &files.certificate).unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(ask(&trusting(&old)).await.unwrap(), 200);
    fs::copy(&replacement.key, &files.key).unwrap();
    eventually("new connections get the new certificate", async || ask(&trusting(&new)).await.is_ok()).await;
    assert!(ask(&trusting(&old)).await.is_err(), "the old one is gone");
    assert_eq!(ask(&connected).await.unwrap(), 200, "the open connection stays");
    handle.shutdown();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_new_certificate_that_cannot_be_used_is_logged_once() {
    whatsapp_otp::cli::install_tls_provider();
    let log = logs::capture();
    let folder = TempDir::new().unwrap();
    let (files, _) = write_certificate(folder.path());
    let address = "127.0.0.1:0".parse().unwrap();
    let _listener = Listener::bind(address, Some(files.clone()), ConnectionBounds::local()).await.unwrap();
    let told = || log.lines_with(&files.certificate.display().to_string());
    for times in 1..=2 {
        fs::write(&files.certificate, format!("no certificate, for the {times}. time")).unwrap();
        eventually("it is told", async || told().len() >= times).await;
        // The files are checked every second.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert_eq!(told().len(), times, "{:#?}", told());
    }
}

#[tokio::test]
async fn an_invalid_certificate_is_reported_at_the_start() {
    let folder = TempDir::new().unwrap();
    let files = TlsFiles { certificate: folder.path().join("none.crt"), key: folder.path().join("none.key") };
    let Err(error) = Listener::bind("127.0.0.1:0".parse().unwrap(), Some(files), ConnectionBounds::local()).await
    else {
        panic!("it binds")
    };
    let text = error.to_string();
    assert!(text.contains("server.tls_cert_file") && text.contains("none.crt"), "{text}");
}

/// TLS in front of a plain Redis, as with stunnel or a managed service.
async fn tls_in_front_of(upstream: SocketAddr, folder: &Path) -> SocketAddr {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("ca.pem"), cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(upstream).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}

/// `whatsapp-otp inspect` on a Redis behind TLS, with or without a trusted certificate.
async fn inspect(address: SocketAddr, trusted: Option<&Path>) -> std::process::Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_whatsapp-otp"));
    command.arg("inspect").env("WHATSAPP_OTP__REDIS__URL", format!("rediss://localhost:{}/0", address.port()));
    if let Some(path) = trusted {
        command.env("SSL_CERT_FILE", path);
    }
    command.output().await.unwrap()
}

#[tokio::test]
async fn redis_is_reached_over_tls_with_a_trusted_certificate() {
    whatsapp_otp::cli::install_tls_provider();
    let server = RedisServer::shared();
    let folder = TempDir::new().unwrap();
    let address = tls_in_front_of(server.address(), folder.path()).await;
    let fine = inspect(address, Some(&folder.path().join("ca.pem"))).await;
    assert!(fine.status.success(), "{}", String::from_utf8_lossy(&fine.stderr));
    let refused = inspect(address, None).await;
    assert_eq!(refused.status.code(), Some(1), "an unknown certificate is not believed");
}

#[tokio::test]
async fn sentinels_without_tls_may_lead_to_servers_with_it() {
    whatsapp_otp::cli::install_tls_provider();
    let server = RedisServer::shared();
    let folder = TempDir::new().unwrap();
    let primary = tls_in_front_of(server.address(), folder.path()).await;
    let sentinel = FakeRedis::start(move |words, _| match (words[0].as_str(), words.get(1).map(String::as_str)) {
        ("SENTINEL", Some("GET-MASTER-ADDR-BY-NAME")) => array(&[bulk("localhost"), bulk(&primary.port().to_string())]),
        ("SENTINEL", Some("MASTER")) => array(&[bulk("config-epoch"), bulk("1")]),
        _ => "-ERR unknown command\r\n".to_owned(),
    })
    .await;
    for (tls, code) in [("on", 0), ("auto", 1)] {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_whatsapp-otp"));
        command.arg("inspect").env("SSL_CERT_FILE", folder.path().join("ca.pem"));
        let sentinel = sentinel.address().to_string();
        for (key, value) in [
            ("MODE", "sentinel"),
            ("SENTINELS", &sentinel),
            ("MASTER_NAME", "otp"),
            ("TLS", tls),
            ("MIN_REPLICAS_ACK", "0"),
        ] {
            command.env(format!("WHATSAPP_OTP__REDIS__{key}"), value);
        }
        let output = command.output().await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{tls}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
