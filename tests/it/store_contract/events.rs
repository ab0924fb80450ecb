//! The queue of events of each app.

use std::collections::BTreeSet;

use whatsapp_otp::otp::{Attempt as Try, EventType, SenderEvent, TakenEvent, UnixMillis, World};
use whatsapp_otp::store::{MOST_EVENTS, MOST_FAILED_EVENTS};

use super::*;

contract! {
    an_event_is_taken_once_until_its_lease_is_over
    events_are_taken_in_the_order_in_which_they_were_added
    an_event_is_added_once
    a_delivered_event_is_gone
    a_failed_event_is_due_again_in_time_and_its_attempts_are_counted
    an_event_that_was_given_up_is_kept_and_can_be_replayed
    one_event_of_several_can_be_replayed
    an_endpoint_that_is_gone_is_disabled_until_a_replay
    an_endpoint_that_takes_nothing_is_disabled
    an_event_that_is_delivered_in_between_keeps_the_endpoint_enabled
    a_result_that_comes_late_changes_nothing
    the_queue_of_an_app_is_bounded_and_says_what_it_dropped
    events_of_apps_and_worlds_are_apart
    of_ten_takers_at_once_each_event_goes_to_one
}

const LEASE: Duration = MINUTE;

fn app() -> AppName {
    AppName::default()
}

fn event(id: u32) -> SenderEvent {
    event_of(&app(), id)
}

fn event_of(app: &AppName, id: u32) -> SenderEvent {
    SenderEvent {
        id: format!("evt_{id}"),
        event_type: EventType::SenderDegraded,
        app: app.clone(),
        at: UnixMillis(1_750_000_000_000),
        channel: "whatsapp".to_owned(),
        reason: "template".to_owned(),
    }
}

async fn added(on: &TestStore, ids: impl IntoIterator<Item = u32>) {
    for id in ids {
        assert!(on.events.add(&event(id)).await.unwrap());
    }
}

async fn take(on: &TestStore, most: usize) -> Vec<TakenEvent> {
    on.events.take(&app(), most, LEASE).await.unwrap()
}

async fn taken(on: &TestStore) -> Vec<String> {
    take(on, 100).await.into_iter().map(|taken| taken.event.id).collect()
}

async fn settle(on: &TestStore, place: &str, attempt: Try) -> bool {
    on.events.settle(&app(), place, &attempt).await.unwrap()
}

fn given_up() -> Try {
    Try::GivenUp { error: "the connection was refused".to_owned() }
}

async fn an_event_is_taken_once_until_its_lease_is_over(on: &TestStore) {
    assert_eq!(taken(on).await, [""; 0]);
    added(on, [1]).await;
    let first = take(on, 100).await;
    assert_eq!((first[0].event.clone(), first[0].attempts), (event(1).into(), 0));
    assert_eq!(taken(on).await, [""; 0]);
    on.advance(LEASE + LEEWAY).await;
    let again = take(on, 100).await;
    assert_eq!((&again[0].place, again[0].attempts), (&first[0].place, 1));
    assert_eq!(taken(on).await, [""; 0]);
}

async fn events_are_taken_in_the_order_in_which_they_were_added(on: &TestStore) {
    added(on, 0..5).await;
    assert_eq!(take(on, 2).await.len(), 2);
    assert_eq!(taken(on).await, ["evt_2", "evt_3", "evt_4"]);
}

async fn an_event_is_added_once(on: &TestStore) {
    added(on, [1]).await;
    assert!(!on.events.add(&event(1)).await.unwrap());
    let events = take(on, 100).await;
    assert_eq!(events.iter().map(|taken| taken.event.id.as_str()).collect::<Vec<_>>(), ["evt_1"]);
    assert!(!settle(on, &events[0].place, Try::Delivered).await);
    assert!(!on.events.add(&event(1)).await.unwrap(), "it was delivered");
    assert_eq!(taken(on).await, [""; 0]);
}

async fn a_delivered_event_is_gone(on: &TestStore) {
    added(on, [1]).await;
    let event = take(on, 1).await.remove(0);
    assert!(!settle(on, &event.place, Try::Delivered).await);
    on.advance(LEASE + LEEWAY).await;
    assert_eq!(taken(on).await, [""; 0]);
    assert_eq!(on.events.endpoint(&app()).await.unwrap().waiting, 0);
}

async fn a_failed_event_is_due_again_in_time_and_its_attempts_are_counted(on: &TestStore) {
    added(on, [1]).await;
    for attempts in 0..3 {
        let event = take(on, 1).await.remove(0);
        assert_eq!(event.attempts, attempts);
        let retry = Try::Retry { after: 5 * MINUTE, error: "status 500".to_owned() };
        settle(on, &event.place, retry).await;
        on.advance(4 * MINUTE).await;
        assert_eq!(taken(on).await, [""; 0]);
        let state = on.events.endpoint(&app()).await.unwrap();
        assert_eq!((state.waiting, &*state.last_error), (1, "status 500"));
        on.advance(MINUTE + LEEWAY).await;
    }
    let event = take(on, 1).await.remove(0);
    settle(on, &event.place, Try::Delivered).await;
    assert_eq!(on.events.endpoint(&app()).await.unwrap().last_error, "");
}

async fn an_event_that_was_given_up_is_kept_and_can_be_replayed(on: &TestStore) {
    added(on, [1, 2]).await;
    for event in take(on, 2).await {
        settle(on, &event.place, given_up()).await;
    }
    let kept = on.events.undelivered(&app(), 10).await.unwrap();
    let kept: Vec<_> = kept.iter().map(|kept| (&*kept.event.id, &*kept.error)).collect();
    let error = "the connection was refused";
    assert_eq!(kept, [("evt_2", error), ("evt_1", error)]);
    assert_eq!(on.events.endpoint(&app()).await.unwrap().undelivered, 2);
    on.advance(LEASE + LEEWAY).await;
    assert_eq!(taken(on).await, [""; 0]);
    assert_eq!(on.events.replay(&app(), None).await.unwrap(), 2);
    assert_eq!(on.events.undelivered(&app(), 10).await.unwrap(), []);
    let again = take(on, 2).await;
    assert_eq!((&*again[0].event.id, &*again[1].event.id, again[0].attempts), ("evt_1", "evt_2", 0));
}

async fn one_event_of_several_can_be_replayed(on: &TestStore) {
    added(on, 1..=3).await;
    for event in take(on, 3).await {
        settle(on, &event.place, given_up()).await;
    }
    assert_eq!(on.events.replay(&app(), Some("evt_2")).await.unwrap(), 1);
    assert_eq!(on.events.replay(&app(), Some("evt_2")).await.unwrap(), 0);
    assert_eq!(taken(on).await, ["evt_2"]);
    assert_eq!(on.events.endpoint(&app()).await.unwrap().undelivered, 2);
}

async fn an_endpoint_that_is_gone_is_disabled_until_a_replay(on: &TestStore) {
    added(on, [1, 2]).await;
    let event = take(on, 1).await.remove(0);
    let gone = || Try::Gone { error: "status 410".to_owned() };
    assert!(settle(on, &event.place, gone()).await);
    assert!(!settle(on, &event.place, gone()).await);
    assert_eq!(taken(on).await, [""; 0]);
    added(on, [3]).await;
    assert_eq!(taken(on).await, [""; 0]);
    let state = on.events.endpoint(&app()).await.unwrap();
    assert_eq!((state.disabled_at.is_some(), state.waiting, state.undelivered), (true, 2, 1));
    assert_eq!(on.events.replay(&app(), None).await.unwrap(), 1);
    assert_eq!(on.events.endpoint(&app()).await.unwrap().disabled_at, None);
    assert_eq!(taken(on).await, ["evt_2", "evt_3", "evt_1"]);
}

async fn an_endpoint_that_takes_nothing_is_disabled(on: &TestStore) {
    let most = u32::try_from(MOST_FAILED_EVENTS).unwrap();
    added(on, 1..=most + 1).await;
    for (event, number) in take(on, 100).await.into_iter().zip(1..=most) {
        assert_eq!(settle(on, &event.place, given_up()).await, number == most, "{number}");
    }
    on.advance(LEASE + LEEWAY).await;
    assert_eq!(taken(on).await, [""; 0]);
}

async fn an_event_that_is_delivered_in_between_keeps_the_endpoint_enabled(on: &TestStore) {
    let most = u32::try_from(MOST_FAILED_EVENTS).unwrap();
    added(on, 1..=most + 1).await;
    for (event, number) in take(on, 100).await.into_iter().zip(1..) {
        let attempt = if number == 10 { Try::Delivered } else { given_up() };
        assert!(!settle(on, &event.place, attempt).await);
    }
    assert_eq!(on.events.endpoint(&app()).await.unwrap().disabled_at, None);
}

async fn a_result_that_comes_late_changes_nothing(on: &TestStore) {
    added(on, [1]).await;
    let event = take(on, 1).await.remove(0);
    settle(on, &event.place, Try::Delivered).await;
    settle(on, &event.place, Try::Retry { after: Duration::ZERO, error: String::new() }).await;
    settle(on, &event.place, given_up()).await;
    assert_eq!(taken(on).await, [""; 0]);
    assert_eq!(on.events.endpoint(&app()).await.unwrap().undelivered, 0);
}

async fn the_queue_of_an_app_is_bounded_and_says_what_it_dropped(on: &TestStore) {
    added(on, [0]).await;
    assert_eq!(take(on, 1).await.len(), 1);
    let more = u32::try_from(MOST_EVENTS).unwrap() + 500;
    let adding = (1..=more).map(|id| async move { on.events.add(&event(id)).await.unwrap() });
    let mut adding = futures_util::StreamExt::buffer_unordered(futures_util::stream::iter(adding), 64);
    while futures_util::StreamExt::next(&mut adding).await.is_some() {}
    let next = take(on, 1).await;
    assert_ne!(next[0].event.id, "evt_1");
    let state = on.events.endpoint(&app()).await.unwrap();
    // Redis removes whole nodes of its streams, of a hundred entries each.
    assert!((MOST_EVENTS as u64..=MOST_EVENTS as u64 + 100).contains(&state.waiting), "{state:?}");
    assert_eq!(state.waiting + state.dropped, u64::from(more) + 1);
}

async fn events_of_apps_and_worlds_are_apart(on: &TestStore) {
    let apps = [app(), app().in_world(World::Test), AppName::parse("shop").unwrap()];
    for (app, id) in apps.iter().zip(1..) {
        assert!(on.events.add(&event_of(app, id)).await.unwrap());
    }
    for (app, id) in apps.iter().zip(1..) {
        let taken = on.events.take(app, 10, LEASE).await.unwrap();
        assert_eq!(taken.iter().map(|taken| taken.event.clone()).collect::<Vec<_>>(), [event_of(app, id).into()]);
    }
}

async fn of_ten_takers_at_once_each_event_goes_to_one(on: &TestStore) {
    added(on, 0..50).await;
    let taking = (0..10).map(|_| take(on, 10));
    let taken = futures_util::future::join_all(taking).await.concat();
    let places: BTreeSet<_> = taken.iter().map(|taken| taken.place.clone()).collect();
    assert_eq!((taken.len(), places.len()), (50, 50));
}
