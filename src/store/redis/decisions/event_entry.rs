//! Events as entries of a stream.
//!
//! The fields are `id`, `type`, `at`, `app`, `sequence` and `about`, in this order. `about` has the words of the
//! verification ([`FIELDS`](super::status::FIELDS)) separated by spaces, `-` for an empty one, and neither digest nor secret; of a sender, its
//! channel and the reason. The number is not among them: the id leads to it.

use std::collections::HashMap;

use super::status::verification;
use crate::otp::{AppName, Event, EventSubject, EventType, SenderEvent, UndeliveredEvent, UnixMillis};

/// The fields of an entry, in pairs of a name and a value.
pub(super) type Fields = Vec<String>;

/// Returns the fields of an event about a sender. Scripts write those about verifications.
pub(super) fn write(event: &SenderEvent) -> Fields {
    let SenderEvent { id, event_type, app, at, channel, reason } = event;
    let fields = [
        ("id", id.clone()),
        ("type", event_type.to_string()),
        ("at", at.0.to_string()),
        ("app", app.to_string()),
        ("sequence", "0".to_owned()),
        ("about", format!("{channel} {reason}")),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::otp::{Delivery, DeliveryStatus, Details, Reference, Status, Verification};

    fn fields(values: [(&str, &str); 6]) -> Fields {
        values.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]).collect()
    }

    #[test]
    fn an_event_about_a_verification_is_read_as_scripts_write_it() {
        let about = "ver_01js7whh8m7m9a9s94qzrj8k0w approved - - 2 3 2 1795000000000 1795000300000 1795000040000 - \
                     1:whatsapp:failed:1795000001000:held_back:s900 1795000030000 {\"r\":\"order\\u002042\"}";
        let fields = fields([
            ("id", "evt_1"),
            ("type", "verification.approved"),
            ("at", "1795000040000"),
            ("app", "default"),
            ("sequence", "7"),
            ("about", about),
        ]);
        let verification = Verification {
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
        };
        let expected = Event {
            id: "evt_1".to_owned(),
            event_type: EventType::Approved,
            app: AppName::default(),
            at: UnixMillis(1_795_000_040_000),
            about: EventSubject::Verification { verification: Box::new(verification), sequence: 7 },
        };
        assert_eq!(read(&AppName::default(), &fields), Some(expected));
    }

    #[test]
    fn an_event_about_a_sender_is_read_as_it_is_written() {
        let event = SenderEvent {
            id: "evt_1".to_owned(),
            event_type: EventType::SenderDegraded,
            app: AppName::default(),
            at: UnixMillis(1_795_000_040_000),
            channel: "whatsapp".to_owned(),
            reason: "template".to_owned(),
        };
        assert_eq!(read(&event.app, &write(&event)), Some(event.into()));
    }

    #[test]
    fn a_test_event_is_about_nothing() {
        let (at, app) = (UnixMillis(1_795_000_040_000), AppName::default());
        let (id, event_type) = ("evt_1".to_owned(), EventType::EndpointTest);
        let fields = fields([
            ("id", "evt_1"),
            ("type", "endpoint.test"),
            ("at", "1795000040000"),
            ("app", "default"),
            ("sequence", "0"),
            ("about", ""),
        ]);
        let about = EventSubject::Nothing;
        assert_eq!(read(&app, &fields), Some(Event { id, event_type, app, at, about }));
    }

    #[test]
    fn an_unknown_event_is_not_read() {
        let fields = ["id", "evt_1", "type", "verification.lost", "at", "1", "app", "default", "sequence", "1"];
        assert_eq!(read(&AppName::default(), &fields.map(str::to_owned)), None);
    }
}
