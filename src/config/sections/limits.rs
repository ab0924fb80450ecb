//! `limits.*`: limits on sends and guesses, and the numbers to which codes may be sent.

use std::cell::Cell;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use crate::config::reader::{Reader, Reported};
use crate::otp::{Destinations, LIMITS, Limit, LimitKind, Limits, Selection, Written};

/// The cooldown of the verification API unless it is set: the time that a message usually takes to arrive.
const RESEND_COOLDOWN: Duration = Duration::from_secs(30);

pub(in crate::config) fn read(reader: &mut Reader) -> Result<Limits, Reported> {
    // All first, so that every fault is reported.
    let limits: Vec<_> = LIMITS.iter().map(|kind| (kind, limit(reader, kind))).collect();
    let countries = selection(reader, "limits.countries");
    let number_types = selection(reader, "limits.number_types");
    let mut read = Limits::default();
    for (kind, limit) in limits {
        read.set(kind, limit?);
    }
    read.destinations = Destinations { countries: countries?, number_types: number_types? };
    Ok(read)
}

/// Reads the cooldown of the verification API.
pub(in crate::config) fn read_resend_cooldown(reader: &mut Reader) -> Result<Duration, Reported> {
    let key = "limits.resend_cooldown";
    if reader.has(key) { reader.duration(key) } else { Ok(RESEND_COOLDOWN) }
}

fn limit(reader: &mut Reader, kind: &LimitKind) -> Result<Option<Limit>, Reported> {
    let key = format!("limits.{}", kind.name);
    match kind.written {
        Written::Window if !reader.has(&key) => Ok(None),
        Written::Window => {
            let window = reader.duration(&key)?;
            Ok((!window.is_zero()).then_some(Limit { max: 1, window }))
        }
        Written::CountPerWindow => reader
            .required(&key, |text| if text == "off" { Ok(None) } else { Limit::parse(text, kind.most()).map(Some) }),
    }
}

/// Reads a list of `+NAME`, only these, or of `-NAME`, all but these; an empty list allows everything.
fn selection<T: FromStr<Err: Display>>(reader: &mut Reader, key: &str) -> Result<Selection<T>, Reported> {
    let of_the_first = Cell::new(None);
    let names = reader.list(key, |entry| {
        // An entry without a sign has no name, which is a fault like any other.
        let name = entry.strip_prefix(['+', '-']).unwrap_or_default();
        let named = name.parse().map_err(|error| format!("+ (only these) or - (all but these) and {error}"))?;
        let denied = entry.starts_with('-');
        if of_the_first.replace(Some(of_the_first.get().unwrap_or(denied))).is_some_and(|first| first != denied) {
            return Err("like the first: all with + (only these) or all with - (all but these)".to_owned());
        }
        Ok(named)
    })?;
    Ok(match of_the_first.get() {
        None => Selection::All,
        Some(false) => Selection::Only(names),
        Some(true) => Selection::AllBut(names),
    })
}
