//! The parts of a decision whose keys may be on several servers.

use super::keys::NumberKeys;
use crate::otp::{Counter, Pacing, Scope};
use crate::store::redis::RedisStore;

/// A part that is decided together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Part<'c> {
    pub(super) counters: Vec<&'c Counter>,
    pub(super) has_pace: bool,
    pub(super) has_number: bool,
}

impl Part<'_> {
    /// Returns a key in the part's slot.
    pub(super) fn key(&self, store: &RedisStore, number: &NumberKeys, pacing: Option<&Pacing>) -> String {
        match (self.has_number, self.counters.first(), pacing) {
            (false, Some(counter), _) => store.keys.counter(counter),
            (false, None, Some(pacing)) => store.keys.pace(pacing),
            _ => number.verification.clone(),
        }
    }
}

/// Returns the parts of a creation, in order.
pub(super) fn parts(is_one_server: bool, counters: &[Counter], has_pace: bool) -> Vec<Part<'_>> {
    if is_one_server {
        return vec![Part { counters: counters.iter().collect(), has_pace, has_number: true }];
    }
    let (of_number, others): (Vec<_>, Vec<_>) = counters.iter().partition(|counter| counter.scope == Scope::Number);
    let others = others.into_iter().map(|counter| Part { counters: vec![counter], ..Part::default() });
    let pace = has_pace.then(|| Part { has_pace, ..Part::default() });
    let number = Part { counters: of_number, has_pace: false, has_number: true };
    others.chain(pace).chain([number]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otp::{About, AppName, Counted, LIMITS, Limits, PhoneNumber};

    #[test]
    fn the_number_comes_last_and_what_has_no_limit_is_left_out() {
        let (app, phone) = (AppName::default(), PhoneNumber::parse("15551234567").unwrap());
        let client = Some(std::net::IpAddr::from([203, 0, 113, 7]).into());
        let mut limits = Limits::default();
        for kind in &LIMITS {
            limits.set(kind, "5/1h".parse().ok());
        }
        let counters = limits.counters(Counted::Send, &About { app: &app, phone: &phone, client });
        let shown = |is_one_server, has_pace| {
            let shown = |part: &Part<'_>| {
                let scopes: Vec<_> = part.counters.iter().map(|counter| counter.scope).collect();
                (scopes, part.has_pace, part.has_number)
            };
            parts(is_one_server, &counters, has_pace).iter().map(shown).collect::<Vec<_>>()
        };
        let (address, app, number) = (Scope::Address, Scope::App, Scope::Number);
        assert_eq!(shown(true, true), [(vec![address, app, number], true, true)]);
        assert_eq!(
            shown(false, true),
            [
                (vec![address], false, false),
                (vec![app], false, false),
                (vec![], true, false),
                (vec![number], false, true)
            ]
        );
        assert_eq!(shown(false, false).len(), 3);
    }
}
