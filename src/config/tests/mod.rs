//! Settings from source to meaning, without the environment of this process.

mod account;
mod api_keys;
mod apps;
mod commands;
mod faults;
mod files;
mod reviewers;
mod secrets;
mod settings_files;
mod sources;
mod values;

use std::collections::HashMap;
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::{Fault, SandboxSettings, ServeSettings, Settings, SettingsError, Sources, keys};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const TOKEN: &str = "EAA-a-token-that-nobody-may-see";

/// Sources with `pairs` of key and value in the environment.
fn given(pairs: &[(&str, &str)]) -> Sources {
    let variable = |&(key, value): &(&str, &str)| (keys::variable(key), value.to_owned());
    Sources { file: None, environment: pairs.iter().map(variable).collect() }
}

/// Sources with all that `serve` requires, overridden by `pairs`.
fn complete(pairs: &[(&str, &str)]) -> Sources {
    let mut sources = given(&[
        ("otp.secret", SECRET),
        ("whatsapp.waba_id", "1"),
        ("whatsapp.access_token", TOKEN),
        ("whatsapp.phone_number_id", "2"),
        ("whatsapp.template_id", "3"),
        ("whatsapp.info_file", ""),
    ]);
    sources.environment.extend(given(pairs).environment);
    sources
}

fn serve(pairs: &[(&str, &str)]) -> Result<ServeSettings, SettingsError> {
    ServeSettings::load(&complete(pairs))
}

/// A file of `text` in its own directory, which is deleted when the first half of the pair is dropped.
fn file(name: &str, text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    (directory, path)
}

fn from_file(text: &str) -> (TempDir, Sources) {
    let (directory, path) = file("settings.toml", text);
    let sources = Sources { file: Some(path), environment: HashMap::new() };
    (directory, sources)
}

/// Returns the only fault of a load that must fail.
fn only_fault<T: Debug>(loaded: Result<T, SettingsError>) -> Fault {
    let error = loaded.unwrap_err();
    assert_eq!(error.faults().len(), 1, "{error}");
    error.faults()[0].clone()
}

fn fault_keys(error: &SettingsError) -> Vec<&str> {
    error.faults().iter().map(|fault| fault.key.as_str()).collect()
}
