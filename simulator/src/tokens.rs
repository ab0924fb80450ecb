//! Access tokens: the configured one, and a few that fail in a known way, to try each failure by hand.
//!
//! Any token other than these and [`SimulatorSettings::access_token`](super::SimulatorSettings::access_token) is
//! malformed (190).
//!
//! | Token | Meaning | Answer |
//! |---|---|---|
//! | `EAASIMULATOR0EXPIRED0TOKEN` | an expired token | 190, subcode 463 |
//! | `EAASIMULATOR0INVALIDATED0TOKEN` | a token invalidated by a password change | 190, subcode 460 |
//! | `EAASIMULATOR0NO0MANAGEMENT0SCOPE` | only `whatsapp_business_messaging` granted | 200 on everything but sending |
//! | `EAASIMULATOR0NO0MESSAGING0SCOPE` | only `whatsapp_business_management` granted | 200 on sending |
//! | `EAASIMULATOR0NOT0ASSIGNED` | both scopes, but no access to the account | 200 on sending and on the account, 100/33 on other objects |
//! | `400000000000001\|SECRET` | the app's own, with the app secret | 200 on everything but the app's subscriptions |
//! | `EAASIMULATOR0NOT0ELIGIBLE` | an account that may not have authentication templates | 10, subcode 2388185, when creating one |

use super::SimulatorSettings;

/// The state and permissions of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    Expired,
    Invalidated,
    WithoutManagement,
    WithoutMessaging,
    Unassigned,
    Ineligible,
    /// The app's own token, `{id}|{secret}`.
    App,
}

/// The tokens of the table above.
pub(crate) const WELL_KNOWN: &[(&str, Standing)] = &[
    ("EAASIMULATOR0EXPIRED0TOKEN", Standing::Expired),
    ("EAASIMULATOR0INVALIDATED0TOKEN", Standing::Invalidated),
    ("EAASIMULATOR0NO0MANAGEMENT0SCOPE", Standing::WithoutManagement),
    ("EAASIMULATOR0NO0MESSAGING0SCOPE", Standing::WithoutMessaging),
    ("EAASIMULATOR0NOT0ASSIGNED", Standing::Unassigned),
    ("EAASIMULATOR0NOT0ELIGIBLE", Standing::Ineligible),
];

const MESSAGING: &str = "whatsapp_business_messaging";
const MANAGEMENT: &str = "whatsapp_business_management";

impl Standing {
    /// The standing of this token; `None` if it is malformed.
    pub(crate) fn of(token: &str, settings: &SimulatorSettings) -> Option<Self> {
        if token == settings.access_token {
            return Some(Self::Good);
        }
        WELL_KNOWN.iter().find(|(known, _)| *known == token).map(|(_, standing)| *standing)
    }

    /// The scopes granted to it.
    pub(crate) fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::WithoutManagement => &[MESSAGING],
            Self::WithoutMessaging => &[MANAGEMENT],
            Self::App => &[],
            _ => &[MANAGEMENT, MESSAGING],
        }
    }

    /// Returns `true` if it may send.
    pub(crate) fn may_message(self) -> bool {
        self.scopes().contains(&MESSAGING)
    }

    /// Returns `true` if it may read and manage the account.
    pub(crate) fn may_manage(self) -> bool {
        self.scopes().contains(&MANAGEMENT)
    }

    /// Returns `true` if its user has access to the account.
    pub(crate) fn is_assigned(self) -> bool {
        self != Self::Unassigned
    }
}
