//! `sandbox` and `simulator`.

use super::*;

/// The simulator's inbox, over HTTP.
async fn latest(inbox: &str, phone: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(format!("{inbox}/inbox/{phone}/latest")).send().await.unwrap().json().await.unwrap()
}

/// Requests a code and verifies the one that arrives in the inbox.
async fn flow(service: &Client, inbox: &str) -> Reply {
    service.request(PHONE).await.is(200, "OK");
    let message = latest(inbox, PHONE).await;
    assert_eq!(message["to"], "+15551234567");
    for field in ["code", "template", "language", "received_at"] {
        assert!(message[field].is_string(), "{message}");
    }
    let code = message["code"].as_str().unwrap();
    service.verify(PHONE, &wrong(code)).await.is(401, &says::incorrect(2));
    service.verify(PHONE, code).await.is(200, "OK");
    service.verify(PHONE, code).await
}

fn sandbox(arguments: &[&str]) -> Program {
    let arguments = [&["sandbox", "--simulator-listen", "127.0.0.1:0"], arguments].concat();
    Program::new(&arguments).set("server.listen", "127.0.0.1:0").set("server.ops_listen", "")
}

#[tokio::test]
async fn the_sandbox_works_with_nothing_configured() {
    let empty = tempfile::tempdir().unwrap();
    let mut program = sandbox(&[]).directory(empty.path()).start();
    let inbox = program.printed("Open ").await;
    let service = program.printed("curl http://").await;
    let service = Client::new(service.split('/').next().unwrap().parse().unwrap());
    flow(&service, &inbox).await.is(404, &says::no_active_code(PHONE));
    service.request("15550131026").await.is(500, says::SEND_FAILED);

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = client.get(&inbox).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    // Its page may call the service from a browser.
    let from_page = service.call(reqwest::Method::GET, "/otp/123").header("origin", &inbox).send().await.unwrap();
    assert_eq!(from_page.headers()["access-control-allow-origin"], inbox.as_str());

    let ended = program.stop().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert!(ended.stdout.contains("Active codes state:"), "{}", ended.stdout);
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "it leaves no files");
}

#[tokio::test]
async fn the_sandboxs_page_knows_the_service_and_its_records() {
    let mut program = sandbox(&[]).set("otp.code_length", "8").set("limits.per_phone", "5/1h").start();
    let inbox = program.printed("Open ").await;
    let service = program.printed("curl http://").await;
    let service = service.split('/').next().unwrap().to_owned();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = async |path: &str| client.get(format!("{inbox}/page/{path}")).send().await.unwrap();

    let mut settings: Value = page("settings.json").await.json().await.unwrap();
    let key = settings["service"].as_object_mut().unwrap().remove("api_key").unwrap();
    assert!(key.as_str().unwrap().starts_with("otp_sk_"), "{key}");
    let expected = json!({
        "origin": format!("http://{service}"), "code_length": 8, "needs_api_key": false, "sends_here": true,
    });
    assert_eq!((&settings["service"], &settings["records"]), (&expected, &json!(true)));

    let service = Client::new(service.parse().unwrap());
    service.request(PHONE).await.is(200, "OK");
    let code = latest(&inbox, PHONE).await["code"].as_str().unwrap().to_owned();
    service.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    let record: Value = page("record/+1%20555%20123%204567").await.json().await.unwrap();
    let shown = &record["code"];
    assert_eq!(record["phone"], PHONE);
    assert_eq!((&shown["attempts"], &shown["max_attempts"]), (&json!(1), &json!(3)));
    assert_eq!(shown["digest"].as_str().unwrap().len(), 8);
    assert!((1..=300_000).contains(&shown["expires_in_ms"].as_u64().unwrap()), "{record}");
    let limit = record["limits"].as_array().unwrap().iter().find(|limit| limit["name"] == "per_phone").unwrap();
    assert_eq!((&limit["count"], &limit["retry_after_ms"]), (&json!(1), &json!(0)));
    assert_eq!(page("record/12").await.status(), 400);
    assert_eq!(program.stop().await.code, 0);
}

#[tokio::test]
async fn the_sandbox_uses_the_configured_redis_if_asked_under_a_prefix_of_its_own() {
    let keys = RedisKeys::new(RedisServer::shared(), unique_prefix());
    let mut program =
        sandbox(&["--store", "redis"]).set("redis.url", keys.url()).set("redis.key_prefix", keys.prefix()).start();
    let inbox = program.printed("Open ").await;
    let service = program.printed("curl http://").await;
    let service = Client::new(service.split('/').next().unwrap().parse().unwrap());
    service.request(PHONE).await.is(200, "OK");
    let of_sandbox = format!("{}:sandbox:", keys.prefix());
    let written = keys.list().await;
    assert!(!written.is_empty() && written.iter().all(|key| key.starts_with(&of_sandbox)), "{written:?}");
    flow(&service, &inbox).await.is(404, &says::no_active_code(PHONE));
    assert_eq!(program.stop().await.code, 0);
    assert_eq!(keys.immortal().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_sandbox_never_leaves_this_machine_unless_told_so() {
    let public = Program::new(&["sandbox", "--simulator-listen", "127.0.0.1:0"]).set("server.listen", "0.0.0.0:0");
    let ended = public.run().await;
    assert_eq!(ended.code, 78, "{}", ended.stderr);
    assert!(ended.stderr.contains("server.listen"), "{}", ended.stderr);
    let inbox = Program::new(&["sandbox", "--simulator-listen", "0.0.0.0:0"]).run().await;
    assert_ne!(inbox.code, 0);
    assert!(inbox.stderr.contains("loopback") && inbox.stderr.contains("--listen-all"), "{}", inbox.stderr);
}

#[tokio::test]
async fn a_sandbox_in_a_container_is_used_by_the_hosts_name() {
    whatsapp_otp::cli::install_tls_provider();
    // Each test has ports of its own, and only the environment says that it is in a container.
    let program = Program::new(&["sandbox", "--simulator-listen", "0.0.0.0:0"]).set("server.listen", "0.0.0.0:0");
    let program = program.set("server.ops_listen", "").env("WHATSAPP_OTP_SANDBOX_LISTEN_ALL", "true");
    let mut program = program.start();
    let inbox = program.printed("Open ").await;
    let service = program.printed("curl http://").await;
    let service = service.split('/').next().unwrap().to_owned();
    assert!(inbox.starts_with("http://localhost:") && service.starts_with("localhost:"), "{inbox} {service}");
    assert!(program.stdout().contains("anyone who reaches its ports can use it"), "{}", program.stdout());

    let port = |address: &str| address.rsplit(':').next().unwrap().to_owned();
    let address = |url: &str| format!("127.0.0.1:{}", port(url));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = |path: &str| client.get(format!("http://{}{path}", address(&inbox)));
    // Docker may publish another port than the page has.
    for host in ["localhost:3001", "127.0.0.1:8081", "192.168.1.5:3001"] {
        let (name, _) = host.rsplit_once(':').unwrap();
        let origin = format!("http://{name}:{}", port(&service));
        let settings = page("/page/settings.json").header("host", host).header("origin", format!("http://{host}"));
        let settings: Value = settings.send().await.unwrap().json().await.unwrap();
        assert_eq!(settings["service"]["origin"], origin);
        let index = page("/").header("host", host).send().await.unwrap();
        let policy = index.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains(&format!("connect-src 'self' {origin};")), "{policy}");
    }
    let rebound = page("/").header("host", "attacker.example:3001").send().await.unwrap();
    assert_eq!(rebound.status(), 421);
    // Messages of the service arrive, and so do the webhooks about them.
    let client = Client::new(address(&service).parse().unwrap());
    flow(&client, &format!("http://{}", address(&inbox))).await.is(404, &says::no_active_code(PHONE));
    assert_eq!(program.stop().await.code, 0);
}

#[tokio::test]
async fn the_simulator_alone_serves_a_service_that_was_told_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let info = directory.path().join("info.json");
    let arguments = ["simulator", "--listen", "127.0.0.1:0", "--write-info", info.to_str().unwrap()];
    let mut simulator = Program::new(&arguments).start();
    let url = simulator.printed("WHATSAPP_OTP__WHATSAPP__BASE_URL=").await;
    simulator.printed("WHATSAPP_OTP__WHATSAPP__ACCESS_TOKEN=").await;

    let keys = RedisKeys::new(RedisServer::shared(), unique_prefix());
    let mut serve = Program::new(&["serve"])
        .set("whatsapp.base_url", &url)
        .set("whatsapp.info_file", info.to_str().unwrap())
        .set("otp.secret", SECRET)
        .set("redis.url", keys.url())
        .set("redis.key_prefix", keys.prefix())
        .set("server.listen", "127.0.0.1:0")
        .set("server.ops_listen", "127.0.0.1:0")
        .set("server.drain_delay", "0s")
        .start();
    let service = Client::new(serve.printed(r#""public":"http://"#).await.parse().unwrap());
    flow(&service, &url).await.is(404, &says::no_active_code(PHONE));
    assert_eq!(serve.stop().await.code, 0);
    simulator.signal("INT");
    assert_eq!(simulator.stop().await.code, 0);
}
