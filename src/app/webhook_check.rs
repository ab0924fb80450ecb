//! Tries the account's permission to send and its webhooks, for `whatsapp-otp check`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;

use super::serve::over_whatsapp;
use super::trial::{ERROR_CODES, Outcome, Part, Trial};
use crate::config::ServeSettings;
use crate::otp::{
    Apps, Caller, CodeRequest, DeliveryStatus, Details, Manner, OtpService, PhoneNumber, Senders, Sent, StoreError,
    Suspension, Suspensions, VerificationId, VerificationStore,
};
use crate::store::redis::RedisStore;
use crate::whatsapp::client::CallError;
use crate::whatsapp::health::{self, Health};
use crate::whatsapp::subscription::{Subscription, WEBHOOK_PATH};
use crate::whatsapp::template::{self, CurrentTemplate};
use crate::whatsapp::{GraphClient, WhatsAppSender, WhatsAppSettings};

/// The longest wait for a webhook, and the time between two looks.
const PATIENCE: (Duration, Duration) = (Duration::from_mins(1), Duration::from_millis(500));
/// The longest that the send takes.
const SEND_WITHIN: Duration = Duration::from_secs(20);

/// Tries the account's health, as WhatsApp describes it and, with Redis, as instances see it.
pub(super) async fn health(client: &GraphClient, settings: &ServeSettings, has_redis: bool) -> Trial {
    let waba_id = &settings.whatsapp.account.waba_id;
    let health = match Health::read(client, waba_id).await {
        Ok(health) => health,
        Err(error) => return Trial::failed(Part::Health, waba_id, error.to_string(), ERROR_CODES),
    };
    let suspensions = if has_redis { suspensions(settings).await } else { Ok(Vec::new()) };
    let (suspensions, unknown) = match suspensions {
        Ok(suspensions) if has_redis => (suspensions, None),
        Ok(none) => (none, Some("skipped: what instances have suspended, which needs Redis".to_owned())),
        Err(error) => (Vec::new(), Some(format!("what instances have suspended is unknown: {error}"))),
    };
    let faults = faults(&health, &suspensions);
    let outcome = if faults.is_empty() {
        Outcome::Works
    } else {
        let fix = "See WhatsApp Manager. Sending resumes within five minutes after WhatsApp allows it again.";
        Outcome::Failed { fix: fix.to_owned() }
    };
    let fine = faults.is_empty().then(|| "it can send".to_owned());
    let details = fine.into_iter().chain(faults).chain(unknown).collect();
    Trial::new(Part::Health, waba_id, outcome, details)
}

async fn suspensions(settings: &ServeSettings) -> Result<Vec<Suspension>, StoreError> {
    RedisStore::new(&settings.common.redis)?.suspensions(&settings.whatsapp.account.waba_id).await
}

fn faults(health: &Health, suspensions: &[Suspension]) -> Vec<String> {
    let suspended =
        |suspension: &Suspension| format!("nothing is sent over {}: {}", suspension.scope, suspension.cause.text());
    let mut faults: Vec<_> = suspensions.iter().map(suspended).collect();
    if health.is_blocked(health::ACCOUNT) == Some(true) {
        let errors = health.entities.iter().flat_map(|entity| &entity.errors);
        let words = errors.map(|error| format!("{} {}", error.error_description, error.possible_solution));
        faults.push(format!("WhatsApp says that it cannot send: {}", words.collect::<Vec<_>>().join(" ")));
    }
    faults
}

/// Tries the subscription to webhooks.
pub(super) async fn subscription(client: &GraphClient, settings: &ServeSettings) -> Trial {
    let account = &settings.whatsapp.account;
    let secrets = (settings.app_secrets.read(), settings.verify_tokens.read());
    let (Ok(app_secrets), Ok(verify_tokens)) = secrets else {
        let reason = "whatsapp.app_secret or whatsapp.webhook_verify_token cannot be read";
        return Trial::failed(Part::Webhooks, &account.waba_id, reason, "Check the files that they name.");
    };
    let read = Subscription::read(client, &account.waba_id, &account.phone_number_id).await;
    judge_subscription(&account.waba_id, read, &app_secrets, &verify_tokens)
}

fn judge_subscription(
    waba_id: &str,
    read: Result<Subscription, CallError>,
    app_secrets: &[SecretString],
    verify_tokens: &[SecretString],
) -> Trial {
    let works = |seen: String| Trial::works(Part::Webhooks, waba_id, seen);
    let failed = |reason: String, fix| Trial::failed(Part::Webhooks, waba_id, reason, fix);
    if app_secrets.is_empty() {
        return works(
            "off: without whatsapp.app_secret, the service does not learn whether messages arrive".to_owned(),
        );
    }
    let subscription = match read {
        Ok(subscription) => subscription,
        Err(error) => {
            let fix = "Give the access token the permission whatsapp_business_management on the account.";
            return failed(error.to_string(), fix);
        }
    };
    if subscription.apps == 0 {
        let fix = "Run `whatsapp-otp-setup subscribe`, or subscribe the app in its dashboard.";
        return failed("no app is subscribed to the account".to_owned(), fix);
    }
    let Some(url) = subscription.url() else {
        let fix = "Set the callback URL in the app's dashboard, or with `whatsapp-otp-setup subscribe --callback-url`.";
        return failed("the app is subscribed, but the token can see no callback URL".to_owned(), fix);
    };
    let goes = format!("they go to {url}");
    if !url.ends_with(WEBHOOK_PATH) {
        let fix =
            "Let them go to https://HOST/webhooks/whatsapp of this service, or to a proxy that forwards them there.";
        return failed(goes, fix);
    }
    let unverifiable = verify_tokens
        .is_empty()
        .then(|| "whatsapp.webhook_verify_token is not set, so WhatsApp cannot verify the URL again".to_owned());
    works(goes).with_warnings(unverifiable)
}

/// Sends a code to `phone`, and waits until an instance has recorded a webhook about it.
pub(super) async fn round_trip(client: &GraphClient, settings: &ServeSettings, phone: &PhoneNumber) -> Trial {
    let subject = phone.masked();
    let store = match RedisStore::new(&settings.common.redis) {
        Ok(store) => Arc::new(store),
        Err(_) => return Trial::skipped(Part::Delivery, subject, Part::Redis),
    };
    let id = match send(client, settings, Arc::clone(&store), phone).await {
        Ok(id) => id,
        Err(error) => return Trial::failed(Part::Delivery, subject, error, "Try a number that may be sent codes."),
    };
    match webhook_about(&store, settings, phone, &id).await {
        Ok(seen) => Trial::works(Part::Delivery, subject, seen),
        Err(reason) => {
            let fix = "Check that the app is Live and subscribed to the field messages, that its callback URL leads to a running instance on the same Redis, and that whatsapp.app_secret is that app's secret.";
            Trial::failed(Part::Delivery, subject, reason, fix)
        }
    }
}

async fn send(
    client: &GraphClient,
    settings: &ServeSettings,
    store: Arc<RedisStore>,
    phone: &PhoneNumber,
) -> Result<VerificationId, String> {
    let WhatsAppSettings { api, account } = &settings.whatsapp;
    let translations =
        template::translations(client, account, &api.languages).await.map_err(|error| error.to_string())?;
    let approved = template::sendable(&translations)?;
    let template = CurrentTemplate::always(approved.name, approved.languages);
    let sender = WhatsAppSender::new(client.clone(), &account.phone_number_id, template, api.max_retries);
    let apps = Apps::one(settings.common.policy.clone(), Senders::one(over_whatsapp(sender, None)));
    let service = OtpService::new(store, apps, settings.keys.clone(), None);
    let request = CodeRequest {
        app: service.apps().default_app(),
        caller: &Caller::Anyone,
        phone,
        client: None,
        manner: Manner::Replace,
        channel: None,
        details: Details::default(),
        deadline: Instant::now() + SEND_WITHIN,
    };
    let requested = service.request(request).await.map_err(|error| error.to_string())?;
    match requested.sent {
        Some(Sent::Reviewer) => Err("it is a reviewer's number, to which nothing is sent".to_owned()),
        _ => Ok(requested.verification.id),
    }
}

/// Waits for the first status that a webhook brings, and cancels the verification.
async fn webhook_about(
    store: &RedisStore,
    settings: &ServeSettings,
    phone: &PhoneNumber,
    id: &VerificationId,
) -> Result<String, String> {
    let (app, policy, began) = (crate::otp::AppName::default(), &settings.common.policy, Instant::now());
    let mut seen = Err(format!("WhatsApp took the message, but no webhook about it arrived within {:?}", PATIENCE.0));
    while began.elapsed() < PATIENCE.0 {
        let status = store.status(phone, &app, policy).await.map_err(|error| error.to_string())?;
        let found = status.verifications.iter().find(|verification| verification.id == *id);
        let deliveries = found.map(|verification| verification.deliveries.as_slice()).unwrap_or_default();
        if let Some(delivery) = deliveries.iter().find(|delivery| delivery.status >= DeliveryStatus::Sent) {
            let (told, after) = (delivery.status.as_str(), began.elapsed().as_secs_f64());
            let reason = delivery.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            seen = Ok(format!("the webhook arrived after {after:.1} s: {told}{reason}"));
            break;
        }
        tokio::time::sleep(PATIENCE.1).await;
    }
    // The code is of no use to anyone.
    let _ = store.cancel_one(phone, &app, id, policy).await;
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(apps: usize, url: Option<&str>) -> Subscription {
        Subscription { apps, of_number: None, of_account: url.map(str::to_owned), of_app: None }
    }

    fn judged(apps: usize, url: Option<&str>, secrets: &[&str]) -> Trial {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
        judge_subscription("1", Ok(subscription(apps, url)), &secrets, &secrets)
    }

    #[test]
    fn a_subscription_needs_an_app_and_the_path_of_the_service() {
        for (apps, url, reason) in [
            (0, None, "no app is subscribed to the account"),
            (1, None, "the app is subscribed, but the token can see no callback URL"),
            (1, Some("https://x.example/other"), "they go to https://x.example/other"),
        ] {
            let trial = judged(apps, url, &["secret"]);
            assert!(!trial.is_fine());
            assert_eq!(trial.details, [reason]);
        }
        let trial = judged(1, Some("https://x.example/webhooks/whatsapp"), &["secret"]);
        assert!(trial.is_fine() && trial.warnings.is_empty(), "{trial:?}");
        let off = judged(0, None, &[]);
        assert!(off.is_fine() && off.details[0].starts_with("off"), "{off:?}");
    }
}
