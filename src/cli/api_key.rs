//! `whatsapp-otp api-key NAME`: generates a key for a caller.
//!
//! A key is the prefix of its kind, 43 random characters (256 bits) and 6 for the CRC-32 of what comes before, all from
//! [`BASE62`]. Secret scanners find one by `otp_(sk|pk|test)_[0-9A-Za-z]{49}` and its checksum.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use data_encoding::HEXLOWER;
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};

use super::output::print;
use crate::otp::{AppName, KeyKind, KeyName};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62 to this power exceeds 2 to the 256th: as many bits as the hash has.
const RANDOM_CHARACTERS: usize = 43;
const CHECKSUM_CHARACTERS: usize = 6;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The key's name in logs and metrics: lower-case letters, digits, '-' and '_', a letter first
    #[arg(value_parser = KeyName::parse)]
    name: KeyName,
    /// An app that the key works for; repeat it for several
    #[arg(long = "app", value_parser = AppName::parse, default_value = AppName::DEFAULT)]
    apps: Vec<AppName>,
    /// The kind, which decides what its holder may do: server, client or test
    #[arg(long, value_parser = str::parse::<KeyKind>, default_value = "server")]
    kind: KeyKind,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let key = make(arguments.kind).context("the operating system gave no randomness")?;
    print(format_args!("The key for the caller, which is shown only this once:\n\n{key}\n"))?;
    print("The settings that accept it, as TOML:\n")?;
    print(toml(arguments, &key))?;
    print("\nor in the environment:\n")?;
    print(variables(arguments, &key))?;
    Ok(ExitCode::SUCCESS)
}

fn make(kind: KeyKind) -> Result<String, rand::rngs::SysError> {
    let (mut key, prefix) = (kind.prefix().to_owned(), kind.prefix().len());
    while key.len() < prefix + RANDOM_CHARACTERS {
        let mut random = [0];
        SysRng.try_fill_bytes(&mut random)?;
        // Bytes from 248, four times 62, would make some characters likelier.
        if random[0] < 248 {
            key.push(char::from(BASE62[usize::from(random[0] % 62)]));
        }
    }
    let checksum = checksum(&key);
    Ok(key + &checksum)
}

fn checksum(text: &str) -> String {
    let mut rest = crc32(text.as_bytes()) as usize;
    let mut characters = [b'0'; CHECKSUM_CHARACTERS];
    for character in characters.iter_mut().rev() {
        *character = BASE62[rest % 62];
        rest /= 62;
    }
    characters.map(char::from).iter().collect()
}

/// Returns the CRC-32 of zlib and Ethernet.
fn crc32(bytes: &[u8]) -> u32 {
    let shifted = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), shifted))
}

fn hash(key: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(key))
}

fn toml(Arguments { name, apps, kind }: &Arguments, key: &str) -> String {
    let apps: Vec<_> = apps.iter().map(|app| format!("\"{app}\"")).collect();
    let (apps, kind, hash) = (apps.join(", "), kind.as_str(), hash(key));
    format!("[keys.{name}]\napps = [{apps}]\nkind = \"{kind}\"\nsha256 = \"{hash}\"")
}

fn variables(Arguments { name, apps, kind }: &Arguments, key: &str) -> String {
    let apps: Vec<_> = apps.iter().map(AppName::as_str).collect();
    let start = format!("WHATSAPP_OTP__KEYS__{}__", name.as_str().to_uppercase());
    let (apps, kind, hash) = (apps.join(","), kind.as_str(), hash(key));
    format!("{start}APPS={apps}\n{start}KIND={kind}\n{start}SHA256={hash}")
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::config::{ServeSettings, Sources};

    #[test]
    fn keys_have_the_prefix_of_their_kind_256_random_bits_and_a_checksum() {
        for kind in KeyKind::ALL {
            let keys: HashSet<_> = (0..100).map(|_| make(kind).unwrap()).collect();
            assert_eq!(keys.len(), 100);
            for key in keys {
                let (start, written) = key.split_at(key.len() - CHECKSUM_CHARACTERS);
                assert_eq!(checksum(start), written);
                let random = start.strip_prefix(kind.prefix()).unwrap();
                assert!(random.len() == 43 && random.bytes().all(|byte| BASE62.contains(&byte)), "{key}");
            }
        }
    }

    #[test]
    fn the_checksum_is_that_of_zlib_in_base_62() {
        // python3 -c 'import zlib; print(zlib.crc32(b"123456789"))'
        assert_eq!(crc32(b"123456789"), 3_421_780_262);
        assert_eq!(checksum("123456789"), "3jZRME");
    }

    #[test]
    fn both_printed_forms_are_settings_that_accept_the_key() {
        let apps = ["shop", "default"].map(|app| AppName::parse(app).unwrap()).to_vec();
        let arguments = Arguments { name: KeyName::parse("back-end_2").unwrap(), apps, kind: KeyKind::Client };
        let key = make(arguments.kind).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        let app = "[apps.shop]\n";
        for (toml, variables) in [(toml(&arguments, &key), String::new()), (String::new(), variables(&arguments, &key))]
        {
            std::fs::write(&file, format!("{app}{toml}")).unwrap();
            let mut environment: HashMap<_, _> = variables
                .lines()
                .map(|line| line.split_once('=').unwrap())
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect();
            for (name, value) in [
                ("OTP__SECRET", "0123456789abcdef0123456789abcdef"),
                ("WHATSAPP__WABA_ID", "1"),
                ("WHATSAPP__ACCESS_TOKEN", "EAA"),
                ("WHATSAPP__PHONE_NUMBER_ID", "2"),
                ("WHATSAPP__TEMPLATE_ID", "3"),
            ] {
                environment.insert(format!("WHATSAPP_OTP__{name}"), value.to_owned());
            }
            let settings = ServeSettings::load(&Sources { file: Some(file.clone()), environment }).unwrap();
            let keys = settings.common.server.keys.borrow().clone();
            assert_eq!((keys[0].key.name.clone(), keys[0].key.kind), (arguments.name.clone(), arguments.kind));
            assert_eq!(
                (keys[0].key.apps.clone(), keys[0].sha256),
                (arguments.apps.clone(), Sha256::digest(&key).into())
            );
        }
    }
}
