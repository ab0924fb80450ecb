//! Refunds of the charges for messages that were refused.

use super::Scope;

/// The refund for a verification whose message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refund {
    /// Everything: no message was attempted.
    Everything,
    /// The charges to everyone but the address, as none of them is at fault. The address keeps its charge; otherwise it
    /// could cause calls to the channel without limit.
    AllButAddress,
    /// Nothing: the recipient is unreachable, and a caller who probes for reachable numbers pays for each.
    Nothing,
}

impl Refund {
    /// Returns `true` if charges to that scope are refunded.
    #[must_use]
    pub fn covers(self, scope: Scope) -> bool {
        match self {
            Self::Everything => true,
            Self::AllButAddress => scope != Scope::Address,
            Self::Nothing => false,
        }
    }
}
