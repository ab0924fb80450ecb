//! `limits.*`: how often is too often, and the numbers that codes may go to.

use std::cell::Cell;
use std::fmt::Display;
use std::str::FromStr;

use crate::config::reader::{Reader, Reported};
use crate::otp::{Destinations, Limit, LimitError, Limits, Selection};

pub(in crate::config) fn read(reader: &mut Reader) -> Result<Limits, Reported> {
    let per_phone = reader.required("limits.per_phone", limit);
    let resend_cooldown = reader.duration("limits.resend_cooldown");
    let per_ip = reader.required("limits.per_ip", limit);
    let checks_per_ip = reader.required("limits.checks_per_ip", limit);
    let total = reader.required("limits.total", total_limit);
    let failures_per_phone = reader.required("limits.failures_per_phone", limit);
    let countries = selection(reader, "limits.countries");
    let number_types = selection(reader, "limits.number_types");
    Ok(Limits {
        per_phone: per_phone?,
        resend_cooldown: Some(resend_cooldown?).filter(|cooldown| !cooldown.is_zero()),
        per_ip: per_ip?,
        checks_per_ip: checks_per_ip?,
        total: total?,
        failures_per_phone: failures_per_phone?,
        destinations: Destinations { countries: countries?, number_types: number_types? },
    })
}

fn limit(text: &str) -> Result<Option<Limit>, LimitError> {
    up_to(Limit::MAX, text)
}

fn total_limit(text: &str) -> Result<Option<Limit>, LimitError> {
    up_to(Limit::MAX_TOTAL, text)
}

fn up_to(most: u32, text: &str) -> Result<Option<Limit>, LimitError> {
    if text == "off" { Ok(None) } else { Limit::parse(text, most).map(Some) }
}

/// A list of `+NAME`, only these, or of `-NAME`, all but these; an empty one for everything.
fn selection<T: FromStr<Err: Display>>(reader: &mut Reader, key: &str) -> Result<Selection<T>, Reported> {
    let of_the_first = Cell::new(None);
    let names = reader.list(key, |entry| {
        // Without a sign there is no name, which is as wrong as any other.
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
