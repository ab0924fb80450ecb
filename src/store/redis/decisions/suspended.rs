//! Lists the suspensions of an account.

use super::scripts::{Lua, lua};
use crate::otp::{StoreError, Suspension, SuspensionCause, SuspensionScope, UnixMillis};
use crate::store::redis::RedisStore;

pub(super) static SUSPENDED: Lua = lua!("suspended", "clock", "suspensions");

/// The scope, since, its end, its term and its cause.
type Entry = (String, i64, i64, String, String);

pub(crate) async fn suspended(store: &RedisStore, account: &str) -> Result<Vec<Suspension>, StoreError> {
    let key = store.keys.suspensions(account);
    let mut call = SUSPENDED.call();
    call.key(&key);
    let ((now, entries), _): ((i64, Vec<Entry>), _) =
        store.decide(SUSPENDED.name, &key, &call, store.deadline()).await?;
    let of_entry = |(scope, since, ends_at, term, cause): Entry| {
        // A newer version may know other scopes, which no message of this one has.
        let scope = SuspensionScope::parse(&scope)?;
        Some(suspension(scope, (since, ends_at, &term, &cause), UnixMillis(now)))
    };
    let mut suspensions: Vec<_> = entries.into_iter().filter_map(of_entry).collect();
    suspensions.sort_unstable_by(|one, other| one.scope.cmp(&other.scope));
    Ok(suspensions)
}

pub(super) fn suspension(
    scope: SuspensionScope,
    (since, ends_at, term, cause): (i64, i64, &str, &str),
    now: UnixMillis,
) -> Suspension {
    Suspension {
        scope,
        cause: SuspensionCause::from_name(cause),
        since: UnixMillis(since),
        ends_at: UnixMillis(ends_at),
        ends_in: UnixMillis(ends_at).since(now),
        is_timed: term == "timed",
    }
}
