//! Files that are read again when they change: certificates and secrets.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::supervisor;

/// The time between two looks at the files.
const LOOK: Duration = Duration::from_secs(1);

/// Reads a value now, and again whenever the contents of its `files` change, for as long as there is a receiver. A value that
/// cannot be used, as when only one of two files has been replaced yet, changes nothing and is logged once.
///
/// Contents are compared rather than times, so that it does not matter how a file is replaced: in place, by a rename, or by
/// the symbolic links of Kubernetes.
///
/// # Errors
///
/// That of the first `read`.
pub async fn follow<T, E>(
    what: &'static str,
    files: Vec<PathBuf>,
    read: impl Fn() -> Result<T, E> + Send + Sync + 'static,
) -> Result<watch::Receiver<T>, E>
where
    T: Send + Sync + 'static,
    E: Display + Send + 'static,
{
    let in_force = contents(&files).await;
    let (sender, receiver) = watch::channel(read()?);
    if !files.is_empty() {
        supervisor::spawn("files", read_again(what, files, read, sender, in_force));
    }
    Ok(receiver)
}

async fn read_again<T, E: Display>(
    what: &'static str,
    files: Vec<PathBuf>,
    read: impl Fn() -> Result<T, E>,
    sender: watch::Sender<T>,
    mut in_force: Contents,
) {
    let mut refused = None;
    while !sender.is_closed() {
        sleep(LOOK).await;
        let found = contents(&files).await;
        if found == in_force {
            refused = None;
        }
        if found == in_force || refused.as_ref() == Some(&found) {
            continue;
        }
        match read() {
            Ok(value) => {
                tracing::info!(?files, "{what}: the new value is in force");
                sender.send_replace(value);
                (in_force, refused) = (found, None);
            }
            Err(error) => {
                tracing::error!(?files, %error, "{what}: the new value cannot be used; the old one stays in force");
                refused = Some(found);
            }
        }
    }
}

/// Hashes of the files' contents, which may be secret; none for a file that cannot be read.
type Contents = Vec<Option<[u8; 32]>>;

async fn contents(files: &[PathBuf]) -> Contents {
    let mut contents = Vec::with_capacity(files.len());
    for file in files {
        contents.push(tokio::fs::read(file).await.ok().map(|bytes| Sha256::digest(bytes).into()));
    }
    contents
}
