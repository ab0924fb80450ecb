//! `revoke`.

use super::*;

#[tokio::test]
async fn revoke_drops_the_code_and_if_asked_the_limits() {
    let app = TestApp::builder().set("limits.per_phone", "1/1h").start().await;
    let code = app.code_for(PHONE).await;
    let revoked = Program::new(&["revoke", "+15551234567"]).settings(&redis_of(&app)).run().await;
    assert_eq!((revoked.code, revoked.stdout.as_str()), (0, "The active code was revoked.\n"));
    app.verify(PHONE, &code).await.is(404, &says::no_active_code(PHONE));
    assert_eq!(app.request(PHONE).await.status, 429, "the limits stand");

    let revoked = Program::new(&["revoke", PHONE, "--limits"]).settings(&redis_of(&app)).run().await;
    assert_eq!((revoked.code, revoked.stdout.as_str()), (0, "There was no active code.\nThe limits were reset.\n"));
    app.request(PHONE).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn revoke_by_id_cancels_that_verification_alone() {
    let (keys, store, new) = shop().await;
    let other = verification_for("default");
    assert!(at_its_turn(&store.create(&other, &policy()).await.unwrap()));
    let id = new.message.id.to_string();
    let revoke = |more: &[&str]| in_shop(&[&["revoke", &id], more].concat(), &keys);
    let without = revoke(&[]).run().await;
    assert!(without.code == 78 && without.stderr.contains("needed to read an ID"), "{without:?}");
    for (more, said) in [
        (vec![], "The verification is canceled.\n"),
        (vec!["--limits"], "The verification is canceled.\nThe limits were reset.\n"),
    ] {
        let revoked = revoke(&more).set("otp.secret", SECRET).run().await;
        assert_eq!((revoked.code, revoked.stdout.as_str()), (0, said), "{}", revoked.stderr);
    }
    let status = async |of: &NewVerification| {
        let status = store.status(&of.message.phone, &of.message.app, &policy()).await.unwrap();
        status.verifications[0].status
    };
    assert_eq!((status(&new).await, status(&other).await), (Status::Canceled, Status::Pending));
    let none = revoke(&[]).set("otp.secret", SECRET).set("redis.key_prefix", &unique_prefix()).run().await;
    assert_eq!((none.code, none.stdout), (0, format!("No verification {id}\n")));
}
