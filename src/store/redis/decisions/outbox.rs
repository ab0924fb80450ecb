//! Moves the events of a number from its outbox to the streams of their apps, in a cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::added_events;
use super::keys::Keys;
use super::scripts::{Lua, lua};
use crate::otp::{AppName, PhoneNumber, StoreError};
use crate::store::redis::client::route::Route;

pub(super) static OUTBOX: Lua = lua!("outbox");

/// The number of events moved at once.
const BATCH: usize = 100;

/// An event with its place in the outbox, and its fields with their names.
type Entry = (String, Vec<String>);

/// Moves the events. They are in the app's stream before they leave the outbox, and each is
/// added once, so nothing is lost or doubled if an instance is lost in between or two do the same.
pub(crate) async fn empty(
    route: &Route,
    keys: &Keys,
    app: &AppName,
    phone: &PhoneNumber,
    timeout: Duration,
) -> Result<(), StoreError> {
    let outbox = keys.outbox(app, phone);
    let mut moved: Vec<String> = Vec::new();
    loop {
        let deadline = Instant::now() + timeout;
        let mut call = OUTBOX.call();
        call.key(&outbox).arg(BATCH);
        for place in &moved {
            call.arg(place);
        }
        let (entries, _): (Vec<Entry>, _) = route.decide(&outbox, &call, deadline).await?;
        if entries.is_empty() {
            return Ok(());
        }
        let mut of_apps: BTreeMap<AppName, Vec<&[String]>> = BTreeMap::new();
        for (_, fields) in &entries {
            let named = |name: &str| fields.chunks(2).find(|pair| pair[0] == name).and_then(|pair| pair.get(1));
            if let Some(of) = named("app").and_then(|of| AppName::parse(of).ok()) {
                of_apps.entry(of.in_world(app.world())).or_default().push(fields);
            }
        }
        for (of, events) in of_apps {
            let keys = keys.events(&of);
            let call = added_events::call(&keys, events.into_iter().flatten());
            let (_, ticket) = route.decide::<u64>(&keys.events, &call, deadline).await?;
            if let Some(ticket) = ticket {
                ticket.redeem(deadline).wait().await?;
            }
        }
        moved = entries.into_iter().map(|(place, _)| place).collect();
    }
}
