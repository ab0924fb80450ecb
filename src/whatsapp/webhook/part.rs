//! The kinds of parts of a webhook, and the reasons to ignore one.

/// The kind of a part, in metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The progress of a message.
    Status,
    /// A statement of a recipient that they did not request a code.
    Denial,
    /// Something about the account.
    Account,
    /// A message of a person to the business.
    Message,
    /// Anything else.
    Other,
}

impl Kind {
    /// Returns the name in metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Denial => "denial",
            Self::Account => "account",
            Self::Message => "message",
            Self::Other => "other",
        }
    }
}

/// The reason why a part is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ignored {
    /// It is about a number, an account or a message of somebody else.
    Foreign,
    /// It is of a kind that this version does not know.
    Unknown,
    /// It lacks what makes sense of it.
    Malformed,
    /// It has no consequence.
    Irrelevant,
}

impl Ignored {
    /// Returns the name in metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Unknown => "unknown",
            Self::Malformed => "malformed",
            Self::Irrelevant => "ignored",
        }
    }
}
