//! Targets of the fuzzer in this layer; see [`crate::fuzzing`].

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a target that finds something panics")]

use redis::{FromRedisValue, Value, from_redis_value, parse_redis_value};

use super::client::address::Endpoint;
use super::client::cluster_view::View;
use super::client::info::Info;
use super::decisions::charge::{self, Answer, ChargeReply};
use super::decisions::check::{self, CheckReply, FindReply, Found};
use crate::fuzzing::choice;
use crate::otp::{AppName, Verdict};

/// A reply from the connection, after a byte that selects the question.
pub fn redis_reply(mut input: &[u8]) {
    let Some(asked) = choice(&mut input) else { return };
    let Ok(value) = parse_redis_value(input) else { return };
    match asked % 4 {
        0 => {
            let Some(reply) = decoded::<CheckReply>(&value) else { return };
            let tag = reply.0.clone();
            let Ok(settled) = check::settled(&AppName::default(), "15551234567", reply) else { return };
            let verdict = settled.map(|settlement| settlement.verdict);
            // A right guess is never parsed as anything else.
            assert_eq!(matches!(verdict, Some(Verdict::Approved(_))), tag == "approved", "{value:?}");
        }
        1 => {
            let Some(reply) = decoded::<ChargeReply>(&value) else { return };
            let (message, policy, tag) = (charge::fuzzed_message(), charge::fuzzed_policy(), reply.0.clone());
            let Ok(answer) = charge::answer(&message, &policy, reply) else { return };
            let is_charged = matches!(answer, Answer::Charged { .. });
            assert_eq!(is_charged, tag == "created" || tag == "resent", "{value:?}");
        }
        2 => {
            let Some(reply) = decoded::<FindReply>(&value) else { return };
            let tag = reply.0.clone();
            let Ok(found) = check::found(reply) else { return };
            // A code to compare with is never parsed as anything else.
            assert_eq!(matches!(found, Found::Pending(_)), tag == "pending", "{value:?}");
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
