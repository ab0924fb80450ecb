//! A client of the service that checks every answer before a test sees it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The maximum time for any answer.
const LONGEST: Duration = Duration::from_secs(30);

/// Calls one listener.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    http: reqwest::Client,
}

/// An answer that has kept the promises of all answers.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub body: String,
    pub headers: HeaderMap,
    /// The time from the first byte sent to the last one received.
    pub took: Duration,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        whatsapp_otp::cli::install_tls_provider();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Self { address, http: http.timeout(LONGEST).build().unwrap() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts a request, to complete and to [`send`].
    pub fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    /// `GET` of a path.
    pub async fn get(&self, path: &str) -> Reply {
        send(self.call(Method::GET, path)).await
    }

    /// Requests a code.
    pub async fn request(&self, phone: &str) -> Reply {
        self.get(&format!("/otp/{phone}")).await
    }

    /// Verifies a code.
    pub async fn verify(&self, phone: &str, code: &str) -> Reply {
        self.post(&format!("/otp/{phone}"), &serde_json::json!({ "code": code }).to_string()).await
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, json: &str) -> Reply {
        send(self.call(Method::POST, path).header(CONTENT_TYPE, "application/json").body(json.to_owned())).await
    }

    /// `GET` of JSON, for other listeners.
    pub async fn json(&self, path: &str) -> (u16, serde_json::Value) {
        let response = self.call(Method::GET, path).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }

    /// Opens a connection and writes the bytes unchanged.
    pub async fn connect(&self, bytes: impl AsRef<[u8]>) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_ref()).await.unwrap();
        stream
    }

    /// Sends the bytes unchanged, including `Connection: close`, and reads one answer.
    pub async fn raw(&self, bytes: impl AsRef<[u8]>) -> Reply {
        let began = Instant::now();
        let mut stream = self.connect(bytes).await;
        read(&mut stream, began).await
    }

    /// Returns a client that speaks HTTP/2.
    pub fn over_http2(&self) -> Self {
        let http = reqwest::Client::builder().no_proxy().http2_prior_knowledge().timeout(LONGEST).build().unwrap();
        Self { address: self.address, http }
    }

    /// Sends the bytes unchanged, including `Connection: close`, and returns status, headers and body of the answer.
    pub async fn raw_parts(&self, bytes: impl AsRef<[u8]>) -> (u16, HeaderMap, String) {
        let (head, body) = receive(&mut self.connect(bytes).await).await;
        (status(&head), headers(&head), body)
    }

    /// Returns only the status, for requests that are answered before they reach the service.
    pub async fn raw_status(&self, bytes: impl AsRef<[u8]>) -> u16 {
        status(&receive(&mut self.connect(bytes).await).await.0)
    }
}

/// Returns the head of an answer and its body, both unchanged.
async fn receive(stream: &mut TcpStream) -> (String, String) {
    let mut answer = Vec::new();
    let all = tokio::time::timeout(LONGEST, stream.read_to_end(&mut answer)).await.expect("an answer");
    // A server that refuses a body without reading it may reset the connection after its answer.
    assert!(all.is_ok() || !answer.is_empty(), "{all:?}");
    let text = String::from_utf8(answer).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer, but {text:?}"));
    (head.to_owned(), body.to_owned())
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

/// Sends a request and checks the answer.
pub async fn send(request: RequestBuilder) -> Reply {
    let began = Instant::now();
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.text().await.expect("a body");
    Reply { status, body, headers, took: began.elapsed() }.checked()
}

/// Reads an answer to its end and checks it.
pub async fn read(stream: &mut TcpStream, began: Instant) -> Reply {
    let (head, body) = receive(stream).await;
    Reply { status: status(&head), body, headers: headers(&head), took: began.elapsed() }.checked()
}

fn headers(head: &str) -> HeaderMap {
    let header = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.parse::<HeaderName>().unwrap(), value.trim().parse::<HeaderValue>().unwrap())
    };
    head.lines().skip(1).map(header).collect()
}

impl Reply {
    /// Checks the promises of every answer of the public listener.
    #[track_caller]
    fn checked(self) -> Self {
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        let id = self.header("x-request-id").unwrap_or_else(|| panic!("no X-Request-Id: {self:?}"));
        assert!((1..=64).contains(&id.len()), "{id}");
        if !self.body.is_empty() {
            assert_eq!(self.header("content-type"), Some("text/plain; charset=utf-8"), "{self:?}");
        }
        if let Some(seconds) = self.header("retry-after") {
            assert!(seconds.parse::<u64>().is_ok_and(|seconds| seconds > 0), "{self:?}");
        }
        match (self.status, self.header("retry-after")) {
            (429, Some(seconds)) => {
                assert_eq!(self.body, format!("Too many requests, please try again in {seconds} second(s)."));
            }
            (429, None) => panic!("no Retry-After: {self:?}"),
            (503, _) => assert_eq!(self.body, says::UNAVAILABLE),
            (_, retry_after) => assert_eq!(retry_after, None, "{self:?}"),
        }
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?.to_str().unwrap();
        assert!(values.next().is_none(), "{name} twice");
        Some(first)
    }

    /// Asserts that the answer is this one, word for word.
    #[track_caller]
    pub fn is(&self, status: u16, body: &str) -> &Self {
        assert_eq!((self.status, self.body.as_str()), (status, body));
        self
    }

    /// Returns the seconds of a 429.
    #[track_caller]
    pub fn retry_after(&self) -> u64 {
        assert_eq!(self.status, 429, "{self:?}");
        self.header("retry-after").unwrap().parse().unwrap()
    }

    /// Asserts that the answer came within `bound`.
    #[track_caller]
    pub fn within(&self, bound: Duration) -> &Self {
        assert!(self.took <= bound, "{} took {:?}, more than {bound:?}", self.status, self.took);
        self
    }
}

/// The answers of the table, as the contract words them.
pub mod says {
    pub const INVALID_PHONE: &str = "Invalid phone number.";
    pub const UNAUTHORIZED: &str = "Missing or invalid API key.";
    pub const SEND_FAILED: &str = "Error calling WhatsApp send message API";
    pub const UNAVAILABLE: &str = "Service temporarily unavailable.";
    pub const NO_CODE: &str = "No code provided.";
    pub const MALFORMED: &str = "Malformed JSON.";
    pub const NOT_A_STRING: &str = "Code must be a string.";
    pub const LOCKED: &str = "Too many failed attempts, please request a new code.";
    pub const EXPIRED: &str = "Code has expired, please request another.";

    pub fn incorrect(left: u32) -> String {
        format!("Incorrect code. {left} attempt(s) remaining.")
    }

    pub fn no_active_code(digits: &str) -> String {
        format!("No active code for phone # {digits}")
    }
}

/// Returns another code of the same length.
pub fn wrong(code: &str) -> String {
    let last = code.as_bytes().last().copied().unwrap();
    let other = if last == b'9' { '0' } else { char::from(last + 1) };
    format!("{}{other}", &code[..code.len() - 1])
}
