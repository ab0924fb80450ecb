//! The questions, and their answers from flags, an earlier run and the dialogue.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use whatsapp_otp::otp::Locale;

use crate::advice::Concern;
use crate::authentication::{
    CodeMinutes, MessageTtl, PackageName, SignatureHash, SupportedApp, SupportedApps, TemplateName,
};
use crate::connection::Connection;
use crate::failure::{Failure, Missing};
use crate::info_file::{App, Choices};
use crate::steps::registration::Pin;
use crate::ui::Ui;

/// The phones that the app runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Platform {
    Android,
    Ios,
    Both,
}

/// The way of the code from WhatsApp into the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Delivery {
    CopyCode,
    OneTap,
    ZeroTap,
}

/// The treatment of an existing template of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Existing {
    /// Use it unchanged.
    Reuse,
    /// Change its content.
    Replace,
}

/// The answers on the command line or in the environment.
#[derive(Debug, Args)]
#[command(next_help_heading = "Answers of the guided set-up")]
pub(crate) struct Given {
    /// The platforms that the app runs on
    #[arg(long, value_enum, env = "WHATSAPP_OTP_SETUP_PLATFORM")]
    platform: Option<Platform>,
    /// Delivery of the code into the app: a copy button, one tap or no tap, the last two on Android only
    #[arg(long, value_enum, env = "WHATSAPP_OTP_SETUP_DELIVERY")]
    delivery: Option<Delivery>,
    /// Accept WhatsApp's terms for zero-tap templates
    #[arg(long, env = "WHATSAPP_OTP_SETUP_ACCEPT_ZERO_TAP_TERMS")]
    accept_zero_tap_terms: bool,
    /// An Android app that may receive codes, and its signature hash; up to five
    #[arg(long = "app", value_name = "PACKAGE=HASH", value_delimiter = ',', env = "WHATSAPP_OTP_SETUP_APP")]
    #[arg(value_parser = app)]
    apps: Vec<SupportedApp>,
    /// The template's name
    #[arg(long, value_name = "NAME", env = "WHATSAPP_OTP_SETUP_TEMPLATE_NAME", value_parser = TemplateName::parse)]
    template_name: Option<TemplateName>,
    /// Use or change a template that already has this name
    #[arg(long, value_enum, env = "WHATSAPP_OTP_SETUP_EXISTING")]
    existing: Option<Existing>,
    /// The template's languages, such as `en_US,de`; people whose language is not among them get the first
    #[arg(long, value_name = "LANGUAGE,…", value_delimiter = ',', env = "WHATSAPP_OTP_SETUP_LANGUAGES")]
    #[arg(value_parser = Locale::parse)]
    languages: Vec<Locale>,
    /// The code's lifetime as the message states it, such as 5m (default: the setting `otp.code_lifetime`)
    #[arg(long, value_name = "DURATION", env = "WHATSAPP_OTP_SETUP_CODE_LIFETIME", value_parser = code_lifetime)]
    code_lifetime: Option<CodeMinutes>,
    /// Add "do not share this code" to the message (default: true)
    #[arg(long, value_name = "BOOL", env = "WHATSAPP_OTP_SETUP_SECURITY_RECOMMENDATION")]
    security_recommendation: Option<bool>,
    /// The time for which WhatsApp tries to deliver a message, 30s to 15m (default: the code's lifetime)
    #[arg(long, value_name = "DURATION", env = "WHATSAPP_OTP_SETUP_MESSAGE_TTL", value_parser = message_ttl)]
    message_ttl: Option<MessageTtl>,
    /// A file with the number's 6-digit PIN, to register a number that is not registered yet
    #[arg(long, value_name = "FILE", env = "WHATSAPP_OTP_SETUP_PIN_FILE")]
    pin_file: Option<PathBuf>,
    /// Write a settings file for the service; an existing one is replaced only with --replace-settings
    #[arg(long, value_name = "FILE", env = "WHATSAPP_OTP_SETUP_SETTINGS_FILE")]
    pub(crate) settings_file: Option<PathBuf>,
    /// Replace an existing settings file, and keep only its `otp.secret`
    #[arg(long, requires = "settings_file", env = "WHATSAPP_OTP_SETUP_REPLACE_SETTINGS")]
    pub(crate) replace_settings: bool,
    /// The longest wait for WhatsApp's review
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration)]
    #[arg(env = "WHATSAPP_OTP_SETUP_WAIT")]
    pub(crate) wait: Duration,
}

/// A question and its answer, if any.
#[derive(Debug)]
pub(crate) struct Question<T> {
    settled: Option<T>,
    suggested: Option<T>,
}

impl<T: Clone> Question<T> {
    fn new(given: Option<T>, earlier: Option<T>) -> Self {
        Self { settled: given, suggested: earlier }
    }

    /// Returns the answer: the known one, or the one that `ask` returns, or without a terminal the earlier or `usual` one.
    pub(crate) async fn settle(
        &mut self,
        ui: Ui,
        usual: Option<T>,
        ask: impl AsyncFnOnce(Option<T>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if let Some(answer) = &self.settled {
            return Ok(answer.clone());
        }
        let suggested = self.suggested.clone().or(usual);
        let answer = if ui.asks() {
            ask(suggested).await?
        } else {
            // `Answers::missing` has reported required answers before this.
            suggested.ok_or_else(|| Failure::Usage("an answer is missing".to_owned()))?
        };
        self.settled = Some(answer.clone());
        Ok(answer)
    }

    /// Reopens the question, with its answer as the suggestion.
    pub(crate) fn reopen(&mut self) {
        if let Some(answer) = self.settled.take() {
            self.suggested = Some(answer);
        }
    }

    /// Reopens the question without a suggestion.
    pub(crate) fn forget(&mut self) {
        (self.settled, self.suggested) = (None, None);
    }

    /// Takes the suggestion of an earlier run as the answer.
    pub(crate) fn accept(&mut self) {
        if self.settled.is_none() {
            self.settled = self.suggested.take();
        }
    }

    /// Answers the question.
    pub(crate) fn set(&mut self, answer: T) {
        self.settled = Some(answer);
    }

    /// Returns `true` if it need not be asked.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.is_some()
    }

    /// Returns `true` if there is an answer, from this run or an earlier one.
    pub(crate) fn is_known(&self) -> bool {
        self.known().is_some()
    }

    /// The answer, from this run or an earlier one.
    pub(crate) fn known(&self) -> Option<&T> {
        self.settled.as_ref().or(self.suggested.as_ref())
    }
}

/// All questions.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) waba_id: Question<String>,
    pub(crate) token: Question<SecretString>,
    pub(crate) phone_number_id: Question<String>,
    pub(crate) pin: Option<Pin>,
    pub(crate) platform: Question<Platform>,
    pub(crate) delivery: Question<Delivery>,
    pub(crate) zero_tap_terms: Question<bool>,
    pub(crate) apps: Question<SupportedApps>,
    pub(crate) template_name: Question<TemplateName>,
    pub(crate) existing: Option<Existing>,
    pub(crate) languages: Question<Vec<Locale>>,
    pub(crate) code_lifetime: Question<CodeMinutes>,
    pub(crate) security_recommendation: Question<bool>,
    pub(crate) message_ttl: Question<MessageTtl>,
    /// The settings file that this run or an earlier one wrote.
    pub(crate) settings_file: Option<PathBuf>,
}

impl Answers {
    /// Collects the answers of flags, variables and an earlier run.
    pub(crate) fn new(given: Given, connection: &Connection) -> Result<Self, Failure> {
        let earlier = connection.info_file.earlier();
        let choices = &earlier.choices;
        let apps = (!given.apps.is_empty()).then(|| SupportedApps::new(given.apps)).transpose();
        let apps = apps.map_err(|expected| Failure::Usage(format!("--app: expected {expected}")))?;
        let duration = |text: &Option<String>| humantime::parse_duration(text.as_deref()?).ok();
        let languages: Result<Vec<_>, _> = choices.languages.iter().map(|text| Locale::parse(text)).collect();
        let name = choices.template_name.as_deref().and_then(|name| TemplateName::parse(name).ok());
        Ok(Self {
            waba_id: Question::new(connection.waba_id.clone(), earlier.waba_id.clone()),
            token: Question::new(connection.token.clone(), earlier.access_token.clone()),
            phone_number_id: Question::new(connection.phone_number_id.clone(), earlier.phone_number_id.clone()),
            pin: given.pin_file.as_deref().map(Pin::read).transpose()?,
            platform: Question::new(given.platform, choices.platform),
            delivery: Question::new(given.delivery, choices.delivery),
            zero_tap_terms: Question::new(given.accept_zero_tap_terms.then_some(true), None),
            apps: Question::new(apps, earlier_apps(&choices.apps)),
            template_name: Question::new(given.template_name, name),
            existing: given.existing,
            languages: Question::new(
                (!given.languages.is_empty()).then_some(given.languages),
                languages.ok().filter(|languages| !languages.is_empty()),
            ),
            code_lifetime: Question::new(
                given.code_lifetime,
                duration(&choices.code_lifetime).and_then(CodeMinutes::exactly),
            ),
            security_recommendation: Question::new(given.security_recommendation, choices.security_recommendation),
            message_ttl: Question::new(given.message_ttl, duration(&choices.message_ttl).and_then(MessageTtl::new)),
            settings_file: choices.settings_file.clone().filter(|path| path.exists()),
        })
    }

    /// The answers that are missing, and the flags that give them.
    pub(crate) fn missing(&self) -> Vec<Missing> {
        let delivery = self.delivery.known();
        let needs_apps = matches!(delivery, Some(Delivery::OneTap | Delivery::ZeroTap));
        let mut missing = Vec::new();
        let mut require = |there: bool, what, how| missing.extend((!there).then(|| Missing::new(what, how)));
        require(self.waba_id.is_known(), "waba_id", "--waba-id ID");
        let token = "--token-file FILE, or the token in WHATSAPP_OTP_SETUP_ACCESS_TOKEN";
        require(self.token.is_known(), "access_token", token);
        require(!needs_apps || self.apps.is_known(), "apps", "--app PACKAGE=HASH");
        let accepted = self.zero_tap_terms.known() == Some(&true);
        require(delivery != Some(&Delivery::ZeroTap) || accepted, "zero_tap_terms", "--accept-zero-tap-terms");
        missing
    }

    /// Returns `true` if an earlier run has settled the account, the number and the template, and this one says nothing
    /// else about them.
    pub(crate) fn can_continue(&self) -> bool {
        fn is_suggested<T>(question: &Question<T>) -> bool {
            question.settled.is_none() && question.suggested.is_some()
        }
        is_suggested(&self.waba_id)
            && is_suggested(&self.token)
            && is_suggested(&self.phone_number_id)
            && is_suggested(&self.template_name)
            && self.existing.is_none()
    }

    /// Takes the account, the number and the template of an earlier run.
    pub(crate) fn continue_earlier(&mut self) {
        self.waba_id.accept();
        self.token.accept();
        self.phone_number_id.accept();
        self.template_name.accept();
    }

    /// Reopens the questions that an error concerns.
    pub(crate) fn reopen(&mut self, concern: Concern) {
        match concern {
            Concern::WabaId => {
                self.waba_id.reopen();
                self.token.reopen();
            }
            // The token that failed is no useful suggestion.
            Concern::Token => self.token.forget(),
            Concern::Permission => self.token.reopen(),
            Concern::Delivery => {
                self.platform.reopen();
                self.delivery.reopen();
            }
            Concern::Languages => self.languages.reopen(),
            Concern::PhoneNumber => self.phone_number_id.reopen(),
            Concern::TemplateName => {
                self.template_name.reopen();
                self.existing = None;
            }
            Concern::Template => self.reopen_template(),
            // A person is asked for the PIN, and whether to register, every time.
            Concern::Registration | Concern::Pin | Concern::Outside => {}
        }
    }

    /// Reopens the questions about the template.
    fn reopen_template(&mut self) {
        self.platform.reopen();
        self.delivery.reopen();
        self.zero_tap_terms.reopen();
        self.apps.reopen();
        self.template_name.reopen();
        self.languages.reopen();
        self.code_lifetime.reopen();
        self.security_recommendation.reopen();
        self.message_ttl.reopen();
        self.existing = None;
    }

    /// The answers in the form that is saved for a later run.
    pub(crate) fn choices(&self) -> Choices {
        let duration = |duration: Duration| humantime::format_duration(duration).to_string();
        let app = |app: &SupportedApp| App {
            package_name: app.package_name.to_string(),
            signature_hash: app.signature_hash.to_string(),
        };
        Choices {
            platform: self.platform.known().copied(),
            delivery: self.delivery.known().copied(),
            apps: self.apps.known().map(|apps| apps.as_slice().iter().map(app).collect()).unwrap_or_default(),
            template_name: self.template_name.known().map(ToString::to_string),
            languages: self.languages.known().into_iter().flatten().map(ToString::to_string).collect(),
            code_lifetime: self.code_lifetime.known().map(|minutes| duration(minutes.duration())),
            security_recommendation: self.security_recommendation.known().copied(),
            message_ttl: self.message_ttl.known().map(|ttl| duration(ttl.duration())),
            settings_file: self.settings_file.clone(),
        }
    }
}

fn earlier_apps(apps: &[App]) -> Option<SupportedApps> {
    let apps = apps.iter().map(|app| {
        Ok::<_, &str>(SupportedApp {
            package_name: PackageName::parse(&app.package_name)?,
            signature_hash: SignatureHash::parse(&app.signature_hash)?,
        })
    });
    SupportedApps::new(apps.collect::<Result<_, _>>().ok()?).ok()
}

/// Parses `com.example.app=AbCdEfGh+/1`. A hash may end in '=', which package names do not contain.
fn app(text: &str) -> Result<SupportedApp, &'static str> {
    let (package, hash) = text.split_once('=').ok_or("expected PACKAGE=HASH, such as com.example.app=AbCdEfGh+/1")?;
    Ok(SupportedApp { package_name: PackageName::parse(package)?, signature_hash: SignatureHash::parse(hash)? })
}

/// Parses `5m`, or `5` in minutes.
pub(crate) fn code_lifetime(text: &str) -> Result<CodeMinutes, &'static str> {
    let minutes = text.parse().ok().and_then(CodeMinutes::new);
    let minutes = minutes.or_else(|| humantime::parse_duration(text).ok().and_then(CodeMinutes::exactly));
    minutes.ok_or("1 to 90 whole minutes, such as 5m")
}

/// Parses `5m` or `90s`.
pub(crate) fn message_ttl(text: &str) -> Result<MessageTtl, &'static str> {
    let ttl = humantime::parse_duration(text).ok().and_then(MessageTtl::new);
    ttl.ok_or("30 seconds to 15 minutes in whole seconds, such as 90s or 5m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_a_package_and_a_hash() {
        let read = app("com.example.app=AbCdEfGh+/=").unwrap();
        assert_eq!((read.package_name.as_str(), read.signature_hash.as_str()), ("com.example.app", "AbCdEfGh+/="));
        for text in ["", "com.example.app", "com.example.app=", "com.example.app=AbCdEfGh", "app=AbCdEfGh+/1"] {
            assert!(app(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_lifetime_is_in_whole_minutes() {
        for (text, minutes) in [("5m", 5), ("5", 5), ("90", 90), ("1h 30m", 90), ("60s", 1)] {
            assert_eq!(code_lifetime(text).unwrap().get(), minutes, "{text}");
        }
        for text in ["", "0", "91", "90s", "5.5m", "-5", "five"] {
            assert!(code_lifetime(text).is_err(), "{text}");
        }
        assert!(message_ttl("90s").is_ok() && message_ttl("20s").is_err() && message_ttl("16m").is_err());
    }
}
