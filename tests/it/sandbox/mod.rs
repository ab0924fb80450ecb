//! The sandbox: its service and its page, over real HTTP.

mod feed;
mod limits;
mod local_pages;

use std::collections::HashMap;

use reqwest::Method;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use whatsapp_otp::app::{self, SandboxStore};
use whatsapp_otp::config::{SandboxSettings, Sources};
use whatsapp_otp::otp::KeyKind;

use crate::harness::app::environment;
use crate::harness::reply::Client;

/// A running sandbox.
struct Sandbox {
    /// A client of the service.
    service: Client,
    /// A client of the page.
    page: Client,
    /// The server key that was generated.
    key: String,
    stop: mpsc::Sender<()>,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Sandbox {
    async fn start(settings: &[(&str, &str)]) -> Self {
        Self::with_store(SandboxStore::Embedded, settings).await
    }

    async fn with_store(store: SandboxStore, settings: &[(&str, &str)]) -> Self {
        whatsapp_otp::cli::install_tls_provider();
        let own = [("server.listen", "127.0.0.1:0"), ("server.ops_listen", "")];
        let settings: HashMap<_, _> =
            own.iter().chain(settings).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let settings = SandboxSettings::load(&Sources { file: None, environment: environment(&settings) }).unwrap();
        let sandbox = app::sandbox(settings, "127.0.0.1:0".parse().unwrap(), store).await.unwrap();
        let page = sandbox.inbox_url().strip_prefix("http://").unwrap().parse().unwrap();
        let (service, page) = (Client::new(sandbox.app.public_address()), Client::new(page));
        let (_, key) = sandbox.keys.iter().find(|(kind, _)| *kind == KeyKind::Server).unwrap();
        let (key, (stop, stopped)) = (key.expose().to_owned(), mpsc::channel(1));
        Self { service, page, key, stop, running: tokio::spawn(sandbox.run_until(stopped)) }
    }

    /// Calls the page, and returns the status and the JSON of its answer.
    async fn page(&self, method: Method, path: &str) -> (u16, Value) {
        let answer = self.page.call(method, path).send().await.unwrap();
        let (status, body) = (answer.status().as_u16(), answer.text().await.unwrap());
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    async fn stop(self) {
        self.stop.send(()).await.unwrap();
        self.running.await.unwrap().unwrap();
    }
}
