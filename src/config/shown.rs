//! Settings as they may be shown.

use std::fmt;

use super::fault::Origin;

/// One setting in force. A secret's value is `***`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSetting {
    /// The key, such as `otp.code_length`.
    pub key: String,
    /// The value as it was given.
    pub value: String,
    /// The origin of the value.
    pub origin: Origin,
}

/// `otp.code_length = 6 (default)`
impl fmt::Display for ShownSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} ({})", self.key, self.value, self.origin)
    }
}
