//! The world of test keys: what happens depends on the number alone, and no message leaves.
//!
//! The numbers are +1 555 555 0100 to 0199, which belong to nobody. Those without an outcome of their own, and every other
//! number, behave as [`TestOutcome::Delivered`].

use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{
    Code, CodeLength, CodeSender, DeliveryStatus, OutgoingCode, Pace, PhoneNumber, Refusal, RefusalKind, Sent,
    UndeliveredReason,
};

/// An outcome that a test number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestOutcome {
    /// The message is delivered.
    Delivered,
    /// The message is accepted and never arrives.
    NeverDelivered,
    /// The message is accepted, and later turns out to be undeliverable.
    FailedLater,
    /// The message is refused.
    Refused,
    /// The channel gives no clear answer.
    Unclear,
    /// Too many messages were sent to the number.
    LimitReached,
    /// The code expires immediately.
    Expired,
    /// The channel is unreachable.
    Unreachable,
}

/// The digits before the last two of a test number.
const START: &str = "155555501";
/// The digits that every code in the world of test keys starts with.
const CODE: &str = "1234567890";
/// The wait that [`TestOutcome::LimitReached`] reports.
const WAIT: Duration = Duration::from_mins(1);

impl TestOutcome {
    /// Every outcome, in the order of its number: `00` is the first.
    pub const ALL: [Self; 8] = [
        Self::Delivered,
        Self::NeverDelivered,
        Self::FailedLater,
        Self::Refused,
        Self::Unclear,
        Self::LimitReached,
        Self::Expired,
        Self::Unreachable,
    ];

    /// Returns the outcome for a number.
    #[must_use]
    pub fn of(phone: &PhoneNumber) -> Self {
        let index = phone.digits().strip_prefix(START).and_then(|last| last.parse::<usize>().ok());
        index.and_then(|index| Self::ALL.get(index).copied()).unwrap_or(Self::Delivered)
    }

    /// Returns the wait until another message to the number, if it has had too many.
    #[must_use]
    pub fn limited(self) -> Option<Duration> {
        (self == Self::LimitReached).then_some(WAIT)
    }

    /// Returns what the channel reports once it has accepted the message.
    #[must_use]
    pub fn report(self) -> Option<(DeliveryStatus, Option<UndeliveredReason>)> {
        match self {
            Self::Delivered | Self::Expired => Some((DeliveryStatus::Delivered, None)),
            Self::FailedLater => Some((DeliveryStatus::Failed, Some(UndeliveredReason::NotOnWhatsApp))),
            _ => None,
        }
    }

    /// Returns the code of every verification in the world of test keys: `123456` with six digits.
    #[must_use]
    pub fn code(length: CodeLength) -> Code {
        Code::from_text(&CODE[..usize::from(length.digits())])
    }
}

/// Sends nothing, and answers as the number's outcome demands.
#[derive(Debug, Clone, Copy)]
pub struct TestSender;

#[async_trait]
impl CodeSender for TestSender {
    async fn send(&self, message: OutgoingCode<'_>, _: &dyn Pace, _: Instant) -> Result<Sent, Refusal> {
        let refused = |kind: RefusalKind| {
            let detail = "the test number stands for this refusal".to_owned();
            Err(Refusal::new(kind, detail))
        };
        match TestOutcome::of(message.phone) {
            TestOutcome::Refused => refused(RefusalKind::Recipient),
            TestOutcome::Unreachable => refused(RefusalKind::Unreachable),
            TestOutcome::Unclear => Ok(Sent::Unclear { reason: "the test number stands for this".to_owned() }),
            _ => Ok(Sent::Accepted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_a_number_and_all_others_are_delivered() {
        let of = |digits: &str| TestOutcome::of(&PhoneNumber::parse(digits).unwrap());
        for (index, outcome) in TestOutcome::ALL.into_iter().enumerate() {
            assert_eq!(of(&format!("+1555555010{index}")), outcome);
        }
        for other in ["+15555550108", "+15555550199", "+15551234567", "+447700900123"] {
            assert_eq!(of(other), TestOutcome::Delivered, "{other}");
        }
    }

    #[test]
    fn the_code_has_the_length_of_the_app() {
        for (length, code) in [(4, "1234"), (6, "123456"), (10, "1234567890")] {
            assert_eq!(TestOutcome::code(CodeLength::new(length).unwrap()).expose(), code);
        }
    }
}
