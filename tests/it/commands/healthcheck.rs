//! `healthcheck`.

use super::*;

#[tokio::test]
async fn healthcheck_says_whether_the_local_instance_is_ready() {
    let app = TestApp::start().await;
    let port = app.ops().address().port();
    let check = |listen: String| Program::new(&["healthcheck"]).set("server.ops_listen", &listen);
    // It listens on all addresses, as in a container.
    for listen in [format!("127.0.0.1:{port}"), format!("0.0.0.0:{port}")] {
        let ended = check(listen).run().await;
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    }
    app.finish().await;
    let away = check(format!("127.0.0.1:{}", free_port())).run().await;
    assert_eq!(away.code, 1, "{}", away.stderr);
    assert!(away.stderr.starts_with("error: no instance answers at http://127.0.0.1:"), "{}", away.stderr);
    assert!(away.stderr.contains("\nhint: Start it with `whatsapp-otp serve`"), "{}", away.stderr);
    let none = check(String::new()).run().await;
    assert!(none.code == 1 && none.stderr.contains("\nhint: Set server.ops_listen"), "{}", none.stderr);
}

#[tokio::test]
async fn healthcheck_asks_another_address_if_told_so() {
    let app = TestApp::start().await;
    let check = |path: &str| Program::new(&["healthcheck", "--url", &format!("http://{}{path}", app.ops().address())]);
    assert_eq!(check("/health/live").run().await.code, 0);
    let ended = check("/none").run().await;
    assert_eq!(ended.code, 1, "{ended:?}");
    app.request("123").await.is(400, "Invalid phone number.");
    app.finish().await;
}

#[tokio::test]
async fn healthcheck_fails_while_redis_is_away() {
    let server = Arc::new(RedisServer::start());
    let proxy = crate::harness::proxy::Proxy::start(server.address());
    let app = TestApp::builder().redis(&server).redis_through(&proxy).start().await;
    proxy.set(crate::harness::proxy::Mode::Cut).await;
    let ended = Program::new(&["healthcheck"]).set("server.ops_listen", &app.ops().address().to_string()).run().await;
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.starts_with("error: the instance is not ready: redis: the store is unreachable"),
        "{}",
        ended.stderr
    );
    app.request("123").await.is(400, says::INVALID_PHONE);
    app.finish().await;
}
