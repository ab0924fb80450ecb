//! `events.*`: the endpoints that apps are told of events at.

use std::collections::BTreeMap;

use super::server::network;
use crate::config::keys;
use crate::config::reader::{Reader, Reported};
use crate::events::{AddressRules, EndpointSettings, EndpointUrl, EventSecrets, Schedule, Secrets, SigningSecret};
use crate::otp::{AppName, EventType, EventTypes};

const URL: &str = "events.url";
const SECRET: &str = "events.secret";

/// Reads the endpoint of an app, if it has one, and the types that it is told of.
pub(in crate::config) fn read(reader: &mut Reader) -> Result<(Option<EndpointSettings>, EventTypes), Reported> {
    let types = reader.declared_list("events.types", EventType::from_name);
    let timeout = reader.duration("events.timeout");
    let waits = reader.declared_list("events.schedule", |text| humantime::parse_duration(text).ok());
    let schedule = waits.and_then(|waits| {
        Schedule::new(waits).ok_or_else(|| {
            let longest = humantime::format_duration(Schedule::LONGEST);
            reader.fault("events.schedule", format!("at most {} waits of at most {longest} in all", Schedule::MOST))
        })
    });
    let allow_networks = reader.declared_list("events.allow_networks", network);
    let allow_http = reader.switch("events.allow_http");
    let rules = allow_networks.and_then(|allow_networks| Ok(AddressRules { allow_http: allow_http?, allow_networks }));
    let url = match &rules {
        Ok(rules) => reader.optional(URL, |text| EndpointUrl::parse(text, rules)),
        Err(reported) => Err(*reported),
    };
    let (timeout, schedule, rules, types) = (timeout?, schedule?, rules?, types?);
    let Some(url) = url? else { return Ok((None, EventTypes::default())) };
    let own = reader.own(URL);
    reader.show_as(&own, url.to_string());
    let types = if types.is_empty() { EventTypes::all() } else { types.into_iter().collect() };
    Ok((Some(EndpointSettings { url, rules, timeout, schedule }), types))
}

/// Reads the secrets of each app that has an endpoint; without any it is a fault.
pub(in crate::config) fn read_secrets(reader: &mut Reader) -> Result<EventSecrets, Reported> {
    let names = reader.names_in("apps").into_keys().filter_map(|name| AppName::parse(&name).ok());
    let mut apps: Vec<_> = names.collect();
    apps.push(AppName::default());
    let mut secrets = BTreeMap::new();
    let mut faulty = None;
    for app in apps {
        match reader.for_app(&app, read_secrets_of_app) {
            Ok(Some(of_app)) => drop(secrets.insert(app, of_app)),
            Ok(None) => {}
            Err(reported) => faulty = Some(reported),
        }
    }
    faulty.map_or(Ok(secrets.into()), Err)
}

fn read_secrets_of_app(reader: &mut Reader) -> Result<Option<Secrets>, Reported> {
    let secrets = reader.secret_list(SECRET, SigningSecret::parse)?;
    match secrets.len() {
        _ if !reader.has(URL) => Ok(None),
        1 | 2 => Ok(Some(secrets.into())),
        0 => Err(reader.fault(SECRET, format!("a secret, as {URL} is set: {}", keys::takes(SECRET)))),
        _ => Err(reader.fault(SECRET, "one secret, or two while one replaces the other")),
    }
}
