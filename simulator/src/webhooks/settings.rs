//! The webhooks' targets, and their times.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

/// The app secret of webhooks that are given none.
///
/// Only the simulator signs with it: Meta never issued it.
pub const DEFAULT_APP_SECRET: &str = "sim-app-secret-0001";

/// The app that is subscribed to the account.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Its callback URLs. Meta has one per app; here each of several gets every webhook, as several apps would.
    pub urls: Vec<Url>,
    /// Its secret, which signs.
    pub app_secret: SecretString,
}

impl WebhookSettings {
    /// An app with the default secret.
    #[must_use]
    pub fn to(urls: impl IntoIterator<Item = Url>) -> Self {
        Self { urls: urls.into_iter().collect(), app_secret: DEFAULT_APP_SECRET.into() }
    }
}

/// The times of webhooks. The [`Default`] is a short version of Meta's.
#[derive(Debug, Clone)]
pub struct WebhookTimes {
    /// From acceptance to `sent`.
    pub sent: Duration,
    /// From acceptance to `delivered`.
    pub delivered: Duration,
    /// From each failed try to the next. After the last of them the webhook is dropped.
    pub retries: Vec<Duration>,
}

impl Default for WebhookTimes {
    fn default() -> Self {
        Self {
            sent: Duration::from_millis(300),
            delivered: Duration::from_millis(900),
            retries: [0, 1, 4, 16, 64].map(Duration::from_secs).into(),
        }
    }
}

impl WebhookTimes {
    /// Webhooks without any wait, for tests: `sent` and `delivered` follow each other at once, and so do five retries.
    #[must_use]
    pub fn zero() -> Self {
        Self { sent: Duration::ZERO, delivered: Duration::ZERO, retries: vec![Duration::ZERO; 5] }
    }
}
