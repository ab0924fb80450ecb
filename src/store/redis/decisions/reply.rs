//! What scripts answer, decoded: each reply is a tag, a name and a number, a reservation's a moment too.

use std::time::Duration;

use crate::otp::{Charge, LimitKind, Reservation, StoreError, Turn, UnixMillis, Verdict};

/// `{tag, name, number}`; name and number are empty and 0 where the tag says it all.
pub(crate) type Reply = (String, String, u64);

/// [`Reply`], and id and secret id of each code that a guess is to be compared with.
pub(crate) type FindReply = (String, String, u64, Vec<String>);

/// What there is to compare a guess with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Codes, by record id and secret id, newest first.
    Live(Vec<(String, String)>),
    /// Nothing: this is what the guess comes to.
    Settled(Verdict),
}

/// What became of a guess at the codes that were found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// This.
    As(Verdict),
    /// Nothing yet: another code has taken their place meanwhile.
    Replaced,
}

/// [`Reply`], and the moment that limits were charged with, if they were.
pub(crate) type ReservationReply = (String, String, u64, i64);

pub(crate) fn reservation((tag, name, number, moment): ReservationReply) -> Result<Reservation, StoreError> {
    match tag.as_str() {
        "reserved" => {
            let (wait, replaces) = (Duration::from_millis(number), name == "1");
            Ok(Reservation::Reserved(Charge::new(UnixMillis(moment), wait, replaces)))
        }
        "crowded" => Ok(Reservation::Crowded { retry_after: Duration::from_millis(number) }),
        "limited" => Ok(Reservation::Limited { kind: limit(&name)?, retry_after: Duration::from_millis(number) }),
        _ => Err(unknown(&tag)),
    }
}

pub(crate) fn turn((tag, _, number): Reply) -> Result<Turn, StoreError> {
    match tag.as_str() {
        "turn" => Ok(Turn::After(Duration::from_millis(number))),
        "crowded" => Ok(Turn::Crowded),
        _ => Err(unknown(&tag)),
    }
}

pub(crate) fn found((tag, name, number, live): FindReply) -> Result<Found, StoreError> {
    if tag == "live" {
        let mut words = live.into_iter();
        let codes = std::iter::from_fn(|| Some((words.next()?, words.next()?)));
        return Ok(Found::Live(codes.collect()));
    }
    verdict((tag, name, number)).map(Found::Settled)
}

pub(crate) fn settled(reply: Reply) -> Result<Settled, StoreError> {
    if reply.0 == "replaced" { Ok(Settled::Replaced) } else { verdict(reply).map(Settled::As) }
}

fn verdict((tag, name, number): Reply) -> Result<Verdict, StoreError> {
    Ok(match tag.as_str() {
        "accepted" => Verdict::Accepted,
        "wrong" => Verdict::Wrong { attempts_left: u32::try_from(number).map_err(|_| unknown(&tag))? },
        "locked" => Verdict::Locked,
        "expired" => Verdict::Expired,
        "fenced" => Verdict::Fenced,
        "absent" => Verdict::Absent,
        "limited" => Verdict::Limited { kind: limit(&name)?, retry_after: Duration::from_millis(number) },
        _ => return Err(unknown(&tag)),
    })
}

/// Whether the answer tells what became of guesses, this one or earlier ones: then replicas must have it first, or who
/// made them learns from it and has them again after a failover.
pub(crate) fn tells_of_guesses(tag: &str) -> bool {
    matches!(tag, "accepted" | "wrong" | "locked" | "limited")
}

fn limit(name: &str) -> Result<LimitKind, StoreError> {
    LimitKind::from_name(name).ok_or_else(|| unknown(name))
}

fn unknown(word: &str) -> StoreError {
    StoreError::Faulty(format!("a script answered {word:?}, which this version does not know").into())
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
        for (name, replaces) in [("", false), ("1", true)] {
            let charge = Charge::new(UnixMillis(1_795_000_000_000), wait, replaces);
            assert_eq!(decoded("reserved", name, 12, 1_795_000_000_000), Reservation::Reserved(charge));
        }
        assert_eq!(turn(reply("turn", "", 12)).unwrap(), Turn::After(wait));
        assert_eq!(turn(reply("crowded", "", 12)).unwrap(), Turn::Crowded);
        assert_eq!(decoded("crowded", "", 12, 0), Reservation::Crowded { retry_after: wait });
        assert_eq!(decoded("limited", "per_ip", 1_500, 0), Reservation::Limited { kind, retry_after });
        assert_eq!(verdict(reply("limited", "per_ip", 1_500)).unwrap(), Verdict::Limited { kind, retry_after });
        for (tag, number, expected) in [
            ("accepted", 0, Verdict::Accepted),
            ("wrong", 2, Verdict::Wrong { attempts_left: 2 }),
            ("locked", 0, Verdict::Locked),
            ("expired", 0, Verdict::Expired),
            ("fenced", 0, Verdict::Fenced),
            ("absent", 0, Verdict::Absent),
        ] {
            assert_eq!(settled(reply(tag, "", number)).unwrap(), Settled::As(expected));
            assert_eq!(found((tag.to_owned(), String::new(), number, Vec::new())).unwrap(), Found::Settled(expected));
        }
        assert_eq!(settled(reply("replaced", "", 0)).unwrap(), Settled::Replaced);
        let live = ["one", "s1", "two", "s2", "odd"].map(str::to_owned).into();
        let codes = vec![("one".to_owned(), "s1".to_owned()), ("two".to_owned(), "s2".to_owned())];
        assert_eq!(found(("live".to_owned(), String::new(), 0, live)).unwrap(), Found::Live(codes));
    }

    #[test]
    fn what_tells_of_guesses_is_known() {
        for tag in ["accepted", "wrong", "locked", "limited"] {
            assert!(tells_of_guesses(tag), "{tag}");
        }
        for tag in ["expired", "fenced", "live", "replaced", "absent"] {
            assert!(!tells_of_guesses(tag), "{tag}");
        }
    }

    #[test]
    fn an_unknown_answer_is_an_error_not_a_guess() {
        assert!(matches!(verdict(reply("fine", "", 0)), Err(StoreError::Faulty(_))));
        assert!(matches!(verdict(reply("limited", "per_moon", 5)), Err(StoreError::Faulty(_))));
        assert!(matches!(reservation(("accepted".to_owned(), String::new(), 0, 0)), Err(StoreError::Faulty(_))));
    }
}
