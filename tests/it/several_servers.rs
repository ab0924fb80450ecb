//! Sentinel and Cluster from outside: the answers to callers, and the view of operators.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use whatsapp_otp::otp::{Creation, LimitKind, Verdict, VerificationStore};
use whatsapp_otp::store::redis::{Credentials, Endpoint, MasterName, RedisSettings, RedisStore};
use whatsapp_otp_simulator::{Simulator, SimulatorSettings};

use crate::harness::app::{TestApp, TestAppBuilder, serve_simulator};
use crate::harness::fake_redis::{FakeRedis, array, bulk};
use crate::harness::process::{Program, serve_settings};
use crate::harness::proxy::{Mode, Proxy};
use crate::harness::redis::RedisServer;
use crate::harness::reply::{says, wrong};
use crate::harness::stores::{TestStore, replicated_settings, settings};
use crate::harness::topology::{Kind, Passwords, Topology};
use crate::harness::{eventually, eventually_within, measured, unique_prefix};
use crate::store_contract::{Attempt, assert_approved, at_its_turn, client, limit, limits, phone, policy, with_limits};

const KINDS: [Kind; 2] = [Kind::Sentinel, Kind::Cluster];

fn service_on(topology: &Topology) -> TestAppBuilder {
    topology.settings().iter().fold(TestApp::builder(), |builder, (key, value)| builder.set(key, value))
}

#[tokio::test]
async fn two_instances_share_codes_and_limits() {
    for kind in KINDS {
        let topology = Topology::shared(kind).await;
        let limits = [("limits.per_phone", "3/1h"), ("redis.key_prefix", &unique_prefix())];
        let service =
            limits.into_iter().fold(service_on(&topology).instances(2), |app, (key, value)| app.set(key, value));
        let app = service.start().await;
        for digits in ["15551230001", "15551230002", "15551230003"] {
            let code = app.code_for(digits).await;
            app.on(1).verify(digits, &wrong(&code)).await.is(401, &says::incorrect(2));
            app.verify(digits, &code).await.is(200, "OK");
            app.on(1).verify(digits, &code).await.is(404, &says::no_active_code(digits));
            app.on(1).request(digits).await.is(200, "OK");
            app.request(digits).await.is(200, "OK");
            assert_eq!(app.on(1).request(digits).await.status, 429);
        }
        app.finish().await;
    }
}

#[tokio::test]
async fn readiness_names_the_mode_and_who_decides() {
    for (kind, mode) in [(Kind::Sentinel, "sentinel"), (Kind::Cluster, "cluster")] {
        let topology = Topology::shared(kind).await;
        let app = service_on(&topology).start().await;
        let shards = topology.whole().await;
        let mut primaries: Vec<_> =
            shards.iter().map(|shard| topology.nodes()[shard.primary].address().to_string()).collect();
        primaries.sort();
        let (status, body) = app.ready().await;
        let mut redis = body["dependencies"]["redis"].clone();
        if let Some(named) = redis["primaries"].as_array_mut() {
            named.sort_by_key(ToString::to_string);
        }
        assert_eq!((status, redis), (200, json!({ "status": "ok", "mode": mode, "primaries": primaries })));
        app.finish().await;
    }
}

#[tokio::test]
async fn check_explains_what_it_sees() {
    for (kind, sights) in [
        (Kind::Sentinel, ["replicas 127.0.0.1:", "sentinel 127.0.0.1:", "OK 3 usable Sentinels"]),
        (
            Kind::Cluster,
            ["replicas 127.0.0.1:", "3 primaries own 16384 of 16384 slots", "codes from before a failover"],
        ),
    ] {
        let topology = Topology::shared(kind).await;
        let simulator = Simulator::new(SimulatorSettings::default());
        let address = serve_simulator(&simulator).await;
        let mut settings = serve_settings(&simulator, address, "redis://unused", &unique_prefix());
        settings.extend(topology.settings());
        let ended = Program::new(&["check"]).settings(&settings).run().await;
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
        for sight in sights.into_iter().chain(["decisions wait for 1 replica(s)"]) {
            assert!(ended.stdout.contains(sight), "no {sight:?} in {}", ended.stdout);
        }
        let ended = Program::new(&["check"]).settings(&settings).set("redis.min_replicas_ack", "3").run().await;
        assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
        assert!(ended.stdout.contains("FAILED   Redis"), "{}", ended.stdout);
        assert!(ended.stdout.contains("redis.min_replicas_ack is 3, but this Redis has"), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_wrong_mode_is_told_from_a_wrong_address() {
    let (sentinel, cluster) = (Topology::shared(Kind::Sentinel).await, Topology::shared(Kind::Cluster).await);
    let data = sentinel.nodes()[0].address().to_string();
    let node = format!("redis://{}", cluster.nodes()[0].address());
    let sentinels = sentinel.settings()["redis.sentinels"].clone();
    for (settings, seen) in [
        (vec![("redis.mode", "cluster"), ("redis.nodes", &data)], "it is not a node of a cluster"),
        (
            vec![("redis.mode", "sentinel"), ("redis.sentinels", &data), ("redis.master_name", "otp")],
            "it does not know otp, or is not a sentinel",
        ),
        (
            vec![("redis.mode", "sentinel"), ("redis.sentinels", &sentinels), ("redis.master_name", "other")],
            "it does not know other",
        ),
        (vec![("redis.url", &node)], "redis.mode = \"cluster\""),
    ] {
        let simulator = Simulator::new(SimulatorSettings::default());
        let address = serve_simulator(&simulator).await;
        let mut all = serve_settings(&simulator, address, "redis://unused", &unique_prefix());
        all.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let ended = Program::new(&["check"]).settings(&all).run().await;
        assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
        assert!(ended.stdout.contains(seen), "no {seen:?} in {}", ended.stdout);
    }
}

#[tokio::test]
async fn each_side_has_its_own_password() {
    let passwords = Passwords { redis: Some("sesame"), sentinel: Some("open") };
    for kind in KINDS {
        let topology = Topology::start_with(kind, passwords).await;
        let app = service_on(&topology).start().await;
        let code = app.code_for("15551230001").await;
        app.verify("15551230001", &code).await.is(200, "OK");
        app.finish().await;
    }
}

#[tokio::test]
async fn a_primary_that_the_sentinels_replace_is_left_within_a_second() {
    let topology = Topology::start(Kind::Sentinel).await;
    let shard = topology.whole().await.remove(0);
    // Both replicas have the code, as sentinels do not know at any moment which one has more data.
    let settings = RedisSettings { min_replicas_ack: 2, ..replicated_settings(&topology, &unique_prefix()) };
    let store = RedisStore::new(&settings).unwrap();
    let attempt = Attempt::new(&phone(1));
    assert!(at_its_turn(&store.create(&attempt.new, &policy()).await.unwrap()));
    let old = topology.nodes()[shard.primary].address();
    // The old primary still answers: only the sentinels report that another one has taken its place.
    let announced = async || {
        let named: Result<(String, u16), _> = topology.sentinels()[1].ask("SENTINEL GET-MASTER-ADDR-BY-NAME otp").await;
        named.is_ok_and(|(_, port)| port != old.port())
    };
    topology.sentinels()[0].tell("SENTINEL FAILOVER otp").await;
    eventually_within(Duration::from_secs(20), "another primary is announced", announced).await;
    let followed = async || store.primaries() != [old.to_string()];
    let took = eventually_within(Duration::from_secs(1), "the store follows", followed).await;
    measured("followed the sentinels after", took);
    let fenced =
        async || attempt.try_guess(&store, &attempt.right, client(7), &policy()).await.ok() == Some(Verdict::Fenced);
    eventually("the code from before is fenced", fenced).await;
}

#[tokio::test]
async fn a_code_whose_slot_moves_is_never_accepted_twice_and_others_are_served() {
    let topology = Topology::start(Kind::Cluster).await;
    let store = RedisStore::new(&replicated_settings(&topology, &unique_prefix())).unwrap();
    let (moving, staying) = (Attempt::new(&phone(1)), Attempt::new(&phone(2)));
    for attempt in [&moving, &staying] {
        assert!(at_its_turn(&store.create(&attempt.new, &policy()).await.unwrap()));
    }
    let guess = async |attempt: &Attempt| attempt.try_guess(&store, &attempt.right, client(7), &policy()).await;
    let (slot, from) = topology.slot_of(moving.new.message.phone.digits()).await;
    let to = topology.whole().await.iter().map(|shard| shard.primary).find(|&node| node != from).unwrap();
    let migration = topology.migrate(slot, from, to).await;
    // Some of the phone's keys are here and some there, so nothing is decided or counted.
    assert!(guess(&moving).await.is_err());
    assert_approved(guess(&staying).await.unwrap());
    migration.finish().await;
    let served = async || guess(&moving).await.ok() == Some(Verdict::Fenced);
    eventually("the phone is served where its slot is now", served).await;
    let new = Attempt::new(&phone(1));
    assert!(at_its_turn(&store.create(&new.new, &policy()).await.unwrap()));
    assert_approved(guess(&new).await.unwrap());
}

#[tokio::test]
async fn a_limit_whose_slot_moves_counts_on_where_it_goes() {
    let topology = Topology::start(Kind::Cluster).await;
    let store = RedisStore::new(&replicated_settings(&topology, &unique_prefix())).unwrap();
    let policy = with_limits(limits([("per_ip", limit("2/1h"))]));
    let create = async |last_digits| {
        let attempt = Attempt::new(&phone(last_digits));
        store.create(&attempt.new, &policy).await.unwrap()
    };
    assert!(at_its_turn(&create(1).await));
    let (slot, from) = topology.slot_of("ip:203.0.113.7").await;
    let to = topology.whole().await.iter().map(|shard| shard.primary).find(|&node| node != from).unwrap();
    let migration = topology.migrate(slot, from, to).await;
    assert!(at_its_turn(&create(2).await), "it is still where it was");
    while migration.move_a_key().await {}
    let per_ip =
        |creation: Creation| matches!(creation, Creation::Limited { limit: LimitKind { name: "per_ip", .. }, .. });
    assert!(per_ip(create(3).await), "asked for at its new place");
    migration.finish().await;
    assert!(per_ip(create(3).await), "known to be there");
}

#[tokio::test]
async fn operators_see_the_codes_of_all_primaries() {
    let on = TestStore::replicated(Kind::Cluster).await;
    for last_digits in 0..20 {
        assert!(at_its_turn(&on.store.create(&Attempt::new(&phone(last_digits)).new, &policy()).await.unwrap()));
    }
    assert_eq!(on.store.active(100).await.unwrap().len(), 20);
    assert_eq!(on.store.active(7).await.unwrap().len(), 7);
}

/// Returns the number of connections that a server has ever accepted, using the caller's connection.
async fn connections_taken(connection: &mut redis::aio::MultiplexedConnection) -> u64 {
    let info: String = redis::cmd("INFO").arg("stats").query_async(connection).await.unwrap();
    info.lines().find_map(|line| line.strip_prefix("total_connections_received:")).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn a_cluster_in_trouble_is_asked_on_the_connections_that_there_are() {
    let topology = Topology::start(Kind::Cluster).await;
    let store = RedisStore::new(&replicated_settings(&topology, &unique_prefix())).unwrap();
    eventually("it is served", async || store.probe().await.is_ok()).await;
    let shards = topology.whole().await;
    let mut healthy = topology.nodes()[shards[1].primary].connection().await.unwrap();
    topology.nodes()[shards[0].replicas[0]].kill();
    topology.nodes()[shards[0].primary].kill();
    // No replica takes its place, so the nodes are asked again and again.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = connections_taken(&mut healthy).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let more = connections_taken(&mut healthy).await - before;
    assert!(more <= 1, "{more} connections in two seconds");
}

#[tokio::test]
async fn sentinels_are_asked_about_once_a_second_and_more_often_only_in_trouble() {
    let server = RedisServer::shared();
    let proxy = Proxy::start(server.address());
    let (asked, primary) = (Arc::new(AtomicUsize::new(0)), proxy.address());
    let count = Arc::clone(&asked);
    let sentinel = FakeRedis::start(move |words, _| match (words[0].as_str(), words.get(1).map(String::as_str)) {
        ("SENTINEL", Some("GET-MASTER-ADDR-BY-NAME")) => {
            count.fetch_add(1, Ordering::Relaxed);
            array(&[bulk("127.0.0.1"), bulk(&primary.port().to_string())])
        }
        ("SENTINEL", Some("MASTER")) => array(&[bulk("config-epoch"), bulk("1")]),
        _ => "-ERR unknown command\r\n".to_owned(),
    })
    .await;
    let topology = whatsapp_otp::store::redis::Topology::Sentinel {
        sentinels: vec![Endpoint::parse(&sentinel.address().to_string(), 26_379).unwrap()],
        master_name: MasterName::parse("otp").unwrap(),
        credentials: Credentials::default(),
        servers_speak_tls: false,
    };
    let store = RedisStore::new(&RedisSettings { topology, ..settings("redis://unused", &unique_prefix()) }).unwrap();
    eventually("it is served", async || store.probe().await.is_ok()).await;
    let in_three_seconds = async || {
        let before = asked.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(3)).await;
        asked.load(Ordering::Relaxed) - before
    };
    let calls = in_three_seconds().await;
    assert!((1..=5).contains(&calls), "{calls} while all is well");
    proxy.set(Mode::Cut).await;
    let calls = in_three_seconds().await;
    assert!(calls > 7, "{calls} while the primary is gone");
}

#[tokio::test]
async fn time_is_kept_back_to_give_charges_back_and_healthy_connections_stay() {
    let topology = Topology::start(Kind::Cluster).await;
    let settings = RedisSettings {
        timeout: Duration::from_secs(4),
        min_replicas_ack: 0,
        ..replicated_settings(&topology, &unique_prefix())
    };
    let store = RedisStore::new(&settings).unwrap();
    let policy = with_limits(limits([("per_ip", limit("60/1h"))]));
    let (_, address) = topology.slot_of("ip:203.0.113.7").await;
    let mut attempts = (1..100).map(|last_digits| Attempt::new(&phone(last_digits)));
    let attempt = loop {
        let attempt = attempts.next().unwrap();
        if topology.slot_of(attempt.new.message.phone.digits()).await.1 != address {
            break attempt;
        }
    };
    let of_phone = topology.slot_of(attempt.new.message.phone.digits()).await.1;
    eventually("it is served", async || store.probe().await.is_ok()).await;
    eventually("both are connected", async || {
        store.status(&attempt.new.message.phone, &attempt.new.message.app, &policy).await.is_ok()
    })
    .await;
    let mut connection = topology.nodes()[of_phone].connection().await.unwrap();
    let before = connections_taken(&mut connection).await;

    // Decisions wait, heartbeats do not: the address's server takes half of the time, the phone's all the rest.
    let pause = async |node: usize, milliseconds: u32| {
        topology.nodes()[node].tell(&format!("CLIENT PAUSE {milliseconds} WRITE")).await;
    };
    pause(of_phone, 8_000).await;
    pause(address, 2_000).await;
    let began = Instant::now();
    assert!(store.create(&attempt.new, &policy).await.is_err());
    assert!(began.elapsed() < Duration::from_millis(4_200), "{:?}", began.elapsed());
    let prefix = settings.key_prefix.as_str();
    let charged: u64 =
        topology.nodes()[address].ask(&format!("EXISTS {prefix}:v2:{{ip:203.0.113.7}}:sends")).await.unwrap();
    assert_eq!(charged, 0, "the address stays charged for a code that was not sent");
    assert_eq!(connections_taken(&mut connection).await, before + 1, "the healthy connection was replaced");
}

#[tokio::test]
async fn nodes_that_do_not_agree_are_told_as_such() {
    // It has all slots, but redirects every decision to itself.
    let node = FakeRedis::start(|words, own| {
        let (host, port) = (own.ip().to_string(), own.port());
        let words: Vec<_> = words.iter().map(|word| word.to_uppercase()).collect();
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["CLUSTER", "INFO"] => bulk("cluster_state:ok\r\ncluster_current_epoch:1\r\n"),
            ["CLUSTER", "SLOTS"] => {
                let node = array(&[bulk(&host), format!(":{port}\r\n"), bulk("id")]);
                array(&[array(&[":0\r\n".to_owned(), ":16383\r\n".to_owned(), node])])
            }
            ["INFO", ..] => bulk("run_id:1\r\nrole:master\r\nmaster_replid:1\r\n"),
            ["SCRIPT", ..] => bulk("0"),
            ["EVALSHA", ..] => format!("-MOVED 1 {host}:{port}\r\n"),
            ["PING"] => "+PONG\r\n".to_owned(),
            _ => "-ERR unknown command\r\n".to_owned(),
        }
    })
    .await;
    let nodes = vec![Endpoint::parse(&node.address().to_string(), 6_379).unwrap()];
    let topology = whatsapp_otp::store::redis::Topology::Cluster { nodes };
    let store = RedisStore::new(&RedisSettings { topology, ..settings("redis://unused", &unique_prefix()) }).unwrap();
    let attempt = Attempt::new(&phone(1));
    let error = attempt.try_guess(&store, &attempt.right, client(7), &policy()).await.unwrap_err().to_string();
    assert!(error.contains("do not agree on the owner of the key's slot"), "{error}");
}
