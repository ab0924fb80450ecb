//! `inspect`.

use super::*;

#[tokio::test]
async fn inspect_shows_active_codes_as_a_table_and_as_json() {
    let app = TestApp::start().await;
    let empty = Program::new(&["inspect"]).settings(&redis_of(&app)).run().await;
    assert_eq!(empty.code, 0, "{}", empty.stderr);
    assert!(empty.stdout.ends_with("0 code(s).\n"), "{}", empty.stdout);

    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    app.request("15557654321").await.is(200, "OK");
    let digest = app.keys.of_verification(PHONE, "digest").await.unwrap();

    let table = Program::new(&["inspect"]).settings(&redis_of(&app)).run().await;
    assert_eq!((table.code, table.stderr.as_str()), (0, ""));
    assert!(table.stdout.ends_with("2 code(s).\n"), "{}", table.stdout);
    let row = table.stdout.lines().find(|line| line.contains(PHONE)).expect("a row");
    assert!(row.contains(&digest[..8]) && !row.contains(&digest[..12]) && row.contains("1 of 3"), "{row}");

    let list = Program::new(&["inspect", "--json"]).settings(&redis_of(&app)).run().await;
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(list["codes"].as_array().unwrap().len(), 2);
    let entry = list["codes"].as_array().unwrap().iter().find(|entry| entry["phone"] == PHONE).unwrap();
    assert_eq!(
        (&entry["attempts"], &entry["max_attempts"], &entry["digest"]),
        (&json!(1), &json!(3), &json!(digest[..8]))
    );

    let phone = Program::new(&["inspect", "+1 555 123 4567"]).settings(&redis_of(&app)).run().await;
    assert_eq!(phone.code, 0);
    assert!(phone.stdout.contains("limits.per_phone: 1 in its window"), "{}", phone.stdout);
    assert!(phone.stdout.contains("limits.failures_per_phone: 1 in its window"), "{}", phone.stdout);

    let phone = Program::new(&["inspect", "--json", PHONE]).settings(&redis_of(&app)).run().await;
    let phone: Value = serde_json::from_str(&phone.stdout).unwrap();
    assert_eq!((&phone["phone"], &phone["code"]["attempts"]), (&json!(PHONE), &json!(1)));
    assert_eq!(phone["limits"]["per_phone"], json!({ "count": 1, "retry_after_ms": 0 }));

    let nobody = Program::new(&["inspect", "15557654399"]).settings(&redis_of(&app)).run().await;
    assert!(nobody.stdout.starts_with("No active code for phone # 15557654399"), "{}", nobody.stdout);
    // Inspecting changes nothing.
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn inspect_shows_one_verification_by_its_id() {
    let (keys, store, new) = shop().await;
    store.confirm(&new.message, &policy()).await.unwrap();
    let id = new.message.id.to_string();
    let hex = format!("{:032x}", u128::from_be_bytes(*new.message.id.as_bytes()));
    let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    let mut shown = Vec::new();
    for spelling in [&id, &hex, &uuid] {
        let ended = in_shop(&["inspect", spelling], &keys).set("otp.secret", SECRET).run().await;
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{spelling}: {}", ended.stdout);
        shown.push(ended.stdout);
    }
    let lines: Vec<_> = shown[0].lines().map(str::trim_end).collect();
    for line in [
        format!("verification  {id}").as_str(),
        "app           shop",
        "phone         1555*****67",
        "status        pending",
        "attempts      0 of 3",
        "sends         1",
        "limits.per_phone: 1 in its window, one more fits now",
    ] {
        assert!(lines.contains(&line), "no {line:?} in {}", shown[0]);
    }
    assert!(lines.iter().any(|line| line.starts_with("expires       20")), "{}", shown[0]);
    for end in ["Z  created", " s: not on whatsapp"] {
        assert!(lines.iter().any(|line| line.ends_with(end)), "no {end:?} in {}", shown[0]);
    }
    assert!(!shown[0].contains(PHONE), "{}", shown[0]);

    let json = in_shop(&["inspect", "--json", &uuid], &keys).set("otp.secret", SECRET).run().await;
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let verification = &json["verification"];
    assert_eq!((&verification["id"], &verification["app"]), (&json!(id), &json!("shop")));
    assert_eq!((&verification["status"], &verification["ended_at"]), (&json!("pending"), &Value::Null));
    assert_eq!(verification["deliveries"][0]["reason"], "not_on_whatsapp");
    assert_eq!(json["limits"]["per_phone"]["count"], 1);
}

#[tokio::test]
async fn inspect_by_id_needs_the_secret_under_which_it_was_issued() {
    let (keys, _store, new) = shop().await;
    let id = new.message.id.to_string();
    let inspect = || in_shop(&["inspect", &id], &keys);
    let without = inspect().run().await;
    assert_eq!((without.code, without.stdout.as_str()), (78, ""));
    assert!(without.stderr.contains("otp.secret: expected the service's secret, needed to read an ID"), "{without:?}");
    let other = "another-secret-of-the-end-to-end-tests";
    let unreadable = inspect().set("otp.secret", other).run().await;
    // One of 16,000 blocks looks as if it were readable.
    assert!(unreadable.code == 1 || !unreadable.stdout.contains("1555*****67"), "{unreadable:?}");
    let rotated = inspect().set("otp.secret", other).set("otp.previous_secrets", SECRET).run().await;
    assert!(rotated.code == 0 && rotated.stdout.contains("1555*****67"), "{rotated:?}");
    let without_app = Program::new(&["inspect", &id]).set("redis.url", keys.url()).set("otp.secret", SECRET);
    let without_app = without_app.run().await;
    assert!(
        without_app.code == 1 && without_app.stderr.contains("app that these settings do not have"),
        "{without_app:?}"
    );
    let none = in_shop(&["inspect", &id], &keys).set("otp.secret", SECRET).set("redis.key_prefix", &unique_prefix());
    let none = none.run().await;
    assert_eq!(none.code, 0);
    assert!(none.stdout.starts_with(&format!("No verification {id}\nlimits.per_phone: 0 in")), "{}", none.stdout);
}

#[tokio::test]
async fn inspect_shows_the_verifications_of_a_phone_in_every_app() {
    let (keys, _store, new) = shop().await;
    let text = in_shop(&["inspect", PHONE], &keys).run().await;
    assert_eq!((text.code, text.stderr.as_str()), (0, ""));
    assert!(
        text.stdout.starts_with(&format!("verification  {}\napp           shop\n", new.message.id)),
        "{}",
        text.stdout
    );
    let json = in_shop(&["inspect", "--json", PHONE], &keys).run().await;
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["code"], json["verifications"].as_array().unwrap().len()), (&Value::Null, 1));
    assert_eq!(json["verifications"][0]["app"], "shop");
    let list = in_shop(&["inspect"], &keys).run().await;
    assert!(list.stdout.contains("│ 15551234567 ┆ shop ┆"), "{}", list.stdout);
}

#[tokio::test]
async fn inspect_scans_and_never_asks_for_all_keys_at_once() {
    let server = Arc::new(RedisServer::start());
    let app = TestApp::builder().redis(&server).set("limits.per_ip", "off").set("otp.code_length", "10").start().await;
    let mut connection = app.keys.connection().await;
    let filler: Vec<String> = (0..3_000).flat_map(|n| [format!("filler:{n}"), "x".to_owned()]).collect();
    redis::cmd("MSET").arg(&filler).exec_async(&mut connection).await.unwrap();
    for n in 0..30 {
        app.request(&format!("155576500{n:02}")).await.is(200, "OK");
    }
    let list = Program::new(&["inspect", "--json"]).settings(&redis_of(&app)).run().await;
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!((list["codes"].as_array().unwrap().len(), &list["more"]), (30, &json!(false)));
    let some = Program::new(&["inspect", "--most", "7"]).settings(&redis_of(&app)).run().await;
    assert!(some.stdout.ends_with("The first 7; there are more.\n"), "{}", some.stdout);
    let stats: String = redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await.unwrap();
    assert!(stats.contains("cmdstat_scan:") && !stats.contains("cmdstat_keys:"), "{stats}");
    redis::cmd("FLUSHALL").exec_async(&mut connection).await.unwrap();
    app.finish().await;
}
