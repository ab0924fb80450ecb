//! A simulator on a real port, and a client that sends exactly what a test wants.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{Page, Simulator, SimulatorSettings};

/// The API version of tests that name no other.
pub(crate) const VERSION: &str = "v24.0";

/// An ordinary recipient.
pub(crate) const RECIPIENT: &str = "+16315551234";

/// A simulator being served until this is dropped.
pub(crate) struct Server {
    pub(crate) simulator: Simulator,
    pub(crate) client: Client,
    pub(crate) base: String,
    serving: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(SimulatorSettings::default()).await
    }

    pub(crate) async fn with(settings: SimulatorSettings) -> Self {
        Self::serving(Simulator::new(settings), Page::default()).await
    }

    pub(crate) async fn with_page(page: Page) -> Self {
        Self::serving(Simulator::new(SimulatorSettings::default()), page).await
    }

    async fn serving(simulator: Simulator, page: Page) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = simulator.router_with(page);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        // Another test of the process may already have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
        Self { simulator, client, base, serving }
    }

    /// Builds a request to any path, without a token.
    pub(crate) fn plain(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// Builds a Graph request with the valid token; `path` begins after the version.
    pub(crate) fn graph(&self, method: Method, path: &str) -> RequestBuilder {
        self.plain(method, &format!("/{VERSION}{path}")).bearer_auth(&self.simulator.settings().access_token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::to(self.graph(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::to(self.graph(Method::POST, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Answer::to(self.graph(Method::DELETE, path)).await
    }

    /// The path of a send.
    pub(crate) fn messages(&self) -> String {
        format!("/{}/messages", self.simulator.settings().phone_number_id)
    }

    /// The path of one of the account's edges.
    pub(crate) fn account(&self, edge: &str) -> String {
        format!("/{}/{edge}", self.simulator.settings().waba_id)
    }

    /// Sends this body as a message.
    pub(crate) async fn send(&self, body: &Value) -> Answer {
        self.post(&self.messages(), body).await
    }

    /// Sends a code in a valid message.
    pub(crate) async fn send_code(&self, to: &str, code: &str) -> Answer {
        self.send(&message(to, code)).await
    }

    /// A request to one of the simulator's own paths, with a JSON body if one is given.
    pub(crate) async fn own(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.plain(method, path);
        Answer::to(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }
}

/// A valid message.
pub(crate) fn message(to: &str, code: &str) -> Value {
    json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "template",
        "template": {
            "name": "otp_login",
            "language": { "code": "en_US", "policy": "deterministic" },
            "components": [
                { "type": "body", "parameters": [{ "type": "text", "text": code }] },
                { "type": "button", "sub_type": "url", "index": "0",
                  "parameters": [{ "type": "text", "text": code }] },
            ],
        },
    })
}

/// That message with the value at `pointer` replaced, or removed if `value` is `None`.
pub(crate) fn message_with(pointer: &str, value: Option<Value>) -> Value {
    changed(message(RECIPIENT, "482913"), pointer, value)
}

/// `body` with the value at `pointer` replaced, or removed if `value` is `None`.
pub(crate) fn changed(mut body: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match (body.pointer_mut(parent).unwrap(), value) {
        (Value::Object(object), Some(value)) => {
            object.insert(key.to_owned(), value);
        }
        (Value::Object(object), None) => {
            object.remove(key).unwrap();
        }
        (Value::Array(array), Some(value)) => {
            let n: usize = key.parse().unwrap();
            array.truncate(array.len().max(n));
            if n == array.len() {
                array.push(value);
            } else {
                array[n] = value;
            }
        }
        (Value::Array(array), None) => {
            array.remove(key.parse().unwrap());
        }
        (other, _) => panic!("{pointer} is inside {other}"),
    }
    body
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }

    /// The JSON of a successful answer.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// Asserts the status, code and subcode of a refusal, and returns the error object.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: u32, subcode: Option<u32>) -> Value {
        let error = self.json()["error"].take();
        let got = (self.status, error["code"].as_u64(), error["error_subcode"].as_u64());
        let expected = (status, Some(u64::from(code)), subcode.map(u64::from));
        assert_eq!(got, expected, "{self:?}");
        error
    }
}
