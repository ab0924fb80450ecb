//! The port of a channel's webhook: reports that the channel sends of its own accord.

use async_trait::async_trait;

use super::OtpService;

/// A channel's webhook: checks that a report is the channel's, and applies it to the service.
#[async_trait]
pub trait InboundWebhook: Send + Sync {
    /// Returns `true` if there is a secret to check reports with.
    fn is_enabled(&self) -> bool;

    /// Returns the answer to the request, with this query, with which the channel makes sure that the URL is ours; `None`
    /// if it is somebody else's request. It does not depend on the store.
    fn handshake(&self, query: &str) -> Option<String>;

    /// Applies a report, with these values of the field for signatures. Nobody else's report changes anything, and
    /// repeating one is harmless.
    async fn receive(&self, service: &OtpService, signatures: &[&[u8]], body: Vec<u8>) -> Receipt;
}

/// The result of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It changed something.
    Applied,
    /// All of it was known already.
    Duplicate,
    /// None of it is for us.
    Ignored,
    /// It has a good signature but is not JSON.
    Unparsable,
    /// It is not the channel's.
    BadSignature,
    /// The store did not take all of it. The channel has to send it again.
    StoreUnavailable,
}

impl Receipt {
    /// Returns the name in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::Unparsable => "unparsable",
            Self::BadSignature => "bad_signature",
            Self::StoreUnavailable => "store_unavailable",
        }
    }
}
