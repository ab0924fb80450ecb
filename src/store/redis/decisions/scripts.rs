//! The scripts, and the parts of their arguments that several share. The header of each file in `lua/` documents the
//! arguments it expects.

use std::sync::OnceLock;

use redis::{Script, ScriptInvocation};

use super::keys::{Keys, NumberKeys};
use crate::otp::{AppName, Counter, Counting, EventTypes, Pacing, Policy};
use crate::store::redis::milliseconds;
use crate::store::redis::settings::AfterFailover;

/// A script with its name; it is hashed once.
pub(crate) struct Lua {
    /// The name in metrics and traces.
    pub(crate) name: &'static str,
    pub(super) text: &'static str,
    script: OnceLock<Script>,
}

/// Builds a script from the parts that it needs, in order of dependency, and its own text.
macro_rules! lua {
    ($name:literal $(, $part:literal)*) => {
        crate::store::redis::decisions::scripts::Lua::new(
            $name,
            concat!($(include_str!(concat!("lua/parts/", $part, ".lua")), "\n",)* include_str!(concat!("lua/", $name, ".lua"))),
        )
    };
}
pub(super) use lua;

impl Lua {
    pub(super) const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text, script: OnceLock::new() }
    }

    /// Prepares a call of the script, without arguments yet.
    pub(super) fn call(&self) -> ScriptInvocation<'_> {
        self.script.get_or_init(|| Script::new(self.text)).prepare_invoke()
    }
}

/// Adds counters, as `counters.lua` reads them.
pub(super) fn counters(call: &mut ScriptInvocation<'_>, keys: &Keys, counters: &[&Counter]) {
    call.arg(counters.len());
    for counter in counters {
        call.key(keys.counter(counter)).arg(how(counter.counting)).arg(counter.rules.len());
        for rule in &counter.rules {
            call.arg(rule.kind.name).arg(rule.limit.max).arg(milliseconds(rule.limit.window));
        }
    }
}

pub(super) fn how(counting: Counting) -> &'static str {
    match counting {
        Counting::Moments => "moments",
        Counting::Slices => "slices",
    }
}

/// Adds a pace, as `pace.lua` reads it.
pub(super) fn pace(call: &mut ScriptInvocation<'_>, keys: &Keys, pacing: Option<&Pacing>) {
    match pacing {
        None => call.arg(0).arg(0),
        Some(pacing) => call.arg(interval(pacing)).arg(milliseconds(pacing.max_wait)).key(keys.pace(pacing)),
    };
}

pub(super) fn interval(pacing: &Pacing) -> u64 {
    u64::try_from(pacing.interval().as_micros()).unwrap_or(u64::MAX)
}

/// Adds a number's verifications for an app and its failures, as `failures.lua` reads them. `guesser` is the client.
pub(super) fn number(call: &mut ScriptInvocation<'_>, keys: &NumberKeys, policy: &Policy, guesser: Option<&str>) {
    let limit = policy.limits.failures().map(|rule| rule.limit);
    call.key(&keys.verification).key(&keys.failures).key(&keys.guessers);
    call.arg(limit.map_or(0, |limit| limit.max)).arg(limit.map_or(0, |limit| milliseconds(limit.window)));
    call.arg(limit.map_or(0, |limit| limit.share())).arg(guesser.unwrap_or_default());
}

/// Adds the stream for the app's events, as `tell.lua` reads it: the last key and the last argument.
pub(super) fn events(call: &mut ScriptInvocation<'_>, stream: &str, app: &AppName, types: EventTypes) {
    if !types.is_empty() {
        call.key(stream);
    }
    call.arg(told(app, types));
}

/// Returns the app and the types of events that its endpoint is told of.
pub(super) fn told(app: &AppName, types: EventTypes) -> String {
    if types.is_empty() {
        return String::new();
    }
    types.iter().fold(app.to_string(), |told, event_type| told + " " + event_type.as_str())
}

/// Returns the handling of verifications from before a failover, as `history.lua` reads it.
pub(super) fn fence(after_failover: AfterFailover) -> &'static str {
    match after_failover {
        AfterFailover::Reject => "reject",
        AfterFailover::Accept => "",
    }
}
