//! The outcome of a run, what is still missing, and the next commands.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use whatsapp_otp::config::{ServeSettings, SettingsError, SetupSettings, Sources};
use whatsapp_otp::whatsapp::BusinessNumber;

use crate::cli::{Manner, print_json};
use crate::connection::{Connection, USUAL_FILE};
use crate::failure::Missing;
use crate::links;
use crate::status;
use crate::steps::approval::{Reviewed, is_in_review};

/// Exit code: WhatsApp has not yet decided on the template.
const PENDING: u8 = 3;
/// Exit code: WhatsApp has rejected, paused or disabled it.
const NOT_APPROVED: u8 = 4;

const INFO_FILE: &str = "WHATSAPP_OTP__WHATSAPP__INFO_FILE";
const BASE_URL: &str = "WHATSAPP_OTP__WHATSAPP__BASE_URL";
const SECRET: &str = "otp.secret";
/// The width of the comments on commands.
const COMMENT_WIDTH: usize = 80;
const KEY: &str = "Generate an API key for your backend, and add the settings that this prints:";
const SETTING: &str = "Set this for the service:";

/// Everything that a run settled.
pub(crate) struct Settled<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) number: &'a BusinessNumber,
    pub(crate) template: &'a str,
    /// At least one; the service's is first.
    pub(crate) translations: Vec<Reviewed>,
    pub(crate) code_lifetime: Option<Duration>,
    /// The settings file for the service.
    pub(crate) settings_file: Option<&'a Path>,
}

/// The result of a run.
pub(crate) struct Outcome<'a> {
    settled: Settled<'a>,
    /// Settings that the service does not have yet, as variables.
    settings: BTreeMap<&'static str, String>,
    /// The service has a secret.
    has_secret: bool,
    /// The service has no API key, without which nobody can call `/v1`.
    lacks_key: bool,
    /// Other faults of the service's settings.
    faults: Vec<String>,
}

impl<'a> Outcome<'a> {
    /// Compares what was settled with the settings that the service would read now.
    pub(crate) fn new(settled: Settled<'a>) -> Result<Self, SettingsError> {
        let sources = Sources::from_process(settled.settings_file.map(Path::to_owned));
        let settings = differences(&settled, SetupSettings::load(&sources)?);
        let service = ServeSettings::load(&sources);
        let lacks_key = service.as_ref().is_ok_and(|service| service.api_keys.read().is_ok_and(|keys| keys.is_empty()));
        let faults = service.as_ref().err().into_iter().flat_map(SettingsError::faults);
        let (mut has_secret, mut others) = (true, Vec::new());
        for fault in faults {
            match fault.key.as_str() {
                SECRET => has_secret = false,
                // The file of the account, which the service does not know yet, has them.
                key if key.starts_with("whatsapp.") && settings.contains_key(INFO_FILE) => {}
                _ => others.push(fault.to_string()),
            }
        }
        Ok(Self { settled, settings, has_secret, lacks_key, faults: others })
    }

    /// The exit code: 0 if the service can send.
    pub(crate) fn exit_code(&self) -> u8 {
        match &self.settled.translations[0].translation {
            translation if translation.status == "APPROVED" => 0,
            translation if is_in_review(translation) => PENDING,
            _ => NOT_APPROVED,
        }
    }

    pub(crate) fn report(&self, manner: Manner) {
        manner.ui.say(self.text());
        if manner.json {
            print_json(&self.json());
        }
    }

    /// The steps that remain, in the order in which to take them.
    fn missing(&self) -> Vec<Missing> {
        let mut missing = Vec::new();
        missing.extend(match self.settled.translations[0].translation.status.as_str() {
            "APPROVED" => None,
            "PENDING" | "IN_APPEAL" => {
                Some(Missing::new("approval", format!("{} --yes --existing reuse", self.again())))
            }
            "PAUSED" => Some(Missing::new("resumption", self.template_command())),
            _ => Some(Missing::new("template", self.again())),
        });
        missing.extend((!self.has_secret).then(|| Missing::new(SECRET, secret_export())));
        missing.extend(self.settings.iter().map(|(name, value)| Missing::new("setting", format!("{name}={value}"))));
        missing.extend(self.faults.iter().map(|fault| Missing::new("setting", fault)));
        missing
    }

    fn json(&self) -> Value {
        let Settled { connection, number, template, translations, settings_file, .. } = &self.settled;
        let first = &translations[0].translation;
        let listed = translations.iter().map(|Reviewed { translation, rejection }| {
            json!({
                "id": translation.id,
                "language": translation.language,
                "status": translation.status,
                "rejected_reason": rejection,
            })
        });
        let next: Vec<_> = self.next().into_iter().map(|(command, _)| command).collect();
        json!({
            "status": first.status,
            "phone_number": number.international(),
            "phone_number_id": number.id,
            "template_id": first.id,
            "template_name": template,
            "language": first.language,
            "translations": listed.collect::<Value>(),
            "info_file": connection.info_file.path(),
            "settings_file": settings_file,
            "settings": self.settings,
            "missing": self.missing(),
            "next": next,
        })
    }

    fn text(&self) -> String {
        let mut text = String::from("\n");
        for (Reviewed { translation, rejection }, languages) in self.grouped() {
            let subject = format!("the template \"{}\" in {}", self.settled.template, languages.join(", "));
            let sentence = status::sentence(&subject, &translation.status, rejection.as_deref());
            let _ = writeln!(text, "{}.", capitalized(&sentence));
        }
        let is_partial = self.settled.translations.iter().any(|other| other.translation.status != "APPROVED");
        match self.settled.translations[0].translation.status.as_str() {
            "APPROVED" if is_partial => {
                text += "The service sends in the approved languages only.\n";
            }
            "APPROVED" => {}
            "PENDING" | "IN_APPEAL" => {
                text += "It decides within 24 hours, usually within minutes. Your answers are kept.\n";
            }
            "REJECTED" => {
                let _ = writeln!(
                    text,
                    "No code can be sent with it. Change it or create another, or appeal in WhatsApp Manager:\n{}",
                    links::TEMPLATES
                );
            }
            "PAUSED" => {
                text += "No code can be sent until it resumes by itself: after 3 hours the first time, and after 6 hours \
                    the second time. The third time WhatsApp disables it.\n";
            }
            _ => text += "No code can be sent with it. Create another.\n",
        }
        for fault in &self.faults {
            let _ = writeln!(text, "The service's settings need a change: {fault}");
        }
        text += "\nNext:\n";
        for (command, why) in self.next() {
            let why = textwrap::fill(
                why,
                textwrap::Options::new(COMMENT_WIDTH).initial_indent("  # ").subsequent_indent("  # "),
            );
            let _ = write!(text, "\n{why}\n  {command}");
        }
        text
    }

    /// The translations that are alike, by one of them, with their languages.
    fn grouped(&self) -> Vec<(&Reviewed, Vec<&str>)> {
        let mut grouped: Vec<(&Reviewed, Vec<&str>)> = Vec::new();
        for reviewed in &self.settled.translations {
            let is_alike = |other: &Reviewed| {
                other.translation.status == reviewed.translation.status && other.rejection == reviewed.rejection
            };
            let language = reviewed.translation.language.as_str();
            match grouped.iter_mut().find(|(other, _)| is_alike(other)) {
                Some((_, languages)) => languages.push(language),
                None => grouped.push((reviewed, vec![language])),
            }
        }
        grouped
    }

    /// The next commands, each with what it does.
    fn next(&self) -> Vec<(String, &'static str)> {
        match self.settled.translations[0].translation.status.as_str() {
            "APPROVED" => {}
            "PENDING" | "IN_APPEAL" => return vec![(self.again(), "Continue waiting:")],
            "PAUSED" => return vec![(self.template_command(), "Show whether it has resumed:")],
            _ => return vec![(self.again(), "Change it, or create another:")],
        }
        let service =
            self.settled.settings_file.map(|file| format!(" --config {}", file.display())).unwrap_or_default();
        let exports = self.settings.iter().map(|(name, value)| format!("export {name}={value}"));
        let exports = exports.chain((!self.has_secret).then(secret_export)).map(|export| (export, SETTING));
        let key = self.lacks_key.then(|| ("whatsapp-otp api-key backend".to_owned(), KEY));
        exports
            .chain([(
                format!("whatsapp-otp-setup send-test PHONE{}", self.flags()),
                "Send a real code to your own phone:",
            )])
            .chain(key)
            .chain([
                (format!("whatsapp-otp check{service}"), "Try everything that the service needs:"),
                (format!("whatsapp-otp serve{service}"), "Start it:"),
            ])
            .collect()
    }

    /// The command that continues from here.
    fn again(&self) -> String {
        format!("whatsapp-otp-setup{}", self.flags())
    }

    fn template_command(&self) -> String {
        format!("whatsapp-otp-setup template show {}{}", self.settled.template, self.flags())
    }

    /// The flags with which another run of this program finds the same account.
    fn flags(&self) -> String {
        let mut flags = String::new();
        if let Some(file) = self.settled.settings_file {
            let _ = write!(flags, " --config {}", file.display());
        }
        for (variable, flag) in [(INFO_FILE, "--info-file"), (BASE_URL, "--base-url")] {
            if let Some(value) = self.settings.get(variable) {
                let _ = write!(flags, " {flag} {value}");
            }
        }
        flags
    }
}

/// The settings that were settled and that the service would not read, as variables.
fn differences(settled: &Settled<'_>, in_force: SetupSettings) -> BTreeMap<&'static str, String> {
    let Settled { connection, code_lifetime, .. } = settled;
    let mut settings = BTreeMap::new();
    let mut set = |needed: bool, name, value: String| settings.extend(needed.then_some((name, value)));
    if let Some(lifetime) = *code_lifetime {
        let differs = lifetime != in_force.policy.code_lifetime;
        set(differs, "WHATSAPP_OTP__OTP__CODE_LIFETIME", humantime::format_duration(lifetime).to_string());
    }
    let path = connection.info_file.path();
    let read = in_force.info_file.unwrap_or_else(|| PathBuf::from(USUAL_FILE));
    set(!is_same(path, &read), INFO_FILE, path.display().to_string());
    let url = connection.base_url.as_str().trim_end_matches('/').to_owned();
    set(connection.base_url != in_force.whatsapp.base_url, BASE_URL, url);
    let version = &connection.api_version;
    let differs = *version != in_force.whatsapp.api_version;
    set(differs, "WHATSAPP_OTP__WHATSAPP__API_VERSION", version.to_string());
    settings
}

fn is_same(one: &Path, other: &Path) -> bool {
    let absolute = |path| std::path::absolute(path).ok();
    one == other || absolute(one) == absolute(other)
}

fn secret_export() -> String {
    "export WHATSAPP_OTP__OTP__SECRET=$(openssl rand -hex 32)".to_owned()
}

fn capitalized(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
