//! Targets of the fuzzer in this layer; see [`crate::fuzzing`].

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a target that finds something panics")]

use redis::{FromRedisValue, Value, from_redis_value, parse_redis_value};

use super::address::Endpoint;
use super::cluster_view::View;
use super::reply::{self, FindReply, Found, Reply, ReservationReply, Settled};
use super::safety::Info;
use crate::fuzzing::choice;
use crate::otp::{Reservation, Verdict};

/// A reply as it comes from the connection, after a byte that chooses what was asked.
pub fn redis_reply(mut input: &[u8]) {
    let Some(asked) = choice(&mut input) else { return };
    let Ok(value) = parse_redis_value(input) else { return };
    match asked % 4 {
        0 => {
            let Some(settled) = decoded::<Reply>(&value).and_then(|reply| reply::settled(reply).ok()) else { return };
            // A right guess is never read into anything else.
            assert_eq!(
                settled == Settled::As(Verdict::Accepted),
                tag(&value).as_deref() == Some("accepted"),
                "{value:?}"
            );
        }
        1 => {
            let decision = decoded::<ReservationReply>(&value).and_then(|reply| reply::reservation(reply).ok());
            let Some(decision) = decision else { return };
            let reserved = matches!(decision, Reservation::Reserved(_));
            assert_eq!(reserved, tag(&value).as_deref() == Some("reserved"), "{value:?}");
        }
        2 => {
            let Some(found) = decoded::<FindReply>(&value).and_then(|reply| reply::found(reply).ok()) else { return };
            // A code to compare with is never read into anything else.
            assert_eq!(matches!(found, Found::Live(_)), tag(&value).as_deref() == Some("live"), "{value:?}");
        }
        _ => {
            let info = Info::parse("cluster_state:ok\r\ncluster_current_epoch:1\r\n");
            let asked = Endpoint::parse("127.0.0.1:6379", 6379);
            let _ = View::read(&asked.unwrap(), &info, &value);
        }
    }
}

fn decoded<T: FromRedisValue>(value: &Value) -> Option<T> {
    from_redis_value(value.clone()).ok()
}

fn tag(value: &Value) -> Option<String> {
    let Value::Array(parts) = value else { return None };
    decoded(parts.first()?)
}
