//! The options of all commands that call WhatsApp: its address, the account, and the file that names it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};
use whatsapp_otp::config::{SetupSettings, Sources};
use whatsapp_otp::otp::Policy;
use whatsapp_otp::whatsapp::{ApiVersion, GraphClient, access_token, base_url, graph_id};

use crate::failure::Failure;
use crate::info_file::InfoFile;

/// The path at which a service in the same directory expects the file.
pub(crate) const USUAL_FILE: &str = "setup/whatsapp-info.json";

#[derive(Debug, Args)]
#[command(next_help_heading = "Account")]
pub(crate) struct ConnectionArguments {
    /// The settings file of the service (default: the file that `WHATSAPP_OTP_CONFIG` names, if any)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The file of the account, which also keeps your answers (default: the setting `whatsapp.info_file`)
    #[arg(long, global = true, value_name = "FILE", env = "WHATSAPP_OTP_SETUP_INFO_FILE")]
    info_file: Option<PathBuf>,
    /// The address of the Graph API or a simulator (default: the setting `whatsapp.base_url`)
    #[arg(long, global = true, value_name = "URL", env = "WHATSAPP_OTP_SETUP_BASE_URL", value_parser = base_url)]
    base_url: Option<Url>,
    /// The version of the Graph API (default: the setting `whatsapp.api_version`)
    #[arg(long, global = true, env = "WHATSAPP_OTP_SETUP_API_VERSION", value_parser = ApiVersion::parse)]
    api_version: Option<ApiVersion>,
    /// The ID of the WhatsApp Business account
    #[arg(long, global = true, value_name = "ID", env = "WHATSAPP_OTP_SETUP_WABA_ID", value_parser = graph_id)]
    waba_id: Option<String>,
    /// A file with the access token of a system user
    #[arg(long, global = true, value_name = "FILE", env = "WHATSAPP_OTP_SETUP_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    // Accepted only to refuse it with a reason. Any value is valid, as an error would print it.
    #[arg(long, global = true, hide = true, hide_env_values = true, env = "WHATSAPP_OTP_SETUP_ACCESS_TOKEN")]
    #[arg(alias = "token", num_args = 0..=1, default_missing_value = "")]
    access_token: Option<SecretString>,
    /// The ID of the phone number to send from (not the number itself)
    #[arg(long, global = true, value_name = "ID", env = "WHATSAPP_OTP_SETUP_PHONE_NUMBER_ID", value_parser = graph_id)]
    phone_number_id: Option<String>,
}

/// The connection as far as it is known before any question.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) base_url: Url,
    pub(crate) api_version: ApiVersion,
    timeout: Duration,
    pub(crate) policy: Policy,
    pub(crate) waba_id: Option<String>,
    pub(crate) token: Option<SecretString>,
    pub(crate) phone_number_id: Option<String>,
    pub(crate) info_file: InfoFile,
    /// The settings file that the service is expected to use, if one was named.
    pub(crate) config: Option<PathBuf>,
    /// The service's settings name this address of WhatsApp.
    pub(crate) is_usual_base_url: bool,
    /// The service's settings name this version of the Graph API.
    pub(crate) is_usual_api_version: bool,
}

impl ConnectionArguments {
    /// Reads the settings, the token and the file of an earlier run.
    pub(crate) fn check(self, matches: &ArgMatches) -> Result<Connection, Failure> {
        if given_as_argument(matches) {
            return Err(Failure::Usage(
                "the token must not be an argument: everyone on this machine can see arguments, and shells record them. \
                 Consider this token public and generate another.\n\nhint: use --token-file FILE or the variable \
                 WHATSAPP_OTP_SETUP_ACCESS_TOKEN, or type it at its prompt"
                    .to_owned(),
            ));
        }
        let sources = Sources::from_process(self.config);
        let settings = SetupSettings::load(&sources)?;
        let path = self.info_file.or(settings.info_file).unwrap_or_else(|| PathBuf::from(USUAL_FILE));
        let is_usual_base_url = self.base_url.as_ref().is_none_or(|url| *url == settings.whatsapp.base_url);
        let base_url = self.base_url.unwrap_or(settings.whatsapp.base_url);
        if base_url.scheme() != "https" && !is_loopback(&base_url) {
            return Err(Failure::Usage(format!(
                "the token would be sent to {base_url} unencrypted\n\nhint: use https://, or http:// to a simulator on \
                 this machine"
            )));
        }
        let token = token(self.token_file.as_deref(), self.access_token)?;
        let is_usual_api_version =
            self.api_version.as_ref().is_none_or(|version| *version == settings.whatsapp.api_version);
        Ok(Connection {
            base_url,
            api_version: self.api_version.unwrap_or(settings.whatsapp.api_version),
            config: sources.file,
            is_usual_api_version,
            timeout: settings.whatsapp.timeout,
            policy: settings.policy,
            waba_id: self.waba_id,
            token,
            phone_number_id: self.phone_number_id,
            is_usual_base_url,
            info_file: InfoFile::open(&path)?,
        })
    }
}

impl Connection {
    /// Creates a client with this token.
    pub(crate) fn client(&self, token: &SecretString) -> anyhow::Result<GraphClient> {
        Ok(GraphClient::with_token(&self.base_url, &self.api_version, self.timeout, token)?)
    }

    /// The account and its client, for commands that ask no questions.
    pub(crate) fn account(&self) -> Result<(String, GraphClient), Failure> {
        let earlier = self.info_file.earlier();
        let waba_id = self.waba_id.clone().or_else(|| earlier.waba_id.clone());
        let token = self.token.clone().or_else(|| earlier.access_token.clone());
        match (waba_id, token) {
            (Some(waba_id), Some(token)) => Ok((waba_id, self.client(&token)?)),
            (waba_id, token) => {
                let mut missing = Vec::new();
                missing.extend(waba_id.is_none().then_some("--waba-id"));
                missing.extend(token.is_none().then_some("--token-file or WHATSAPP_OTP_SETUP_ACCESS_TOKEN"));
                Err(Failure::Usage(format!(
                    "{} has no WhatsApp account, and these are missing:\n  {}\n\nhint: run \
                     whatsapp-otp-setup first, without a command",
                    self.info_file.path().display(),
                    missing.join("\n  ")
                )))
            }
        }
    }
}

/// Returns `true` if it was given at any level of subcommands.
fn given_as_argument(matches: &ArgMatches) -> bool {
    matches.value_source("access_token") == Some(ValueSource::CommandLine)
        || matches.subcommand().is_some_and(|(_, matches)| given_as_argument(matches))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Reads the token from either of its two sources, if given.
fn token(file: Option<&Path>, variable: Option<SecretString>) -> Result<Option<SecretString>, Failure> {
    let token = match (file, variable) {
        (Some(_), Some(_)) => {
            let text = "give either --token-file or WHATSAPP_OTP_SETUP_ACCESS_TOKEN, not both";
            return Err(Failure::Usage(text.to_owned()));
        }
        (Some(path), None) => Some(text_of(path)?),
        (None, variable) => variable,
    };
    let parse = |token: SecretString| access_token(token.expose_secret());
    let token = token.map(parse).transpose();
    token.map_err(|expected| Failure::Usage(format!("the access token: expected {expected}")))
}

/// The text of the file without its final newline.
fn text_of(path: &Path) -> anyhow::Result<SecretString> {
    let text = fs::read_to_string(path).with_context(|| format!("--token-file {}", path.display()))?;
    let text = SecretString::from(text);
    Ok(text.expose_secret().trim_end_matches(['\r', '\n']).into())
}
