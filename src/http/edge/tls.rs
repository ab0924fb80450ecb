//! The certificate of the public listener, which is read again when its files change.

use std::sync::Arc;
use std::{fs, io};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::http::settings::TlsFiles;
use crate::reread;

/// The newest certificate that can be used. New connections get it; open ones keep theirs.
#[derive(Clone)]
pub(crate) struct Certificate(watch::Receiver<Arc<ServerConfig>>);

impl Certificate {
    /// Reads the files now, and again whenever they change.
    ///
    /// # Errors
    ///
    /// If they are not a certificate and its key.
    pub(crate) async fn read(files: TlsFiles) -> io::Result<Self> {
        let paths = vec![files.certificate.clone(), files.key.clone()];
        reread::follow("server.tls_cert_file", paths, move || read(&files)).await.map(Self)
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.borrow()))
    }
}

fn read(files: &TlsFiles) -> io::Result<Arc<ServerConfig>> {
    let (chain, key) = (fs::read(&files.certificate)?, fs::read(&files.key)?);
    let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(io::Error::other)?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    let mut config = config.map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
