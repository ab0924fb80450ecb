//! `whatsapp-otp api-key NAME`: generates a key for a caller.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use data_encoding::HEXLOWER;
use rand::rngs::SysRng;

use super::output::print;
use crate::otp::{ApiKey, AppName, KeyKind, KeyName};

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
    let key = ApiKey::draw(arguments.kind, &mut SysRng).context("the operating system gave no randomness")?;
    print(format_args!("The key for the caller, which is shown only this once:\n\n{}\n", key.expose()))?;
    print("The settings that accept it, as TOML:\n")?;
    print(toml(arguments, &key))?;
    print("\nor in the environment:\n")?;
    print(variables(arguments, &key))?;
    Ok(ExitCode::SUCCESS)
}

fn hash(key: &ApiKey) -> String {
    HEXLOWER.encode(&key.sha256())
}

fn toml(Arguments { name, apps, kind }: &Arguments, key: &ApiKey) -> String {
    let apps: Vec<_> = apps.iter().map(|app| format!("\"{app}\"")).collect();
    let (apps, kind, hash) = (apps.join(", "), kind.as_str(), hash(key));
    format!("[keys.{name}]\napps = [{apps}]\nkind = \"{kind}\"\nsha256 = \"{hash}\"")
}

fn variables(Arguments { name, apps, kind }: &Arguments, key: &ApiKey) -> String {
    let apps: Vec<_> = apps.iter().map(AppName::as_str).collect();
    let start = format!("WHATSAPP_OTP__KEYS__{}__", name.as_str().to_uppercase());
    let (apps, kind, hash) = (apps.join(","), kind.as_str(), hash(key));
    format!("{start}APPS={apps}\n{start}KIND={kind}\n{start}SHA256={hash}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::config::{ServeSettings, Sources};

    #[test]
    fn both_printed_forms_are_settings_that_accept_the_key() {
        let apps = ["shop", "default"].map(|app| AppName::parse(app).unwrap()).to_vec();
        let arguments = Arguments { name: KeyName::parse("back-end_2").unwrap(), apps, kind: KeyKind::Client };
        let key = ApiKey::draw(arguments.kind, &mut SysRng).unwrap();
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
            assert_eq!((keys[0].key.apps.clone(), keys[0].sha256), (arguments.apps.clone(), key.sha256()));
        }
    }
}
