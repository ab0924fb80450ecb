//! Reviewers' numbers: people who examine an app before a store publishes it, and who cannot receive a message, sign in
//! with a number that belongs to nobody and a code that was agreed with them.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Code, CodeLength, CodeSender, Locale, OutgoingCode, Pace, PhoneNumber, Refusal, Sender, Sent};

/// A number and its code, until a day. Printing does not reveal the code.
#[derive(Debug, Clone)]
pub struct Reviewer {
    phone: PhoneNumber,
    code: Code,
    last_day: Date,
}

/// The text is not an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReviewerError {
    /// The entry does not have three parts, or the last is not a day.
    #[error("a number, a code and a last day, such as +12025550123 424242 2027-01-31")]
    Shape,
    /// The number may be somebody's.
    #[error(
        "one whose number belongs to nobody: from +1 AREA 555 0100 to 0199 with an area code that is not toll-free, or from +44 7700 900000 to 900999"
    )]
    SomebodysNumber,
    /// The code does not have the length of the app's.
    #[error("one whose code has {} digits, as otp.code_length says", length.digits())]
    Code {
        /// The app's length.
        length: CodeLength,
    },
}

impl Reviewer {
    /// Parses `+12025550123 424242 2027-01-31`: a number from the ranges for fiction, a code, and the last day in UTC.
    ///
    /// # Errors
    ///
    /// [`ReviewerError`], which repeats nothing of the text.
    pub fn parse(text: &str, length: CodeLength) -> Result<Self, ReviewerError> {
        let parts: Vec<_> = text.split_ascii_whitespace().collect();
        let [phone, code, last_day] = parts[..] else { return Err(ReviewerError::Shape) };
        let phone = PhoneNumber::parse(phone).map_err(|_| ReviewerError::SomebodysNumber)?;
        if !is_fictional(&phone) {
            return Err(ReviewerError::SomebodysNumber);
        }
        let is_code = code.len() == usize::from(length.digits()) && code.bytes().all(|byte| byte.is_ascii_digit());
        if !is_code {
            return Err(ReviewerError::Code { length });
        }
        let last_day = last_day.parse().map_err(|_| ReviewerError::Shape)?;
        Ok(Self { phone, code: Code::from_text(code), last_day })
    }

    /// Returns the number.
    #[must_use]
    pub fn phone(&self) -> &PhoneNumber {
        &self.phone
    }

    /// Returns the last day, in UTC, on which the code is valid.
    #[must_use]
    pub fn last_day(&self) -> Date {
        self.last_day
    }
}

impl PartialEq for Reviewer {
    fn eq(&self, other: &Self) -> bool {
        let of = |reviewer: &Self| (reviewer.phone.clone(), reviewer.last_day);
        of(self) == of(other) && self.code.expose() == other.code.expose()
    }
}

impl Eq for Reviewer {}

/// Returns `true` for numbers that are reserved for fiction: in North America (ATIS-0300115), and in the United Kingdom
/// (Ofcom's numbers for drama).
fn is_fictional(phone: &PhoneNumber) -> bool {
    let digits = phone.digits();
    let north_american = digits.strip_prefix('1').filter(|national| national.len() == 10).is_some_and(|national| {
        let (area, line) = national.split_at(3);
        line.starts_with("55501") && !["800", "833", "844", "855", "866", "877", "888", "900"].contains(&area)
    });
    north_american || (digits.len() == 12 && digits.starts_with("447700900"))
}

/// The reviewers of an app.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reviewers(Arc<[Reviewer]>);

impl Reviewers {
    /// Creates the list.
    #[must_use]
    pub fn new(reviewers: Vec<Reviewer>) -> Self {
        Self(reviewers.into())
    }

    /// Returns every entry, including those that have ended.
    pub fn iter(&self) -> impl Iterator<Item = &Reviewer> {
        self.0.iter()
    }

    /// Returns the code of the number, if it is a reviewer's today.
    #[must_use]
    pub fn code_for(&self, phone: &PhoneNumber) -> Option<&Code> {
        self.code_on(phone, || Timestamp::now().to_zoned(TimeZone::UTC).date())
    }

    fn code_on(&self, phone: &PhoneNumber, today: impl FnOnce() -> Date) -> Option<&Code> {
        let mut reviewers = self.0.iter().filter(|reviewer| reviewer.phone == *phone).peekable();
        reviewers.peek()?;
        let today = today();
        reviewers.find(|reviewer| today <= reviewer.last_day).map(|reviewer| &reviewer.code)
    }
}

/// Sends nothing, as a reviewer knows the code.
struct NoMessage {
    in_place_of: Arc<dyn CodeSender>,
}

#[async_trait]
impl CodeSender for NoMessage {
    fn locale(&self, wanted: Option<&Locale>) -> Option<Locale> {
        self.in_place_of.locale(wanted)
    }

    async fn send(&self, message: OutgoingCode<'_>, _: &dyn Pace, _: Instant) -> Result<Sent, Refusal> {
        tracing::info!(verification = %message.id, "the number is a reviewer's: nothing is sent, and the code is the agreed one");
        Ok(Sent::Reviewer)
    }
}

impl Sender {
    /// Returns a sender for the same channel that sends nothing.
    #[must_use]
    pub(super) fn for_reviewers(&self) -> Self {
        Self {
            channel: self.channel.clone(),
            pacing: None,
            by: Arc::new(NoMessage { in_place_of: Arc::clone(&self.by) }),
        }
    }
}

impl fmt::Display for Reviewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} until {}", self.phone.masked(), self.last_day)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn six() -> CodeLength {
        CodeLength::new(6).unwrap()
    }

    fn reviewer(text: &str) -> Reviewer {
        Reviewer::parse(text, six()).unwrap()
    }

    #[test]
    fn an_entry_is_a_number_a_code_and_a_day() {
        let entry = reviewer("+12025550123 424242 2027-01-31");
        assert_eq!((entry.phone().digits(), entry.last_day()), ("12025550123", date(2027, 1, 31)));
        assert_eq!(entry.to_string(), "1202*****23 until 2027-01-31");
        assert!(!format!("{entry:?}").contains("424242"));
        assert_eq!(reviewer("  447700900999\t000000  2027-02-28 ").phone().digits(), "447700900999");
        for text in [
            "",
            "+12025550123",
            "+12025550123 424242",
            "+12025550123 424242 2027-01-31 x",
            "+12025550123 424242 2027-02-30",
            "+12025550123 424242 31.01.2027",
        ] {
            assert_eq!(Reviewer::parse(text, six()), Err(ReviewerError::Shape), "{text}");
        }
        for code in ["42424", "4242424", "42424a", "-42424", "４２４２４２"] {
            let text = format!("+12025550123 {code} 2027-01-31");
            assert_eq!(Reviewer::parse(&text, six()), Err(ReviewerError::Code { length: six() }), "{text}");
        }
    }

    #[test]
    fn only_numbers_that_belong_to_nobody_are_accepted() {
        for number in ["+12025550100", "+12025550199", "+15555550142", "+447700900000", "+447700900999"] {
            assert!(Reviewer::parse(&format!("{number} 424242 2027-01-31"), six()).is_ok(), "{number}");
        }
        for number in [
            "+12025550099",
            "+12025550200",
            "+12025551123",
            "+18005550123",
            "+19005550123",
            "+12024560123",
            "+447700899999",
            "+447700901000",
            "+447911123456",
            "+4915112345678",
            "+12",
            "nobody",
        ] {
            let parsed = Reviewer::parse(&format!("{number} 424242 2027-01-31"), six());
            assert_eq!(parsed, Err(ReviewerError::SomebodysNumber), "{number}");
        }
    }

    #[test]
    fn an_entry_ends_after_its_last_day() {
        let reviewers = Reviewers::new(vec![
            reviewer("+12025550123 111111 2027-01-31"),
            reviewer("+12025550123 222222 2027-02-28"),
            reviewer("+447700900123 333333 2027-01-31"),
        ]);
        let code = |number: &str, today| {
            let phone = PhoneNumber::parse(number).unwrap();
            reviewers.code_on(&phone, || today).map(|code| code.expose().to_owned())
        };
        assert_eq!(code("+12025550123", date(2027, 1, 31)).as_deref(), Some("111111"));
        assert_eq!(code("+12025550123", date(2027, 2, 1)).as_deref(), Some("222222"));
        assert_eq!(code("+12025550123", date(2027, 3, 1)), None);
        assert_eq!(code("+447700900123", date(2027, 1, 31)).as_deref(), Some("333333"));
        assert_eq!(code("+447700900123", date(2027, 2, 1)), None);
        assert_eq!(code("+12025550124", date(2027, 1, 1)), None);
    }
}
