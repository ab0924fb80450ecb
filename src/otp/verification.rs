//! Verifications: the record that a store keeps, and the view of it for operators.

use std::time::Duration;

use super::{
    AppName, Delivery, DeliveryReport, Details, LimitKind, Message, Policy, SealedCode, UnixMillis, VerificationId,
};

/// A new verification: what the store decides about, and keeps if it allows the send.
#[derive(Debug, Clone)]
pub struct NewVerification {
    /// Its first message.
    pub message: Message,
    /// The sealed code.
    pub sealed: SealedCode,
    /// The caller's details.
    pub details: Details,
}

impl NewVerification {
    /// Returns the verification as it was stored at `created_at`.
    #[must_use]
    pub fn as_created(&self, created_at: UnixMillis, policy: &Policy) -> Verification {
        Verification {
            id: self.message.id,
            app: self.message.app.clone(),
            subject: self.message.phone.digits().to_owned(),
            status: Status::Pending,
            digest: self.sealed.digest.shortened(),
            attempts: 0,
            max_attempts: policy.max_attempts,
            sends: 1,
            created_at,
            sent_at: created_at,
            expires_at: created_at.plus(policy.code_lifetime),
            expires_in: policy.code_lifetime,
            ended_at: None,
            deliveries: Vec::new(),
            details: self.details.clone(),
        }
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

impl Verification {
    /// Adds a delivery as reported at `at`.
    pub fn note(&mut self, report: &DeliveryReport, at: UnixMillis) {
        let (before, others): (Vec<_>, _) =
            std::mem::take(&mut self.deliveries).into_iter().partition(|delivery| delivery.number == report.delivery);
        self.deliveries = others;
        let earlier = before.iter().flat_map(Delivery::statuses).collect();
        self.deliveries.push(Delivery {
            number: report.delivery,
            channel: report.channel.to_string(),
            status: report.status,
            at,
            reason: report.reason.map(|reason| reason.as_str().to_owned()),
            earlier,
        });
    }
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

/// The result of a recipient's statement that they did not request a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// The verification was pending and is canceled.
    Denied,
    /// It had ended before; nothing changed.
    Ended,
    /// There is no such verification.
    Absent,
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
