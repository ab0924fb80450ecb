//! What a store keeps about a verification, and what people may see of it.

use std::time::Duration;

use super::{
    About, AppName, ClientAddress, Delivery, LimitKind, Pacing, PhoneNumber, SealedCode, UnixMillis, VerificationId,
};

/// A verification about to be created: what the store decides about, and keeps if it allows the send.
#[derive(Debug, Clone)]
pub struct NewVerification {
    /// Its id.
    pub id: VerificationId,
    /// The app that asks.
    pub app: AppName,
    /// The number to prove.
    pub phone: PhoneNumber,
    /// The client that asked for it, if limits by address apply.
    pub client: Option<ClientAddress>,
    /// What is kept of the code.
    pub sealed: SealedCode,
    /// The pace of the sender that is to send the code.
    pub pacing: Option<Pacing>,
}

impl NewVerification {
    /// What limits are concerned with.
    #[must_use]
    pub fn about(&self) -> About<'_> {
        About { app: &self.app, phone: &self.phone, client: self.client }
    }
}

/// The state of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Its code can be checked.
    Pending,
    /// Its code was right.
    Approved,
    /// Its attempts are used up.
    Failed,
    /// Its code's lifetime is over.
    Expired,
    /// It was canceled, or another one has taken its place.
    Canceled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Approved, Self::Failed, Self::Expired, Self::Canceled];

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// A verification as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Its id.
    pub id: VerificationId,
    /// Its app.
    pub app: String,
    /// The number in digits, or what stands for it when numbers are hashed in the store.
    pub subject: String,
    /// Its state.
    pub status: Status,
    /// The first eight hexadecimal digits of the code's digest; empty for earlier verifications that are over.
    pub digest: String,
    /// Guesses that were compared with the code.
    pub attempts: u32,
    /// Guesses that may be.
    pub max_attempts: u32,
    /// Messages that were sent for it.
    pub sends: u32,
    /// When it was created.
    pub created_at: UnixMillis,
    /// When the code stops being good.
    pub expires_at: UnixMillis,
    /// How long until then by the store's clock; zero when it has expired.
    pub expires_in: Duration,
    /// When it was approved, failed or canceled.
    pub ended_at: Option<UnixMillis>,
    /// The deliveries that were heard of, in no order.
    pub deliveries: Vec<Delivery>,
}

/// What the store holds for one number, as far as one app is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneStatus {
    /// The app's verifications, newest first.
    pub verifications: Vec<Verification>,
    /// For each of the number's limits: events in its window, and how long until one more fits (zero: now).
    pub limits: Vec<(&'static LimitKind, u32, Duration)>,
}

impl PhoneStatus {
    /// The verification that a guess would be compared with, or that used up its attempts or lifetime.
    #[must_use]
    pub fn active(&self) -> Option<&Verification> {
        let newest = self.verifications.first();
        newest.filter(|newest| !matches!(newest.status, Status::Approved | Status::Canceled))
    }
}

/// What a cancellation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancellation {
    /// How many pending verifications were canceled.
    pub verifications: u64,
    /// Whether there were counters, and they were to go too.
    pub limits: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_found_by_its_name() {
        for status in Status::ALL {
            assert_eq!(Status::from_name(status.as_str()), Some(status));
        }
        assert_eq!(Status::from_name("lost"), None);
    }
}
