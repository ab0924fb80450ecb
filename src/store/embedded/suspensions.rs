//! The suspensions of accounts.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::EmbeddedStore;
use crate::otp::{NewSuspension, Opened, StoreError, Suspension, SuspensionScope, Suspensions, Term, UnixMillis};

/// Suspensions that have not been swept yet, by account and scope.
#[derive(Default)]
pub(super) struct Suspended(HashMap<String, BTreeMap<SuspensionScope, Suspension>>);

impl Suspended {
    pub(super) fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    pub(super) fn sweep(&mut self, now: UnixMillis) {
        self.0.retain(|_, suspensions| {
            suspensions.retain(|_, suspension| now < suspension.ends_at);
            !suspensions.is_empty()
        });
    }

    fn live(&self, account: &str, scope: &SuspensionScope, now: UnixMillis) -> Option<&Suspension> {
        self.0.get(account)?.get(scope).filter(|suspension| now < suspension.ends_at)
    }

    fn suspend(&mut self, account: &str, new: &NewSuspension, now: UnixMillis) -> Opened {
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

    fn resume(&mut self, account: &str, scope: &SuspensionScope, seen: Option<UnixMillis>, now: UnixMillis) -> bool {
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

#[async_trait]
impl Suspensions for EmbeddedStore {
    async fn suspend(&self, account: &str, new: &NewSuspension) -> Result<Opened, StoreError> {
        let (mut contents, now) = self.open();
        Ok(contents.suspended.suspend(account, new, now))
    }

    async fn resume(
        &self,
        account: &str,
        scope: &SuspensionScope,
        seen: Option<UnixMillis>,
    ) -> Result<bool, StoreError> {
        let (mut contents, now) = self.open();
        Ok(contents.suspended.resume(account, scope, seen, now))
    }

    async fn suspensions(&self, account: &str) -> Result<Vec<Suspension>, StoreError> {
        let (contents, now) = self.open();
        let of_account = contents.suspended.0.get(account).into_iter().flat_map(BTreeMap::values);
        Ok(of_account.filter(|suspension| now < suspension.ends_at).map(|suspension| as_of(suspension, now)).collect())
    }
}
