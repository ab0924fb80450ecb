//! Tries everything that `serve` depends on, for `whatsapp-otp check`.

use std::collections::HashSet;
use std::time::Duration;

use super::advised::Advised;
use super::event_check::endpoints;
use super::proof_check::proof_keys;
use super::redis_trouble;
use super::trial::{ERROR_CODES, Outcome, Part, Trial};
use super::webhook_check::{health, round_trip, subscription};
use crate::config::ServeSettings;
use crate::otp::PhoneNumber;
use crate::store::redis::{Finding, Gravity, RedisStore, Survey};
use crate::whatsapp::client::CallError;
use crate::whatsapp::template::{TemplateError, Translation};
use crate::whatsapp::{BusinessAccount, BusinessNumber, GraphClient, WhatsAppSettings, template};

/// Tries Redis, the account, the phone number, the template, the account's health, the webhooks, the keys of proofs and the
/// endpoints. With a phone, also sends it a code and waits for the webhook about that.
///
/// A part that depends on a broken one is skipped, so each cause is reported once.
pub async fn check(settings: &ServeSettings, webhook_to: Option<&PhoneNumber>) -> Vec<Trial> {
    let (redis, is_reachable) = redis(settings).await;
    let mut trials = vec![redis];
    trials.extend(whatsapp(settings, is_reachable, webhook_to).await);
    trials.extend(proof_keys(settings).await);
    trials.extend(endpoints(settings).await);
    trials
}

/// Tries Redis, and returns `true` if it can be reached, whether or not it is safe.
async fn redis(settings: &ServeSettings) -> (Trial, bool) {
    let redis = &settings.common.redis;
    let subject = redis.topology.to_string();
    let answer = async { RedisStore::new(redis)?.survey().await };
    match answer.await {
        Ok(survey) => (judge(survey, subject, redis.allow_unsafe), true),
        Err(error) => {
            let Advised { problem, fix } = redis_trouble::explain(&error, redis);
            (Trial::failed(Part::Redis, subject, problem, fix), false)
        }
    }
}

fn judge(survey: Survey, subject: String, allow_unsafe: bool) -> Trial {
    let is_fatal = |finding: &Finding| match finding.gravity {
        Gravity::Unsafe => !allow_unsafe,
        Gravity::Broken => true,
        Gravity::Advice => false,
    };
    let (fatal, others): (Vec<_>, Vec<_>) = survey.findings.into_iter().partition(is_fatal);
    let outcome = if fatal.is_empty() {
        Outcome::Works
    } else {
        let is_unsafe = fatal.iter().any(|finding| finding.gravity == Gravity::Unsafe);
        let accept = if is_unsafe { " Or accept the risk with redis.allow_unsafe = true." } else { "" };
        let fixes: Vec<_> = fatal.iter().map(|finding| capitalized(&finding.fix)).collect();
        Outcome::Failed { fix: format!("{}{accept}", fixes.join(" ")) }
    };
    let details = fatal.into_iter().map(|finding| finding.what).chain(survey.observations).collect();
    Trial::new(Part::Redis, subject, outcome, details).with_warnings(others.iter().map(ToString::to_string))
}

fn capitalized(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

async fn whatsapp(settings: &ServeSettings, has_redis: bool, webhook_to: Option<&PhoneNumber>) -> Vec<Trial> {
    let waba_id = &settings.whatsapp.account.waba_id;
    let client = match GraphClient::new(&settings.whatsapp) {
        Ok(client) => client,
        Err(error) => {
            let fix = "Check whatsapp.base_url and whatsapp.access_token.";
            return vec![Trial::failed(Part::Account, waba_id, error.to_string(), fix)];
        }
    };
    let (account, token_works) = account(&client, &settings.whatsapp).await;
    let account_works = account.is_fine();
    let mut trials = vec![account];
    // Apps may share a number or a template.
    let (mut numbers, mut templates) = (HashSet::new(), HashSet::new());
    for app in &settings.common.apps {
        let whatsapp = settings.whatsapp.clone().with(&app.whatsapp);
        let (account, code_lifetime) = (&whatsapp.account, app.policy.code_lifetime);
        if numbers.insert(account.phone_number_id.clone()) {
            let id = &account.phone_number_id;
            let skipped = || Trial::skipped(Part::Number, id, Part::Account);
            trials.push(if token_works { number(&client, id).await } else { skipped() });
        }
        if templates.insert((account.template_id.clone(), whatsapp.api.languages.clone(), code_lifetime)) {
            if account_works {
                trials.extend(template(&client, &whatsapp, code_lifetime).await);
            } else {
                trials.push(Trial::skipped(Part::Template, &account.template_id, Part::Account));
            }
        }
    }
    let broken = broken(&trials);
    if account_works {
        trials.push(health(&client, settings, has_redis).await);
        trials.push(subscription(&client, settings).await);
    } else {
        trials.push(Trial::skipped(Part::Health, waba_id, Part::Account));
        trials.push(Trial::skipped(Part::Webhooks, waba_id, Part::Account));
    }
    if let Some(phone) = webhook_to {
        trials.push(match broken.or((!has_redis).then_some(Part::Redis)) {
            None => round_trip(&client, settings, phone).await,
            Some(needs) => Trial::skipped(Part::Delivery, phone.masked(), needs),
        });
    }
    trials
}

/// Returns the first part that does not work.
fn broken(trials: &[Trial]) -> Option<Part> {
    trials.iter().find(|trial| matches!(trial.outcome, Outcome::Failed { .. })).map(|trial| trial.part)
}

/// Tries the account, and returns `true` if its token may be used for other IDs.
async fn account(client: &GraphClient, settings: &WhatsAppSettings) -> (Trial, bool) {
    let waba_id = &settings.account.waba_id;
    let error = match BusinessAccount::read(client, waba_id).await {
        Ok(account) => {
            let seen = format!("the access token is valid for {:?}", account.name);
            return (Trial::works(Part::Account, waba_id, seen), true);
        }
        Err(error) => error,
    };
    let token_works = matches!(&error, CallError::Api(error) if error.code == 100);
    let (reason, fix) = match &error {
        CallError::Api(error) if error.code == 190 && error.subcode == Some(463) => (
            "the access token has expired".to_owned(),
            "Generate a token for the system user, choose that it never expires, and set whatsapp.access_token.",
        ),
        CallError::Api(error) if error.code == 190 => (
            "WhatsApp does not accept the access token".to_owned(),
            "Generate a token for the system user, and set whatsapp.access_token.",
        ),
        CallError::Api(error) if (200..=299).contains(&error.code) || error.code == 10 => (
            "the access token has no permission for this account".to_owned(),
            "In Meta Business Suite, assign the account to the system user. The token needs whatsapp_business_management and whatsapp_business_messaging.",
        ),
        CallError::Api(error) if error.code == 100 => (
            "WhatsApp shows this access token no account with this ID".to_owned(),
            "Check whatsapp.waba_id, and assign that account to the token's system user.",
        ),
        CallError::Unreachable(_) => {
            (unreachable(settings), "Check whatsapp.base_url, and that this machine may connect to it.")
        }
        CallError::Foreign(_) => {
            ("there is no Graph API at whatsapp.base_url".to_owned(), "Check whatsapp.base_url and any proxy.")
        }
        CallError::Unclear(_) => ("WhatsApp gave no clear answer".to_owned(), "Try again in a few minutes."),
        CallError::Api(_) => ("WhatsApp does not show the account".to_owned(), ERROR_CODES),
    };
    let mut trial = Trial::failed(Part::Account, waba_id, reason, fix);
    trial.details.push(error.to_string());
    (trial, token_works)
}

fn unreachable(settings: &WhatsAppSettings) -> String {
    format!("{} cannot be reached", settings.api.base_url)
}

async fn number(client: &GraphClient, phone_number_id: &str) -> Trial {
    let failed = |reason, fix| Trial::failed(Part::Number, phone_number_id, reason, fix);
    match BusinessNumber::read(client, phone_number_id).await {
        Ok(number) if number.is_connected() => {
            let BusinessNumber { display_phone_number, verified_name, quality_rating, .. } = number;
            let seen = format!("{display_phone_number} {verified_name:?}, quality {quality_rating}");
            Trial::works(Part::Number, phone_number_id, seen)
        }
        Ok(number) => failed(
            format!("{} is {}, not CONNECTED", number.display_phone_number, number.status),
            "Register the number in WhatsApp Manager.",
        ),
        Err(error) => {
            let fix = "Set whatsapp.phone_number_id to the ID of a registered number of the account. It is not the number itself; `whatsapp-otp-setup` lists the IDs.";
            failed(error.to_string(), fix)
        }
    }
}

/// Tries the template in each language.
async fn template(client: &GraphClient, settings: &WhatsAppSettings, code_lifetime: Duration) -> Vec<Trial> {
    let (account, languages) = (&settings.account, &settings.api.languages);
    let translations = match template::translations(client, account, languages).await {
        Ok(translations) => translations,
        Err(error) => {
            let fix = match error {
                TemplateError::Call(_) => ERROR_CODES,
                _ => "Check whatsapp.template_id, or create a template with `whatsapp-otp-setup`.",
            };
            return vec![Trial::failed(Part::Template, &account.template_id, error.to_string(), fix)];
        }
    };
    let of_language = |Translation { language, template }| {
        let subject = format!("{} in {language}", account.template_id);
        match template {
            Ok(template) => {
                let seen = format!("'{}' is approved and ready to send", template.name);
                let warning = template::lifetime_warning(&template, code_lifetime);
                Trial::works(Part::Template, subject, seen).with_warnings(warning)
            }
            Err(error) => {
                let fix = match error {
                    TemplateError::MissingLanguage { .. } => {
                        "Add the language with `whatsapp-otp-setup`, or remove it from whatsapp.languages."
                    }
                    _ => "Wait until WhatsApp approves the template, or create another with `whatsapp-otp-setup`.",
                };
                Trial::failed(Part::Template, subject, error.to_string(), fix)
            }
        }
    };
    translations.into_iter().map(of_language).collect()
}
