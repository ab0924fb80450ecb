//! Graph API versions, and the rules that differ between those still served.

/// The version as which a call is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiVersion(u16);

impl ApiVersion {
    const OLDEST_ALIVE: u16 = 21;
    const NEWEST: u16 = 26;

    /// The major versions that had minor ones, with the highest of each.
    const OLD_MINORS: [(u16, u16); 2] = [(2, 12), (3, 3)];

    /// Parses a path segment such as `v21.0`.
    ///
    /// An expired version is served as the oldest one still served. One that never existed is `None`.
    pub(crate) fn parse(segment: &str) -> Option<Self> {
        let (major, minor) = segment.strip_prefix('v')?.split_once('.')?;
        let number = |text: &str| {
            let canonical = text == "0" || !text.starts_with('0');
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            (canonical && digits).then(|| text.parse::<u16>().ok())?
        };
        let (major, minor) = (number(major)?, number(minor)?);
        let highest_minor = Self::OLD_MINORS.iter().find(|(old, _)| *old == major).map_or(0, |(_, minor)| *minor);
        let was_released = (1..=Self::NEWEST).contains(&major) && minor <= highest_minor;
        was_released.then(|| Self(major.max(Self::OLDEST_ALIVE)))
    }

    /// From v23 on, an error in a template's parameters has its own code, 132018.
    pub(crate) fn template_parameter_code(self) -> u32 {
        if self.0 >= 23 { 132_018 } else { 132_012 }
    }

    /// From v24 on, an invalid cursor on the template list has its own code, 131059.
    pub(crate) fn bad_cursor_code(self) -> u32 {
        if self.0 >= 24 { 131_059 } else { 100 }
    }
}

impl std::fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "v{}.0", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn current_versions_are_served_as_themselves() {
        for version in ["v21.0", "v22.0", "v23.0", "v24.0", "v25.0", "v26.0"] {
            assert_eq!(ApiVersion::parse(version).unwrap().to_string(), version);
        }
    }

    #[test]
    fn expired_versions_are_served_as_the_oldest_current_one() {
        for version in ["v2.12", "v3.3", "v16.0", "v20.0"] {
            assert_eq!(ApiVersion::parse(version).unwrap().to_string(), "v21.0");
        }
    }

    #[test]
    fn versions_that_never_existed_are_unknown() {
        for version in ["v27.0", "v21.1", "v0.0", "v2.13", "21.0", "v21", "v021.0", "v+21.0", "V21.0", "v.", ""] {
            assert_eq!(ApiVersion::parse(version), None, "{version}");
        }
    }

    #[test]
    fn newer_codes_replace_older_ones_from_their_version_on() {
        let codes = |version| {
            let version = ApiVersion::parse(version).unwrap();
            (version.template_parameter_code(), version.bad_cursor_code())
        };
        assert_eq!(codes("v22.0"), (132_012, 100));
        assert_eq!(codes("v23.0"), (132_018, 100));
        assert_eq!(codes("v24.0"), (132_018, 131_059));
    }
}
