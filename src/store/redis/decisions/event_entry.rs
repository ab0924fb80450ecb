//! Events as entries of a stream.
//!
//! The fields are `id`, `type`, `at`, `app`, `sequence` and `about`, in this order. `about` has the words of the
//! verification ([`FIELDS`]) separated by spaces, `-` for an empty one, and neither digest nor secret; of a sender, its
//! channel and the reason. The number is not among them: the id leads to it.

use std::collections::HashMap;

use super::details;
use super::status::{FIELDS, verification, write_earlier};
use crate::otp::{AppName, Delivery, Event, EventSubject, EventType, UndeliveredEvent, UnixMillis, Verification};

/// The fields of an entry, in pairs of a name and a value.
pub(super) type Fields = Vec<String>;

/// Returns the fields of an event.
pub(super) fn write(event: &Event) -> Fields {
    let (sequence, about) = match &event.about {
        EventSubject::Verification { verification, sequence } => (*sequence, words(verification)),
        EventSubject::Sender { channel, reason } => (0, format!("{channel} {reason}")),
        EventSubject::Nothing => (0, String::new()),
    };
    let fields = [
        ("id", event.id.clone()),
        ("type", event.event_type.to_string()),
        ("at", event.at.0.to_string()),
        ("app", event.app.to_string()),
        ("sequence", sequence.to_string()),
        ("about", about),
    ];
    fields.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
}

/// Reads an event of that app; `None` if this version does not know it.
pub(crate) fn read(app: &AppName, fields: &[String]) -> Option<Event> {
    let value = values(fields);
    let text = |name: &str| value.get(name).copied();
    let at = UnixMillis(text("at")?.parse().ok()?);
    let about = match EventType::from_name(text("type")?)? {
        EventType::SenderDegraded | EventType::BudgetExhausted => {
            let (channel, reason) = text("about")?.split_once(' ')?;
            EventSubject::Sender { channel: channel.to_owned(), reason: reason.to_owned() }
        }
        EventType::EndpointTest => EventSubject::Nothing,
        _ => {
            let words = text("about")?.split(' ').map(|word| if word == "-" { "" } else { word }.to_owned());
            let verification = verification(app, "", &words.collect::<Vec<_>>(), at)?;
            EventSubject::Verification {
                verification: Box::new(verification),
                sequence: text("sequence")?.parse().ok()?,
            }
        }
    };
    let event_type = EventType::from_name(text("type")?)?;
    Some(Event { id: text("id")?.to_owned(), event_type, app: app.clone(), at, about })
}

/// Reads an event that was given up.
pub(super) fn read_undelivered(app: &AppName, fields: &[String]) -> Option<UndeliveredEvent> {
    let value = values(fields);
    Some(UndeliveredEvent {
        event: read(app, fields)?,
        given_up_at: UnixMillis(value.get("given_up_at")?.parse().ok()?),
        error: (*value.get("error")?).to_owned(),
    })
}

fn values(fields: &[String]) -> HashMap<&str, &str> {
    fields.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect()
}

/// Returns the words of a verification, as `words_of` in `verifications.lua` orders them.
fn words(verification: &Verification) -> String {
    let Verification {
        id,
        status,
        attempts,
        max_attempts,
        sends,
        created_at,
        expires_at,
        ended_at,
        deliveries,
        sent_at,
        details,
        ..
    } = verification;
    let deliveries: Vec<_> = deliveries.iter().map(|one| delivery(one, *created_at)).collect();
    let words: [String; FIELDS.len()] = [
        id.to_string(),
        status.as_str().to_owned(),
        String::new(),
        String::new(),
        attempts.to_string(),
        max_attempts.to_string(),
        sends.to_string(),
        created_at.0.to_string(),
        expires_at.0.to_string(),
        ended_at.map(|at| at.0.to_string()).unwrap_or_default(),
        String::new(),
        deliveries.join(","),
        sent_at.0.to_string(),
        details::write(details),
    ];
    words.map(|word| if word.is_empty() { "-".to_owned() } else { word }).join(" ")
}

fn delivery(delivery: &Delivery, created_at: UnixMillis) -> String {
    let Delivery { number, channel, status, at, reason, .. } = delivery;
    let (reason, earlier) = (reason.as_deref().unwrap_or_default(), write_earlier(delivery, created_at));
    format!("{number}:{channel}:{}:{}:{reason}:{earlier}", status.as_str(), at.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::otp::{DeliveryStatus, Details, Reference, Status};

    fn verification() -> Verification {
        Verification {
            id: "ver_01js7whh8m7m9a9s94qzrj8k0w".parse().unwrap(),
            app: AppName::default(),
            subject: String::new(),
            status: Status::Approved,
            digest: String::new(),
            attempts: 2,
            max_attempts: 3,
            sends: 2,
            created_at: UnixMillis(1_795_000_000_000),
            sent_at: UnixMillis(1_795_000_030_000),
            expires_at: UnixMillis(1_795_000_300_000),
            expires_in: Duration::from_secs(260),
            ended_at: Some(UnixMillis(1_795_000_040_000)),
            deliveries: vec![Delivery {
                number: 1,
                channel: "whatsapp".to_owned(),
                status: DeliveryStatus::Failed,
                at: UnixMillis(1_795_000_001_000),
                reason: Some("held_back".to_owned()),
                earlier: vec![(DeliveryStatus::Sent, UnixMillis(1_795_000_000_900))],
            }],
            details: Details { reference: Reference::parse("order 42").ok(), ..Details::default() },
        }
    }

    #[test]
    fn events_are_read_as_they_are_written() {
        let event = |event_type, about| Event {
            id: "evt_1".to_owned(),
            event_type,
            app: AppName::default(),
            at: UnixMillis(1_795_000_040_000),
            about,
        };
        let sender = EventSubject::Sender { channel: "whatsapp".to_owned(), reason: "template".to_owned() };
        for event in [
            event(
                EventType::Approved,
                EventSubject::Verification { verification: Box::new(verification()), sequence: 7 },
            ),
            event(EventType::SenderDegraded, sender),
            event(EventType::EndpointTest, EventSubject::Nothing),
        ] {
            assert_eq!(read(&event.app, &write(&event)), Some(event));
        }
    }

    #[test]
    fn an_unknown_event_is_not_read() {
        let fields = ["id", "evt_1", "type", "verification.lost", "at", "1", "app", "default", "sequence", "1"];
        assert_eq!(read(&AppName::default(), &fields.map(str::to_owned)), None);
    }
}
