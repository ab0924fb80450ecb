//! A server that speaks Redis's protocol and gives the answers of the test, for situations that no real server produces
//! on request.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Runs until it is dropped.
pub struct FakeRedis {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl FakeRedis {
    /// Answers each command with the result of `answer` for its words: RESP2, as sent over the wire.
    pub async fn start(answer: impl Fn(&[String], SocketAddr) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                tokio::spawn(async move {
                    let mut client = BufReader::new(client);
                    while let Some(words) = command(&mut client).await {
                        if client.get_mut().write_all(answer(&words, address).as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, task }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for FakeRedis {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Encodes a text as Redis sends it.
pub fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// Encodes values as Redis sends a list of them.
pub fn array(values: &[String]) -> String {
    format!("*{}\r\n{}", values.len(), values.concat())
}

/// Reads the next command's words; `None` at the end.
async fn command(client: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let words = number(client, '*').await?;
    let mut command = Vec::new();
    for _ in 0..words {
        let mut word = vec![0; number(client, '$').await? + 2];
        client.read_exact(&mut word).await.ok()?;
        word.truncate(word.len() - 2);
        command.push(String::from_utf8(word).ok()?);
    }
    Some(command)
}

async fn number(client: &mut BufReader<TcpStream>, kind: char) -> Option<usize> {
    let mut line = String::new();
    client.read_line(&mut line).await.ok()?;
    line.strip_prefix(kind)?.trim().parse().ok()
}
