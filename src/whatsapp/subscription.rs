//! The subscription of an app to an account's webhooks.

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{CallError, GraphClient};

/// The path at which the service receives webhooks.
pub const WEBHOOK_PATH: &str = "/webhooks/whatsapp";

/// The apps that an account's webhooks go to, and the URLs for those about messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The number of apps that are subscribed to the account.
    pub apps: usize,
    /// The URL of the number itself, if it has one. It precedes the others.
    pub of_number: Option<String>,
    /// The account's own URL, if it has one.
    pub of_account: Option<String>,
    /// The app's URL, if the token may see it.
    pub of_app: Option<String>,
}

impl Subscription {
    /// Reads the subscription of an account and one of its numbers.
    ///
    /// # Errors
    ///
    /// [`CallError`] if the token may not see the account or the number.
    pub async fn read(client: &GraphClient, waba_id: &str, phone_number_id: &str) -> Result<Self, CallError> {
        let apps: Value = client.get(&format!("{waba_id}/subscribed_apps"), &[]).await?;
        let number: Value = client.get(phone_number_id, &[("fields", "webhook_configuration")]).await?;
        let url = |level: &str| number["webhook_configuration"][level].as_str().map(str::to_owned);
        let apps = apps["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        let override_of_account = apps.iter().find_map(|app| app["override_callback_uri"].as_str()).map(str::to_owned);
        Ok(Self {
            apps: apps.len(),
            of_number: url("phone_number"),
            of_account: url("whatsapp_business_account").or(override_of_account),
            of_app: url("application"),
        })
    }

    /// Returns the URL to which webhooks about messages go, if it is known.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        [&self.of_number, &self.of_account, &self.of_app].into_iter().find_map(Option::as_deref)
    }

    /// Subscribes the token's app to the account. With a URL and a verify token, webhooks about messages go to that URL
    /// rather than to the app's; WhatsApp tries it first, so the service has to run there with the token.
    ///
    /// # Errors
    ///
    /// [`CallError`], with code 2200 if the URL did not repeat the challenge.
    pub async fn subscribe(
        client: &GraphClient,
        waba_id: &str,
        callback: Option<(&str, &str)>,
    ) -> Result<(), CallError> {
        #[derive(Deserialize)]
        struct Success {
            success: bool,
        }
        let body = callback.map_or_else(
            || json!({}),
            |(url, verify_token)| json!({ "override_callback_uri": url, "verify_token": verify_token }),
        );
        let path = format!("{waba_id}/subscribed_apps");
        let answer: Success = client.post(&path, &body, client.timeout()).await?;
        if answer.success { Ok(()) } else { Err(CallError::Unclear("neither success nor an error".to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_url_counts() {
        let [number, account, app] = ["https://n", "https://a", "https://app"].map(|url| Some(url.to_owned()));
        let mut subscription = Subscription { apps: 1, of_number: number, of_account: account, of_app: app };
        assert_eq!(subscription.url(), Some("https://n"));
        subscription.of_number = None;
        assert_eq!(subscription.url(), Some("https://a"));
        subscription.of_account = None;
        assert_eq!(subscription.url(), Some("https://app"));
        subscription.of_app = None;
        assert_eq!(subscription.url(), None);
    }
}
