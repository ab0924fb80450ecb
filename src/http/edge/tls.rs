//! The certificate of the public listener, which is read again when its files change.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::http::settings::TlsFiles;
use crate::supervisor;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What new connections get: always the newest certificate that can be used.
#[derive(Clone)]
pub(in crate::http) struct Certificate(watch::Receiver<Arc<ServerConfig>>);

impl Certificate {
    /// Reads the files now, and again whenever they change for as long as anyone holds this.
    ///
    /// # Errors
    ///
    /// If they are not a certificate and its key.
    pub(in crate::http) async fn read(files: TlsFiles) -> io::Result<Self> {
        let stamps = stamps(&files).await;
        let (sender, receiver) = watch::channel(read(&files).await?);
        supervisor::spawn("certificate", reload_on_change(sender, files, stamps));
        Ok(Self(receiver))
    }

    pub(in crate::http) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.borrow()))
    }
}

/// Takes over new certificates for new connections; open ones keep theirs. A pair that does not fit, as when only one
/// of the files has been replaced yet, changes nothing and is tried again; the log hears of it once.
async fn reload_on_change(certificate: watch::Sender<Arc<ServerConfig>>, files: TlsFiles, mut in_force: Stamps) {
    let mut told = None;
    while !certificate.is_closed() {
        tokio::time::sleep(LOOK).await;
        let found = stamps(&files).await;
        if found == in_force {
            continue;
        }
        match read(&files).await {
            Ok(config) => {
                tracing::info!(certificate = %files.certificate.display(), "the certificate was replaced");
                certificate.send_replace(config);
                (in_force, told) = (found, None);
            }
            Err(error) => {
                let failure = Some((found, error.to_string()));
                if failure != told {
                    let certificate = files.certificate.display();
                    tracing::error!(%certificate, %error, "the new certificate cannot be used; the old one stays in force");
                    told = failure;
                }
            }
        }
    }
}

/// When the files were last written.
type Stamps = [Option<SystemTime>; 2];

async fn stamps(files: &TlsFiles) -> Stamps {
    let modified = async |path| tokio::fs::metadata(path).await.and_then(|metadata| metadata.modified()).ok();
    [modified(&files.certificate).await, modified(&files.key).await]
}

async fn read(files: &TlsFiles) -> io::Result<Arc<ServerConfig>> {
    let (chain, key) = (tokio::fs::read(&files.certificate).await?, tokio::fs::read(&files.key).await?);
    let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(io::Error::other)?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    let mut config = config.map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
