//! Lists the events of an app that were given up.

use super::event_entry::{self, Fields};
use super::scripts::{Lua, lua};
use crate::otp::{AppName, StoreError, UndeliveredEvent};
use crate::store::redis::RedisStore;

pub(super) static UNDELIVERED: Lua = lua!("undelivered");

pub(crate) async fn undelivered(
    store: &RedisStore,
    app: &AppName,
    most: usize,
) -> Result<Vec<UndeliveredEvent>, StoreError> {
    let keys = store.keys.events(app);
    let mut call = UNDELIVERED.call();
    call.key(&keys.undelivered).arg(most);
    let (entries, _): (Vec<(String, Fields)>, _) =
        store.decide(UNDELIVERED.name, &keys.undelivered, &call, store.deadline()).await?;
    Ok(entries.iter().filter_map(|(_, fields)| event_entry::read_undelivered(app, fields)).collect())
}
