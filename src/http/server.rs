//! Listening, with or without TLS, and stopping without dropping anyone.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use axum::{BoxError, ServiceExt};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use tower::Service;
use tower::util::MapRequest;

use super::settings::TlsFiles;

/// How long a new connection may take to bring its first request, and any to bring a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest head of a request: HTTP/1 reads into a buffer of this size, HTTP/2 counts the list of headers.
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_HEAD_LIST_BYTES: u32 = 16 * 1024;
/// How often certificate files are looked at.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(1);

/// A bound address, not yet served.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<RustlsConfig>,
}

/// Listening is not possible.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error("{address} cannot be listened on: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("server.tls_cert_file {certificate} and server.tls_key_file {key} cannot be used: {source}", certificate = files.certificate.display(), key = files.key.display())]
    Certificate {
        /// The files.
        files: TlsFiles,
        /// Why.
        source: io::Error,
    },
}

impl Listener {
    /// Binds `address`; with `tls`, connections speak HTTPS, and the files are read again whenever they change.
    ///
    /// # Errors
    ///
    /// [`ListenError`] if the address is taken or the certificate is none.
    pub async fn bind(address: SocketAddr, tls: Option<TlsFiles>) -> Result<Self, ListenError> {
        let bind = || -> io::Result<_> {
            let socket = TcpListener::bind(address)?;
            let bound = socket.local_addr()?;
            Ok((socket, bound))
        };
        let (socket, bound) = bind().map_err(|source| ListenError::Address { address, source })?;
        let tls = match tls {
            None => None,
            Some(files) => {
                let config = RustlsConfig::from_pem_file(&files.certificate, &files.key).await;
                let config = config.map_err(|source| ListenError::Certificate { files: files.clone(), source })?;
                tokio::spawn(reload_on_change(config.clone(), files));
                Some(config)
            }
        };
        Ok(Self { socket, address: bound, tls })
    }

    /// The address, with the port that was given if any would do.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Serves until `handle` says to stop.
    ///
    /// # Errors
    ///
    /// What the socket reports.
    pub async fn serve<S>(self, service: S, handle: Handle<SocketAddr>) -> io::Result<()>
    where
        S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
    {
        let service = MapRequest::new(service, with_any_body);
        let service = service.into_make_service_with_connect_info::<SocketAddr>();
        macro_rules! serve {
            ($server:expr) => {{
                let mut server = $server.handle(handle).first_request_timeout(HEAD_TIMEOUT);
                server
                    .http_builder()
                    .http1()
                    .header_read_timeout(HEAD_TIMEOUT)
                    .max_buf_size(MAX_HEAD_BYTES)
                    .writev(false);
                server.http_builder().http2().max_header_list_size(MAX_HEAD_LIST_BYTES);
                server.serve(service).await
            }};
        }
        match self.tls {
            None => serve!(axum_server::from_tcp(self.socket)?),
            Some(tls) => serve!(axum_server::from_tcp_rustls(self.socket, tls)?),
        }
    }
}

/// The request as services take it, whose body may come from anywhere.
fn with_any_body<B>(request: Request<B>) -> Request
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    request.map(Body::new)
}

/// Takes over new certificates for new connections; open ones keep theirs. A pair that does not fit, as when only one
/// of the files has been replaced yet, changes nothing and is tried again.
async fn reload_on_change(config: RustlsConfig, files: TlsFiles) {
    let mut in_force = stamps(&files).await;
    loop {
        tokio::time::sleep(CERTIFICATE_CHECK).await;
        let found = stamps(&files).await;
        if found == in_force {
            continue;
        }
        match config.reload_from_pem_file(&files.certificate, &files.key).await {
            Ok(()) => {
                tracing::info!(certificate = %files.certificate.display(), "the certificate was replaced");
                in_force = found;
            }
            Err(error) => tracing::error!(%error, "the new certificate cannot be used; the old one stays in force"),
        }
    }
}

async fn stamps(files: &TlsFiles) -> [Option<std::time::SystemTime>; 2] {
    let modified = async |path| tokio::fs::metadata(path).await.and_then(|metadata| metadata.modified()).ok();
    [modified(&files.certificate).await, modified(&files.key).await]
}
