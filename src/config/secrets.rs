//! Secrets come as `KEY` or from the file that `KEY_file` names: exactly one of the two.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::fault::Origin;
use super::keys;
use super::reader::{Input, Reader, Reported};

impl Reader {
    /// Whether `key` was given a value, or a file with it.
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

    /// A secret that must be there. The fault says how to give it.
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

    /// A list of secrets; in a file one per line.
    pub(super) fn secret_list<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, Reported> {
        let lines = |text: SecretString| Input::Many(text.expose_secret().lines().map(SecretString::from).collect());
        self.open_file_of(key, lines)?;
        self.list(key, parse)
    }

    /// Puts the text of the file that `KEY_file` names in the place of `key`. Once for each key, as then it has a value.
    fn open_file_of(&mut self, key: &str, input: impl FnOnce(SecretString) -> Input) -> Result<(), Reported> {
        let file_key = keys::file_of(key);
        let Some(path) = self.path(&file_key)? else {
            return Ok(());
        };
        if self.has(key) {
            let other = self.origin(&file_key);
            return Err(self.fault(key, format!("one value, but {file_key} is another, from {other}")));
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

/// The text of a file without the newline that editors and `echo` leave at its end.
fn text_of(path: &Path) -> Result<SecretString, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("a text file that can be read ({error})"))?;
    let text = SecretString::from(text);
    let line = text.expose_secret();
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err("a file that is not empty".to_owned());
    }
    Ok(line.into())
}
