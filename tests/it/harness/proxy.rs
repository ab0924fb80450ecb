//! A TCP proxy that fails on request: in front of Redis, it acts as a failing network or server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The proxy's treatment of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Passes everything on to this address.
    Pass(SocketAddr),
    /// Passes everything on to this address, with each byte delayed by this time: half of a round trip.
    Slow(SocketAddr, Duration),
    /// Passes what clients say on to this address, and drops the answers.
    Deaf(SocketAddr),
    /// Closes open connections and refuses new ones.
    Cut,
    /// Accepts connections and keeps them open, but passes nothing on.
    Frozen,
}

/// A proxy on a port of its own.
pub struct Proxy {
    address: SocketAddr,
    upstream: SocketAddr,
    mode: Arc<watch::Sender<Mode>>,
    passing: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy in front of `upstream`. Must be called within a Tokio runtime.
    pub fn start(upstream: SocketAddr) -> Self {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).listen(1024).unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, watch) = watch::channel(Mode::Pass(upstream));
        let passing = Arc::default();
        let task = tokio::spawn(run(listener, address, watch, Arc::clone(&passing)));
        Self { address, upstream, mode: Arc::new(mode), passing, task }
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the mode that passes everything on to the original address.
    pub fn upstream(&self) -> Mode {
        Mode::Pass(self.upstream)
    }

    /// Changes the mode for open and new connections before it returns.
    pub async fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
        let in_force = async || match mode {
            Mode::Pass(_) | Mode::Slow(..) | Mode::Deaf(_) => TcpStream::connect(self.address).await.is_ok(),
            Mode::Frozen => self.passing.load(Ordering::SeqCst) == 0,
            Mode::Cut => self.passing.load(Ordering::SeqCst) == 0 && TcpStream::connect(self.address).await.is_err(),
        };
        let patience = Instant::now() + Duration::from_secs(30);
        while !in_force().await {
            assert!(Instant::now() < patience, "{mode:?} does not come into force: {:?} pass", self.passing);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Binds a socket to the address, which several may share as long as at most one listens.
fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseport(true).expect("reuse");
    socket.bind(address).expect("a free port, or the proxy's own");
    socket
}

async fn run(listener: TcpListener, address: SocketAddr, mut mode: watch::Receiver<Mode>, passing: Arc<AtomicUsize>) {
    let mut listener = Some(listener);
    loop {
        let now = *mode.borrow_and_update();
        if now == Mode::Cut {
            // Bound but not listening: connections are refused, and nobody else can take the port.
            let socket = bind(address);
            drop(listener.take());
            if mode.changed().await.is_err() {
                return;
            }
            if *mode.borrow() != Mode::Cut {
                listener = Some(socket.listen(1024).expect("listen"));
            }
            continue;
        }
        let accepted = tokio::select! {
            accepted = listener.as_ref().expect("listening unless cut").accept() => accepted,
            changed = mode.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        if let Ok((client, _)) = accepted {
            tokio::spawn(pass(client, mode.clone(), Arc::clone(&passing)));
        }
    }
}

async fn pass(mut client: TcpStream, mut mode: watch::Receiver<Mode>, passing: Arc<AtomicUsize>) {
    let now = *mode.borrow_and_update();
    if let Mode::Pass(upstream) | Mode::Slow(upstream, _) | Mode::Deaf(upstream) = now {
        let Ok(mut server) = TcpStream::connect(upstream).await else { return };
        passing.fetch_add(1, Ordering::SeqCst);
        let copy = async {
            match now {
                Mode::Slow(_, delay) => {
                    let (from_client, to_client) = client.split();
                    let (from_server, to_server) = server.split();
                    tokio::join!(delayed(from_client, to_server, delay), delayed(from_server, to_client, delay));
                }
                Mode::Deaf(_) => {
                    let (mut from_client, _to_client) = client.split();
                    let (mut from_server, mut to_server) = server.split();
                    let mut nowhere = tokio::io::sink();
                    let heard = tokio::io::copy(&mut from_client, &mut to_server);
                    drop(tokio::join!(heard, tokio::io::copy(&mut from_server, &mut nowhere)));
                }
                _ => drop(tokio::io::copy_bidirectional(&mut client, &mut server).await),
            }
        };
        let ended = tokio::select! {
            () = copy => true,
            _ = mode.changed() => false,
        };
        passing.fetch_sub(1, Ordering::SeqCst);
        if ended {
            return;
        }
    }
    // The mode has changed: frozen keeps the socket open until the mode changes again, others drop it.
    let _ = mode.wait_for(|mode| *mode != Mode::Frozen).await;
}

/// Copies everything, with each byte delayed.
async fn delayed(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    let (sender, mut underway) = mpsc::unbounded_channel();
    let read = async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let _ = sender.send((Instant::now() + delay, buffer[..read].to_vec()));
        }
    };
    let write = async move {
        while let Some((due, bytes)) = underway.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}
