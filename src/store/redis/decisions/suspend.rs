//! Suspends a part of an account.

use super::scripts::{Lua, lua};
use super::suspended::suspension;
use crate::otp::{NewSuspension, Opened, StoreError, Term, UnixMillis};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static SUSPEND: Lua = lua!("suspend", "clock", "suspensions");

/// Now, 1 if it is new, since, its end, its term and its cause.
type Reply = (i64, u8, i64, i64, String, String);

pub(crate) async fn suspend(store: &RedisStore, account: &str, new: &NewSuspension) -> Result<Opened, StoreError> {
    let deadline = store.deadline();
    let key = store.keys.suspensions(account);
    let term = match new.term {
        Term::For(_) => "timed",
        Term::UntilResumed => "resumable",
    };
    let mut call = SUSPEND.call();
    call.key(&key).arg(new.scope.to_string()).arg(new.cause.as_str());
    call.arg(milliseconds(new.term.longest()).max(1)).arg(term);
    let (reply, ticket): (Reply, _) = store.decide(SUSPEND.name, &key, &call, deadline).await?;
    store.acknowledged(ticket, deadline).await?;
    let (now, is_new, since, ends_at, term, cause) = reply;
    let suspension = suspension(new.scope.clone(), (since, ends_at, &term, &cause), UnixMillis(now));
    Ok(Opened { is_new: is_new == 1, suspension })
}
