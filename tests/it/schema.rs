//! Different releases on one Redis, as during a rolling update.

use crate::harness::app::TestApp;
use crate::harness::reply::{says, wrong};

const PHONE: &str = "15551234567";

/// A newer release of the same schema may record more about a verification.
#[tokio::test]
async fn fields_of_a_newer_release_stay_and_decide_nothing() {
    let app = TestApp::start().await;
    let code = app.code_for(PHONE).await;
    let key = app.keys.key(&format!("v2:{{{PHONE}}}:verification:default"));
    let mut connection = app.keys.connection().await;
    redis::cmd("HSET").arg(&key).arg("of_later").arg("kept").exec_async(&mut connection).await.unwrap();
    app.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    app.verify(PHONE, &code).await.is(200, "OK");
    assert_eq!(app.keys.of_verification(PHONE, "of_later").await.as_deref(), Some("kept"));
    let line = app.keys.of_verification(PHONE, "id").await.unwrap();
    let code = app.code_for(PHONE).await;
    // An earlier verification with one word more than this release knows.
    let earlier = app.keys.of_verification(PHONE, "earlier").await.unwrap();
    assert!(earlier.starts_with(&line), "{earlier}");
    let longer = format!("{earlier} of_later");
    redis::cmd("HSET").arg(&key).arg("earlier").arg(longer).exec_async(&mut connection).await.unwrap();
    app.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

/// A release with another schema has keys of its own.
#[tokio::test]
async fn keys_of_another_schema_are_neither_read_nor_changed() {
    let app = TestApp::start().await;
    let mut connection = app.keys.connection().await;
    let own = app.keys.key(&format!("v2:{{{PHONE}}}:verification:default"));
    let code = app.code_for(PHONE).await;
    let mut others = Vec::new();
    for schema in ["v1", "v3"] {
        let other = app.keys.key(&format!("{schema}:{{{PHONE}}}:verification:default"));
        redis::cmd("RENAME").arg(&own).arg(&other).exec_async(&mut connection).await.unwrap();
        app.verify(PHONE, &code).await.is(404, &says::no_active_code(PHONE));
        redis::cmd("COPY").arg(&other).arg(&own).exec_async(&mut connection).await.unwrap();
        others.push(other);
    }
    app.verify(PHONE, &code).await.is(200, "OK");
    for other in others {
        let status: String = redis::cmd("HGET").arg(&other).arg("status").query_async(&mut connection).await.unwrap();
        assert_eq!(status, "pending", "{other}");
    }
    app.finish().await;
}
