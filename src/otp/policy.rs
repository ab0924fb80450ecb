//! What an app's verifications are held to.

use std::time::Duration;

use super::{CodeLength, Limits};

/// Lifetimes, attempts and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Digits of a code.
    pub code_length: CodeLength,
    /// How long a code can be checked after it was made.
    pub code_lifetime: Duration,
    /// How long a verification's record outlives its code, as a status.
    pub linger: Duration,
    /// Guesses that are compared with one code before it locks.
    pub max_attempts: u32,
    /// How often is too often.
    pub limits: Limits,
    /// The longest that sending a code may take. A code that was not refused by then has replaced the earlier ones.
    pub send_time: Duration,
}
