//! A client connection that speaks HTTP/1.1 with as little work as possible, as it shares the machine with the server.

use std::io::{self, Write};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A kept-alive connection.
pub struct Wire {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Wire {
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::with_capacity(512), answer: Vec::with_capacity(1024) })
    }

    /// Requests a code. `client` is the address that the load balancer would pass on.
    pub async fn get(&mut self, path: &str, client: [u8; 4]) -> io::Result<u16> {
        let [a, b, c, d] = client;
        self.request.clear();
        write!(self.request, "GET {path} HTTP/1.1\r\nHost: bench\r\nX-Forwarded-For: {a}.{b}.{c}.{d}\r\n\r\n")?;
        self.exchange().await
    }

    /// Verifies a code for a client at that address.
    pub async fn post(&mut self, path: &str, code: &str, client: [u8; 4]) -> io::Result<u16> {
        let [a, b, c, d] = client;
        self.request.clear();
        let length = code.len() + r#"{"code":""}"#.len();
        write!(
            self.request,
            "POST {path} HTTP/1.1\r\nHost: bench\r\nX-Forwarded-For: {a}.{b}.{c}.{d}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n\
             {{\"code\":\"{code}\"}}"
        )?;
        self.exchange().await
    }

    /// Checks a code of a verification, as a backend with this key that states the client.
    pub async fn check(&mut self, id: &str, key: &str, code: &str, client: [u8; 4]) -> io::Result<u16> {
        let [a, b, c, d] = client;
        let body = format!("{{\"code\":\"{code}\",\"client\":{{\"ip\":\"{a}.{b}.{c}.{d}\"}}}}");
        self.request.clear();
        write!(
            self.request,
            "POST /v1/verifications/{id}/check HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        self.exchange().await
    }

    /// Delivers a signed webhook.
    pub async fn webhook(&mut self, body: &str, signature: &str) -> io::Result<u16> {
        self.request.clear();
        write!(
            self.request,
            "POST /webhooks/whatsapp HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
             X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        self.exchange().await
    }

    /// Writes the request, reads the complete answer, and returns its status.
    async fn exchange(&mut self) -> io::Result<u16> {
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(status) = complete(&self.answer).map_err(|error| io::Error::other(error.to_string()))? {
                return Ok(status);
            }
        }
    }

    /// The latest answer.
    pub fn answer(&self) -> String {
        String::from_utf8_lossy(&self.answer).into_owned()
    }
}

/// The status, once head and body are complete.
fn complete(answer: &[u8]) -> Result<Option<u16>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(answer)? else { return Ok(None) };
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok()).unwrap_or(0);
    Ok((answer.len() >= head + length).then_some(response.code.unwrap_or(0)))
}
