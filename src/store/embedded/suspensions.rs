//! The suspensions of accounts.

use std::collections::{BTreeMap, HashMap};

use crate::otp::{NewSuspension, Opened, Suspension, SuspensionScope, Term, UnixMillis};

/// Suspensions that have not been swept yet, by account and scope.
#[derive(Default)]
pub(super) struct Suspended(HashMap<String, BTreeMap<SuspensionScope, Suspension>>);

impl Suspended {
    pub(super) fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// Returns the live suspensions of an account.
    pub(super) fn list(&self, account: &str, now: UnixMillis) -> Vec<Suspension> {
        let of_account = self.0.get(account).into_iter().flat_map(BTreeMap::values);
        of_account.filter(|suspension| now < suspension.ends_at).map(|suspension| as_of(suspension, now)).collect()
    }

    pub(super) fn sweep(&mut self, now: UnixMillis) {
        self.0.retain(|_, suspensions| {
            suspensions.retain(|_, suspension| now < suspension.ends_at);
            !suspensions.is_empty()
        });
    }

    pub(super) fn live(&self, account: &str, scope: &SuspensionScope, now: UnixMillis) -> Option<&Suspension> {
        self.0.get(account)?.get(scope).filter(|suspension| now < suspension.ends_at)
    }

    pub(super) fn suspend(&mut self, account: &str, new: &NewSuspension, now: UnixMillis) -> Opened {
        let before = self.live(account, &new.scope, now);
        let ends_at = now.plus(new.term.longest());
        let is_new = before.is_none();
        let suspension = match before {
            Some(before) if before.ends_at >= ends_at => as_of(before, now),
            before => Suspension {
                scope: new.scope.clone(),
                cause: new.cause,
                since: before.map_or(now, |before| before.since),
                ends_at,
                ends_in: ends_at.since(now),
                is_timed: matches!(new.term, Term::For(_)),
            },
        };
        self.0.entry(account.to_owned()).or_default().insert(new.scope.clone(), suspension.clone());
        Opened { is_new, suspension }
    }

    pub(super) fn resume(
        &mut self,
        account: &str,
        scope: &SuspensionScope,
        seen: Option<UnixMillis>,
        now: UnixMillis,
    ) -> bool {
        let live = self.live(account, scope, now);
        let ends = live.is_some_and(|suspension| seen.is_none_or(|seen| seen == suspension.ends_at));
        if ends && let Some(suspensions) = self.0.get_mut(account) {
            suspensions.remove(scope);
        }
        ends
    }
}

fn as_of(suspension: &Suspension, now: UnixMillis) -> Suspension {
    Suspension { ends_in: suspension.ends_at.since(now), ..suspension.clone() }
}
