//! The results of `whatsapp-otp check`.

/// The remedy for errors of WhatsApp that have none of their own.
pub(super) const ERROR_CODES: &str =
    "See https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes for the meaning of the error.";

/// A part of the service that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The store.
    Redis,
    /// The account at WhatsApp, which the access token must open.
    Account,
    /// A number that sends codes.
    Number,
    /// A template, in one language.
    Template,
    /// The account's permission to send.
    Health,
    /// The subscription to webhooks.
    Webhooks,
    /// The arrival of a webhook about a real message.
    Delivery,
    /// The keys that sign proofs.
    ProofKeys,
    /// An app's endpoint for events.
    Endpoint,
}

impl Part {
    /// Returns the name for programs, which stays the same from version to version.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Account => "whatsapp_account",
            Self::Number => "whatsapp_number",
            Self::Template => "whatsapp_template",
            Self::Health => "whatsapp_health",
            Self::Webhooks => "whatsapp_webhooks",
            Self::Delivery => "webhook_delivery",
            Self::ProofKeys => "proof_keys",
            Self::Endpoint => "event_endpoint",
        }
    }

    /// Returns the name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::Account => "WhatsApp account",
            Self::Number => "Phone number",
            Self::Template => "Template",
            Self::Health => "Account health",
            Self::Webhooks => "Webhooks",
            Self::Delivery => "Webhook delivery",
            Self::ProofKeys => "Proof keys",
            Self::Endpoint => "Event endpoint",
        }
    }
}

/// The outcome of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Works,
    /// It does not work.
    Failed {
        /// The remedy, a sentence.
        fix: String,
    },
    /// It was not tried, because it needs a part that does not work.
    Skipped {
        /// That part.
        needs: Part,
    },
}

/// The result of trying one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The part.
    pub part: Part,
    /// The instance of the part, such as the address of Redis or the ID of a template.
    pub subject: String,
    /// The outcome.
    pub outcome: Outcome,
    /// Observations; of a failure, the first is its reason.
    pub details: Vec<String>,
    /// Things that work, but are rarely intended.
    pub warnings: Vec<String>,
}

impl Trial {
    pub(super) fn works(part: Part, subject: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(part, subject, Outcome::Works, vec![seen.into()])
    }

    pub(super) fn failed(
        part: Part,
        subject: impl Into<String>,
        reason: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(part, subject, Outcome::Failed { fix: fix.into() }, vec![reason.into()])
    }

    pub(super) fn skipped(part: Part, subject: impl Into<String>, needs: Part) -> Self {
        Self::new(part, subject, Outcome::Skipped { needs }, Vec::new())
    }

    pub(super) fn new(part: Part, subject: impl Into<String>, outcome: Outcome, details: Vec<String>) -> Self {
        Self { part, subject: subject.into(), outcome, details, warnings: Vec::new() }
    }

    pub(super) fn with_warnings(self, warnings: impl IntoIterator<Item = String>) -> Self {
        Self { warnings: warnings.into_iter().collect(), ..self }
    }

    pub(super) fn is_fine(&self) -> bool {
        self.outcome == Outcome::Works
    }
}
