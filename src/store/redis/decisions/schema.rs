//! The scripts and keys, as the client sees them.

use redis::Pipeline;

use super::keys::Keys;
use super::scripts::Lua;
use super::{
    added_events, begin, cancel, cancel_one, charge, check, confirm, delivery, deny, endpoint, expire, finish, message,
    outbox, probe, replay_events, resend, resume, settle_event, status, suspend, suspended, take_back, take_events,
    timers, turn, undelivered,
};
use crate::store::redis::client::schema::Schema;
use crate::store::redis::client::slots::Slots;

/// Returns every script.
fn all() -> Vec<&'static Lua> {
    vec![
        &charge::CREATE,
        &resend::RESEND,
        &confirm::CONFIRM,
        &take_back::TAKE_BACK,
        &turn::TURN,
        &check::FIND,
        &check::CHECK,
        &cancel::CANCEL,
        &cancel_one::CANCEL_ONE,
        &delivery::DELIVERY,
        &begin::BEGIN,
        &finish::FINISH,
        &deny::DENY,
        &expire::EXPIRE,
        &timers::TIMERS,
        &timers::DUE,
        &message::MESSAGE,
        &outbox::OUTBOX,
        &status::STATUS,
        &suspend::SUSPEND,
        &resume::RESUME,
        &suspended::SUSPENDED,
        &added_events::ADD_EVENT,
        &take_events::TAKE_EVENTS,
        &settle_event::SETTLE_EVENT,
        &undelivered::UNDELIVERED,
        &replay_events::REPLAY_EVENTS,
        &endpoint::ENDPOINT,
        &probe::PROBE,
    ]
}

impl Schema for Keys {
    /// Saves the first request a round trip. If a server loses the scripts later, the request that notices loads them
    /// again.
    fn scripts(&self) -> Pipeline {
        let mut load = Pipeline::new();
        for script in all() {
            load.cmd("SCRIPT").arg("LOAD").arg(script.text).ignore();
        }
        load
    }

    fn acknowledgement_key(&self, slots: &Slots, attempt: usize) -> String {
        self.acknowledgement(slots, attempt)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn scripts_of_transitions_bound_events_as_the_queue_does() {
        let kept = super::super::added_events::KEPT.as_secs() / 3_600;
        let bounds =
            format!("MOST_EVENTS, EVENTS_KEPT = {}, {} * 24 * 3600 * 1000", crate::store::MOST_EVENTS, kept / 24);
        assert!(charge::CREATE.text.contains(&bounds), "{bounds}");
    }

    /// Returns the commands that follow `before` in a script.
    fn commands<'t>(text: &'t str, before: &str) -> BTreeSet<&'t str> {
        text.split(before).skip(1).filter_map(|rest| rest.split('\'').next()).collect()
    }

    #[test]
    fn a_probe_tries_every_command_that_scripts_use() {
        let tried = commands(probe::PROBE.text, "{'");
        for script in all() {
            for before in ["redis.call('", "redis.pcall('"] {
                let untried: Vec<_> = commands(script.text, before).difference(&tried).copied().collect();
                assert_eq!(untried, Vec::<&str>::new(), "{}", script.name);
            }
        }
    }
}
