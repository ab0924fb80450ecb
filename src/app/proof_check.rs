//! Tries the keys of proofs, for `whatsapp-otp check`.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::redirect::Policy;
use serde::Deserialize;

use super::trial::{Outcome, Part, Trial};
use crate::config::ServeSettings;
use crate::http::PublicUrl;
use crate::otp::World;
use crate::proof::{KeySet, ProofSettings, SigningKey, Worlds};

/// The maximum time for the public URL to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The remedy for files of keys.
const FILES: &str =
    "Each file must hold a key that `whatsapp-otp proof-key` made, and the service must be allowed to read it.";
const NONE_YET: &str = "Add a key whose time has passed, or one without a time. Until then there are no proofs.";

/// Reads the keys, says which one signs, and compares them with those that the public URL publishes.
pub(super) async fn proof_keys(settings: &ServeSettings) -> Vec<Trial> {
    let Some(proofs) = &settings.proofs else { return Vec::new() };
    let worlds = match Worlds::read(&proofs.files) {
        Ok(worlds) => worlds,
        Err(error) => {
            let subject = subject(proofs, World::Live);
            return vec![Trial::failed(Part::ProofKeys, subject, error.to_string(), FILES)];
        }
    };
    let mut trials = Vec::new();
    for world in World::ALL.into_iter().filter(|world| !proofs.files.of(*world).is_empty()) {
        let keys = worlds.of(world);
        let warnings = match &settings.common.server.public_url {
            Some(url) => differences(keys, url, world).await,
            None => Vec::new(),
        };
        let signs = keys.signing(Timestamp::now()).is_some();
        let outcome = if signs { Outcome::Works } else { Outcome::Failed { fix: NONE_YET.to_owned() } };
        let none = (!signs).then(|| "no key signs yet".to_owned());
        let details = none.into_iter().chain(listed(keys, Timestamp::now())).collect();
        trials.push(Trial::new(Part::ProofKeys, subject(proofs, world), outcome, details).with_warnings(warnings));
    }
    trials
}

fn subject(proofs: &ProofSettings, world: World) -> String {
    let kind = match world {
        World::Live => "",
        World::Test => " for test keys",
    };
    format!("issuer {}{kind}", proofs.issuer.of(world))
}

/// Returns a line for each key.
fn listed(keys: &KeySet, now: Timestamp) -> Vec<String> {
    let signing = keys.signing(now).map(SigningKey::kid);
    let line = |(start, key): (Option<Timestamp>, &SigningKey)| match start {
        _ if signing == Some(key.kid()) => format!("{} signs", key.kid()),
        Some(start) if start > now => format!("{} signs from {start} on", key.kid()),
        _ => format!("{} is published only", key.kid()),
    };
    keys.iter().map(line).collect()
}

/// Returns the differences between these keys and those that the public URL publishes, each with a remedy.
async fn differences(keys: &KeySet, url: &PublicUrl, world: World) -> Vec<String> {
    let url = match world {
        World::Live => format!("{url}/.well-known/jwks.json"),
        World::Test => format!("{url}/test/.well-known/jwks.json"),
    };
    let there = match published(&url).await {
        Ok(there) => there,
        Err(error) => {
            return vec![format!(
                "{url} does not answer with keys ({error}). Check server.public_url, and that the service runs."
            )];
        }
    };
    let here: BTreeSet<_> = keys.iter().map(|(_, key)| key.kid().to_owned()).collect();
    let missing = here
        .difference(&there)
        .map(|kid| format!("{kid} is not at {url}. Give it to every instance, and wait an hour before it signs."));
    let unknown = there.difference(&here).map(|kid| {
        format!("{kid} is at {url} but not here. Add it here too: otherwise the proofs of instances that have it fail for those who fetch the keys from this one.")
    });
    missing.chain(unknown).collect()
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<PublicKey>,
}

#[derive(Deserialize)]
struct PublicKey {
    kid: String,
}

/// Returns the ids of the keys at this URL.
async fn published(url: &str) -> anyhow::Result<BTreeSet<String>> {
    let client = reqwest::Client::builder().timeout(PATIENCE).redirect(Policy::none()).build()?;
    let response = client.get(url).send().await.map_err(reqwest::Error::without_url)?;
    let response = response.error_for_status().map_err(reqwest::Error::without_url)?;
    let published: Published = response.json().await.map_err(reqwest::Error::without_url)?;
    Ok(published.keys.into_iter().map(|key| key.kid).collect())
}
