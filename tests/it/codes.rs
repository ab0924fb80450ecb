//! The life of a code, from the request to the last answer about it.

use std::time::Duration;

use crate::harness::app::{SECRET, TestApp};
use crate::harness::reply::{says, wrong};

const PHONE: &str = "15551234567";
const OTHER: &str = "15557654321";
const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_code_that_arrived_works_once() {
    let app = TestApp::start().await;
    app.request(PHONE).await.is(200, "OK");
    let code = app.code(PHONE);
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    app.verify(PHONE, &code).await.is(200, "OK");
    app.verify(PHONE, &code).await.is(404, &says::no_active_code(PHONE));
    app.finish().await;
}

#[tokio::test]
async fn a_phone_without_a_request_has_no_code() {
    let app = TestApp::start().await;
    app.verify(PHONE, "123456").await.is(404, "No active code for phone # 15551234567");
    app.finish().await;
}

#[tokio::test]
async fn the_code_of_one_phone_does_not_verify_another() {
    let app = TestApp::start().await;
    let (code, other) = (app.code_for(PHONE).await, app.code_for(OTHER).await);
    if code != other {
        app.verify(OTHER, &code).await.is(401, &says::incorrect(2));
    }
    app.verify(PHONE, &code).await.is(200, "OK");
    app.verify(OTHER, &other).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn wrong_guesses_are_counted_down_and_then_even_the_right_one_is_refused() {
    let app = TestApp::start().await;
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &wrong(&code)).await.is(401, "Incorrect code. 2 attempt(s) remaining.");
    app.verify(PHONE, &wrong(&code)).await.is(401, "Incorrect code. 1 attempt(s) remaining.");
    app.verify(PHONE, &wrong(&code)).await.is(401, "Too many failed attempts, please request a new code.");
    app.verify(PHONE, &code).await.is(401, says::LOCKED);
    app.verify(PHONE, &wrong(&code)).await.is(401, says::LOCKED);
    app.finish().await;
}

#[tokio::test]
async fn the_last_attempt_may_succeed() {
    let app = TestApp::start().await;
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    app.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(1));
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_single_attempt_leaves_none() {
    let app = TestApp::builder().set("otp.max_verification_attempts", "1").start().await;
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &wrong(&code)).await.is(401, says::LOCKED);
    app.verify(PHONE, &code).await.is(401, says::LOCKED);
    app.finish().await;
}

#[tokio::test]
async fn a_code_is_read_as_people_type_it_and_other_text_uses_no_attempt() {
    let app = TestApp::start().await;
    let code = app.code_for(PHONE).await;
    for typed in [format!("{code}0"), code[1..].to_owned(), format!("{}x", &code[1..]), "１２３４５６".to_owned()]
    {
        app.verify(PHONE, &typed).await.is(400, "A code has 6 digits.");
    }
    app.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    app.verify(PHONE, &format!(" {}-{}\u{a0}", &code[..3], &code[3..])).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn an_expired_code_differs_from_an_unknown_one_while_its_record_lingers() {
    let app = TestApp::start().await;
    let code = app.code_for(PHONE).await;
    app.age((5 * MINUTE).checked_sub(Duration::from_secs(20)).unwrap()).await;
    app.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    app.age(Duration::from_secs(20)).await;
    app.verify(PHONE, &code).await.is(401, "Code has expired, please request another.");
    app.age((10 * MINUTE).checked_sub(Duration::from_secs(20)).unwrap()).await;
    app.verify(PHONE, &code).await.is(401, says::EXPIRED);
    app.age(Duration::from_secs(20)).await;
    app.verify(PHONE, &code).await.is(404, &says::no_active_code(PHONE));
    app.finish().await;
}

#[tokio::test]
async fn a_code_that_is_about_to_expire_is_valid() {
    let app = TestApp::start().await;
    let code = app.code_for(PHONE).await;
    app.age((5 * MINUTE).checked_sub(Duration::from_secs(20)).unwrap()).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn lifetime_and_linger_are_the_configured_ones() {
    let app = TestApp::builder().set("otp.code_lifetime", "90s").set("otp.linger", "0s").start().await;
    let code = app.code_for(PHONE).await;
    app.age(Duration::from_secs(90)).await;
    app.verify(PHONE, &code).await.is(404, &says::no_active_code(PHONE));
    app.finish().await;
}

#[tokio::test]
async fn a_locked_code_stays_locked_until_its_record_goes() {
    let app = TestApp::start().await;
    let code = app.code_for(PHONE).await;
    for _ in 0..3 {
        app.verify(PHONE, &wrong(&code)).await;
    }
    app.age(6 * MINUTE).await;
    app.verify(PHONE, &code).await.is(401, says::LOCKED);
    app.age(9 * MINUTE).await;
    app.verify(PHONE, &code).await.is(404, &says::no_active_code(PHONE));
    app.finish().await;
}

#[tokio::test]
async fn a_new_code_replaces_the_old_one() {
    let app = TestApp::start().await;
    let old = app.code_for(PHONE).await;
    let mut new = app.code_for(PHONE).await;
    while new == old {
        new = app.code_for(PHONE).await;
    }
    app.verify(PHONE, &old).await.is(401, &says::incorrect(2));
    app.verify(PHONE, &new).await.is(200, "OK");
    app.verify(PHONE, &old).await.is(404, &says::no_active_code(PHONE));
    app.finish().await;
}

#[tokio::test]
async fn a_new_code_has_all_its_attempts() {
    let app = TestApp::start().await;
    let code = app.code_for(PHONE).await;
    for _ in 0..4 {
        app.verify(PHONE, &wrong(&code)).await;
    }
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn codes_have_the_configured_length() {
    for length in [4, 10] {
        let app = TestApp::builder().set("otp.code_length", &length.to_string()).start().await;
        let code = app.code_for(PHONE).await;
        assert_eq!(code.len(), length);
        app.verify(PHONE, &code).await.is(200, "OK");
        app.finish().await;
    }
}

#[tokio::test]
async fn instances_share_codes_and_their_ends() {
    let app = TestApp::builder().instances(2).start().await;
    app.on(0).request(PHONE).await.is(200, "OK");
    let code = app.code(PHONE);
    app.on(1).verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    app.on(0).verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(1));
    app.on(1).verify(PHONE, &code).await.is(200, "OK");
    app.on(0).verify(PHONE, &code).await.is(404, &says::no_active_code(PHONE));
    app.finish().await;
}

#[tokio::test]
async fn a_secret_is_rotated_without_losing_live_codes() {
    let app = TestApp::builder()
        .instances(2)
        .set_on(1, "otp.secret", "another-secret-of-the-end-to-end-tests")
        .set_on(1, "otp.previous_secrets", SECRET)
        .start()
        .await;
    app.on(0).request(PHONE).await.is(200, "OK");
    let code = app.code(PHONE);
    app.on(1).verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    app.on(1).verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_code_under_an_unknown_secret_has_expired_and_uses_no_attempt() {
    let app =
        TestApp::builder().instances(2).set_on(1, "otp.secret", "another-secret-of-the-end-to-end-tests").start().await;
    app.on(1).request(PHONE).await.is(200, "OK");
    let code = app.code(PHONE);
    for _ in 0..4 {
        app.on(0).verify(PHONE, &code).await.is(401, says::EXPIRED);
    }
    app.on(1).verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn redis_holds_what_is_documented_and_no_code() {
    let app = TestApp::start().await;
    let code = app.code_for(PHONE).await;
    let expected = ["v2:{15551234567}:sends", "v2:{15551234567}:verification:default", "v2:{ip:127.0.0.1}:sends"];
    // The sender's pace does not count as a trace.
    assert_eq!(app.traces().await, expected.map(|rest| app.keys.key(rest)));

    let mut fields: Vec<(String, String)> = redis::cmd("HGETALL")
        .arg(app.keys.key(expected[1]))
        .query_async(&mut app.keys.connection().await)
        .await
        .unwrap();
    fields.sort();
    let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
    let documented = ["attempts", "created_at", "digest", "expires_at", "id", "max_attempts", "secret_id", "status"];
    assert_eq!(names, documented);
    let value = |name| fields.iter().find(|(field, _)| field == name).unwrap().1.as_str();
    assert_eq!(value("digest").len(), 32);
    assert!(value("digest").bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!((value("attempts"), value("max_attempts")), ("0", "3"));
    assert_eq!(value("status"), "pending");
    let moment = |name| value(name).parse::<u64>().unwrap();
    assert_eq!(moment("expires_at") - moment("created_at"), 300_000);
    assert!(fields.iter().all(|(_, value)| *value != code), "the code is stored in clear");
    let message = app.simulator.latest(PHONE).unwrap();
    assert_eq!(message.biz_opaque_callback_data, Some(format!("v1.{}.1", value("id"))));

    app.verify(PHONE, &wrong(&code)).await;
    assert_eq!(app.keys.of_verification(PHONE, "attempts").await.as_deref(), Some("1"));
    let counted = ["v2:{15551234567}:failures", "v2:{15551234567}:guessers", "v2:{ip:127.0.0.1}:checks"];
    for rest in counted {
        assert!(app.keys.list().await.contains(&app.keys.key(rest)), "{rest}");
    }
    app.verify(PHONE, &code).await.is(200, "OK");
    assert_eq!(app.keys.of_verification(PHONE, "status").await.as_deref(), Some("approved"));
    for rest in [counted[0], counted[1]] {
        assert!(!app.keys.list().await.contains(&app.keys.key(rest)), "{rest} goes on success");
    }
    app.finish().await;
}

#[tokio::test]
async fn hashed_subjects_name_nobody_in_redis() {
    let app = TestApp::builder().set("redis.subject", "hashed").start().await;
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    app.verify(PHONE, &code).await.is(200, "OK");
    app.code_for(PHONE).await;
    let keys = app.traces().await;
    assert_eq!(keys.len(), 4, "{keys:?}");
    assert!(keys.iter().all(|key| !key.contains(PHONE) && !key.contains("127.0.0.1")), "{keys:?}");
    app.finish().await;
}
