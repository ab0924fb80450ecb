//! The resource: a verification as every answer shows it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::schemas::{QUEUED, delivery_statuses, id, metadata, statuses, times};
use crate::http::edge::outcome::Shown;
use crate::otp::{Channel, Delivery, Details, KeyKind, Locale, Proof, Reference, Status, UnixMillis, Verification};
use crate::table::moment;

/// A verification: one attempt to prove one number for one app. Members that do not apply are absent, and there may be
/// more members in the future.
#[derive(Serialize, ToSchema)]
#[schema(as = Verification)]
pub(crate) struct Resource<'v> {
    /// Its id.
    #[schema(schema_with = id)]
    id: String,
    /// Its app.
    app: &'v str,
    /// `pending`, until it ends as `approved`, `failed`, `expired` or `canceled`.
    #[schema(schema_with = statuses)]
    status: &'static str,
    /// The number in E.164. Absent in answers to client keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    to: Option<String>,
    /// The number with most digits hidden, for people.
    to_masked: String,
    /// The channel of its last message.
    channel: &'v str,
    /// The language of its messages, if their channel has languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    locale: Option<&'v str>,
    /// The caller's own name for it. Absent in answers to client keys: it may be another caller's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reference: Option<&'v str>,
    /// The caller's own facts about it. Absent in answers to client keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = metadata, required = false)]
    metadata: Option<&'v BTreeMap<String, String>>,
    /// The time of its creation.
    #[schema(format = DateTime)]
    created_at: String,
    /// The time at which the code expires. Another message does not change it.
    #[schema(format = DateTime)]
    expires_at: String,
    /// The time at which the code was entered. Only with the status `approved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    approved_at: Option<String>,
    /// The time from which another message can be sent. Only while there can be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    resend_at: Option<String>,
    /// The guesses left.
    attempts_left: u32,
    /// The messages left, over all channels. Absent in answers to client keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sends_left: Option<u32>,
    /// The number of digits of the code.
    code_length: u8,
    /// The messages, oldest first. Absent in answers to client keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    deliveries: Option<Vec<DeliveryResource<'v>>>,
    /// `true` if it was made with a test key, so that no message left.
    test: bool,
    /// The signed proof that the number was verified. Only in the answer to the check that approved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    proof: Option<&'v str>,
}

/// One message with the code.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
struct DeliveryResource<'v> {
    /// Its id.
    id: String,
    /// Its channel.
    channel: &'v str,
    /// `queued`, `unclear`, `accepted`, `sent`, `delivered`, `read` or `failed`.
    #[schema(schema_with = delivery_statuses)]
    status: &'static str,
    /// The reason why it did not arrive. Only with the status `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'v str>,
    /// The time of the status.
    #[schema(format = DateTime)]
    at: String,
    /// The time of each status that it has had, as far as the channel reported it.
    #[schema(schema_with = times)]
    times: BTreeMap<&'static str, String>,
}

impl<'v> Resource<'v> {
    /// Returns a verification as the holder of a key of that kind may see it.
    pub(crate) fn of(shown: &'v Shown, viewer: KeyKind) -> Self {
        let Shown { verification, phone, code_length, max_sends, resend_cooldown, proof, .. } = shown;
        let Verification { details, status, .. } = verification;
        let sees_all = viewer != KeyKind::Client;
        let sends_left = max_sends.saturating_sub(verification.sends);
        let can_resend = *status == Status::Pending && sends_left > 0;
        Self {
            id: verification.id.to_string(),
            app: verification.app.as_str(),
            status: status.as_str(),
            to: sees_all.then(|| phone.e164()),
            to_masked: format!("+{}", phone.masked()),
            channel: last_delivery(verification).map_or(first_channel(details), |delivery| &delivery.channel),
            locale: details.locale.as_ref().map(Locale::as_str),
            reference: details.reference.as_ref().filter(|_| sees_all).map(Reference::as_str),
            metadata: Some(details.metadata.pairs()).filter(|pairs| sees_all && !pairs.is_empty()),
            created_at: moment(verification.created_at),
            expires_at: moment(verification.expires_at),
            approved_at: verification.ended_at.filter(|_| *status == Status::Approved).map(moment),
            resend_at: can_resend.then(|| moment_after(verification.sent_at, *resend_cooldown)),
            attempts_left: verification.max_attempts.saturating_sub(verification.attempts),
            sends_left: sees_all.then_some(sends_left),
            code_length: code_length.digits(),
            deliveries: sees_all.then(|| deliveries(verification)),
            test: verification.app.is_test(),
            proof: proof.as_ref().map(Proof::expose),
        }
    }
}

/// Returns the channel of messages that no channel has reported about.
fn first_channel(details: &Details) -> &str {
    details.channel.as_ref().map_or(Channel::WHATSAPP, Channel::as_str)
}

fn last_delivery(verification: &Verification) -> Option<&Delivery> {
    verification.deliveries.iter().max_by_key(|delivery| delivery.number)
}

/// Returns every message: also those that no channel has reported about.
fn deliveries(verification: &Verification) -> Vec<DeliveryResource<'_>> {
    let Verification { id, sends, sent_at, deliveries, details, .. } = verification;
    let delivery = |number: u32| {
        let known = deliveries.iter().find(|delivery| delivery.number == number);
        let id = format!("{id}.{number}");
        if let Some(delivery @ Delivery { channel, status, at, reason, .. }) = known {
            let times = delivery.statuses().map(|(status, at)| (status.as_str(), moment(at))).collect();
            DeliveryResource { id, channel, status: status.as_str(), reason: reason.as_deref(), at: moment(*at), times }
        } else {
            let (channel, at) = (first_channel(details), moment(*sent_at));
            DeliveryResource { id, channel, status: QUEUED, reason: None, at, times: BTreeMap::new() }
        }
    };
    (1..=*sends).map(delivery).collect()
}

/// Returns the first whole second that is no earlier than `wait` after `at`: a caller who waits until then must not be
/// early.
fn moment_after(at: UnixMillis, wait: Duration) -> String {
    let end = at.plus(wait);
    let round_up = if wait.is_zero() { Duration::ZERO } else { Duration::from_millis(999) };
    moment(end.plus(round_up))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::otp::{AppName, CodeLength, DeliveryStatus, Metadata, PhoneNumber, World};

    pub(in crate::http::v1) fn shown() -> Shown {
        let details = Details {
            locale: Locale::parse("pt_BR").ok(),
            reference: Reference::parse("order-42").ok(),
            metadata: Metadata::parse([("cart".to_owned(), "77".to_owned())].into()).unwrap(),
            ..Details::default()
        };
        let delivery = Delivery {
            number: 1,
            channel: "whatsapp".to_owned(),
            status: DeliveryStatus::Delivered,
            at: UnixMillis(1_795_600_802_000),
            reason: None,
            earlier: vec![(DeliveryStatus::Sent, UnixMillis(1_795_600_801_000))],
        };
        let verification = Verification {
            id: "ver_01js7whh8m7m9a9s94qzrj8k0w".parse().unwrap(),
            app: AppName::parse("shop").unwrap(),
            subject: "15551234567".to_owned(),
            status: Status::Pending,
            digest: "0a1b2c3d".to_owned(),
            attempts: 1,
            max_attempts: 3,
            sends: 2,
            created_at: UnixMillis(1_795_600_800_100),
            sent_at: UnixMillis(1_795_600_840_001),
            expires_at: UnixMillis(1_795_601_100_100),
            expires_in: Duration::from_secs(200),
            ended_at: None,
            deliveries: vec![delivery],
            details,
        };
        Shown {
            verification,
            phone: PhoneNumber::parse("+15551234567").unwrap(),
            code_length: CodeLength::new(6).unwrap(),
            max_sends: 3,
            resend_cooldown: Duration::from_secs(30),
            proof: None,
            uses: Vec::new(),
            is_replay: false,
        }
    }

    fn json_of(shown: &Shown, viewer: KeyKind) -> Value {
        serde_json::to_value(Resource::of(shown, viewer)).unwrap()
    }

    #[test]
    fn a_backend_sees_everything() {
        let expected = json!({
            "id": "ver_01js7whh8m7m9a9s94qzrj8k0w",
            "app": "shop",
            "status": "pending",
            "to": "+15551234567",
            "to_masked": "+1555*****67",
            "channel": "whatsapp",
            "locale": "pt_BR",
            "reference": "order-42",
            "metadata": {"cart": "77"},
            "created_at": "2026-11-25T10:00:00Z",
            "expires_at": "2026-11-25T10:05:00Z",
            "resend_at": "2026-11-25T10:01:11Z",
            "attempts_left": 2,
            "sends_left": 1,
            "code_length": 6,
            "deliveries": [
                {
                    "id": "ver_01js7whh8m7m9a9s94qzrj8k0w.1",
                    "channel": "whatsapp",
                    "status": "delivered",
                    "at": "2026-11-25T10:00:02Z",
                    "times": {"sent": "2026-11-25T10:00:01Z", "delivered": "2026-11-25T10:00:02Z"},
                },
                {
                    "id": "ver_01js7whh8m7m9a9s94qzrj8k0w.2",
                    "channel": "whatsapp",
                    "status": "queued",
                    "at": "2026-11-25T10:00:40Z",
                    "times": {},
                },
            ],
            "test": false,
        });
        assert_eq!(json_of(&shown(), KeyKind::Server), expected);
        assert_eq!(json_of(&shown(), KeyKind::Test), expected);
    }

    #[test]
    fn a_client_sees_neither_number_nor_metadata_nor_counts() {
        let full = json_of(&shown(), KeyKind::Server);
        let mut expected = full.as_object().unwrap().clone();
        for hidden in ["to", "reference", "metadata", "sends_left", "deliveries"] {
            assert!(expected.remove(hidden).is_some(), "{hidden}");
        }
        let seen = json_of(&shown(), KeyKind::Client);
        assert_eq!(seen, Value::Object(expected));
        assert!(!seen.to_string().contains("5551234567"));
    }

    #[test]
    fn the_end_is_shown_and_another_message_is_not_promised() {
        let mut shown = shown();
        shown.verification.status = Status::Approved;
        shown.verification.ended_at = Some(UnixMillis(1_795_600_821_999));
        shown.proof = Some(Proof::new("eyJ".to_owned()));
        let json = json_of(&shown, KeyKind::Client);
        assert_eq!(json["proof"], "eyJ");
        assert_eq!((&json["status"], &json["approved_at"]), (&json!("approved"), &json!("2026-11-25T10:00:21Z")));
        assert_eq!(json.get("resend_at"), None);

        shown.verification.status = Status::Failed;
        assert_eq!(json_of(&shown, KeyKind::Client).get("approved_at"), None);

        shown.verification.status = Status::Pending;
        shown.verification.sends = 4;
        let json = json_of(&shown, KeyKind::Server);
        assert_eq!((json.get("resend_at"), &json["sends_left"]), (None, &json!(0)));
    }

    #[test]
    fn a_failed_message_has_a_reason_and_a_test_is_marked() {
        let mut shown = shown();
        let delivery = &mut shown.verification.deliveries[0];
        (delivery.status, delivery.reason) = (DeliveryStatus::Failed, Some("not_on_whatsapp".to_owned()));
        (delivery.number, delivery.channel) = (2, "sms".to_owned());
        shown.verification.app = shown.verification.app.in_world(World::Test);
        let json = json_of(&shown, KeyKind::Test);
        assert_eq!(json["deliveries"][1]["reason"], "not_on_whatsapp");
        assert_eq!((&json["channel"], &json["test"], &json["app"]), (&json!("sms"), &json!(true), &json!("shop")));
    }
}
