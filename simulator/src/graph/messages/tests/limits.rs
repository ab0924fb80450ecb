//! Limits on sending.

use std::time::Duration;

use crate::{
    SimulatorSettings, ThrottleStatus,
    testing::{RECIPIENT, Server},
};

#[tokio::test]
async fn too_many_messages_in_a_second_are_refused_until_it_has_passed() {
    let server = Server::with(SimulatorSettings {
        messages_per_second: 2,
        throttle_status: ThrottleStatus::TooManyRequests,
        ..SimulatorSettings::default()
    })
    .await;
    {
        // Both in advance, so that their second cannot pass before the request arrives.
        let soon = server.simulator.shared.clock.instant() + Duration::from_secs(5);
        let mut world = server.simulator.world();
        assert!(world.throughput.admit(soon, 2) && world.throughput.admit(soon, 2));
    }
    let error = server.send_code(RECIPIENT, "1").await.refused(429, 130_429, None);
    assert_eq!(error["message"], "(#130429) Rate limit hit");
    let expected = "Cloud API message throughput has been reached.";
    assert_eq!(error["error_data"]["details"], expected);
    server.simulator.advance(Duration::from_secs(6));
    server.send_code(RECIPIENT, "1").await.ok();
}

#[tokio::test]
async fn too_many_messages_to_one_recipient_are_refused() {
    let server = Server::start().await;
    {
        let now = server.simulator.shared.clock.instant();
        let mut world = server.simulator.world();
        assert!((0..45).all(|_| world.pairs.admit(now, "16315551234")));
    }
    let error = server.send_code(RECIPIENT, "1").await.refused(400, 131_056, None);
    let expected = "(#131056) (Business Account, Consumer Account) pair rate limit hit";
    assert_eq!(error["message"], expected);
    let details = error["error_data"]["details"].as_str().unwrap();
    assert!(details.starts_with("Message failed to send because there were too many messages"));
    server.send_code("+16315551235", "1").await.ok();
    server.simulator.advance(Duration::from_secs(45 * 6));
    server.send_code(RECIPIENT, "1").await.ok();
}

#[tokio::test]
async fn the_pair_limit_can_be_disabled() {
    let server = Server::with(SimulatorSettings { pair_limit: false, ..SimulatorSettings::default() }).await;
    for _ in 0..50 {
        server.send_code(RECIPIENT, "1").await.ok();
        server.simulator.advance(Duration::from_millis(100));
    }
}
