//! Verifications: the record that a store keeps, and the view of it for operators.

use std::time::Duration;

use super::{
    About, AppName, ClientAddress, Delivery, Details, LimitKind, Pacing, PhoneNumber, SealedCode, UnixMillis,
    VerificationId,
};

/// A new verification: what the store decides about, and keeps if it allows the send.
#[derive(Debug, Clone)]
pub struct NewVerification {
    /// Its id.
    pub id: VerificationId,
    /// The requesting app.
    pub app: AppName,
    /// The number to prove.
    pub phone: PhoneNumber,
    /// The requesting client, if limits by address apply.
    pub client: Option<ClientAddress>,
    /// The sealed code.
    pub sealed: SealedCode,
    /// The pace of its sender.
    pub pacing: Option<Pacing>,
    /// The caller's details.
    pub details: Details,
}

impl NewVerification {
    /// Returns the subjects of the limits.
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
    /// Its code has expired.
    Expired,
    /// It was canceled or replaced.
    Canceled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Approved, Self::Failed, Self::Expired, Self::Canceled];

    /// Returns the name in the store and in output.
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

    /// Returns the status with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// A verification as operators and its caller see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Its id.
    pub id: VerificationId,
    /// Its app.
    pub app: AppName,
    /// The number's digits, or its pseudonym if the store hashes numbers.
    pub subject: String,
    /// Its state.
    pub status: Status,
    /// The first eight hexadecimal digits of the code's digest; empty for earlier verifications that have ended.
    pub digest: String,
    /// The number of guesses compared with the code.
    pub attempts: u32,
    /// The maximum number of such guesses.
    pub max_attempts: u32,
    /// The number of messages sent for it.
    pub sends: u32,
    /// The time of its creation.
    pub created_at: UnixMillis,
    /// The time of its last message.
    pub sent_at: UnixMillis,
    /// The time at which the code expires.
    pub expires_at: UnixMillis,
    /// The time left until then by the store's clock; zero if it has expired.
    pub expires_in: Duration,
    /// The time at which it was approved, failed or canceled.
    pub ended_at: Option<UnixMillis>,
    /// The known deliveries, in no order.
    pub deliveries: Vec<Delivery>,
    /// The caller's details.
    pub details: Details,
}

/// The records of one number, for one app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneStatus {
    /// The app's verifications, newest first.
    pub verifications: Vec<Verification>,
    /// The use of each of the number's limits.
    pub limits: Vec<NumberLimit>,
}

/// A limit of a number: the events in its window, and the wait until another fits (zero: none).
pub type NumberLimit = (&'static LimitKind, u32, Duration);

impl PhoneStatus {
    /// Returns the verification that a guess would be compared with, or that has used up its attempts or lifetime.
    #[must_use]
    pub fn active(&self) -> Option<&Verification> {
        let newest = self.verifications.first();
        newest.filter(|newest| !matches!(newest.status, Status::Approved | Status::Canceled))
    }
}

/// The result of a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancellation {
    /// The number of pending verifications that were canceled.
    pub verifications: u64,
    /// `true` if there were counters and they were cleared.
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
