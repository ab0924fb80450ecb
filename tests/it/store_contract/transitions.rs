//! The events that decisions about verifications cause.

use std::collections::{BTreeMap, BTreeSet};

use whatsapp_otp::otp::{
    Attempt as Attempted, Denial, Event, EventSubject, EventType, FailedMessage, Manner, MessageId, UnixMillis,
    VerificationId,
};

use super::*;

contract! {
    each_transition_is_told_once_and_in_order
    every_end_is_told
    an_expired_verification_is_told_when_it_is_visited
    a_refused_message_is_told_with_its_reason
    only_the_types_that_are_asked_for_are_told
    of_twenty_equal_reports_at_once_one_is_told
    after_the_end_of_a_verification_its_deliveries_are_not_told
    a_message_leads_to_its_verification
    a_denial_cancels_once
    events_have_neither_a_number_nor_a_digest
    the_outcome_of_a_race_is_told_once
}

fn told() -> Policy {
    Policy { events: EventTypes::all(), ..policy() }
}

/// Takes events until there are as many, which takes a moment if they have to be moved.
async fn events(on: &TestStore, count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    for _ in 0..200 {
        let taken = on.events.take(&AppName::default(), 100, MINUTE).await.unwrap();
        for event in taken {
            on.events.settle(&AppName::default(), &event.place, &Attempted::Delivered).await.unwrap();
            // An event that is moved may be there twice, with the same id.
            if !events.iter().any(|known: &Event| known.id == event.event.id) {
                events.push(event.event);
            }
        }
        if events.len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    events
}

/// Returns the types of these events, which must be all there are.
async fn types(on: &TestStore, expected: &[EventType]) -> Vec<Event> {
    let events = events(on, expected.len()).await;
    let more = on.events.take(&AppName::default(), 100, MINUTE).await.unwrap();
    assert!(more.is_empty(), "{more:?}");
    assert_eq!(events.iter().map(|event| event.event_type).collect::<Vec<_>>(), expected);
    events
}

fn verification(event: &Event) -> (&Verification, u32) {
    let EventSubject::Verification { verification, sequence } = &event.about else { panic!("{event:?}") };
    (verification, *sequence)
}

fn report(attempt: &Attempt, status: DeliveryStatus) -> DeliveryReport {
    let Message { id, app, phone, .. } = attempt.new.message.clone();
    let reason = (status == DeliveryStatus::Failed).then_some(UndeliveredReason::HeldBack);
    let message = Some(MessageId::of("wamid.1"));
    DeliveryReport { id, app, phone, delivery: 1, channel: Channel::whatsapp(), status, reason, message }
}

async fn record(on: &TestStore, attempt: &Attempt, status: DeliveryStatus) -> Progress {
    on.store.record_delivery(&report(attempt, status), &told()).await.unwrap()
}

async fn each_transition_is_told_once_and_in_order(on: &TestStore) {
    use EventType::{Approved, Created, Delivered, Undelivered};
    let attempt = created(on, &phone(700), &told()).await;
    for status in [DeliveryStatus::Sent, DeliveryStatus::Failed, DeliveryStatus::Delivered] {
        for _ in 0..3 {
            record(on, &attempt, status).await;
        }
    }
    record(on, &attempt, DeliveryStatus::Read).await;
    attempt.guess_wrong(on, &told()).await;
    assert_approved(attempt.guess_right(on, &told()).await);
    attempt.guess_right(on, &told()).await;
    let events = types(on, &[Created, Undelivered, Delivered, Approved]).await;
    let sequences: Vec<_> = events.iter().map(|event| verification(event).1).collect();
    assert_eq!(sequences, [1, 2, 3, 4]);
    let ids: BTreeSet<_> = events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), 4);
    let [created, undelivered, delivered, approved] = [0, 1, 2, 3].map(|index| verification(&events[index]).0);
    assert_eq!((created.status, created.deliveries.len()), (Status::Pending, 0));
    assert_eq!(undelivered.deliveries[0].reason.as_deref(), Some("held_back"));
    assert_eq!(delivered.deliveries[0].status, DeliveryStatus::Delivered);
    let had: Vec<_> = delivered.deliveries[0].statuses().collect();
    let names = had.iter().map(|(status, _)| *status).collect::<Vec<_>>();
    assert_eq!(names, [DeliveryStatus::Sent, DeliveryStatus::Failed, DeliveryStatus::Delivered]);
    assert!(had.is_sorted_by_key(|(_, at)| *at) && had[0].1 >= delivered.created_at, "{had:?}");
    assert_eq!((approved.status, approved.attempts), (Status::Approved, 2));
    assert!(approved.ended_at.is_some());
    for event in &events {
        assert_eq!(verification(event).0.id, attempt.new.message.id);
        assert!(event.id.starts_with("evt_") && !event.id.contains('.'), "{}", event.id);
    }
}

async fn every_end_is_told(on: &TestStore) {
    use EventType::{Approved, Canceled, Created, Failed};
    let failed = created(on, &phone(701), &told()).await;
    for _ in 0..4 {
        failed.guess_wrong(on, &told()).await;
    }
    let canceled = created(on, &phone(702), &told()).await;
    let Message { app, phone: number, id, .. } = &canceled.new.message;
    for _ in 0..2 {
        on.store.cancel_one(number, app, id, &told()).await.unwrap();
    }
    created(on, &phone(703), &told()).await;
    let apps = [(AppName::default(), EventTypes::all())];
    for _ in 0..2 {
        on.store.cancel(&phone(703), &apps, false, &told()).await.unwrap();
    }
    let replaced = created(on, &phone(704), &told()).await;
    let newer = created(on, &phone(704), &told()).await;
    newer.confirm(on, &told()).await;
    newer.confirm(on, &told()).await;
    let older = created(on, &phone(705), &told()).await;
    let approved = created(on, &phone(705), &told()).await;
    assert_approved(approved.guess_right(on, &told()).await);
    let mut ends: BTreeMap<String, Vec<EventType>> = BTreeMap::new();
    for event in events(on, 13).await {
        ends.entry(verification(&event).0.id.to_string()).or_default().push(event.event_type);
    }
    let of = |attempt: &Attempt| ends[&attempt.new.message.id.to_string()].clone();
    assert_eq!(of(&failed), [Created, Failed]);
    assert_eq!(of(&canceled), [Created, Canceled]);
    assert_eq!(of(&replaced), [Created, Canceled]);
    assert_eq!(of(&newer), [Created]);
    assert_eq!(of(&older), [Created, Canceled]);
    assert_eq!(of(&approved), [Created, Approved]);
    assert_eq!(ends.values().filter(|types| **types == [Created, Canceled]).count(), 4);
}

/// Visits what is due, as instances do.
async fn visit(on: &TestStore, app: &AppName, number: &PhoneNumber) -> Vec<VerificationId> {
    let due = on.store.due(10, MINUTE / 2).await.unwrap();
    let mut visits = Vec::new();
    for id in &due {
        visits.push((*id, on.store.visit(number, app, id, &told()).await.unwrap()));
    }
    if !visits.is_empty() {
        on.store.visited(&visits).await.unwrap();
    }
    due
}

async fn an_expired_verification_is_told_when_it_is_visited(on: &TestStore) {
    let attempt = created(on, &phone(706), &told()).await;
    let Message { app, phone: number, id, .. } = &attempt.new.message;
    types(on, &[EventType::Created]).await;
    assert_eq!(visit(on, app, number).await, []);
    on.advance(5 * MINUTE + LEEWAY).await;
    // Somebody takes it and is lost.
    assert_eq!(on.store.due(10, MINUTE / 2).await.unwrap(), [*id]);
    assert_eq!(on.store.due(10, MINUTE / 2).await.unwrap(), []);
    on.advance(MINUTE / 2 + LEEWAY).await;
    assert_eq!(visit(on, app, number).await, [*id]);
    let events = types(on, &[EventType::Expired]).await;
    assert_eq!(verification(&events[0]).0.status, Status::Expired);
    assert_eq!(attempt.guess_right(on, &told()).await, Verdict::Expired);
    // In a cluster there is one more visit, before the record goes.
    for _ in 0..2 {
        on.advance(11 * MINUTE).await;
        visit(on, app, number).await;
    }
    assert_eq!(on.store.due(10, MINUTE).await.unwrap(), []);
    assert_eq!(events_left(on).await, 0);
}

async fn events_left(on: &TestStore) -> u64 {
    on.events.endpoint(&AppName::default()).await.unwrap().waiting
}

async fn a_refused_message_is_told_with_its_reason(on: &TestStore) {
    use EventType::{Canceled, Created, Undelivered};
    let attempt = Attempt::new(&phone(707));
    let charge = attempt.charged(on, &told()).await;
    let failure = FailedMessage { channel: Channel::whatsapp(), reason: UndeliveredReason::NotOnWhatsApp };
    let message = &attempt.new.message;
    on.store.take_back(message, 1, &charge, Refund::Nothing, Some(&failure), &told()).await.unwrap();
    let events = types(on, &[Created, Undelivered, Canceled]).await;
    let delivery = &verification(&events[1]).0.deliveries[0];
    assert_eq!((delivery.number, delivery.status), (1, DeliveryStatus::Failed));
    assert_eq!(delivery.reason.as_deref(), Some("not_on_whatsapp"));
    assert_eq!(verification(&events[2]).0.status, Status::Canceled);
    assert_eq!(attempt.stored(on).await, None);
}

async fn only_the_types_that_are_asked_for_are_told(on: &TestStore) {
    let some = Policy { events: [EventType::Approved].into_iter().collect(), ..policy() };
    let attempt = created(on, &phone(708), &some).await;
    on.store.record_delivery(&report(&attempt, DeliveryStatus::Delivered), &some).await.unwrap();
    assert_approved(attempt.guess_right(on, &some).await);
    let silent = created(on, &phone(709), &policy()).await;
    assert_approved(silent.guess_right(on, &policy()).await);
    let events = types(on, &[EventType::Approved]).await;
    assert_eq!(verification(&events[0]).1, 1);
}

async fn of_twenty_equal_reports_at_once_one_is_told(on: &TestStore) {
    let attempt = created(on, &phone(710), &told()).await;
    let reports = (0..20).map(|_| record(on, &attempt, DeliveryStatus::Delivered));
    let recorded = futures_util::future::join_all(reports).await;
    assert_eq!(recorded.iter().filter(|progress| matches!(progress, Progress::Recorded { .. })).count(), 1);
    types(on, &[EventType::Created, EventType::Delivered]).await;
}

async fn after_the_end_of_a_verification_its_deliveries_are_not_told(on: &TestStore) {
    let attempt = created(on, &phone(711), &told()).await;
    assert_approved(attempt.guess_right(on, &told()).await);
    assert_eq!(record(on, &attempt, DeliveryStatus::Failed).await, Progress::Stale(DeliveryStatus::Failed));
    assert!(matches!(record(on, &attempt, DeliveryStatus::Delivered).await, Progress::Recorded { before: None, .. }));
    assert_eq!(attempt.stored(on).await.unwrap().deliveries[0].status, DeliveryStatus::Delivered);
    types(on, &[EventType::Created, EventType::Approved]).await;
}

async fn a_message_leads_to_its_verification(on: &TestStore) {
    let message = MessageId::of("wamid.1");
    assert_eq!(on.store.verification_of(&message).await.unwrap(), None);
    let attempt = created(on, &phone(712), &policy()).await;
    on.store.record_delivery(&report(&attempt, DeliveryStatus::Sent), &policy()).await.unwrap();
    assert_eq!(on.store.verification_of(&message).await.unwrap(), Some(attempt.new.message.id));
    assert_eq!(on.store.verification_of(&MessageId::of("wamid.2")).await.unwrap(), None);
    on.advance(16 * MINUTE).await;
    assert_eq!(on.store.verification_of(&message).await.unwrap(), None);
}

async fn a_denial_cancels_once(on: &TestStore) {
    let attempt = created(on, &phone(713), &told()).await;
    let approved = created(on, &phone(714), &told()).await;
    assert_approved(approved.guess_right(on, &told()).await);
    let unknown = Attempt::new(&phone(713));
    let deny = async |attempt: &Attempt| {
        let Message { app, phone, id, .. } = &attempt.new.message;
        on.store.deny(phone, app, id, &told()).await.unwrap()
    };
    assert_eq!(deny(&attempt).await, Denial::Denied);
    assert_eq!(deny(&attempt).await, Denial::Ended);
    assert_eq!(deny(&approved).await, Denial::Ended);
    assert_eq!(deny(&unknown).await, Denial::Absent);
    assert_eq!(attempt.guess_right(on, &told()).await, Verdict::Canceled);
    let mut types: Vec<_> = events(on, 4).await.iter().map(|event| event.event_type).collect();
    types.sort_unstable();
    assert_eq!(types, [EventType::Created, EventType::Created, EventType::Approved, EventType::Denied]);
    assert_eq!(events_left(on).await, 0);
}

async fn events_have_neither_a_number_nor_a_digest(on: &TestStore) {
    let attempt = created(on, &phone(715), &told()).await;
    attempt.guess_wrong(on, &told()).await;
    assert_approved(attempt.guess_right(on, &told()).await);
    for event in types(on, &[EventType::Created, EventType::Approved]).await {
        assert!(event.at > UnixMillis(0));
        let text = format!("{event:?}").replace(&phone(715).digits().to_owned(), "");
        assert_eq!(verification(&event).0.digest, "", "{text}");
    }
}

async fn the_outcome_of_a_race_is_told_once(on: &TestStore) {
    let mut attempt = Attempt::new(&phone(716));
    attempt.new.message.manner = Manner::Resume;
    let policy = told();
    let creates = (0..10).map(|_| attempt.create(on, &policy));
    futures_util::future::join_all(creates).await;
    let pending = attempt.stored(on).await.map(|verification| verification.id);
    assert!(pending.is_some());
    let guesses = (0..10).map(|_| attempt.guess_right(on, &policy));
    let verdicts = futures_util::future::join_all(guesses).await;
    assert_eq!(verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Approved(_))).count(), 1);
    types(on, &[EventType::Created, EventType::Approved]).await;
}
