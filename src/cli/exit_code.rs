//! The exit codes other than 0.

/// A failure at run time.
pub(super) const FAILED: u8 = 1;
/// Wrong usage, as clap has it.
pub(super) const USAGE: u8 = 2;
/// Invalid settings (`EX_CONFIG` of sysexits.h).
pub(super) const INVALID_SETTINGS: u8 = 78;
