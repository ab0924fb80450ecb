//! Messages with codes, as limits and paces count them.

use super::{About, AppName, ClientAddress, Counted, Counter, Pacing, PhoneNumber, Policy, VerificationId};

/// One message with a code.
#[derive(Debug, Clone)]
pub struct Message {
    /// The verification whose code it carries.
    pub id: VerificationId,
    /// The requesting app.
    pub app: AppName,
    /// The recipient.
    pub phone: PhoneNumber,
    /// The requesting client, if limits by address apply.
    pub client: Option<ClientAddress>,
    /// The pace of its sender.
    pub pacing: Option<Pacing>,
    /// The treatment of a pending verification.
    pub manner: Manner,
}

/// The treatment of a pending verification when another is requested for the same number and app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Manner {
    /// The new one replaces it, once its message has not been refused: the sample server's calls.
    Replace,
    /// It goes on, with the same code, deadline and attempts: the verification API.
    Resume,
}

impl Message {
    /// The name of the limit that only applies to messages that replace one another.
    const COOLDOWN: &'static str = "resend_cooldown";

    /// Returns the subjects of the limits.
    #[must_use]
    pub fn about(&self) -> About<'_> {
        About { app: &self.app, phone: &self.phone, client: self.client }
    }

    /// Returns the counters that the message is charged to. Between messages for one verification,
    /// [`Policy::resend_cooldown`] applies instead of the limit of that name.
    #[must_use]
    pub fn counters(&self, policy: &Policy) -> Vec<Counter> {
        let mut counters = policy.limits.counters(Counted::Send, &self.about());
        if self.manner == Manner::Resume {
            for counter in &mut counters {
                counter.rules.retain(|rule| rule.kind.name != Self::COOLDOWN);
            }
            counters.retain(|counter| !counter.rules.is_empty());
        }
        counters
    }
}
