use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::otp::UndeliveredReason as Reason;

const ID: &str = "ver_01jee7m001081g81860w40kazz";

fn ours() -> Ours {
    Ours { waba_id: "2000000001".to_owned(), phone_number_ids: ["1000000001".to_owned()].into() }
}

/// A body with this value of the field `messages`.
fn body(mut value: Value) -> Value {
    if value["metadata"].is_null() {
        value["metadata"] = json!({"phone_number_id": "1000000001"});
    }
    json!({"object": OBJECT, "entry": [{"id": "2000000001", "changes": [{"field": "messages", "value": value}]}]})
}

fn read(body: &Value) -> Vec<Notice> {
    notices(body.to_string().as_bytes(), &ours()).unwrap()
}

fn status_with(more: &Value) -> Value {
    let reference = format!("v1.{ID}.2");
    let mut status = json!({"id": "wamid.1", "status": "delivered", "timestamp": "1793800000", "biz_opaque_callback_data": reference});
    status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    status
}

fn only(more: &Value) -> Notice {
    let mut notices = read(&body(json!({"statuses": [status_with(more)]})));
    assert_eq!(notices.len(), 1, "{notices:?}");
    notices.remove(0)
}

fn failed(errors: &Value) -> (Option<Reason>, Option<i64>) {
    match only(&json!({"status": "failed", "errors": errors})) {
        Notice::Status(notice) => (notice.reason, notice.code),
        other => panic!("{other:?}"),
    }
}

fn expected() -> StatusNotice {
    StatusNotice {
        id: ID.parse().unwrap(),
        delivery: 2,
        message: Some(MessageId::of("wamid.1")),
        status: DeliveryStatus::Delivered,
        reason: None,
        code: None,
        at: Some(1_793_800_000),
    }
}

#[test]
fn a_status_is_about_the_message_that_our_reference_names() {
    assert_eq!(only(&json!({})), Notice::Status(expected()));
    for (word, status) in
        [("sent", DeliveryStatus::Sent), ("read", DeliveryStatus::Read), ("delivered", DeliveryStatus::Delivered)]
    {
        assert_eq!(only(&json!({"status": word})), Notice::Status(StatusNotice { status, ..expected() }));
    }
}

#[test]
fn other_references_are_of_others() {
    for reference in [
        json!(null),
        json!(""),
        json!("ch_1"),
        json!(format!("v2.{ID}.1")),
        json!(format!("v1.{ID}")),
        json!(format!("v1.{ID}.0")),
        json!(format!("v1.{ID}.+1")),
        json!(format!("v1.{ID}.x")),
        json!(format!("v1.{ID}.99999999999")),
        json!("v1.prod.dl_01J0EXAMPLE"),
        json!(7),
        json!({}),
    ] {
        let notice = only(&json!({"biz_opaque_callback_data": reference}));
        assert_eq!(notice, Notice::Ignored(Kind::Status, Ignored::Foreign), "{reference}");
    }
}

#[test]
fn what_has_nothing_to_do_with_the_message_does_not_matter() {
    let notice = only(&json!({
        "recipient_id": null, "pricing": {"category": "authentication-international"}, "conversation": [],
        "internal_1p_only_data": {"x": [1]}, "errors": [{"code": 131_026}],
    }));
    assert_eq!(notice, Notice::Status(expected()));
}

#[test]
fn timestamps_are_numbers_strings_or_nothing() {
    for (timestamp, at) in [
        (json!(7), Some(7)),
        (json!("-5"), Some(-5)),
        (json!("soon"), None),
        (json!(null), None),
        (json!(1e300), None),
        (json!(""), None),
    ] {
        assert_eq!(only(&json!({"timestamp": timestamp})), Notice::Status(StatusNotice { at, ..expected() }));
    }
}

#[test]
fn the_first_documented_code_is_the_reason() {
    assert_eq!(failed(&json!([{"code": 131_026}])), (Some(Reason::NotOnWhatsApp), Some(131_026)));
    assert_eq!(failed(&json!([{"code": "131026"}])), (Some(Reason::NotOnWhatsApp), Some(131_026)));
    assert_eq!(failed(&json!([{"code": 999_999}, {"code": 131_042}])), (Some(Reason::Account), Some(131_042)));
    assert_eq!(failed(&json!([{"code": 137_000}, {"code": 131_026}])).0, Some(Reason::IdentityChanged));
    assert_eq!(failed(&json!([{"code": 999_999}])), (Some(Reason::Unknown), Some(999_999)));
    for errors in [json!([]), json!(null), json!([null, {}, {"code": null}]), json!("131026")] {
        assert_eq!(failed(&errors), (Some(Reason::Unknown), None), "{errors}");
    }
}

#[test]
fn unknown_statuses_are_ignored() {
    for status in ["played", "warned", "", "SENT"] {
        assert_eq!(only(&json!({"status": status})), Notice::Ignored(Kind::Status, Ignored::Unknown), "{status}");
    }
    for status in [json!(null), json!([]), json!({})] {
        assert_eq!(only(&json!({"status": status})), Notice::Ignored(Kind::Status, Ignored::Malformed), "{status}");
    }
}

#[test]
fn one_malformed_part_costs_no_other() {
    let statuses = json!([status_with(&json!({})), null, "x", {"status": {}}, [], status_with(&json!({}))]);
    let messages = json!([null, {"type": "text", "text": {"body": "hello"}}, 7]);
    let found = read(&body(json!({"statuses": statuses, "messages": messages, "errors": [{}, {"code": "130429"}]})));
    assert_eq!(found.iter().filter(|notice| matches!(notice, Notice::Status(_))).count(), 2);
    assert_eq!(found.len(), 11);
    assert_eq!(found[10], Notice::Account(AccountNotice::Error { code: 130_429 }));
}

#[test]
fn parts_about_other_numbers_and_accounts_are_foreign() {
    let value =
        json!({"metadata": {"phone_number_id": "1"}, "statuses": [status_with(&json!({})), 1], "messages": [{}]});
    let foreign = |kind| Notice::Ignored(kind, Ignored::Foreign);
    assert_eq!(read(&body(value)), [Kind::Status, Kind::Status, Kind::Message].map(foreign));
    let body = json!({"object": OBJECT, "entry": [{"id": "1", "changes": [{"field": "security", "value": {"event": "PIN_CHANGED"}}]}]});
    assert_eq!(read(&body), [foreign(Kind::Account)]);
}

#[test]
fn ids_are_numbers_or_strings() {
    let value = json!({"metadata": {"phone_number_id": 1_000_000_001}, "statuses": [status_with(&json!({}))]});
    assert_eq!(read(&body(value)), [Notice::Status(expected())]);
}

#[test]
fn a_tap_is_a_denial_of_the_message_that_it_answers() {
    let tap = |context: &Value| json!({"type": "button", "button": {"payload": DID_NOT_REQUEST}, "context": context});
    let messages =
        json!([tap(&json!({"id": "wamid.1"})), tap(&json!(null)), {"type": "button", "button": {"payload": "x"}}]);
    let expected = [
        Notice::Denied { message: MessageId::of("wamid.1") },
        Notice::Ignored(Kind::Denial, Ignored::Malformed),
        Notice::Ignored(Kind::Message, Ignored::Irrelevant),
    ];
    assert_eq!(read(&body(json!({"messages": messages}))), expected);
}

#[test]
fn other_objects_and_empty_ones_say_nothing() {
    for body in [json!({}), json!([]), json!(null), json!("x"), json!({"object": "page", "entry": [{}]})] {
        assert_eq!(read(&body), [Notice::Ignored(Kind::Other, Ignored::Unknown)], "{body}");
    }
    for entry in [json!(null), json!([]), json!({}), json!([null, {}, {"changes": null}, {"changes": [null]}])] {
        let found = read(&json!({"object": OBJECT, "entry": entry}));
        assert!(found.iter().all(|notice| matches!(notice, Notice::Ignored(_, _))), "{found:?}");
    }
    assert_eq!(notices(b"{", &ours()), None);
    assert_eq!(notices(b"\xff\xff", &ours()), None);
}

/// JSON of the shapes and words that webhooks have, in any arrangement.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        OBJECT,
        "messages",
        "sent",
        "failed",
        "button",
        DID_NOT_REQUEST,
        "1000000001",
        "2000000001",
        "security",
        "PAUSED",
        "account_update",
        "TIER_1K",
        "131026",
        "v1.ver_01jee7m001081g81860w40kazz.1",
        "",
        "é😀",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "object",
        "entry",
        "id",
        "changes",
        "field",
        "value",
        "statuses",
        "messages",
        "errors",
        "metadata",
        "code",
        "phone_number_id",
        "status",
        "biz_opaque_callback_data",
        "context",
        "button",
        "payload",
        "type",
        "event",
    ]);
    leaf.prop_recursive(8, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = notices(&bytes, &ours());
    }

    #[test]
    fn no_json_makes_it_panic(entry in any_json(), field in any_json(), value in any_json()) {
        let change = json!({"field": field, "value": value});
        for body in [
            json!({"object": OBJECT, "entry": entry}),
            json!({"object": OBJECT, "entry": [{"id": "2000000001", "changes": [change]}]}),
            body(json!({"statuses": [value, entry], "messages": [value], "errors": field})),
        ] {
            prop_assert!(notices(body.to_string().as_bytes(), &ours()).is_some());
        }
    }

    #[test]
    fn no_escape_makes_it_panic(text in r#"(\\|\\u|d[89abcdef][0-9a-f]{0,2}|"|[a-z]){0,20}"#) {
        let _ = notices(format!("{{\"object\":\"{text}\"}}").as_bytes(), &ours());
    }
}
