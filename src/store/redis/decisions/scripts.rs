//! The scripts and how their arguments are laid out; each header in `lua/` is the other half of the agreement.

use std::time::Duration;

use redis::{Pipeline, Script, ScriptInvocation};

use super::check::CheckKeys;
use super::keys::PhoneKeys;
use super::reservation::{Part, ReservationKeys};
use crate::otp::{Charge, Limit, NewCode, Pacing, Policy, Refund, SealedCode, UnixMillis};
use crate::store::redis::milliseconds;
use crate::store::redis::settings::AfterFailover;

/// All scripts, hashed once.
pub(crate) struct Scripts {
    reserve: Script,
    confirm: Script,
    take_back: Script,
    turn: Script,
    find: Script,
    verify: Script,
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
const CONFIRM: &str = text!("confirm");
const TAKE_BACK: &str = text!("take_back");
const TURN: &str = text!("turn");
const FIND: &str = text!("find");
const VERIFY: &str = text!("verify");
const REVOKE: &str = text!("revoke");
const STATUS: &str = text!("status");
const PROBE: &str = text!("probe");

/// How long the key of a probe may stay if the script does not come to delete it.
const PROBE_KEPT: Duration = Duration::from_secs(10);

/// Gives a server the scripts, so that the first request needs one round trip too. A server that loses them later
/// gets them again from whichever request finds out.
pub(crate) fn load() -> Pipeline {
    let mut load = Pipeline::new();
    for text in [RESERVE, CONFIRM, TAKE_BACK, TURN, FIND, VERIFY, REVOKE, STATUS, PROBE] {
        load.cmd("SCRIPT").arg("LOAD").arg(text).ignore();
    }
    load
}

impl Scripts {
    pub(crate) fn new(after_failover: AfterFailover) -> Self {
        Self {
            after_failover: match after_failover {
                AfterFailover::Reject => "reject",
                AfterFailover::Accept => "",
            },
            reserve: Script::new(RESERVE),
            confirm: Script::new(CONFIRM),
            take_back: Script::new(TAKE_BACK),
            turn: Script::new(TURN),
            find: Script::new(FIND),
            verify: Script::new(VERIFY),
            revoke: Script::new(REVOKE),
            status: Script::new(STATUS),
            probe: Script::new(PROBE),
        }
    }

    pub(crate) fn reserve(
        &self,
        parts: &[Part],
        keys: &ReservationKeys,
        code: &NewCode,
        policy: &Policy,
    ) -> ScriptInvocation<'_> {
        let mut script = self.reserve.arg(names(parts));
        for part in parts {
            match part {
                Part::Phone => {
                    let PhoneKeys { code, sends, failures, guessers } = &keys.phone;
                    script.key(code).key(sends).key(failures).key(guessers)
                }
                other => script.key(keys.of(*other)),
            };
        }
        script.arg(code.id.as_str()).arg(code.sealed.digest.to_hex()).arg(code.sealed.secret_id.as_str());
        script.arg(policy.max_attempts);
        script.arg(milliseconds(policy.code_lifetime)).arg(milliseconds(policy.linger));
        limit(&mut script, policy.limits.per_phone);
        script.arg(cooldown(policy));
        limit(&mut script, policy.limits.per_ip);
        limit(&mut script, policy.limits.failures_per_phone);
        limit(&mut script, policy.limits.total);
        pace(&mut script, policy);
        script.arg(milliseconds(policy.send_time)).arg(self.after_failover);
        script.arg(keys.guesser.as_deref().unwrap_or_default());
        script
    }

    pub(crate) fn confirm(&self, keys: &PhoneKeys, code: &NewCode, policy: &Policy) -> ScriptInvocation<'_> {
        let mut script = self.confirm.key(&keys.code);
        script.arg(code.id.as_str()).arg(milliseconds(policy.send_time));
        script
    }

    pub(crate) fn turn(&self, sender_pace: &str, policy: &Policy) -> ScriptInvocation<'_> {
        let mut script = self.turn.key(sender_pace);
        pace(&mut script, policy);
        script
    }

    /// Charges the address's check, finds the phone's codes, or both.
    pub(crate) fn find(
        &self,
        address: Option<&str>,
        phone: Option<&PhoneKeys>,
        keys: &CheckKeys,
        policy: &Policy,
    ) -> ScriptInvocation<'_> {
        let parts = [address.map(|_| Part::Address.name()), phone.map(|_| Part::Phone.name())];
        let mut script = self.find.arg(parts.into_iter().flatten().collect::<Vec<_>>().join(" "));
        if let Some(checks) = address {
            script.key(checks);
        }
        if let Some(phone) = phone {
            script.key(&phone.code).key(&phone.failures).key(&phone.guessers);
        }
        limit(&mut script, policy.limits.checks_per_ip);
        limit(&mut script, policy.limits.failures_per_phone);
        script.arg(keys.address.as_deref().unwrap_or_default());
        script.arg(milliseconds(policy.send_time)).arg(self.after_failover);
        script
    }

    /// Settles a guess by its digest for each record.
    pub(crate) fn verify(
        &self,
        keys: &CheckKeys,
        guesses: &[(String, SealedCode)],
        policy: &Policy,
    ) -> ScriptInvocation<'_> {
        let mut script = self.verify.key(&keys.phone.code);
        script.key(&keys.phone.failures).key(&keys.phone.guessers);
        let failures = policy.limits.failures_per_phone;
        limit(&mut script, failures);
        script.arg(failures.map_or(0, |limit| limit.share())).arg(keys.address.as_deref().unwrap_or_default());
        script.arg(milliseconds(policy.send_time)).arg(self.after_failover);
        for (record_id, sealed) in guesses {
            script.arg(record_id).arg(sealed.digest.to_hex());
        }
        script
    }

    pub(crate) fn take_back(
        &self,
        parts: &[Part],
        keys: &ReservationKeys,
        code: &NewCode,
        charge: &Charge,
        refund: Refund,
        policy: &Policy,
    ) -> ScriptInvocation<'_> {
        let mut script = self.take_back.arg(names(parts));
        for part in parts {
            match part {
                Part::Phone => script.key(&keys.phone.code).key(&keys.phone.sends),
                other => script.key(keys.of(*other)),
            };
        }
        let moment = |given_back: bool, at: UnixMillis| if given_back { at.0.to_string() } else { String::new() };
        let (all, own) = (refund == Refund::Everything, refund != Refund::Nothing);
        script.arg(code.id.as_str());
        script.arg(moment(all, charge.address_at)).arg(moment(own, charge.total_at));
        script.arg(if all { interval(policy) } else { 0 }).arg(moment(own, charge.phone_at));
        script.arg(policy.limits.total.map_or(1, |limit| milliseconds(limit.window)));
        script.arg(milliseconds(policy.send_time)).arg(milliseconds(policy.linger));
        script
    }

    pub(crate) fn revoke(&self, keys: &PhoneKeys, limits: bool) -> ScriptInvocation<'_> {
        let mut script = self.revoke.key(&keys.code);
        script.key(&keys.sends).key(&keys.failures).key(&keys.guessers).arg(if limits { "limits" } else { "" });
        script
    }

    pub(crate) fn status(&self, keys: &PhoneKeys, policy: &Policy) -> ScriptInvocation<'_> {
        let mut script = self.status.key(&keys.code);
        script.key(&keys.sends).key(&keys.failures);
        limit(&mut script, policy.limits.per_phone);
        script.arg(cooldown(policy));
        limit(&mut script, policy.limits.failures_per_phone);
        script
    }

    pub(crate) fn probe(&self, key: &str) -> ScriptInvocation<'_> {
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

/// The pace as scripts take it: us between two messages, and the longest wait in ms; zeros for none.
fn pace(script: &mut ScriptInvocation<'_>, policy: &Policy) {
    let max_wait = policy.pacing.as_ref().map_or(Duration::ZERO, |pacing| pacing.max_wait);
    script.arg(interval(policy)).arg(milliseconds(max_wait));
}

fn interval(policy: &Policy) -> u64 {
    let interval = policy.pacing.as_ref().map_or(Duration::ZERO, Pacing::interval);
    u64::try_from(interval.as_micros()).unwrap_or(u64::MAX)
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
