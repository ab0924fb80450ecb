//! A primary and its replica: decisions that a promotion must not undo, and results that are withheld until a replica
//! has them.

use std::time::{Duration, Instant};

use whatsapp_otp::otp::{AppName, Status, StoreError, Verdict, VerificationStore};
use whatsapp_otp::store::redis::{AfterFailover, RedisSettings, RedisStore};

use crate::harness::app::TestApp;
use crate::harness::eventually;
use crate::harness::redis::RedisServer;
use crate::harness::reply::says;
use crate::harness::stores::settings;
use crate::harness::topology::{Node, Role};
use crate::harness::unique_prefix;
use crate::store_contract::{Attempt, assert_approved, at_its_turn, client, limit, limits, phone, policy, with_limits};

const TIMEOUT: Duration = Duration::from_millis(800);
/// Additional time on a busy machine, beyond the time-out.
const LEEWAY: Duration = Duration::from_millis(700);

/// Two servers, the second a replica of the first, with settings for stores on them.
struct Pair {
    primary: Node,
    replica: Node,
    prefix: String,
}

impl Pair {
    fn start() -> Self {
        let quick = ["save \"\"".to_owned(), "repl-diskless-sync-delay 0".to_owned()];
        let primary = Node::start(Role::Data, None, &quick);
        let follows = format!("replicaof 127.0.0.1 {}", primary.address().port());
        let replica = Node::start(Role::Data, None, &[&quick[..], &[follows]].concat());
        Self { primary, replica, prefix: unique_prefix() }
    }

    fn settings(&self, node: &Node, min_replicas_ack: u32, after_failover: AfterFailover) -> RedisSettings {
        let settings = settings(&node.url(), &self.prefix);
        RedisSettings { min_replicas_ack, after_failover, timeout: TIMEOUT, ..settings }
    }

    fn store(&self, node: &Node, min_replicas_ack: u32, after_failover: AfterFailover) -> RedisStore {
        RedisStore::new(&self.settings(node, min_replicas_ack, after_failover)).unwrap()
    }

    /// Creates a code that the replica has, too.
    async fn code_on_both(&self, last_digits: u32) -> Attempt {
        // A primary begins another history when its first replica connects.
        let follows = async || {
            let info: String = self.replica.ask("INFO replication").await.unwrap();
            info.contains("master_link_status:up")
        };
        eventually("the replica follows its primary", follows).await;
        let store = RedisStore::new(&RedisSettings {
            timeout: Duration::from_secs(20),
            ..self.settings(&self.primary, 1, AfterFailover::Reject)
        });
        let attempt = Attempt::new(&phone(last_digits));
        assert!(at_its_turn(&store.unwrap().create(&attempt.new, &policy()).await.unwrap()));
        attempt
    }

    async fn promote_the_replica(&self) {
        self.replica.tell("REPLICAOF NO ONE").await;
    }
}

async fn guess_right(store: &RedisStore, attempt: &Attempt) -> Result<Verdict, StoreError> {
    attempt.try_guess(store, &attempt.right, client(7), &policy()).await
}

async fn guess_wrong(store: &RedisStore, attempt: &Attempt) -> Result<Verdict, StoreError> {
    attempt.try_guess(store, &attempt.wrong, client(7), &policy()).await
}

fn assert_unacknowledged<T: std::fmt::Debug>(answer: &Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Unacknowledged(_))), "{answer:?}");
}

#[tokio::test]
async fn a_used_code_does_not_come_back_with_a_promotion() {
    let pair = Pair::start();
    let (used, guessed_at) = (pair.code_on_both(1).await, pair.code_on_both(2).await);
    // From here on nothing reaches the replica.
    pair.promote_the_replica().await;
    let before = pair.store(&pair.primary, 0, AfterFailover::Reject);
    assert_approved(guess_right(&before, &used).await.unwrap());
    assert_eq!(guess_wrong(&before, &guessed_at).await.unwrap(), Verdict::Wrong { attempts_left: 2 });

    let after = pair.store(&pair.replica, 0, AfterFailover::Reject);
    for attempt in [&used, &guessed_at] {
        for _ in 0..5 {
            assert_eq!(guess_right(&after, attempt).await.unwrap(), Verdict::Fenced);
            assert_eq!(guess_wrong(&after, attempt).await.unwrap(), Verdict::Fenced);
        }
    }
    // Codes made by the new primary are valid, even for the same phone.
    let new = Attempt::new(&phone(1));
    assert!(at_its_turn(&after.create(&new.new, &policy()).await.unwrap()));
    assert_approved(guess_right(&after, &new).await.unwrap());
}

/// Shows why the fence exists: without it, the same steps revive the code.
#[tokio::test]
async fn a_used_code_comes_back_with_a_promotion_if_that_is_accepted() {
    let pair = Pair::start();
    let used = pair.code_on_both(1).await;
    pair.promote_the_replica().await;
    let before = pair.store(&pair.primary, 0, AfterFailover::Accept);
    assert_approved(guess_right(&before, &used).await.unwrap());
    let after = pair.store(&pair.replica, 0, AfterFailover::Accept);
    assert_approved(guess_right(&after, &used).await.unwrap());
}

#[tokio::test]
async fn a_locked_code_stays_locked_after_a_promotion() {
    let pair = Pair::start();
    let locked = pair.code_on_both(1).await;
    let before = pair.store(&pair.primary, 1, AfterFailover::Reject);
    for _ in 0..3 {
        guess_wrong(&before, &locked).await.unwrap();
    }
    pair.promote_the_replica().await;
    let after = pair.store(&pair.replica, 0, AfterFailover::Reject);
    assert_eq!(guess_right(&after, &locked).await.unwrap(), Verdict::Locked);
}

#[tokio::test]
async fn a_primary_that_was_demoted_decides_nothing_on_a_connection_from_before() {
    let pair = Pair::start();
    let attempt = pair.code_on_both(1).await;
    let store = pair.store(&pair.primary, 0, AfterFailover::Reject);
    assert_eq!(guess_wrong(&store, &attempt).await.unwrap(), Verdict::Wrong { attempts_left: 2 });
    pair.promote_the_replica().await;
    let demote = format!("REPLICAOF 127.0.0.1 {}", pair.replica.address().port());
    pair.primary.tell(&demote).await;
    let unknown = Attempt::new(&phone(2));
    for _ in 0..3 {
        for attempt in [&attempt, &unknown] {
            let answer = guess_right(&store, attempt).await;
            assert!(answer.is_err(), "{answer:?}");
        }
        assert!(store.create(&unknown.new, &policy()).await.is_err());
    }
}

#[tokio::test]
async fn what_no_replica_has_in_time_is_not_told() {
    let pair = Pair::start();
    let limited = with_limits(limits([("per_phone", limit("1/1h"))]));
    let attempt = pair.code_on_both(1).await;
    let store = pair.store(&pair.primary, 1, AfterFailover::Reject);
    assert_eq!(guess_wrong(&store, &attempt).await.unwrap(), Verdict::Wrong { attempts_left: 2 });

    pair.replica.pause();
    let began = Instant::now();
    let new = Attempt::new(&phone(2));
    assert_unacknowledged(&store.create(&new.new, &limited).await);
    assert!(began.elapsed() < TIMEOUT + LEEWAY, "{:?}", began.elapsed());
    assert_unacknowledged(&guess_wrong(&store, &attempt).await);
    assert_unacknowledged(&guess_right(&store, &attempt).await);
    // The answer reveals that the code was used, which replicas must know first.
    assert_unacknowledged(&guess_right(&store, &attempt).await);
    assert_unacknowledged(&store.status(&phone(1), &AppName::default(), &policy()).await);
    assert_unacknowledged(&store.resend(&attempt.new.message, &policy()).await);

    pair.replica.wake();
    assert_eq!(guess_right(&store, &attempt).await.unwrap(), Verdict::Used, "whoever was told");
    let status = store.status(&phone(1), &AppName::default(), &policy()).await.unwrap();
    assert_eq!(status.verifications[0].status, Status::Approved);
    // The first was taken back, so its limit is free.
    assert_eq!(guess_right(&store, &new).await.unwrap(), Verdict::Absent);
    assert!(at_its_turn(&store.create(&new.new, &limited).await.unwrap()));
    assert_approved(guess_right(&store, &new).await.unwrap());
}

/// Makes three guesses without a known outcome, then learns that the code is locked, so all of them were wrong. After a
/// failover without the fence, the code would accept three more.
#[tokio::test]
async fn that_a_code_is_locked_is_not_told_before_a_replica_knows() {
    let pair = Pair::start();
    let (attempt, limited) = (pair.code_on_both(1).await, pair.code_on_both(2).await);
    let store = pair.store(&pair.primary, 1, AfterFailover::Accept);
    let few_failures = with_limits(limits([("failures_per_phone", limit("1/1h"))]));
    let guess_limited = async || limited.try_guess(&store, &limited.wrong, client(7), &few_failures).await;
    pair.replica.pause();
    for _ in 0..5 {
        assert_unacknowledged(&guess_wrong(&store, &attempt).await);
    }
    for _ in 0..2 {
        assert_unacknowledged(&guess_limited().await);
    }
    pair.replica.wake();
    assert_eq!(guess_wrong(&store, &attempt).await.unwrap(), Verdict::Locked);
    let verdict = guess_limited().await.unwrap();
    assert!(matches!(verdict, Verdict::Limited { .. }), "{verdict:?}");
}

#[tokio::test]
async fn more_replicas_than_there_are_never_acknowledge() {
    let pair = Pair::start();
    let attempt = pair.code_on_both(1).await;
    let store = pair.store(&pair.primary, 2, AfterFailover::Reject);
    assert_unacknowledged(&guess_wrong(&store, &attempt).await);
}

#[tokio::test]
async fn a_server_that_wants_replicas_and_has_none_decides_nothing() {
    let pair = Pair::start();
    let attempt = pair.code_on_both(1).await;
    pair.primary.tell("CONFIG SET min-replicas-to-write 2").await;
    for acknowledgements in [0, 1] {
        let store = pair.store(&pair.primary, acknowledgements, AfterFailover::Reject);
        for answer in [guess_wrong(&store, &attempt).await, guess_right(&store, &attempt).await] {
            assert!(
                matches!(&answer, Err(StoreError::Faulty(cause)) if cause.to_string().contains("NOREPLICAS")),
                "{answer:?}"
            );
        }
        assert!(store.create(&Attempt::new(&phone(2)).new, &policy()).await.is_err());
    }
    pair.primary.tell("CONFIG SET min-replicas-to-write 0").await;
    let store = pair.store(&pair.primary, 1, AfterFailover::Reject);
    let answer = guess_wrong(&store, &attempt).await.unwrap();
    assert_eq!(answer, Verdict::Wrong { attempts_left: 2 }, "no guess was counted meanwhile");
}

#[tokio::test]
async fn a_lost_connection_loses_no_more_than_what_is_under_way() {
    let pair = Pair::start();
    let attempt = pair.code_on_both(1).await;
    let store = pair.store(&pair.primary, 1, AfterFailover::Reject);
    assert_eq!(guess_wrong(&store, &attempt).await.unwrap(), Verdict::Wrong { attempts_left: 2 });
    pair.primary.tell("CLIENT KILL TYPE normal").await;
    let mut lost = 0;
    let verdict = loop {
        match guess_wrong(&store, &attempt).await {
            Ok(verdict) => break verdict,
            Err(_) if lost < 3 => lost += 1,
            Err(error) => panic!("{lost} requests failed already: {error}"),
        }
    };
    assert!(matches!(verdict, Verdict::Wrong { .. } | Verdict::Exhausted | Verdict::Locked), "{verdict:?}");
}

#[tokio::test]
async fn a_code_from_before_a_failover_is_an_expired_one_to_its_user() {
    let server = std::sync::Arc::new(RedisServer::start());
    let app = TestApp::builder().redis(&server).set("redis.after_failover", "reject").start().await;
    let code = app.code_for("15551234567").await;
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    // Demoted and promoted again: another history.
    for primary in [["127.0.0.1", "1"], ["NO", "ONE"]] {
        redis::cmd("REPLICAOF").arg(&primary).exec_async(&mut connection).await.unwrap();
    }
    for _ in 0..5 {
        app.verify("15551234567", &code).await.is(401, says::EXPIRED);
    }
    let code = app.code_for("15551234567").await;
    app.verify("15551234567", &code).await.is(200, "OK");
    app.finish().await;
}
