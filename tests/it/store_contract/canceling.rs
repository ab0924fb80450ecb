//! The end of one verification by its id.

use super::*;

contract! {
    a_pending_verification_is_canceled_once
    what_has_ended_stays_as_it_is
    an_earlier_one_is_canceled_alone
    what_is_not_stored_cannot_be_canceled
}

async fn cancel_one(on: &TestStore, attempt: &Attempt) -> Option<Verification> {
    let Message { app, phone, id, .. } = &attempt.new.message;
    on.store.cancel_one(phone, app, id, &policy()).await.unwrap()
}

/// Cancels it, and returns the status that it has then.
async fn canceled(on: &TestStore, attempt: &Attempt) -> Option<Status> {
    let verification = cancel_one(on, attempt).await?;
    assert_eq!(verification.id, attempt.new.message.id);
    Some(verification.status)
}

async fn a_pending_verification_is_canceled_once(on: &TestStore) {
    let attempt = created(on, &phone(450), &policy()).await;
    attempt.guess_wrong(on, &policy()).await;
    let first = cancel_one(on, &attempt).await.unwrap();
    assert_eq!((first.status, first.attempts, first.sends), (Status::Canceled, 1, 1));
    assert!(first.ended_at.is_some_and(|ended_at| ended_at >= first.created_at), "{first:?}");
    on.advance(MINUTE).await;
    let again = cancel_one(on, &attempt).await.unwrap();
    assert_eq!((again.status, again.attempts), (Status::Canceled, 1));
    assert_about(again.expires_in, 4 * MINUTE);
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Canceled);
    assert_eq!(attempt.guess_by_id(on, &attempt.right, &policy()).await, Verdict::Canceled);
    assert_approved(created(on, &phone(450), &policy()).await.guess_right(on, &policy()).await);
}

async fn what_has_ended_stays_as_it_is(on: &TestStore) {
    let approved = created(on, &phone(451), &policy()).await;
    assert_approved(approved.guess_right(on, &policy()).await);
    let failed = created(on, &phone(452), &policy()).await;
    for _ in 0..3 {
        failed.guess_wrong(on, &policy()).await;
    }
    let expired = created(on, &phone(453), &policy()).await;
    on.advance(5 * MINUTE).await;
    for _ in 0..2 {
        assert_eq!(canceled(on, &approved).await, Some(Status::Approved));
        assert_eq!(canceled(on, &failed).await, Some(Status::Failed));
        assert_eq!(canceled(on, &expired).await, Some(Status::Expired));
    }
    assert_eq!(approved.guess_right(on, &policy()).await, Verdict::Used);
    assert_eq!(failed.guess_right(on, &policy()).await, Verdict::Locked);
    assert_eq!(expired.guess_right(on, &policy()).await, Verdict::Expired);
}

async fn an_earlier_one_is_canceled_alone(on: &TestStore) {
    let earlier = created(on, &phone(454), &policy()).await;
    let newer = created(on, &phone(454), &policy()).await;
    assert_eq!(canceled(on, &earlier).await, Some(Status::Canceled));
    assert_eq!(newer.status(on).await, Some(Status::Pending));
    assert_eq!(earlier.guess_by_id(on, &earlier.right, &policy()).await, Verdict::Canceled);
    assert_approved(newer.guess_by_id(on, &newer.right, &policy()).await);
    assert_eq!(canceled(on, &earlier).await, Some(Status::Canceled));
}

async fn what_is_not_stored_cannot_be_canceled(on: &TestStore) {
    assert_eq!(canceled(on, &Attempt::new(&phone(455))).await, None);
    let attempt = created(on, &phone(455), &policy()).await;
    assert_eq!(canceled(on, &Attempt::new(&phone(455))).await, None, "another id");
    assert_eq!(attempt.status(on).await, Some(Status::Pending));
    on.advance(15 * MINUTE).await;
    assert_eq!(canceled(on, &attempt).await, None, "it is no longer stored");
}
