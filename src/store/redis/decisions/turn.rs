//! Takes another turn of a sender, for a message that is sent again.

use std::time::Duration;

use super::scripts::{self, Lua, lua};
use super::{Reply, unknown};
use crate::otp::{Pacing, StoreError, Turn};
use crate::store::redis::{RedisStore, count};

pub(super) static TURN: Lua = lua!("turn", "arguments", "clock", "pace");

pub(crate) async fn turn(store: &RedisStore, pacing: &Pacing) -> Result<Turn, StoreError> {
    let mut call = TURN.call();
    scripts::pace(&mut call, &store.keys, Some(pacing));
    let key = store.keys.pace(pacing);
    let (answer, _) = store.decide(TURN.name, &key, &call, store.deadline()).await?;
    reply(answer).inspect_err(count)
}

fn reply((tag, _, number): Reply) -> Result<Turn, StoreError> {
    match tag.as_str() {
        "turn" => Ok(Turn::After(Duration::from_millis(number))),
        "crowded" => Ok(Turn::Crowded),
        _ => Err(unknown(&tag)),
    }
}
