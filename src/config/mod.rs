//! Settings: their sources, meaning and faults.
//!
//! [`Sources`] are the compiled-in `config/default.toml`, a file and the environment, each overriding the ones before. Each
//! command loads the settings that it needs ([`ServeSettings`], [`SandboxSettings`], or [`Settings`] alone) into types that
//! cannot be half-configured, or gets every [`Fault`] at once. A command does not read secrets that it does not use. No
//! other module reads the environment, and no error, log line or [`ShownSetting`] contains a secret.
//!
//! `declared` lists every setting, `sources` collects the values in a `Reader`, and `sections` reads typed settings from
//! it.

mod declared;
mod described;
mod fault;
mod info_file;
mod keys;
mod reader;
mod remedy;
mod secrets;
mod sections;
mod shown;
mod sources;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use self::reader::{Input, Reader, Reported};
use self::sections::server::Reach;
use crate::events::{EndpointSettings, EventSecrets};
use crate::http::{AcceptedKey, ServerSettings};
use crate::otp::{AppName, KeyRing, OtpSecret, Policy, ProofPolicy, Reviewers};
use crate::proof::{Issuer, KeyFiles, ProofSettings};
use crate::store::redis::RedisSettings;
use crate::telemetry::{LogFormat, LogSettings, TraceSettings};
use crate::whatsapp::{WhatsAppApi, WhatsAppOverrides, WhatsAppSettings};

pub use self::described::{Description, UnknownSetting, describe, section};
pub use self::fault::{Fault, Origin, SettingsError};
pub use self::secrets::Replaceable;
pub use self::shown::ShownSetting;
pub use self::sources::{DEFAULTS, Sources};

/// The settings of every command, and all that `inspect`, `revoke` and `healthcheck` need.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Listeners, proxies, timeouts and callers. API keys are read only to accept them, by `serve` and `sandbox`.
    pub server: ServerSettings,
    /// The policy of the app `default`.
    pub policy: Policy,
    /// Every app, `default` first.
    pub apps: Vec<AppSettings>,
    /// The store.
    pub redis: RedisSettings,
    /// The format and level of the log.
    pub log: LogSettings,
    /// The destination of traces, if there is one.
    pub traces: Option<TraceSettings>,
    shown: Vec<ShownSetting>,
}

/// The settings of an app.
#[derive(Debug, Clone)]
pub struct AppSettings {
    /// Its name.
    pub name: AppName,
    /// Its codes and limits.
    pub policy: Policy,
    /// Its proofs.
    pub proofs: ProofPolicy,
    /// The numbers of people who review it.
    pub reviewers: Reviewers,
    /// The parts of the WhatsApp settings that it has of its own.
    pub whatsapp: WhatsAppOverrides,
    /// The endpoint that is told of events, if there is one.
    pub endpoint: Option<EndpointSettings>,
}

/// The settings of `serve` and `check`.
#[derive(Debug, Clone)]
pub struct ServeSettings {
    /// The settings of every command.
    pub common: Settings,
    /// The secrets from which codes, digests and IDs are derived.
    pub keys: KeyRing,
    /// The Cloud API and our account there; apps may have a number and a template of their own.
    pub whatsapp: WhatsAppSettings,
    /// The account's access token, to be read again.
    pub access_token: Replaceable<SecretString>,
    /// The secrets that sign webhooks, to be read again.
    pub app_secrets: Replaceable<Vec<SecretString>>,
    /// The tokens of the webhook's handshake, to be read again.
    pub verify_tokens: Replaceable<Vec<SecretString>>,
    /// The accepted API keys, to be read again.
    pub api_keys: Replaceable<Arc<[AcceptedKey]>>,
    /// The keys of proofs and their issuer, if there are keys.
    pub proofs: Option<ProofSettings>,
    /// The secrets of the apps' endpoints, to be read again.
    pub event_secrets: Replaceable<EventSecrets>,
}

/// The settings of `sandbox`, all of them optional.
#[derive(Debug, Clone)]
pub struct SandboxSettings {
    /// The settings of every command.
    pub common: Settings,
    /// The secrets from which codes, digests and IDs are derived, generated for this run if none is set.
    pub keys: KeyRing,
    /// The Cloud API. Its address is the configured one, which the simulator's must replace.
    pub whatsapp: WhatsAppApi,
    /// The keys of proofs. Those of a world without files must be drawn.
    pub proof_keys: KeyFiles,
    /// The issuer of proofs, if one is set.
    pub proof_issuer: Option<Issuer>,
    /// The secrets of the apps' endpoints, to be read again.
    pub event_secrets: Replaceable<EventSecrets>,
}

/// The settings that the guided set-up shares with the service that it prepares, all of them optional.
#[derive(Debug, Clone)]
pub struct SetupSettings {
    /// The Cloud API.
    pub whatsapp: WhatsAppApi,
    /// The file in which the service looks for the account, if there is one.
    pub info_file: Option<PathBuf>,
    /// The policy of the app `default`.
    pub policy: Policy,
}

impl SetupSettings {
    /// Loads the settings.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with every fault.
    pub fn load(sources: &Sources) -> Result<Self, SettingsError> {
        let mut reader = sources.read();
        let whatsapp = sections::whatsapp::read_api(&mut reader);
        let info_file = reader.path("whatsapp.info_file");
        let policy = reader.for_app(&AppName::default(), sections::otp::read_policy);
        let settings = whatsapp.and_then(|whatsapp| Ok(Self { whatsapp, info_file: info_file?, policy: policy? }));
        reader.finish(settings)
    }
}

impl Sources {
    /// Returns the log settings alone, for when others are faulty; the defaults if they are faulty themselves.
    #[must_use]
    pub fn log_settings(&self) -> LogSettings {
        let defaults = || sections::log::read(&mut Self::default().read());
        let fallback = || LogSettings { format: LogFormat::Json, level: "info".to_owned() };
        sections::log::read(&mut self.read()).or_else(|_| defaults()).unwrap_or_else(|_| fallback())
    }
}

impl Sources {
    /// Returns every setting in force for `serve`, even if some are invalid or missing, without secrets.
    #[must_use]
    pub fn settings_in_force(&self) -> Vec<ShownSetting> {
        let mut reader = self.read();
        // Files of secrets, and the forms of addresses without passwords, are known once they were read.
        let _ = ServeSettings::read(&mut reader);
        reader.shown()
    }
}

impl Settings {
    /// Loads the settings.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with every fault.
    pub fn load(sources: &Sources) -> Result<Self, SettingsError> {
        let mut reader = sources.read();
        // Read only because a bad value is a fault for every command.
        let api = sections::whatsapp::read_api(&mut reader);
        let proofs = sections::proof::read_parts(&mut reader);
        let settings = Self::read(&mut reader, Reach::Any, Ok(Arc::default()), sections::otp::read_secret);
        reader.finish(api.and(proofs).and(settings))
    }

    /// Loads the settings with the secrets from which ids are derived, for commands that read an id.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with every fault.
    pub fn load_with_keys(sources: &Sources) -> Result<(Self, KeyRing), SettingsError> {
        let mut reader = sources.read();
        let keys = sections::otp::read_keys_of_ids(&mut reader);
        let api = sections::whatsapp::read_api(&mut reader);
        let settings = Self::read(&mut reader, Reach::Any, Ok(Arc::default()), |_| current(&keys));
        reader.finish(api.and(settings).and_then(|settings| Ok((settings, keys?))))
    }

    /// Loads the settings with the secrets of the apps' endpoints, for commands that send events.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with every fault.
    pub fn load_with_event_secrets(sources: &Sources) -> Result<(Self, EventSecrets), SettingsError> {
        let mut reader = sources.read();
        let secrets = sections::events::read_secrets(&mut reader);
        let settings = Self::read(&mut reader, Reach::Any, Ok(Arc::default()), sections::otp::read_secret);
        reader.finish(settings.and_then(|settings| Ok((settings, secrets?))))
    }

    /// Returns every setting in force, in the order of `config/default.toml`, with its origin and without secrets.
    #[must_use]
    pub fn shown(&self) -> &[ShownSetting] {
        &self.shown
    }

    /// Reads the settings of every command. Call this last, as it records the values in force.
    fn read(
        reader: &mut Reader,
        reach: Reach,
        keys: Result<Arc<[AcceptedKey]>, Reported>,
        otp_secret: impl FnOnce(&mut Reader) -> Result<OtpSecret, Reported>,
    ) -> Result<Self, Reported> {
        let shared = sections::otp::read_policy(reader);
        let policy = reader.for_app(&AppName::default(), sections::otp::read_policy);
        let apps = sections::apps::read(reader);
        let redis = sections::redis::read(reader, otp_secret);
        let redis_timeout = redis.as_ref().ok().map(|redis| redis.timeout);
        let server = sections::server::read(reader, reach, redis_timeout, keys);
        // No send outlasts its request.
        let send_time = server.as_ref().map_or(Duration::ZERO, |server| server.request_timeout);
        let log = sections::log::read(reader);
        let traces = sections::telemetry::read(reader);
        let (mut policy, mut apps) = shared.and(policy).and_then(|policy| Ok((policy, apps?)))?;
        for policy in apps.iter_mut().map(|app| &mut app.policy).chain([&mut policy]) {
            policy.send_time = send_time;
        }
        policy.events = apps.first().map(|default| default.policy.events).unwrap_or_default();
        Ok(Self { server: server?, policy, apps, redis: redis?, log: log?, traces: traces?, shown: reader.shown() })
    }
}

impl ServeSettings {
    /// Loads the settings, which must include `otp.secret` and the WhatsApp account.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with every fault.
    pub fn load(sources: &Sources) -> Result<Self, SettingsError> {
        let mut reader = sources.read();
        let settings = Self::read(&mut reader);
        reader.finish(settings)
    }

    fn read(reader: &mut Reader) -> Result<Self, Reported> {
        let given = reader.clone();
        let keys = sections::otp::read_keys(reader);
        // The account comes first, as its file may name the language.
        let account = sections::whatsapp::read_account(reader);
        let api = sections::whatsapp::read_api(reader);
        let app_secrets = sections::whatsapp::read_app_secrets(reader);
        let verify_tokens = sections::whatsapp::read_verify_tokens(reader);
        let api_keys = sections::keys::read(reader);
        let proofs = sections::proof::read(reader);
        let event_secrets = sections::events::read_secrets(reader);
        let common = Settings::read(reader, Reach::Any, api_keys, |_| current(&keys));
        let webhook = app_secrets.and(verify_tokens);
        let app_secrets =
            Replaceable::new("whatsapp.app_secret", reader, given.clone(), sections::whatsapp::read_app_secrets);
        let verify_tokens = Replaceable::new(
            "whatsapp.webhook_verify_token",
            reader,
            given.clone(),
            sections::whatsapp::read_verify_tokens,
        );
        let api_keys = Replaceable::new("keys.", reader, given.clone(), sections::keys::read);
        let new_event_secrets =
            Replaceable::new("events.secret", reader, given.clone(), sections::events::read_secrets);
        let access_token = Replaceable::new("whatsapp.access_token", reader, given, |reader| {
            sections::whatsapp::read_account(reader).map(|account| account.access_token)
        });
        let whatsapp = api.and_then(|api| Ok(WhatsAppSettings { api, account: account? }));
        common.and_then(|common| {
            webhook?;
            event_secrets?;
            Ok(Self {
                common,
                keys: keys?,
                whatsapp: whatsapp?,
                access_token,
                app_secrets,
                verify_tokens,
                event_secrets: new_event_secrets,
                api_keys,
                proofs: proofs?,
            })
        })
    }
}

impl SandboxSettings {
    /// Loads the settings over the sandbox's own defaults, with a generated secret if none is set.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with every fault.
    pub fn load(sources: &Sources) -> Result<Self, SettingsError> {
        Self::read(sources.read_for_sandbox(), Reach::Loopback)
    }

    /// Loads the settings of a sandbox that others can reach, as in a container. It listens on all addresses unless
    /// `server.listen` is set.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with every fault.
    pub fn load_for_all_addresses(sources: &Sources) -> Result<Self, SettingsError> {
        let mut reader = sources.read_for_sandbox();
        if reader.origin("server.listen") == Origin::Default {
            reader.put("server.listen".to_owned(), Input::One("0.0.0.0:3000".into()), Origin::Default);
        }
        Self::read(reader, Reach::Any)
    }

    fn read(mut reader: Reader, reach: Reach) -> Result<Self, SettingsError> {
        let given = reader.clone();
        let keys = sections::otp::draw_secret(&mut reader).and_then(|()| sections::otp::read_keys(&mut reader));
        let api = sections::whatsapp::read_api(&mut reader);
        let api_keys = sections::keys::read(&mut reader);
        let proofs = sections::proof::read_parts(&mut reader);
        let event_secrets = sections::events::read_secrets(&mut reader);
        let common = Settings::read(&mut reader, reach, api_keys, |_| current(&keys));
        let settings = common.and_then(|common| {
            let (proof_keys, proof_issuer) = proofs?;
            event_secrets?;
            let event_secrets = Replaceable::new("events.secret", &reader, given, sections::events::read_secrets);
            Ok(Self { common, event_secrets, keys: keys?, whatsapp: api?, proof_keys, proof_issuer })
        });
        reader.finish(settings)
    }
}

/// Returns the key of `otp.secret`.
fn current(keys: &Result<KeyRing, Reported>) -> Result<OtpSecret, Reported> {
    keys.as_ref().map(|keys| keys.current().clone()).map_err(|&reported| reported)
}
