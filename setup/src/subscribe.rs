//! `whatsapp-otp-setup subscribe`: has WhatsApp report the fate of messages to the service.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use data_encoding::HEXLOWER;
use rand::TryRng;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use whatsapp_otp::whatsapp::client::CallError;
use whatsapp_otp::whatsapp::subscription::{Subscription, WEBHOOK_PATH};

use crate::advice::{Advice, Concern, Doing};
use crate::cli::{Manner, print_json};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::links;

/// Graph's code for a URL that did not repeat the challenge.
const NOT_VERIFIED: i64 = 2_200;
/// Meta's limit for the URL of an account.
const LONGEST_URL: usize = 200;
/// The pauses before further attempts: a running service reads a new token within seconds.
const PAUSES: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(6)];

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The URL of this account's webhooks, `https://HOST/webhooks/whatsapp`; without one they go to the URL in the app's
    /// dashboard
    #[arg(long, value_name = "URL", env = "WHATSAPP_OTP_SETUP_CALLBACK_URL", value_parser = callback_url)]
    callback_url: Option<String>,
    /// The file of the verify token, generated if it does not exist (default: beside the file of the account)
    #[arg(long, value_name = "FILE", env = "WHATSAPP_OTP_SETUP_VERIFY_TOKEN_FILE")]
    verify_token_file: Option<PathBuf>,
}

fn callback_url(text: &str) -> Result<String, String> {
    let fine = text.starts_with("http") && text.len() <= LONGEST_URL && text.ends_with(WEBHOOK_PATH);
    let expected = || format!("a URL of at most {LONGEST_URL} characters that ends with {WEBHOOK_PATH}");
    fine.then(|| text.to_owned()).ok_or_else(expected)
}

pub(crate) async fn run(connection: Connection, arguments: &Arguments, manner: Manner) -> Result<u8, Failure> {
    let ui = manner.ui;
    let (waba_id, client) = connection.account()?;
    let beside = || connection.info_file.path().with_file_name("whatsapp-verify-token");
    let path = arguments.verify_token_file.clone().unwrap_or_else(beside);
    let (token, is_new) = verify_token(&path)?;
    let shown = path.display();
    if is_new {
        ui.say(format!("Written, readable only by you: {shown}"));
    }
    let settings = format!(
        "The service needs these settings:\n  whatsapp.webhook_verify_token_file = \"{shown}\"\n  \
         whatsapp.app_secret_file = a file with the app's secret, from its dashboard: App settings, Basic"
    );
    ui.say(&settings);
    let callback = arguments.callback_url.as_deref().map(|url| (url, token.expose_secret()));
    let mut subscribed = Subscription::subscribe(&client, &waba_id, callback).await;
    for pause in PAUSES {
        if !matches!(&subscribed, Err(CallError::Api(error)) if error.code == NOT_VERIFIED) {
            break;
        }
        tokio::time::sleep(pause).await;
        subscribed = Subscription::subscribe(&client, &waba_id, callback).await;
    }
    subscribed.map_err(|error| explain(&error))?;
    match &arguments.callback_url {
        Some(url) => ui.confirm_fine(format!("the app is subscribed; webhooks about messages go to {url}")),
        None => ui.confirm_fine("the app is subscribed; webhooks go to the URL in its dashboard"),
    }
    ui.say(format!(
        "\nNext, in the app's dashboard ({}), WhatsApp, Configuration: subscribe to the field messages and, for news about \
         the account, to account_update, account_alerts, message_template_status_update and the other fields. News about \
         the account always goes to the URL there. Then run `whatsapp-otp check --webhook PHONE` with your own number.",
        links::APPS
    ));
    if manner.json {
        print_json(&json!({
            "waba_id": waba_id,
            "callback_url": arguments.callback_url,
            "verify_token_file": path,
        }));
    }
    Ok(0)
}

/// Reads the token, or generates one that only the owner can read. Returns `true` if it is new.
fn verify_token(path: &Path) -> anyhow::Result<(SecretString, bool)> {
    let context = || format!("{} cannot be used as the verify token's file", path.display());
    match fs::read_to_string(path) {
        Ok(text) => {
            let first = text.lines().map(str::trim).find(|line| !line.is_empty());
            let token = first.with_context(|| format!("{} is empty", path.display()))?;
            return Ok((token.into(), false));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(context),
    }
    let mut bytes = [0; 24];
    SysRng.try_fill_bytes(&mut bytes).context("the operating system provides no randomness")?;
    let token = HEXLOWER.encode(&bytes);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).with_context(context)?;
    file.write_all(format!("{token}\n").as_bytes()).and_then(|()| file.sync_all()).with_context(context)?;
    Ok((token.into(), true))
}

fn explain(error: &CallError) -> Failure {
    let advice = match error {
        CallError::Api(api) if api.code == NOT_VERIFIED => Advice::new(
            "the callback URL did not repeat WhatsApp's challenge",
            "Start the service with the settings above, make sure that the URL leads to it over HTTPS with a public \
             certificate, and run this again.",
            Concern::Outside,
        )
        .with_words(error.to_string()),
        _ => Advice::of(error, Doing::Account),
    };
    advice.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_generated_once_and_only_its_owner_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let (first, is_new) = verify_token(&path).unwrap();
        assert!(is_new && first.expose_secret().len() == 48);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let (again, is_new) = verify_token(&path).unwrap();
        assert!(!is_new && again.expose_secret() == first.expose_secret());
        fs::write(&path, "\n").unwrap();
        assert!(verify_token(&path).is_err());
    }

    #[test]
    fn a_callback_url_leads_to_the_service() {
        assert!(callback_url("https://otp.example/webhooks/whatsapp").is_ok());
        for text in ["https://otp.example/", "otp.example/webhooks/whatsapp"] {
            assert!(callback_url(text).is_err(), "{text}");
        }
    }
}
