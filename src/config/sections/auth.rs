//! `auth.*`: who may call.

use crate::config::reader::{Reader, Reported};
use crate::http::{AcceptedKey, AuthMode};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open,
    ApiKey,
}

pub(in crate::config) fn read(reader: &mut Reader) -> Result<AuthMode, Reported> {
    let mode = reader.word("auth.mode", &[("open", Mode::Open), ("api_key", Mode::ApiKey)]);
    let keys = reader.list("auth.api_keys", AcceptedKey::parse);
    let (mode, keys) = (mode?, keys?);
    let names: Vec<_> = keys.iter().map(|key| key.key.name.as_str()).collect();
    reader.show_as("auth.api_keys", names.join(", "));
    match mode {
        Mode::Open => Ok(AuthMode::Open),
        Mode::ApiKey if keys.is_empty() => {
            let expected = "at least one NAME:SHA256HEX, as auth.mode is api_key";
            Err(reader.fault("auth.api_keys", expected))
        }
        Mode::ApiKey => Ok(AuthMode::ApiKeys(keys)),
    }
}
