//! Countries and types of numbers, as numbering plans have them.

use std::str::FromStr;

use phonenumber::country;

/// A country or territory with a numbering plan, by its ISO 3166-1 alpha-2 code, such as `DE`. As in libphonenumber there
/// are three that ISO has no code for: `AC` (Ascension), `TA` (Tristan da Cunha) and `XK` (Kosovo).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country(country::Id);

/// The text names no country that has a numbering plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a country that has phone numbers, in two capital letters, such as DE")]
pub struct UnknownCountry;

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, UnknownCountry> {
        text.parse().map(Self).map_err(|_| UnknownCountry)
    }
}

/// What a range of numbers is for, as libphonenumber has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberType {
    /// The caller pays more than for a call, and some of it goes to whoever is called.
    PremiumRate,
    /// Whoever is called pays.
    TollFree,
    /// Both pay.
    SharedCost,
    /// Telephony over IP.
    Voip,
    /// One person's, wherever it is routed to.
    PersonalNumber,
    /// Pagers.
    Pager,
    /// A company's, wherever it is routed to ("universal access number").
    Uan,
    /// Access to voice mail.
    Voicemail,
    /// Landlines.
    FixedLine,
    /// Mobile phones.
    Mobile,
    /// In no range that the plan has a type for: too new, or nobody's.
    Unknown,
}

impl NumberType {
    /// Every type there is. Of two that a number fits, other than [`FixedLine`](Self::FixedLine) and
    /// [`Mobile`](Self::Mobile), the earlier is its type.
    pub const ALL: [Self; 11] = [
        Self::PremiumRate,
        Self::TollFree,
        Self::SharedCost,
        Self::Voip,
        Self::PersonalNumber,
        Self::Pager,
        Self::Uan,
        Self::Voicemail,
        Self::FixedLine,
        Self::Mobile,
        Self::Unknown,
    ];

    /// The name in settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PremiumRate => "premium_rate",
            Self::TollFree => "toll_free",
            Self::SharedCost => "shared_cost",
            Self::Voip => "voip",
            Self::PersonalNumber => "personal_number",
            Self::Pager => "pager",
            Self::Uan => "uan",
            Self::Voicemail => "voicemail",
            Self::FixedLine => "fixed_line",
            Self::Mobile => "mobile",
            Self::Unknown => "unknown",
        }
    }
}

/// The text names no type of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one of {}", NumberType::ALL.map(NumberType::as_str).join(", "))]
pub struct UnknownNumberType;

impl FromStr for NumberType {
    type Err = UnknownNumberType;

    fn from_str(text: &str) -> Result<Self, UnknownNumberType> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownNumberType)
    }
}
