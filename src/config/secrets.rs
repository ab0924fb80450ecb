//! Secrets: given as `KEY`, or by the file that `KEY_file` names, but not both.

use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::fault::{Origin, SettingsError};
use super::keys;
use super::reader::{Input, Reader, Reported};

/// Secrets from files, which may change while the service runs. All other settings stay as they were.
#[derive(Clone)]
pub struct Replaceable<T> {
    files: Vec<PathBuf>,
    /// The values from the sources, before any file of a secret was read.
    given: Reader,
    read: fn(&mut Reader) -> Result<T, Reported>,
}

impl<T> Replaceable<T> {
    /// Returns the secrets under keys that start with `start`, which `reader` has read and `given` has not.
    pub(super) fn new(
        start: &str,
        reader: &Reader,
        given: Reader,
        read: fn(&mut Reader) -> Result<T, Reported>,
    ) -> Self {
        Self { files: reader.files_of(start), given, read }
    }

    /// Returns the files; none if the secrets have another origin.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.files.clone()
    }

    /// Reads the current secrets.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with every fault.
    pub fn read(&self) -> Result<T, SettingsError> {
        let mut reader = self.given.clone();
        let secrets = (self.read)(&mut reader);
        reader.finish(secrets)
    }
}

impl<T> fmt::Debug for Replaceable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replaceable").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Reader {
    /// Returns `true` if `key` was given a value or a file.
    pub(super) fn has_or_names(&self, key: &str) -> bool {
        self.has(key) || self.has(&keys::file_of(key))
    }

    /// A secret that may be left out.
    pub(super) fn secret<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Reported> {
        self.open_file_of(key, Input::One)?;
        self.optional(key, parse)
    }

    /// A secret that is required. The fault says how to give it.
    pub(super) fn required_secret<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Reported> {
        self.open_file_of(key, Input::One)?;
        self.required(key, |text| {
            parse(text).map_err(|expected| format!("{expected}, as {key} or {}", keys::file_of(key)))
        })
    }

    /// A list of secrets, one per line if it comes from a file.
    pub(super) fn secret_list<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, Reported> {
        let lines = |text: SecretString| Input::Many(text.expose_secret().lines().map(SecretString::from).collect());
        self.open_file_of(key, lines)?;
        self.list(key, parse)
    }

    /// Reads the file that `KEY_file` names into `key`, for an app into its own key if it has one. Apps that share a key
    /// share its file, which is read once.
    fn open_file_of(&mut self, key: &str, input: impl FnOnce(SecretString) -> Input) -> Result<(), Reported> {
        let key = &self.own_secret(key);
        let file_key = keys::file_of(key);
        if matches!(self.origin(key), Origin::KeyFile { .. }) {
            return Ok(());
        }
        let Some(path) = self.path(&file_key)? else {
            return Ok(());
        };
        if self.has(key) {
            let other = self.origin(&file_key);
            return Err(self.fault(key, format!("one source, but {file_key} is set too ({other})")));
        }
        match text_of(&path) {
            Err(expected) => Err(self.fault(&file_key, expected)),
            Ok(text) => {
                self.put(key.to_owned(), input(text), Origin::KeyFile { key: file_key, path });
                Ok(())
            }
        }
    }
}

/// Returns the text of a file, without the newline that editors and `echo` add at its end.
fn text_of(path: &Path) -> Result<SecretString, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("a readable text file ({error})"))?;
    let text = SecretString::from(text);
    let line = text.expose_secret();
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err("a file that is not empty".to_owned());
    }
    Ok(line.into())
}
