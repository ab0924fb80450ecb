//! The data of an event: its subject as answers show it, without the number.

use serde_json::{Map, Value, json};

use super::resource::Resource;
use super::shown;
use crate::otp::{Apps, Event, EventSubject, KeyKind, KeyRing, Verification};

/// Returns the data of an event of one of these apps. A verification is as a server key would see it, but without `to`,
/// and with `sequence`.
pub(crate) fn event_data(apps: &Apps, keys: &KeyRing, event: &Event) -> Map<String, Value> {
    let app = event.app.as_str();
    let data = match &event.about {
        EventSubject::Nothing => json!({ "app": app }),
        EventSubject::Sender { channel, reason } => json!({ "app": app, "channel": channel, "reason": reason }),
        EventSubject::Verification { verification, sequence } => {
            let mut data = of_verification(apps, keys, verification);
            data["sequence"] = json!(sequence);
            data
        }
    };
    data.as_object().cloned().unwrap_or_default()
}

fn of_verification(apps: &Apps, keys: &KeyRing, verification: &Verification) -> Value {
    let Verification { id, app, status, .. } = verification;
    if let (Some(app), Some((_, phone))) = (apps.named(app), keys.locate(id)) {
        let shown = shown::of(app, &phone, verification.clone());
        if let Ok(Value::Object(mut data)) = serde_json::to_value(Resource::of(&shown, KeyKind::Server)) {
            data.remove("to");
            return Value::Object(data);
        }
    }
    // Its secret is no longer in force, so that nobody can tell the number.
    json!({ "id": id.to_string(), "app": app.as_str(), "status": status.as_str(), "test": app.is_test() })
}

#[cfg(test)]
mod tests {
    use rand::rngs::SysRng;

    use super::*;
    use crate::http::v1::resource::tests::shown as example;
    use crate::otp::{
        AppName, Channel, EventType, OtpSecret, PhoneNumber, Policy, ProofPolicy, Reviewers, Sender, Senders,
        TestSender, UnixMillis,
    };

    fn ring(byte: u8) -> KeyRing {
        KeyRing::new(OtpSecret::new(vec![byte; 32]).unwrap(), Vec::new())
    }

    fn data_of(keys: &KeyRing) -> Map<String, Value> {
        let example = example();
        let (app, phone) = (AppName::parse("shop").unwrap(), PhoneNumber::parse("15551234567").unwrap());
        let id = ring(1).issue(&app, &phone, example.code_length, &mut SysRng).unwrap().id;
        let policy = Policy {
            code_length: example.code_length,
            code_lifetime: std::time::Duration::from_mins(5),
            linger: std::time::Duration::ZERO,
            max_attempts: 3,
            max_sends: 3,
            resend_cooldown: std::time::Duration::ZERO,
            limits: crate::otp::Limits::default(),
            send_time: std::time::Duration::from_secs(15),
            events: crate::otp::EventTypes::all(),
        };
        let sender = Sender { channel: Channel::whatsapp(), pacing: None, by: std::sync::Arc::new(TestSender) };
        let senders = Senders::one(sender);
        let mut apps = Apps::one(policy.clone(), senders.clone());
        apps.insert(crate::otp::App {
            name: app.clone(),
            policy,
            senders,
            proofs: ProofPolicy::default(),
            reviewers: Reviewers::default(),
        });
        let verification = Verification { id, ..example.verification };
        let about = EventSubject::Verification { verification: Box::new(verification), sequence: 3 };
        let (id, at) = ("evt_1".to_owned(), UnixMillis(1_795_600_802_000));
        event_data(&apps, keys, &Event { id, event_type: EventType::Delivered, app, at, about })
    }

    #[test]
    fn a_verification_is_shown_without_its_number() {
        let data = data_of(&ring(1));
        assert_eq!(
            (&data["sequence"], &data["app"], &data["to_masked"]),
            (&json!(3), &json!("shop"), &json!("+1555*****67"))
        );
        assert_eq!(data["metadata"], json!({ "cart": "77" }));
        let text = Value::Object(data).to_string();
        assert!(!text.contains("15551234567") && !text.contains("proof"), "{text}");
    }

    #[test]
    fn a_verification_whose_secret_is_gone_is_shown_in_short() {
        let data = data_of(&ring(2));
        let mut members: Vec<_> = data.keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["app", "id", "sequence", "status", "test"]);
    }
}
