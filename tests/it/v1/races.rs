//! Many concurrent calls, on two instances with one Redis.

use std::collections::BTreeMap;

use serde_json::json;

use super::{DIGITS, TO, service};
use crate::harness::api::{Answer, Api};
use crate::harness::app::TestApp;
use crate::harness::reply::wrong;

/// Makes this many concurrent calls, alternating between both instances.
async fn at_once<F>(app: &TestApp, many: usize, call: impl Fn(Api) -> F) -> Vec<Answer>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let calls: Vec<_> = (0..many).map(|n| tokio::spawn(call(app.api_on(n % 2, "backend")))).collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers
}

/// Counts the answers by HTTP status, and the state or the problem.
fn tally(answers: &[Answer]) -> BTreeMap<(u16, &str), usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        let what = answer["code"].as_str().or(answer["status"].as_str()).unwrap();
        *tally.entry((answer.status, what)).or_default() += 1;
    }
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_right_checks_at_once_exactly_one_is_right() {
    let app = service().instances(2).start().await;
    let id = app.api("backend").create(TO).await.id();
    let code = app.code(DIGITS);
    let answers = at_once(&app, 50, |api| {
        let (id, code) = (id.clone(), code.clone());
        async move { api.check(&id, &code).await }
    })
    .await;
    let expected = BTreeMap::from([((200, "approved"), 1), ((409, "verification_not_pending"), 49)]);
    assert_eq!(tally(&answers), expected);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_equal_wrong_checks_at_once_one_costs_an_attempt() {
    let app = service().instances(2).start().await;
    let id = app.api("backend").create(TO).await.id();
    let code = app.code(DIGITS);
    let answers = at_once(&app, 50, |api| {
        let (id, guess) = (id.clone(), wrong(&code));
        async move { api.check(&id, &guess).await }
    })
    .await;
    assert_eq!(tally(&answers), BTreeMap::from([((422, "code_incorrect"), 50)]));
    assert!(answers.iter().all(|answer| answer["attempts_left"] == 2));
    assert_eq!(app.keys.of_verification(DIGITS, "attempts").await.as_deref(), Some("1"));
    app.api("backend").check(&id, &code).await.shows(200, "approved");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_different_wrong_checks_at_once_three_are_compared() {
    let app = service().instances(2).start().await;
    let id = app.api("backend").create(TO).await.id();
    let code = app.code(DIGITS);
    let guesses: Vec<String> = (0..).map(|n| format!("{n:06}")).filter(|guess| *guess != code).take(50).collect();
    let guesses = std::sync::Mutex::new(guesses);
    let answers = at_once(&app, 50, |api| {
        let (id, guess) = (id.clone(), guesses.lock().unwrap().pop().unwrap());
        async move { api.check(&id, &guess).await }
    })
    .await;
    let expected = BTreeMap::from([
        ((409, "verification_not_pending"), 47),
        ((422, "attempts_exhausted"), 1),
        ((422, "code_incorrect"), 2),
    ]);
    assert_eq!(tally(&answers), expected);
    app.api("backend").check(&id, &code).await.fails(409, "verification_not_pending");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_creates_at_once_one_creates_and_sends() {
    let app = service().instances(2).start().await;
    let answers = at_once(&app, 20, |api| async move { api.create(TO).await }).await;
    assert_eq!(tally(&answers), BTreeMap::from([((201, "pending"), 1), ((200, "pending"), 19)]));
    let id = answers[0].id();
    assert!(answers.iter().all(|answer| answer.id() == id), "one verification");
    assert_eq!((app.sends(), app.messages_to(DIGITS)), (1, 1));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_resends_at_once_one_sends() {
    let app = service().instances(2).start().await;
    let id = app.api("backend").create(TO).await.id();
    app.age(std::time::Duration::from_secs(30)).await;
    let answers = at_once(&app, 20, |api| {
        let id = id.clone();
        async move { api.resend(&id).await }
    })
    .await;
    assert_eq!(tally(&answers), BTreeMap::from([((200, "pending"), 1), ((429, "resend_too_soon"), 19)]));
    assert_eq!(app.messages_to(DIGITS), 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_and_a_cancel_at_once_have_one_winner() {
    let app = service().instances(2).set("limits.per_phone", "off").start().await;
    let (checking, canceling) = (app.api_on(0, "backend"), app.api_on(1, "backend"));
    for _ in 0..10 {
        let id = checking.create(TO).await.shows(201, "pending").id();
        let code = app.code(DIGITS);
        let (checked, canceled) = tokio::join!(checking.check(&id, &code), canceling.cancel(&id));
        let end = checking.get(&id).await;
        let statuses = (checked.status, canceled.status, end.text("status"));
        assert!(matches!(statuses, (200, 409, "approved") | (409, 200, "canceled")), "{statuses:?}");
        assert_eq!(end["sends_left"], json!(2));
    }
    app.finish().await;
}
