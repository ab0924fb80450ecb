//! `whatsapp-otp proof-key`: generates a key that signs proofs.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::output::print;
use crate::proof::SigningKey;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file to create for the key, which must not exist; only its owner will be able to read it
    #[arg(long, value_name = "FILE", default_value = "proof-key.pem")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let pem = SigningKey::draw().map_err(|_| anyhow::anyhow!("the operating system gave no randomness"))?;
    let key = SigningKey::from_pem(pem.expose_secret())?;
    let path = absolute(&arguments.out)?;
    create(&path, &pem).with_context(|| format!("{} cannot be created", path.display()))?;
    print(format_args!("The key {} is in {}, which only you can read.\n", key.kid(), path.display()))?;
    print("The settings that sign proofs with it, as TOML, beside server.public_url or proof.issuer:\n")?;
    print(toml(&path))?;
    print("\nor in the environment:\n")?;
    print(variable(&path))?;
    print(
        "\nIf another key signs already, let this one sign only after others have fetched it: add the moment, as in \
         FILE@2026-12-01T00:00:00Z.\n\nIts entry in /.well-known/jwks.json, which is public:\n",
    )?;
    print(key.public())?;
    Ok(ExitCode::SUCCESS)
}

/// Creates the file.
fn create(path: &Path, pem: &SecretString) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(pem.expose_secret().as_bytes())?;
    file.sync_all()
}

fn toml(path: &Path) -> String {
    format!("[proof]\nsigning_key_files = [{:?}]", path.display().to_string())
}

fn variable(path: &Path) -> String {
    format!("WHATSAPP_OTP__PROOF__SIGNING_KEY_FILES={}", path.display())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::{SandboxSettings, Sources};
    use crate::otp::World;
    use crate::proof::Worlds;

    #[test]
    fn a_key_is_for_its_owner_alone_and_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("key.pem");
        run(&Arguments { out: out.clone() }).unwrap();
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
        let pem = fs::read_to_string(&out).unwrap();
        let error = run(&Arguments { out: out.clone() }).unwrap_err();
        assert!(format!("{error:#}").contains("exists"), "{error:#}");
        assert_eq!(fs::read_to_string(&out).unwrap(), pem);
    }

    #[test]
    fn both_printed_forms_are_settings_that_sign_with_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("key.pem");
        run(&Arguments { out: out.clone() }).unwrap();
        let kid = SigningKey::from_pem(&fs::read_to_string(&out).unwrap()).unwrap().kid().to_owned();
        let file = folder.path().join("settings.toml");
        fs::write(&file, toml(&out)).unwrap();
        let (name, value) = variable(&out).split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap();
        for sources in [
            Sources { file: Some(file), environment: HashMap::new() },
            Sources { file: None, environment: HashMap::from([(name, value)]) },
        ] {
            let files = SandboxSettings::load(&sources).unwrap().proof_keys;
            let worlds = Worlds::read(&files).unwrap();
            let signing = worlds.of(World::Live).signing(jiff::Timestamp::now());
            assert_eq!(signing.unwrap().kid(), kid);
        }
    }
}
