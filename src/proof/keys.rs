//! The keys of both worlds, which follow their files.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use metrics::gauge;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use tokio::time::sleep;

use super::key::{KeyError, SigningKey};
use super::key_set::{GivenTwice, KeySet};
use super::settings::{KeyFile, KeyFiles};
use crate::otp::World;
use crate::reread;
use crate::supervisor;
use crate::telemetry::metrics::PROOF_KEY_INFO;

/// The time between two looks at which key signs.
const LOOK: Duration = Duration::from_secs(1);

/// The keys in force, of both worlds. Clones share them.
#[derive(Debug, Clone)]
pub struct ProofKeys(Arc<watch::Receiver<Arc<Worlds>>>);

/// The keys of both worlds at one time.
#[derive(Debug, Default)]
pub struct Worlds {
    live: KeySet,
    test: KeySet,
}

/// The keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file cannot be read.
    #[error("{}: {error}", file.path.display())]
    File {
        /// The file.
        file: KeyFile,
        /// The reason.
        error: std::io::Error,
    },
    /// A file does not hold a key.
    #[error("{}: {error}", file.path.display())]
    Key {
        /// The file.
        file: KeyFile,
        /// The reason.
        error: KeyError,
    },
    /// A key is given twice.
    #[error(transparent)]
    GivenTwice(#[from] GivenTwice),
    /// A key signs in both worlds, so test proofs could be taken for real ones.
    #[error("the key {0} is given for live proofs and for test proofs")]
    InBothWorlds(String),
    /// No key can be drawn.
    #[error("the operating system gave no randomness")]
    Entropy,
}

impl ProofKeys {
    /// Reads the keys, and reads them again whenever their files change. Must be called within a Tokio runtime, after
    /// metrics are installed.
    ///
    /// # Errors
    ///
    /// [`KeysError`] if they cannot be used.
    pub async fn follow(files: KeyFiles) -> Result<Self, KeysError> {
        let sources = World::ALL.map(|world| Source::Files(files.of(world).to_vec()));
        Self::follow_sources(files, sources).await
    }

    /// The same, with a drawn key for each world without files.
    ///
    /// # Errors
    ///
    /// [`KeysError`] if they cannot be used.
    pub async fn follow_or_draw(files: KeyFiles) -> Result<Self, KeysError> {
        let source = |world| match files.of(world) {
            [] => SigningKey::draw().map(Source::Drawn).map_err(|_| KeysError::Entropy),
            files => Ok(Source::Files(files.to_vec())),
        };
        let sources = [source(World::Live)?, source(World::Test)?];
        Self::follow_sources(files, sources).await
    }

    async fn follow_sources(files: KeyFiles, [live, test]: [Source; 2]) -> Result<Self, KeysError> {
        let paths: Vec<PathBuf> = files.live.into_iter().chain(files.test).map(|file| file.path).collect();
        let read = move || Worlds::new(live.read()?, test.read()?).map(Arc::new);
        let keys = Self(Arc::new(reread::follow("proof keys", paths, read).await?));
        supervisor::spawn("proof keys", report(Arc::downgrade(&keys.0)));
        Ok(keys)
    }

    /// Returns the keys in force.
    #[must_use]
    pub fn current(&self) -> Arc<Worlds> {
        Arc::clone(&self.0.borrow())
    }
}

/// No keys.
impl Default for ProofKeys {
    fn default() -> Self {
        Self(Arc::new(watch::channel(Arc::default()).1))
    }
}

impl Worlds {
    /// Reads the keys once.
    ///
    /// # Errors
    ///
    /// [`KeysError`] if they cannot be used.
    pub fn read(files: &KeyFiles) -> Result<Self, KeysError> {
        let read = |world| Source::Files(files.of(world).to_vec()).read();
        Self::new(read(World::Live)?, read(World::Test)?)
    }

    fn new(live: KeySet, test: KeySet) -> Result<Self, KeysError> {
        let of_live = |kid: &str| live.iter().any(|(_, key)| key.kid() == kid);
        let in_both = test.iter().map(|(_, key)| key.kid()).find(|kid| of_live(kid)).map(str::to_owned);
        in_both.map_or(Ok(Self { live, test }), |kid| Err(KeysError::InBothWorlds(kid)))
    }

    /// Returns the keys of one world.
    #[must_use]
    pub fn of(&self, world: World) -> &KeySet {
        match world {
            World::Live => &self.live,
            World::Test => &self.test,
        }
    }
}

/// The source of one world's keys.
enum Source {
    Files(Vec<KeyFile>),
    /// PKCS#8 PEM of one key.
    Drawn(SecretString),
}

impl Source {
    fn read(&self) -> Result<KeySet, KeysError> {
        let keys = match self {
            Self::Files(files) => files.iter().map(|file| Ok((file.not_before, read(file)?))).collect(),
            Self::Drawn(pem) => {
                let key = SigningKey::from_pem(pem.expose_secret()).map_err(|_| KeysError::Entropy)?;
                Ok::<_, KeysError>(vec![(None, key)])
            }
        };
        Ok(KeySet::new(keys?)?)
    }
}

fn read(file: &KeyFile) -> Result<SigningKey, KeysError> {
    let pem = fs::read_to_string(&file.path).map_err(|error| KeysError::File { file: file.clone(), error })?;
    let pem = SecretString::from(pem);
    SigningKey::from_pem(pem.expose_secret()).map_err(|error| KeysError::Key { file: file.clone(), error })
}

/// Logs which key signs live proofs whenever another one does, and measures it, for as long as the keys are in use.
async fn report(keys: Weak<watch::Receiver<Arc<Worlds>>>) {
    let (mut signed, mut published) = (None, BTreeSet::new());
    while let Some(keys) = keys.upgrade() {
        let worlds = Arc::clone(&keys.borrow());
        drop(keys);
        let signing = worlds.live.signing(Timestamp::now()).map(|key| key.kid().to_owned());
        published.extend(worlds.live.iter().map(|(_, key)| key.kid().to_owned()));
        for kid in &published {
            let signs = signing.as_ref() == Some(kid);
            gauge!(PROOF_KEY_INFO, "kid" => kid.clone()).set(if signs { 1.0 } else { 0.0 });
        }
        if signed.as_ref() != Some(&signing) {
            match &signing {
                Some(kid) => tracing::info!(kid, "proofs are signed with this key"),
                None if published.is_empty() => {}
                None => tracing::warn!("no key signs proofs yet; there are none until the first key's time"),
            }
            signed = Some(signing);
        }
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A folder with one key in each of these files.
    fn folder(names: &[&str]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for name in names {
            fs::write(folder.path().join(name), SigningKey::draw().unwrap().expose_secret()).unwrap();
        }
        folder
    }

    fn files(folder: &TempDir, names: &[&str]) -> Vec<KeyFile> {
        names.iter().map(|name| KeyFile::parse(folder.path().join(name).to_str().unwrap()).unwrap()).collect()
    }

    #[test]
    fn the_worlds_share_no_key() {
        let folder = folder(&["a", "b"]);
        let both = |live: &[&str], test: &[&str]| {
            Worlds::read(&KeyFiles { live: files(&folder, live), test: files(&folder, test) })
        };
        let worlds = both(&["a"], &["b"]).unwrap();
        let [live, test] = World::ALL.map(|world| worlds.of(world).jwks().text.clone());
        assert_ne!(live, test);
        assert!(matches!(both(&["a"], &["b", "a"]), Err(KeysError::InBothWorlds(_))));
        assert!(matches!(both(&["a", "a"], &[]), Err(KeysError::GivenTwice(_))));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let folder = folder(&[]);
        let error = |name| {
            let files = KeyFiles { live: files(&folder, &[name]), test: Vec::new() };
            Worlds::read(&files).unwrap_err().to_string()
        };
        fs::write(folder.path().join("empty"), "").unwrap();
        let start = |name| folder.path().join(name).display().to_string();
        assert_eq!(error("empty"), format!("{}: {}", start("empty"), KeyError::NotPkcs8));
        assert!(error("absent").starts_with(&start("absent")), "{}", error("absent"));
    }

    #[tokio::test]
    async fn worlds_without_files_may_draw_keys() {
        let folder = folder(&["a"]);
        let files = KeyFiles { live: files(&folder, &["a"]), test: Vec::new() };
        let given = Worlds::read(&files).unwrap().of(World::Live).jwks().clone();
        let keys = ProofKeys::follow_or_draw(files).await.unwrap().current();
        assert_eq!(*keys.of(World::Live).jwks(), given);
        assert!(keys.of(World::Test).signing(Timestamp::now()).is_some());
    }
}
