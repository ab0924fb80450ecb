//! `whatsapp-otp check`: tries what the service needs, and says for each what was tried, seen, and what to do.

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Duration;

use super::output::print;
use crate::config::{ServeSettings, Sources};
use crate::store::redis::{Gravity, RedisStore, Survey, Topology};
use crate::whatsapp::client::CallError;
use crate::whatsapp::{
    BusinessAccount, BusinessNumber, GraphClient, WhatsAppSettings, plain_text_warning, template, version,
};

/// What one trial came to.
struct Finding {
    tried: String,
    seen: Result<String, String>,
    /// What to do if it failed.
    advice: &'static str,
}

pub(super) async fn run(sources: &Sources) -> anyhow::Result<ExitCode> {
    let settings = ServeSettings::load(sources)?;
    print("Settings in force:")?;
    for setting in settings.common.shown() {
        print(format_args!("  {setting}"))?;
    }
    let today = jiff::Zoned::now().date();
    if let Some(warning) = version::warning(&settings.whatsapp.api_version, today) {
        print(format_args!("\nwarning: {warning}"))?;
    }
    if let Some(warning) = plain_text_warning(&settings.whatsapp.base_url) {
        print(format_args!("\nwarning: {warning}"))?;
    }
    print("")?;
    let mut findings = vec![redis(&settings).await];
    findings.extend(whatsapp(&settings).await);
    for finding in &findings {
        print(finding)?;
    }
    let failed = findings.iter().filter(|finding| finding.seen.is_err()).count();
    print(if failed == 0 { "All fine.".to_owned() } else { format!("{failed} of {} failed.", findings.len()) })?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.seen {
            Ok(seen) => writeln!(f, "ok    {}\n      {seen}", self.tried),
            Err(seen) => writeln!(f, "FAIL  {}\n      {seen}\n      hint: {}", self.tried, self.advice),
        }
    }
}

async fn redis(settings: &ServeSettings) -> Finding {
    let redis = &settings.common.redis;
    let answer = async { RedisStore::new(redis)?.survey().await };
    let (seen, advice) = match answer.await {
        Ok(survey) => judge(&survey, redis.allow_unsafe),
        Err(error) => (Err(error.to_string()), unreachable(&redis.topology)),
    };
    let place = if matches!(redis.topology, Topology::Single(_)) { " at" } else { ":" };
    Finding { tried: format!("Redis{place} {}", redis.topology), seen, advice }
}

fn unreachable(topology: &Topology) -> &'static str {
    match topology {
        Topology::Single(_) => {
            "is it running, is redis.url right, and does it want a password (redis.password or redis.password_file)?"
        }
        Topology::Sentinel { .. } => {
            "do the sentinels run, are redis.sentinels and redis.master_name right, and do they or the primary want a password (redis.sentinel_password, redis.password)?"
        }
        Topology::Cluster { .. } => {
            "do the nodes run, are they a cluster, is redis.nodes right, and do they want a password (redis.password)?"
        }
    }
}

/// One text for what there is, and what there is to say about it.
fn judge(survey: &Survey, allow_unsafe: bool) -> (Result<String, String>, &'static str) {
    let findings = survey.findings.iter().map(ToString::to_string);
    let text = survey.sights.iter().cloned().chain(findings).collect::<Vec<_>>().join("\n      ");
    let has = |gravity| survey.findings.iter().any(|finding| finding.gravity == gravity);
    if has(Gravity::Unsafe) && !allow_unsafe {
        return (Err(text), "mend it, or accept it with redis.allow_unsafe = true");
    }
    if has(Gravity::Broken) {
        return (Err(text), "mend it: as it is, requests fail");
    }
    (Ok(text), "")
}

async fn whatsapp(settings: &ServeSettings) -> Vec<Finding> {
    let client = match GraphClient::new(&settings.whatsapp) {
        Ok(client) => client,
        Err(error) => {
            let advice = "look at whatsapp.base_url and whatsapp.access_token";
            return vec![Finding { tried: "a client for WhatsApp".to_owned(), seen: Err(error.to_string()), advice }];
        }
    };
    let mut findings = vec![token(&client, &settings.whatsapp).await];
    // Apps may share a number or a template.
    let (mut numbers, mut templates) = (HashSet::new(), HashSet::new());
    for app in &settings.common.apps {
        let whatsapp = settings.whatsapp.clone().with(&app.whatsapp);
        let (account, code_lifetime) = (&whatsapp.account, app.policy.code_lifetime);
        if numbers.insert(account.phone_number_id.clone()) {
            findings.push(number(&client, &account.phone_number_id).await);
        }
        if templates.insert((account.template_id.clone(), whatsapp.language.clone(), code_lifetime)) {
            findings.push(approved(&client, &whatsapp, code_lifetime).await);
        }
    }
    findings
}

async fn token(client: &GraphClient, settings: &WhatsAppSettings) -> Finding {
    let waba_id = &settings.account.waba_id;
    let answer = BusinessAccount::read(client, waba_id).await;
    let advice = match &answer {
        Err(CallError::Api(error)) if error.code == 190 => {
            "the token is wrong or has expired: make a new one for the system user and set whatsapp.access_token"
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
    Finding {
        tried: format!("the token, on WABA {waba_id} at {}", settings.base_url),
        seen: seen.map_err(|error| error.to_string()),
        advice,
    }
}

async fn number(client: &GraphClient, phone_number_id: &str) -> Finding {
    let seen = match BusinessNumber::read(client, phone_number_id).await {
        Ok(number) if number.is_connected() => {
            Ok(format!("{} {:?}, quality {}", number.display_phone_number, number.verified_name, number.quality_rating))
        }
        Ok(number) => Err(format!("{} is {}, not CONNECTED", number.display_phone_number, number.status)),
        Err(error) => Err(error.to_string()),
    };
    let advice = "whatsapp.phone_number_id is the id of a registered number of the account, not the number itself";
    Finding { tried: format!("the phone number with ID {phone_number_id}"), seen, advice }
}

async fn approved(client: &GraphClient, settings: &WhatsAppSettings, code_lifetime: Duration) -> Finding {
    let seen = match template::approved(client, &settings.account, &settings.language).await {
        Ok(template) => {
            let warning = template::lifetime_warning(&template, code_lifetime);
            let warning = warning.map(|warning| format!("\n      warning: {warning}")).unwrap_or_default();
            Ok(format!("'{}' is approved and ready to send{warning}", template.name))
        }
        Err(error) => Err(error.to_string()),
    };
    Finding {
        tried: format!("the template with ID {} in {}", settings.account.template_id, settings.language),
        seen,
        advice: "run whatsapp-otp-setup, or wait for WhatsApp's approval",
    }
}
