//! Hostile clients beside honest ones: each attack comes from one address, and clients at other addresses do not
//! notice.
//!
//! These attacks are on an instance; those on codes, limits or the number at WhatsApp are in [`codes`].

mod codes;
mod stage;

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use futures_util::future::join_all;
use h2::client::SendRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use self::stage::{ATTACKER, MOST_CONNECTIONS, Stage, connect_from, connect_with};
use crate::harness::app::TestApp;
use crate::harness::eventually_within;
use crate::harness::reply::{Reply, send};

const PHONE: &str = "15559990000";
/// Enough connections to use up the descriptors of an instance without bounds.
const MORE_THAN_DESCRIPTORS: usize = 1_200;
/// The pause of an attacker whose connection was refused.
const AGAIN: Duration = Duration::from_millis(200);

/// An HTTP/2 connection, and the task that drives it.
type Http2 = (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>);

async fn http2(source: Ipv4Addr, stage: &Stage, client: &h2::client::Builder) -> Option<Http2> {
    let stream = connect_from(source, stage.public).await.ok()?;
    let (requests, connection) = client.handshake(stream).await.ok()?;
    Some((requests, tokio::spawn(connection)))
}

fn get(stage: &Stage) -> Request<()> {
    Request::get(format!("http://{}/nowhere", stage.public)).body(()).unwrap()
}

/// A guess that announces a body.
fn guess(stage: &Stage) -> Request<()> {
    let guess = Request::post(format!("http://{}/otp/{PHONE}", stage.public));
    guess.header("content-type", "application/json").header("content-length", "20").body(()).unwrap()
}

async fn at_least(stage: &Stage, series: &str, least: f64) {
    let value = stage.series(series).await;
    assert!(value >= least, "{series} is {value}");
}

/// The view of honest people without an attack, for comparison (`--nocapture` prints how long they waited).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody() {
    let stage = Stage::start().await;
    stage.beside(sleep(Duration::from_secs(8))).await.is_as_if_nothing_happened();
    let refused =
        ["total", "peer"].map(|reason| format!("whatsapp_otp_connections_refused_total{{reason=\"{reason}\"}}"));
    for series in refused {
        assert!(stage.series(&series).await < 0.5, "{series}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads() {
    let stage = Stage::start().await;
    let one = async || loop {
        if let Ok(mut stream) = connect_from(ATTACKER, stage.public).await {
            let mut sent = stream.write_all(b"GET /otp/1 HTTP/1.1\r\nHost: x\r\nX: ").await;
            while sent.is_ok() {
                sleep(Duration::from_millis(500)).await;
                sent = stream.write_all(b"x").await;
            }
        }
        sleep(AGAIN).await;
    };
    let attack =
        async { drop(timeout(Duration::from_secs(13), join_all((0..MORE_THAN_DESCRIPTORS).map(|_| one()))).await) };
    stage.beside(attack).await.is_as_if_nothing_happened();
    at_least(&stage, r#"whatsapp_otp_connections_refused_total{reason="peer"}"#, 100.0).await;
    at_least(&stage, r#"whatsapp_otp_connections_ended_total{reason="slow_head"}"#, 40.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies() {
    let stage = Stage::start().await;
    let one = async || loop {
        let Some((mut requests, driving)) = http2(ATTACKER, &stage, &h2::client::Builder::new()).await else {
            sleep(AGAIN).await;
            continue;
        };
        let mut open = Vec::new();
        for _ in 0..100 {
            let Ok(ready) = requests.ready().await else { break };
            requests = ready;
            open.push(requests.send_request(guess(&stage), false));
        }
        sleep(Duration::from_secs(6)).await;
        drop(open);
        driving.abort();
    };
    let attack = async { drop(timeout(Duration::from_secs(10), join_all((0..60).map(|_| one()))).await) };
    stage.beside(attack).await.is_as_if_nothing_happened();
    at_least(&stage, r#"whatsapp_otp_overload_refusals_total{what="bodies"}"#, 1_000.0).await;
    at_least(&stage, r#"whatsapp_otp_verifications_total{outcome="body_too_slow"}"#, 100.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_answers() {
    let stage = Stage::start().await;
    // Requests more answers than the buffers hold, and reads none.
    let pipelined = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n".repeat(500);
    let over_http1 = async || {
        let small = |socket: &tokio::net::TcpSocket| socket.set_recv_buffer_size(1_024);
        let Ok(mut stream) = connect_with(ATTACKER, stage.public, small).await else { return };
        while stream.write_all(pipelined.as_bytes()).await.is_ok() {}
    };
    // Requests answers without ever allowing their bodies.
    let mut client = h2::client::Builder::new();
    client.initial_window_size(0);
    let over_http2 = async || {
        let Some((mut requests, driving)) = http2(ATTACKER, &stage, &client).await else { return };
        let mut open = Vec::new();
        for _ in 0..20 {
            let Ok(ready) = requests.ready().await else { return };
            requests = ready;
            open.push(requests.send_request(get(&stage), true));
        }
        drop(driving.await);
    };
    let attacks = async {
        tokio::join!(
            join_all((0..10).map(|_| over_http1())),
            join_all((0..MORE_THAN_DESCRIPTORS).map(|_| over_http2()))
        );
    };
    let attack = async { drop(timeout(Duration::from_secs(16), attacks).await) };
    stage.beside(attack).await.is_as_if_nothing_happened();
    at_least(&stage, r#"whatsapp_otp_connections_ended_total{reason="unread"}"#, 5.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_http_2() {
    let stage = Stage::start().await;
    let one = async || loop {
        let Some((requests, driving)) = http2(ATTACKER, &stage, &h2::client::Builder::new()).await else {
            sleep(AGAIN).await;
            continue;
        };
        let Ok(mut requests) = requests.ready().await else { continue };
        let _answer = requests.send_request(get(&stage), true).map(|(answer, _)| answer);
        let _ = driving.await;
    };
    let attack =
        async { drop(timeout(Duration::from_secs(8), join_all((0..MORE_THAN_DESCRIPTORS).map(|_| one()))).await) };
    stage.beside(attack).await.is_as_if_nothing_happened();
    at_least(&stage, r#"whatsapp_otp_connections_refused_total{reason="peer"}"#, 200.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_of_many_addresses_make_room() {
    let stage = Stage::start().await;
    let mut open = Vec::new();
    for host in 1..=9 {
        for _ in 0..50 {
            let (requests, driving) =
                http2(Ipv4Addr::new(127, 0, 1, host), &stage, &h2::client::Builder::new()).await.expect("a connection");
            let mut requests = requests.ready().await.unwrap();
            let answer = requests.send_request(get(&stage), true).unwrap().0;
            assert_eq!(answer.await.unwrap().status(), 404);
            open.push((requests, driving));
        }
    }
    at_least(&stage, "whatsapp_otp_connections", 400.0).await;
    // Idle ones are closed early while less than a quarter of the places is left.
    let has_room = async || stage.series("whatsapp_otp_connections").await < 390.0;
    let attack = async {
        eventually_within(Duration::from_secs(40), "there is room", has_room).await;
        sleep(Duration::from_secs(2)).await;
    };
    stage.beside(attack).await.is_as_if_nothing_happened();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_reset() {
    let stage = Stage::start().await;
    let one = async || loop {
        let Some((mut requests, driving)) = http2(ATTACKER, &stage, &h2::client::Builder::new()).await else {
            sleep(AGAIN).await;
            continue;
        };
        while let Ok(ready) = requests.ready().await {
            requests = ready;
            let sent = requests.send_request(guess(&stage), false);
            let Ok((_, mut stream)) = sent else { break };
            stream.send_reset(h2::Reason::CANCEL);
            tokio::task::yield_now().await;
        }
        driving.abort();
    };
    let attack = async { drop(timeout(Duration::from_secs(6), join_all((0..10).map(|_| one()))).await) };
    stage.beside(attack).await.is_as_if_nothing_happened();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_connections() {
    let stage = Stage::start().await;
    let mut open = Vec::new();
    let attack = async {
        for _ in 0..5_000 {
            open.extend(connect_from(ATTACKER, stage.public).await.ok());
        }
        sleep(Duration::from_secs(2)).await;
    };
    stage.beside(attack).await.is_as_if_nothing_happened();
    assert!(stage.series("whatsapp_otp_connections").await < 100.0, "of one address, and a few honest ones");
    // Refused clients are told so, rather than left waiting.
    let mut left = 0;
    for stream in &mut open {
        left += usize::from(timeout(Duration::from_millis(5), stream.read(&mut [0])).await.is_err());
    }
    assert!(left < 100, "{left}");
    at_least(&stage, r#"whatsapp_otp_connections_refused_total{reason="peer"}"#, 4_000.0).await;
    let told: Vec<_> =
        stage.log().lines().filter(|line| line.contains("connections are refused")).map(str::to_owned).collect();
    assert!((1..=30).contains(&told.len()), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_there_are_descriptors_leave_the_operators_theirs() {
    let stage = Stage::start().await;
    let mut open = Vec::new();
    for host in 1..=20 {
        for _ in 0..60 {
            open.extend(connect_from(Ipv4Addr::new(127, 0, 2, host), stage.public).await.ok());
        }
    }
    eventually_within(Duration::from_secs(10), "all places are taken", async || {
        stage.series(r#"whatsapp_otp_connections_refused_total{reason="total"}"#).await > 0.0
    })
    .await;
    let most = f64::from(u32::try_from(MOST_CONNECTIONS).unwrap());
    assert!(stage.series("whatsapp_otp_connections").await <= most);
    assert!(stage.log().contains("server.max_connections is 10000, but the limit"), "{}", stage.log());
    // None of them made a request, so they are soon closed.
    eventually_within(Duration::from_secs(20), "there is room again", async || {
        stage.series("whatsapp_otp_connections").await < 10.0
    })
    .await;
    stage.beside(sleep(Duration::from_secs(3))).await.is_as_if_nothing_happened();
}

/// The lines of `X-Forwarded-For` from a stranger and the proxy.
type Trick = fn(usize) -> Vec<Vec<u8>>;

#[tokio::test]
async fn forwarded_addresses_that_a_stranger_writes() {
    let trusting = TestApp::builder().set("limits.per_ip", "3/1h").set("server.trusted_proxies", "127.0.0.1");
    let app = trusting.start().await;
    let phone = |number: usize| format!("1555321{number:04}");
    // Anything before the address that the proxy appended comes from the stranger, on the same line or an earlier one.
    let tricks: [Trick; 4] = [
        |n| vec![format!("6.6.6.{n}, 198.51.100.66").into_bytes()],
        |n| vec![format!("6.6.6.{n}").into_bytes(), b"198.51.100.66".to_vec()],
        |n| vec![format!("6.6.6.{n}").into_bytes(), b"\xff\xfe, 198.51.100.66".to_vec()],
        |n| vec![format!("\"6.6.6.{n}\", [::ffff:198.51.100.66]:{n}").into_bytes()],
    ];
    let ask = async |lines: Vec<Vec<u8>>, number: usize| -> Reply {
        let call = app.call(reqwest::Method::GET, &format!("/otp/{}", phone(number)));
        send(lines.into_iter().fold(call, |call, line| call.header("x-forwarded-for", line))).await
    };
    let mut statuses = Vec::new();
    for number in 1..=12 {
        statuses.push(ask(tricks[number % 4](number), number).await.status);
        // An honest person at another address, at the same time.
        if number % 6 == 0 {
            ask(vec![b"203.0.113.7".to_vec()], 100 + number).await.is(200, "OK");
        }
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 3, "{statuses:?}");
    app.finish().await;
}
