//! Tries the way of webhooks, for `whatsapp-otp check`: what they are about, where they go, and if one arrives.

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;

use super::serve::over_whatsapp;
use super::trial::Trial;
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

/// Tries the account's health, as WhatsApp describes it and as instances see it.
pub(super) async fn standing(client: &GraphClient, settings: &ServeSettings) -> Trial {
    let waba_id = &settings.whatsapp.account.waba_id;
    let seen = match Health::read(client, waba_id).await {
        Err(error) => Err(error.to_string()),
        Ok(health) => match suspensions(settings).await {
            Err(error) => Err(format!("the suspensions cannot be read: {error}")),
            Ok(suspensions) => judge(&health, &suspensions),
        },
    };
    let advice = "see WhatsApp Manager; sending goes on within five minutes of WhatsApp's allowing it";
    Trial { tried: format!("the health of WABA {waba_id}"), seen, advice }
}

async fn suspensions(settings: &ServeSettings) -> Result<Vec<Suspension>, StoreError> {
    RedisStore::new(&settings.common.redis)?.suspensions(&settings.whatsapp.account.waba_id).await
}

fn judge(health: &Health, suspensions: &[Suspension]) -> Result<String, String> {
    let mut faults: Vec<_> = suspensions
        .iter()
        .map(|suspension| format!("nothing is sent over {}: {}", suspension.scope, suspension.cause.text()))
        .collect();
    if health.is_blocked(health::ACCOUNT) == Some(true) {
        let errors = health.entities.iter().flat_map(|entity| &entity.errors);
        let words = errors.map(|error| format!("{} {}", error.error_description, error.possible_solution));
        faults.push(format!("WhatsApp says that it cannot send: {}", words.collect::<Vec<_>>().join(" ")));
    }
    if faults.is_empty() { Ok("it can send".to_owned()) } else { Err(faults.join("\n      ")) }
}

/// Tries the subscription to webhooks.
pub(super) async fn subscription(client: &GraphClient, settings: &ServeSettings) -> Trial {
    let account = &settings.whatsapp.account;
    let tried = format!("the webhooks of WABA {}", account.waba_id);
    let secrets = (settings.app_secrets.read(), settings.verify_tokens.read());
    let (Ok(app_secrets), Ok(verify_tokens)) = secrets else {
        let seen = Err("whatsapp.app_secret or whatsapp.webhook_verify_token cannot be read".to_owned());
        return Trial { tried, seen, advice: "check the files that they name" };
    };
    let read = Subscription::read(client, &account.waba_id, &account.phone_number_id).await;
    let (seen, advice) = judge_subscription(read, &app_secrets, &verify_tokens);
    Trial { tried, seen, advice }
}

fn judge_subscription(
    read: Result<Subscription, CallError>,
    app_secrets: &[SecretString],
    verify_tokens: &[SecretString],
) -> (Result<String, String>, &'static str) {
    if app_secrets.is_empty() {
        let seen = "off, so nobody learns if messages arrive: whatsapp.app_secret is not set";
        return (Ok(seen.to_owned()), "");
    }
    let subscription = match read {
        Ok(subscription) => subscription,
        Err(error) => return (Err(error.to_string()), "has the token whatsapp_business_management on the account?"),
    };
    if subscription.apps == 0 {
        let advice = "run `whatsapp-otp-setup subscribe`, or subscribe the app in its dashboard";
        return (Err("no app is subscribed to the account".to_owned()), advice);
    }
    let Some(url) = subscription.url() else {
        let seen = "the app is subscribed, but has no callback URL as far as the token can see";
        let advice =
            "set the callback URL in the app's dashboard, or with `whatsapp-otp-setup subscribe --callback-url`";
        return (Err(seen.to_owned()), advice);
    };
    if !url.ends_with(WEBHOOK_PATH) {
        let advice = "webhooks have to go to https://HOST/webhooks/whatsapp of this service, or of what forwards to it";
        return (Err(format!("they go to {url}")), advice);
    }
    let handshake = if verify_tokens.is_empty() {
        "\n      warning: whatsapp.webhook_verify_token is not set, so WhatsApp cannot verify the URL again"
    } else {
        ""
    };
    (Ok(format!("they go to {url}{handshake}")), "")
}

/// Sends a code to `phone`, and waits until an instance has recorded a webhook about it.
pub(super) async fn round_trip(client: &GraphClient, settings: &ServeSettings, phone: &PhoneNumber) -> Trial {
    let tried = format!("a code to {}, and its webhook", phone.masked());
    let store = match RedisStore::new(&settings.common.redis) {
        Ok(store) => Arc::new(store),
        Err(error) => return Trial { tried, seen: Err(error.to_string()), advice: "see Redis above" },
    };
    let sent = send(client, settings, Arc::clone(&store), phone).await;
    let (seen, advice) = match sent {
        Err(error) => (Err(error), "see the parts above; it takes a number that may get codes"),
        Ok(id) => {
            let advice = "is the app Live and subscribed to the field messages, does its callback URL lead to a running \
                instance on the same Redis, and is whatsapp.app_secret that app's secret?";
            (webhook_about(&store, settings, phone, &id).await, advice)
        }
    };
    Trial { tried, seen, advice }
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

    fn judged(apps: usize, url: Option<&str>, secrets: &[&str]) -> Result<String, String> {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
        judge_subscription(Ok(subscription(apps, url)), &secrets, &secrets).0
    }

    #[test]
    fn a_subscription_needs_an_app_and_the_path_of_the_service() {
        assert!(judged(0, None, &[]).unwrap().starts_with("off"));
        assert_eq!(judged(0, None, &["secret"]).unwrap_err(), "no app is subscribed to the account");
        assert!(judged(1, None, &["secret"]).unwrap_err().contains("no callback URL"));
        assert_eq!(
            judged(1, Some("https://x.example/other"), &["secret"]).unwrap_err(),
            "they go to https://x.example/other"
        );
        let fine = "https://x.example/webhooks/whatsapp";
        assert_eq!(judged(1, Some(fine), &["secret"]).unwrap(), format!("they go to {fine}"));
    }
}
