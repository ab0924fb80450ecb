//! Tries everything that `serve` depends on, for `whatsapp-otp check`.

use std::collections::HashSet;
use std::time::Duration;

use super::event_check::endpoints;
use super::proof_check::proof_keys;
use super::trial::Trial;
use super::webhook_check::{round_trip, standing, subscription};
use crate::config::ServeSettings;
use crate::otp::PhoneNumber;
use crate::store::redis::{Gravity, RedisStore, Survey, Topology};
use crate::whatsapp::client::CallError;
use crate::whatsapp::template::{TemplateError, Translation};
use crate::whatsapp::{BusinessAccount, BusinessNumber, GraphClient, WhatsAppSettings, template};

/// Tries Redis, the token, the phone number, the template, the account's health, the webhooks and the keys of proofs. With a
/// phone, also sends it a code and waits for the webhook about that.
pub async fn check(settings: &ServeSettings, webhook_to: Option<&PhoneNumber>) -> Vec<Trial> {
    let mut trials = vec![redis(settings).await];
    trials.extend(whatsapp(settings, webhook_to).await);
    trials.extend(proof_keys(settings).await);
    trials.extend(endpoints(settings).await);
    trials
}

async fn redis(settings: &ServeSettings) -> Trial {
    let redis = &settings.common.redis;
    let answer = async { RedisStore::new(redis)?.survey().await };
    let (seen, advice) = match answer.await {
        Ok(survey) => judge(&survey, redis.allow_unsafe),
        Err(error) => (Err(error.to_string()), unreachable(&redis.topology)),
    };
    let place = if matches!(redis.topology, Topology::Single(_)) { " at" } else { ":" };
    Trial { tried: format!("Redis{place} {}", redis.topology), seen, advice }
}

fn unreachable(topology: &Topology) -> &'static str {
    match topology {
        Topology::Single(_) => {
            "is it running, is redis.url right, and does it need a password (redis.password or redis.password_file)?"
        }
        Topology::Sentinel { .. } => {
            "are the sentinels running, are redis.sentinels and redis.master_name right, and do they or the primary need a password (redis.sentinel_password, redis.password)?"
        }
        Topology::Cluster { .. } => {
            "are the nodes running, do they form a cluster, is redis.nodes right, and do they need a password (redis.password)?"
        }
    }
}

/// One text for the servers and the findings about them.
fn judge(survey: &Survey, allow_unsafe: bool) -> (Result<String, String>, &'static str) {
    let findings = survey.findings.iter().map(ToString::to_string);
    let text = survey.observations.iter().cloned().chain(findings).collect::<Vec<_>>().join("\n      ");
    let has = |gravity| survey.findings.iter().any(|finding| finding.gravity == gravity);
    if has(Gravity::Unsafe) && !allow_unsafe {
        return (Err(text), "fix it, or accept it with redis.allow_unsafe = true");
    }
    if has(Gravity::Broken) {
        return (Err(text), "fix it: until then, requests fail");
    }
    (Ok(text), "")
}

async fn whatsapp(settings: &ServeSettings, webhook_to: Option<&PhoneNumber>) -> Vec<Trial> {
    let client = match GraphClient::new(&settings.whatsapp) {
        Ok(client) => client,
        Err(error) => {
            let advice = "check whatsapp.base_url and whatsapp.access_token";
            return vec![Trial { tried: "a client for WhatsApp".to_owned(), seen: Err(error.to_string()), advice }];
        }
    };
    let mut trials = vec![token(&client, &settings.whatsapp).await];
    // Apps may share a number or a template.
    let (mut numbers, mut templates) = (HashSet::new(), HashSet::new());
    for app in &settings.common.apps {
        let whatsapp = settings.whatsapp.clone().with(&app.whatsapp);
        let (account, code_lifetime) = (&whatsapp.account, app.policy.code_lifetime);
        if numbers.insert(account.phone_number_id.clone()) {
            trials.push(number(&client, &account.phone_number_id).await);
        }
        if templates.insert((account.template_id.clone(), whatsapp.api.languages.clone(), code_lifetime)) {
            trials.extend(template(&client, &whatsapp, code_lifetime).await);
        }
    }
    trials.push(standing(&client, settings).await);
    trials.push(subscription(&client, settings).await);
    if let Some(phone) = webhook_to {
        trials.push(round_trip(&client, settings, phone).await);
    }
    trials
}

async fn token(client: &GraphClient, settings: &WhatsAppSettings) -> Trial {
    let waba_id = &settings.account.waba_id;
    let answer = BusinessAccount::read(client, waba_id).await;
    let advice = match &answer {
        Err(CallError::Api(error)) if error.code == 190 => {
            "the token is invalid or has expired: generate a new one for the system user and set whatsapp.access_token"
        }
        Err(CallError::Api(error)) if (200..=299).contains(&error.code) || error.code == 10 => {
            "give the system user whatsapp_business_management and whatsapp_business_messaging, and assign it to the account"
        }
        Err(CallError::Api(error)) if error.code == 100 => {
            "is whatsapp.waba_id right, and is the token's system user assigned to that account?"
        }
        Err(CallError::Unreachable(_)) => "can this machine reach whatsapp.base_url?",
        _ => "see WhatsApp's list of error codes",
    };
    let seen = answer.map(|account| format!("valid, for the account {:?}", account.name));
    Trial {
        tried: format!("the token, on WABA {waba_id} at {}", settings.api.base_url),
        seen: seen.map_err(|error| error.to_string()),
        advice,
    }
}

async fn number(client: &GraphClient, phone_number_id: &str) -> Trial {
    let seen = match BusinessNumber::read(client, phone_number_id).await {
        Ok(number) if number.is_connected() => {
            Ok(format!("{} {:?}, quality {}", number.display_phone_number, number.verified_name, number.quality_rating))
        }
        Ok(number) => Err(format!("{} is {}, not CONNECTED", number.display_phone_number, number.status)),
        Err(error) => Err(error.to_string()),
    };
    let advice = "whatsapp.phone_number_id must be the ID of a registered number of the account, not the number itself";
    Trial { tried: format!("the phone number with ID {phone_number_id}"), seen, advice }
}

/// Tries the template in each language.
async fn template(client: &GraphClient, settings: &WhatsAppSettings, code_lifetime: Duration) -> Vec<Trial> {
    let (account, languages) = (&settings.account, &settings.api.languages);
    let tried = format!("the template with ID {}", account.template_id);
    let translations = match template::translations(client, account, languages).await {
        Ok(translations) => translations,
        Err(error) => {
            let advice = "is whatsapp.template_id right? whatsapp-otp-setup creates a template";
            return vec![Trial { tried, seen: Err(error.to_string()), advice }];
        }
    };
    let of_language = |Translation { language, template }| {
        let advice = match &template {
            Err(TemplateError::MissingLanguage { .. }) => {
                "run whatsapp-otp-setup to add it, or remove it from whatsapp.languages"
            }
            _ => "run whatsapp-otp-setup, or wait until WhatsApp approves it",
        };
        let seen = template.map_err(|error| error.to_string()).map(|template| {
            let warning = template::lifetime_warning(&template, code_lifetime);
            let warning = warning.map(|warning| format!("\n      warning: {warning}")).unwrap_or_default();
            format!("'{}' is approved and ready to send{warning}", template.name)
        });
        Trial { tried: format!("{tried} in {language}"), seen, advice }
    };
    translations.into_iter().map(of_language).collect()
}
