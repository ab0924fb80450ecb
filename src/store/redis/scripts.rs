//! The scripts and how their arguments are laid out; each header in `lua/` is the other half of the agreement.

use std::time::Duration;

use redis::{Pipeline, Script, ScriptInvocation};

use super::keys::PhoneKeys;
use super::milliseconds;
use super::reservation::{Part, ReservationKeys};
use super::settings::AfterFailover;
use crate::otp::{Charge, Limit, NewCode, Policy, SealedCode};
use crate::store::PACE_WINDOW;

/// All scripts, hashed once.
pub(super) struct Scripts {
    reserve: Script,
    verify: Script,
    take_back: Script,
    revoke: Script,
    status: Script,
    probe: Script,
    /// As scripts take it.
    after_failover: &'static str,
}

/// A script's text: what they share, and its own.
macro_rules! text {
    ($name:literal) => {
        concat!(include_str!("lua/prelude.lua"), "\n", include_str!(concat!("lua/", $name, ".lua")))
    };
}

const RESERVE: &str = text!("reserve");
const VERIFY: &str = text!("verify");
const TAKE_BACK: &str = text!("take_back");
const REVOKE: &str = text!("revoke");
const STATUS: &str = text!("status");
const PROBE: &str = text!("probe");

/// How long the key of a probe may stay if the script does not come to delete it.
const PROBE_KEPT: Duration = Duration::from_secs(10);

/// Gives a server the scripts, so that the first request needs one round trip too. A server that loses them later
/// gets them again from whichever request finds out.
pub(super) fn load() -> Pipeline {
    let mut load = Pipeline::new();
    for text in [RESERVE, VERIFY, TAKE_BACK, REVOKE, STATUS, PROBE] {
        load.cmd("SCRIPT").arg("LOAD").arg(text).ignore();
    }
    load
}

impl Scripts {
    pub(super) fn new(after_failover: AfterFailover) -> Self {
        Self {
            after_failover: match after_failover {
                AfterFailover::Reject => "reject",
                AfterFailover::Accept => "",
            },
            reserve: Script::new(RESERVE),
            verify: Script::new(VERIFY),
            take_back: Script::new(TAKE_BACK),
            revoke: Script::new(REVOKE),
            status: Script::new(STATUS),
            probe: Script::new(PROBE),
        }
    }

    pub(super) fn reserve(
        &self,
        parts: &[Part],
        keys: &ReservationKeys,
        code: &NewCode,
        policy: &Policy,
    ) -> ScriptInvocation<'_> {
        let mut script = self.reserve.arg(names(parts));
        for part in parts {
            match part {
                Part::Address => script.key(&keys.address),
                Part::Sender => script.key(&keys.sender),
                Part::Phone => script.key(&keys.phone.code).key(&keys.phone.sends).key(&keys.phone.failures),
            };
        }
        script.arg(code.id.as_str()).arg(code.sealed.digest.to_hex()).arg(code.sealed.secret_id.as_str());
        script.arg(policy.max_attempts);
        script.arg(milliseconds(policy.code_lifetime)).arg(milliseconds(policy.linger));
        limit(&mut script, policy.limits.per_phone);
        script.arg(cooldown(policy));
        limit(&mut script, policy.limits.per_ip);
        limit(&mut script, policy.limits.failures_per_phone);
        let pace = policy.pacing.as_ref().map(|pacing| (pacing.per_second.get(), milliseconds(pacing.max_wait)));
        let (per_window, max_wait) = pace.unwrap_or_default();
        script.arg(per_window).arg(milliseconds(PACE_WINDOW)).arg(max_wait);
        script.arg(self.after_failover);
        script
    }

    pub(super) fn verify(&self, keys: &PhoneKeys, candidates: &[SealedCode], policy: &Policy) -> ScriptInvocation<'_> {
        let mut script = self.verify.key(&keys.code);
        script.key(&keys.failures);
        limit(&mut script, policy.limits.failures_per_phone);
        script.arg(self.after_failover);
        for candidate in candidates {
            script.arg(candidate.secret_id.as_str()).arg(candidate.digest.to_hex());
        }
        script
    }

    pub(super) fn take_back(
        &self,
        parts: &[Part],
        keys: &ReservationKeys,
        code: &NewCode,
        charge: &Charge,
    ) -> ScriptInvocation<'_> {
        let mut script = self.take_back.arg(names(parts));
        for part in parts {
            match part {
                Part::Address => script.key(&keys.address),
                Part::Sender => script.key(&keys.sender),
                Part::Phone => script.key(&keys.phone.code).key(&keys.phone.sends),
            };
        }
        script.arg(code.id.as_str());
        script.arg(charge.address_at.0).arg(charge.turn.0).arg(charge.phone_at.0);
        script
    }

    pub(super) fn revoke(&self, keys: &PhoneKeys, limits: bool) -> ScriptInvocation<'_> {
        let mut script = self.revoke.key(&keys.code);
        script.key(&keys.sends).key(&keys.failures).arg(if limits { "limits" } else { "" });
        script
    }

    pub(super) fn status(&self, keys: &PhoneKeys, policy: &Policy) -> ScriptInvocation<'_> {
        let mut script = self.status.key(&keys.code);
        script.key(&keys.sends).key(&keys.failures);
        limit(&mut script, policy.limits.per_phone);
        script.arg(cooldown(policy));
        limit(&mut script, policy.limits.failures_per_phone);
        script
    }

    pub(super) fn probe(&self, key: &str) -> ScriptInvocation<'_> {
        let mut script = self.probe.key(key);
        script.arg(milliseconds(PROBE_KEPT)).arg(self.after_failover);
        script
    }
}

/// Parts as scripts take them.
fn names(parts: &[Part]) -> String {
    parts.iter().map(|part| part.name()).collect::<Vec<_>>().join(" ")
}

/// A limit as scripts take it: count and window in ms, zeros for none.
fn limit(script: &mut ScriptInvocation<'_>, limit: Option<Limit>) {
    script.arg(limit.map_or(0, |limit| limit.max)).arg(limit.map_or(0, |limit| milliseconds(limit.window)));
}

fn cooldown(policy: &Policy) -> u64 {
    milliseconds(policy.limits.resend_cooldown.unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The commands that follow `before` in a script.
    fn commands<'t>(text: &'t str, before: &str) -> BTreeSet<&'t str> {
        text.split(before).skip(1).filter_map(|rest| rest.split('\'').next()).collect()
    }

    #[test]
    fn a_probe_tries_every_command_that_scripts_use() {
        let tried = commands(PROBE, "{'");
        for text in [RESERVE, VERIFY, TAKE_BACK, REVOKE, STATUS] {
            let untried: Vec<_> = commands(text, "redis.call('").difference(&tried).copied().collect();
            assert_eq!(untried, Vec::<&str>::new());
        }
    }
}
