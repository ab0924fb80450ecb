//! `keys.*`: the API keys that are accepted.

use std::sync::Arc;

use data_encoding::HEXLOWER_PERMISSIVE;

use super::server::auth_mode;
use crate::config::fault::Fault;
use crate::config::keys;
use crate::config::reader::{Reader, Reported};
use crate::http::{AcceptedKey, AuthMode};
use crate::otp::{AppName, Key, KeyName};

/// Reads every key. There must be one if callers need one.
pub(in crate::config) fn read(reader: &mut Reader) -> Result<Arc<[AcceptedKey]>, Reported> {
    let apps = reader.names_in("apps").into_keys().filter_map(|name| AppName::parse(&name).ok());
    let apps: Vec<_> = apps.chain([AppName::default()]).collect();
    let mut keys: Vec<Result<AcceptedKey, Reported>> = Vec::new();
    for (text, origin) in reader.names_in("keys") {
        let name = KeyName::parse(&text).map_err(|error| {
            reader.report(Fault { key: format!("keys.{text}"), expected: error.to_string(), given: None, origin })
        });
        let key = read_key(reader, &format!("keys.{text}"), name, &apps).and_then(|key| {
            match keys.iter().flatten().find(|other| other.sha256 == key.sha256) {
                None => Ok(key),
                Some(other) => {
                    let expected = format!("the hash of another key than {}'s", other.key.name);
                    Err(reader.fault(&format!("keys.{text}.sha256"), expected))
                }
            }
        });
        keys.push(key);
    }
    if keys.is_empty() && auth_mode(reader)? == AuthMode::ApiKey {
        return Err(reader.fault("auth.mode", "open, or at least one key: `whatsapp-otp api-key` makes one"));
    }
    keys.into_iter().collect()
}

fn read_key(
    reader: &mut Reader,
    section: &str,
    name: Result<KeyName, Reported>,
    known: &[AppName],
) -> Result<AcceptedKey, Reported> {
    let [apps, kind, sha256] = ["apps", "kind", "sha256"].map(|member| format!("{section}.{member}"));
    let kind = reader.declared(&kind, |text| text.parse().ok());
    let sha256 = reader.required_secret(&sha256, |text| {
        let hash = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|hash| hash.try_into().ok());
        hash.ok_or_else(|| keys::takes(&sha256))
    });
    let apps = if reader.has(&apps) { read_apps(reader, &apps, known) } else { Ok(vec![AppName::default()]) };
    let key = Key { name: name?, kind: kind?, apps: apps? };
    Ok(AcceptedKey { key: Arc::new(key), sha256: sha256? })
}

fn read_apps(reader: &mut Reader, key: &str, known: &[AppName]) -> Result<Vec<AppName>, Reported> {
    let apps = reader.list(key, |text| {
        let app = known.iter().find(|app| app.as_str() == text).cloned();
        app.ok_or("the name of an app: default, or one with settings in [apps]")
    })?;
    if apps.is_empty() { Err(reader.fault(key, "at least one app")) } else { Ok(apps) }
}
