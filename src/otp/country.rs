//! Countries and types of numbers, as numbering plans define them.

use std::str::FromStr;

use phonenumber::country;

/// A country or territory with a numbering plan, by its ISO 3166-1 alpha-2 code, such as `DE`. Like libphonenumber,
/// this includes three without an ISO code: `AC` (Ascension), `TA` (Tristan da Cunha) and `XK` (Kosovo).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country(country::Id);

/// The text is not the code of a country with a numbering plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a country that has phone numbers, in two capital letters, such as DE")]
pub struct UnknownCountry;

impl Country {
    /// Returns the code.
    #[must_use]
    pub fn code(&self) -> &str {
        self.0.as_ref()
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, UnknownCountry> {
        text.parse().map(Self).map_err(|_| UnknownCountry)
    }
}

/// The purpose of a range of numbers, as libphonenumber defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberType {
    /// The caller pays a premium, and the called party gets a share.
    PremiumRate,
    /// The called party pays.
    TollFree,
    /// Caller and called party share the cost.
    SharedCost,
    /// Telephony over IP.
    Voip,
    /// One person's number, wherever it is routed.
    PersonalNumber,
    /// Pagers.
    Pager,
    /// A company's number, wherever it is routed ("universal access number").
    Uan,
    /// Access to voice mail.
    Voicemail,
    /// Landlines.
    FixedLine,
    /// Mobile phones.
    Mobile,
    /// In no range of the plan with a type: too new, or unassigned.
    Unknown,
}

impl NumberType {
    /// Every type. If a number fits two types other than [`FixedLine`](Self::FixedLine) and [`Mobile`](Self::Mobile),
    /// the earlier one is its type.
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

    /// Returns the name in settings.
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

/// The text is not the name of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one of {}", NumberType::ALL.map(NumberType::as_str).join(", "))]
pub struct UnknownNumberType;

impl FromStr for NumberType {
    type Err = UnknownNumberType;

    fn from_str(text: &str) -> Result<Self, UnknownNumberType> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownNumberType)
    }
}
