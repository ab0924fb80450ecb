//! Requests as the description of the API shows them. `request` parses them, and a test below compares the two.

#![expect(dead_code, reason = "the description alone is made of these")]

use std::collections::BTreeMap;

use utoipa::{IntoParams, ToSchema};

use super::schemas::metadata;

/// A number to prove, and how.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateVerification {
    /// The number in E.164.
    #[schema(pattern = r"^\+[1-9][0-9]{5,14}$", example = "+15551234567")]
    to: String,
    /// The app. The default is the first app of the key.
    #[schema(nullable = false, pattern = "^[a-z][a-z0-9_-]{0,31}$", example = "default")]
    app: Option<String>,
    /// The channel of the message: `auto`, which is the default, or the name of a channel.
    #[schema(nullable = false, pattern = "^[a-z][a-z0-9_-]{0,31}$", example = "auto")]
    channel: Option<String>,
    /// The language that the person prefers, as a BCP 47 tag or in WhatsApp's spelling. The nearest one that there is a
    /// template in is used; without this, the first.
    #[schema(nullable = false, pattern = "^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$", max_length = 35, example = "pt_BR")]
    locale: Option<String>,
    /// The device of the person.
    #[schema(nullable = false)]
    client: Option<Client>,
    /// Your own name for the verification, such as the number of an order.
    #[schema(nullable = false, min_length = 1, max_length = 128, example = "order-42")]
    reference: Option<String>,
    /// Up to ten facts of your own, with keys of 1 to 128 characters and values of at most 128. Answers repeat them. No
    /// personal data, please.
    #[schema(schema_with = metadata, required = false)]
    metadata: Option<BTreeMap<String, String>>,
    /// The proof that the check returns.
    #[schema(nullable = false)]
    proof: Option<ProofWishes>,
}

/// The device of the person whose number is to be proved.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Client {
    /// Its IP address, to which limits by address apply. Leave it out with a client key: it is the connection's.
    #[schema(nullable = false, example = "203.0.113.7")]
    ip: Option<String>,
}

/// The proof that a check returns.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct ProofWishes {
    /// The recipient, one of the app's `proof.audiences`. The default is the first of them.
    #[schema(nullable = false, pattern = "^[!-~]{1,256}$")]
    audience: Option<String>,
    /// A value that ties the proof to your session.
    #[schema(nullable = false, pattern = "^[!-~]{1,255}$", example = "n-0S6_WzA2Mj")]
    nonce: Option<String>,
}

/// A code to check.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    /// The code as the person typed it. Spaces and dashes are dropped.
    #[schema(example = "123456")]
    code: String,
    /// The device of the person.
    #[schema(nullable = false)]
    client: Option<Client>,
    /// The proof that this check returns, instead of the one that the create asked for.
    #[schema(nullable = false)]
    proof: Option<ProofWishes>,
}

/// A code to check, and the number that it was sent to.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckNumber {
    /// The number in E.164.
    #[schema(pattern = r"^\+[1-9][0-9]{5,14}$", example = "+15551234567")]
    to: String,
    /// The app. The default is the first app of the key.
    #[schema(nullable = false, pattern = "^[a-z][a-z0-9_-]{0,31}$", example = "default")]
    app: Option<String>,
    /// The code as the person typed it. Spaces and dashes are dropped.
    #[schema(example = "123456")]
    code: String,
    /// The device of the person.
    #[schema(nullable = false)]
    client: Option<Client>,
    /// The proof that this check returns, instead of the one that the create asked for.
    #[schema(nullable = false)]
    proof: Option<ProofWishes>,
}

/// A wish for another message.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resend {
    /// The device of the person.
    #[schema(nullable = false)]
    client: Option<Client>,
}

/// Nothing: an object without members.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// The parameter of calls about one verification.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct VerificationIdInPath {
    /// The id of the verification. A UUID and 32 hexadecimal digits are accepted as well.
    #[param(pattern = "^ver_[0-7][0-9a-hjkmnp-tv-z]{25}$", example = "ver_01js7whh8m7m9a9s94qzrj8k0w")]
    id: String,
}

/// The parameter of calls that are safe to repeat.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct IdempotencyKeyHeader {
    /// Makes the call safe to repeat: the same key with the same request has the same answer, for at least an hour. It
    /// has 1 to 255 visible ASCII characters, with or without quotes around them.
    #[param(
        rename = "Idempotency-Key",
        nullable = false,
        min_length = 1,
        max_length = 257,
        example = "8e03978e-40d5-43e8-bc93-6894a57f9324"
    )]
    idempotency_key: Option<String>,
}
