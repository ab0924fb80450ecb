//! The domain: what a one-time passcode is, who may have one, and what a guess comes to.
//!
//! It knows no HTTP, no Redis and no WhatsApp. Adapters implement its two ports, [`CodeStore`] and
//! [`CodeSender`]; [`OtpService`] is where a reader starts.

mod account;
mod app;
mod caller;
mod check;
mod client;
mod code;
mod country;
mod destinations;
mod digest;
mod numbering_plan;
mod outcome;
mod phone;
mod policy;
mod port;
mod record;
mod service;

pub use app::{AppName, NameError};
pub use caller::{Caller, Key, KeyKind, KeyKindError, KeyName};
pub use check::Check;
pub use client::ClientAddress;
pub use code::{Code, CodeLength, Guess, GuessError};
pub use country::{Country, NumberType, UnknownCountry, UnknownNumberType};
pub use destinations::{Destinations, Selection};
pub use digest::{CodeDigest, DigestKey, KeyRing, SealedCode, SecretId, SecretTooShort};
pub use numbering_plan::load as load_numbering_plans;
pub use outcome::{Charge, Delivery, Refund, Reservation, Sent, Turn, Verdict};
pub use phone::{PhoneError, PhoneNumber};
pub use policy::{Limit, LimitError, LimitKind, Limits, Pacing, Policy};
pub use port::{Cause, CodeSender, CodeStore, OutgoingCode, Pace, Refusal, RefusalKind, StoreError, Unpaced};
pub use record::{ActiveCode, NewCode, PhoneStatus, RecordId, Revocation, UnixMillis};
pub use service::{OtpService, RequestError};
