//! Faults of settings: the key, what was expected, and the origin of the value.

use std::fmt;
use std::path::PathBuf;

/// The origin of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Compiled in.
    Default,
    /// The file of `--config` or `WHATSAPP_OTP_CONFIG`.
    File(PathBuf),
    /// The environment variable of this name.
    Variable(String),
    /// The file that a secret's `KEY_file` names.
    KeyFile {
        /// The key that names the file, such as `otp.secret_file`.
        key: String,
        /// The file.
        path: PathBuf,
    },
    /// The file that the set-up wrote.
    InfoFile(PathBuf),
    /// Generated for this run of the sandbox.
    Generated,
    /// No source gave one.
    Unset,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::KeyFile { key, path } => write!(f, "file of {key} {}", path.display()),
            Self::InfoFile(path) => write!(f, "info file {}", path.display()),
            Self::Generated => f.write_str("generated for this run"),
            Self::Unset => f.write_str("not set"),
        }
    }
}

/// A fault. It prints as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, such as `otp.code_length`, or the name of a faulty source.
    pub key: String,
    /// The expected value.
    pub expected: String,
    /// The value, unless there was none or it may contain a secret.
    pub given: Option<String>,
    /// The origin of the value.
    pub origin: Origin,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}", self.key, self.expected)?;
        if let Some(given) = &self.given {
            write!(f, ", got {given:?}")?;
        }
        write!(f, " ({})", self.origin)
    }
}

/// Every fault of the settings. It prints as one line for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError(Vec<Fault>);

impl SettingsError {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self(faults)
    }

    /// Returns every fault.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for SettingsError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(origin: Origin) -> Fault {
        Fault {
            key: "otp.code_length".to_owned(),
            expected: "a whole number from 4 to 10".to_owned(),
            given: Some("12".to_owned()),
            origin,
        }
    }

    #[test]
    fn a_fault_is_one_line_of_key_expectation_value_and_origin() {
        let variable = Origin::Variable("WHATSAPP_OTP__OTP__CODE_LENGTH".to_owned());
        assert_eq!(
            fault(variable).to_string(),
            "otp.code_length: expected a whole number from 4 to 10, got \"12\" \
             (environment variable WHATSAPP_OTP__OTP__CODE_LENGTH)"
        );
        let broken = Fault { given: Some("1\n2".to_owned()), ..fault(Origin::Default) };
        assert_eq!(broken.to_string().lines().count(), 1);
    }

    #[test]
    fn every_origin_says_where() {
        let path = || PathBuf::from("/etc/otp");
        let key = "otp.secret_file".to_owned();
        for (origin, text) in [
            (Origin::Default, "default"),
            (Origin::File(path()), "file /etc/otp"),
            (Origin::Variable("A".to_owned()), "environment variable A"),
            (Origin::KeyFile { key, path: path() }, "file of otp.secret_file /etc/otp"),
            (Origin::InfoFile(path()), "info file /etc/otp"),
            (Origin::Generated, "generated for this run"),
            (Origin::Unset, "not set"),
        ] {
            assert_eq!(origin.to_string(), text);
        }
    }

    #[test]
    fn an_error_prints_a_line_for_each_fault() {
        let error = SettingsError::new(vec![fault(Origin::Default), fault(Origin::Unset)]);
        let printed = error.to_string();
        assert_eq!(printed.lines().count(), 2);
        assert!(printed.ends_with("got \"12\" (not set)"), "{printed}");
    }
}
