//! What scripts answer, decoded: each reply is a tag, a name and a number, a reservation's a moment too.

use std::time::Duration;

use crate::otp::{Charge, LimitKind, Reservation, StoreError, UnixMillis, Verdict};

/// `{tag, name, number}`; name and number are empty and 0 where the tag says it all.
pub(super) type Reply = (String, String, u64);

/// [`Reply`], and the moment that limits were charged with, if they were.
pub(super) type ReservationReply = (String, String, u64, i64);

pub(super) fn reservation((tag, name, number, moment): ReservationReply) -> Result<Reservation, StoreError> {
    match tag.as_str() {
        "reserved" => Ok(Reservation::Reserved(Charge::new(UnixMillis(moment), Duration::from_millis(number)))),
        "crowded" => Ok(Reservation::Crowded { retry_after: Duration::from_millis(number) }),
        "limited" => Ok(Reservation::Limited { kind: limit(&name)?, retry_after: Duration::from_millis(number) }),
        _ => Err(unknown(&tag)),
    }
}

pub(super) fn verdict((tag, name, number): Reply) -> Result<Verdict, StoreError> {
    Ok(match tag.as_str() {
        "accepted" => Verdict::Accepted,
        "wrong" => Verdict::Wrong { attempts_left: u32::try_from(number).map_err(|_| unknown(&tag))? },
        "locked" => Verdict::Locked,
        "expired" => Verdict::Expired,
        "fenced" => Verdict::Fenced,
        "unreadable" => Verdict::Unreadable,
        "absent" => Verdict::Absent,
        "limited" => Verdict::Limited { kind: limit(&name)?, retry_after: Duration::from_millis(number) },
        _ => return Err(unknown(&tag)),
    })
}

/// Whether the answer tells what became of guesses, this one or earlier ones: then replicas must have it first, or who
/// made them learns from it and has them again after a failover.
pub(super) fn tells_of_guesses((tag, ..): &Reply) -> bool {
    matches!(tag.as_str(), "accepted" | "wrong" | "locked" | "limited")
}

fn limit(name: &str) -> Result<LimitKind, StoreError> {
    LimitKind::from_name(name).ok_or_else(|| unknown(name))
}

fn unknown(word: &str) -> StoreError {
    StoreError::Faulty(format!("a script answered {word:?}, which this version does not know"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(tag: &str, name: &str, number: u64) -> Reply {
        (tag.to_owned(), name.to_owned(), number)
    }

    #[test]
    fn every_tag_has_its_meaning() {
        let (kind, retry_after) = (LimitKind::PerIp, Duration::from_millis(1_500));
        let wait = Duration::from_millis(12);
        let decoded = |tag: &str, name: &str, number, moment| {
            reservation((tag.to_owned(), name.to_owned(), number, moment)).unwrap()
        };
        let charge = Charge::new(UnixMillis(1_795_000_000_000), wait);
        assert_eq!(decoded("reserved", "", 12, 1_795_000_000_000), Reservation::Reserved(charge));
        assert_eq!(decoded("crowded", "", 12, 0), Reservation::Crowded { retry_after: wait });
        assert_eq!(decoded("limited", "per_ip", 1_500, 0), Reservation::Limited { kind, retry_after });
        assert_eq!(verdict(reply("limited", "per_ip", 1_500)).unwrap(), Verdict::Limited { kind, retry_after });
        for (tag, number, expected) in [
            ("accepted", 0, Verdict::Accepted),
            ("wrong", 2, Verdict::Wrong { attempts_left: 2 }),
            ("locked", 0, Verdict::Locked),
            ("expired", 0, Verdict::Expired),
            ("fenced", 0, Verdict::Fenced),
            ("unreadable", 0, Verdict::Unreadable),
            ("absent", 0, Verdict::Absent),
        ] {
            assert_eq!(verdict(reply(tag, "", number)).unwrap(), expected);
        }
    }

    #[test]
    fn what_tells_of_guesses_is_known() {
        for tag in ["accepted", "wrong", "locked", "limited"] {
            assert!(tells_of_guesses(&reply(tag, "", 0)), "{tag}");
        }
        for tag in ["expired", "fenced", "unreadable", "absent"] {
            assert!(!tells_of_guesses(&reply(tag, "", 0)), "{tag}");
        }
    }

    #[test]
    fn an_unknown_answer_is_an_error_not_a_guess() {
        assert!(matches!(verdict(reply("fine", "", 0)), Err(StoreError::Faulty(_))));
        assert!(matches!(verdict(reply("limited", "per_moon", 5)), Err(StoreError::Faulty(_))));
        assert!(matches!(reservation(("accepted".to_owned(), String::new(), 0, 0)), Err(StoreError::Faulty(_))));
    }
}
