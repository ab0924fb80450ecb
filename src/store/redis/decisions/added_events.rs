//! Adds events to the queue of their app, by the words of their entries.

use std::time::Duration;

use redis::ScriptInvocation;

use super::keys::EventKeys;
use super::scripts::{Lua, lua};
use crate::store::MOST_EVENTS;
use crate::store::redis::milliseconds;

pub(super) static ADD_EVENT: Lua = lua!("add_event", "clock", "events");

/// The lifetime of the keys of a queue, from the last change.
pub(super) const KEPT: Duration = Duration::from_hours(7 * 24);
/// The time for which an event is not added again.
const REMEMBERED: Duration = Duration::from_hours(1);

/// Returns a call that adds events by the words of their entries.
pub(super) fn call<'w>(keys: &EventKeys, words: impl Iterator<Item = &'w String>) -> ScriptInvocation<'static> {
    let mut call = ADD_EVENT.call();
    call.key(&keys.events).key(&keys.added);
    call.arg(MOST_EVENTS).arg(milliseconds(KEPT)).arg(milliseconds(REMEMBERED));
    for word in words {
        call.arg(word);
    }
    call
}
