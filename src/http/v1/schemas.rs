//! Schemas of texts, made from the lists in the domain.

use serde_json::json;
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};

use super::problem_code::ProblemCode;
use crate::otp::{DeliveryStatus, Metadata, Status};

/// The state of a message that no channel has reported about.
pub(super) const QUEUED: &str = "queued";

/// Returns the schema of ids.
pub(super) fn id() -> Object {
    let text = text().description(Some("The id of the verification."));
    text.pattern(Some("^ver_[0-7][0-9a-hjkmnp-tv-z]{25}$")).build()
}

/// Returns the schema of the states of verifications.
pub(super) fn statuses() -> Object {
    let text = text().description(Some("`pending`, until it ends in one of the other states."));
    text.enum_values(Some(Status::ALL.map(Status::as_str))).build()
}

/// Returns the schema of the states of messages.
pub(super) fn delivery_statuses() -> Object {
    let reported = DeliveryStatus::ALL.into_iter().map(DeliveryStatus::as_str);
    let text = text().description(Some("The state of the message: `queued` until its channel reports about it."));
    text.enum_values(Some([QUEUED].into_iter().chain(reported))).build()
}

/// Returns the schema of the codes of problems.
pub(super) fn problem_codes() -> Object {
    let text = text().description(Some("The code, which programs branch on."));
    text.enum_values(Some(ProblemCode::all().map(ProblemCode::as_str))).build()
}

/// Returns the schema of the times of a message's statuses.
pub(super) fn times() -> Object {
    ObjectBuilder::new()
        .description(Some("The time of each status that it has had, as far as its channel reported it."))
        .additional_properties(Some(text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))))
        .examples([json!({"accepted": "2026-11-25T10:00:00Z", "delivered": "2026-11-25T10:00:02Z"})])
        .build()
}

/// Returns the schema of a caller's own facts.
pub(super) fn metadata() -> Object {
    let characters = Some(Metadata::MAX_CHARACTERS);
    ObjectBuilder::new()
        .description(Some("Facts of your own, which answers repeat. No personal data, please."))
        .max_properties(Some(Metadata::MAX_PAIRS))
        .property_names(Some(text().min_length(Some(1)).max_length(characters).build()))
        .additional_properties(Some(text().max_length(characters)))
        .examples([json!({"cart": "77"})])
        .build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
