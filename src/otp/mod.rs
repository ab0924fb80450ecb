//! The domain: verifications, the limits on them, and the results of guesses.
//!
//! It knows no HTTP, no Redis and no WhatsApp. Adapters implement its ports, [`VerificationStore`], [`EventQueue`],
//! [`Suspensions`] and [`CodeSender`]. Start reading at [`OtpService`].

mod account;
mod api_key;
mod app;
mod apps;
mod caller;
mod check;
mod client;
mod code;
mod country;
mod delivery;
mod destinations;
mod details;
mod event;
mod event_queue;
mod event_type;
mod id;
mod idempotency;
mod inbound;
mod limits;
mod locale;
mod message;
mod moment;
mod numbering_plan;
mod outcome;
mod pacing;
mod phone;
mod policy;
mod port;
mod proof;
mod refund;
mod refusal;
mod reviewers;
mod secret;
mod senders;
mod service;
mod suspension;
mod test_numbers;
mod undelivered;
mod verification;

pub use api_key::ApiKey;
pub use app::{AppName, NameError, World};
pub use apps::{App, Apps};
pub use caller::{Caller, Key, KeyKind, KeyKindError, KeyName};
pub use check::Check;
pub use client::ClientAddress;
pub use code::{Code, CodeLength, Guess, GuessError};
pub use country::{Country, NumberType, UnknownCountry, UnknownNumberType};
pub use delivery::{Channel, Delivery, DeliveryReport, DeliveryStatus, FailedMessage, MessageId, Progress};
pub use destinations::{Destinations, Selection};
pub use details::{Details, Metadata, MetadataError, Reference, ReferenceError};
pub use event::{Attempt, EndpointState, Event, EventSubject, SenderEvent, TakenEvent, UndeliveredEvent};
pub use event_queue::EventQueue;
pub use event_type::{EventType, EventTypes};
pub use id::{VerificationId, VerificationIdError};
pub use idempotency::{Begun, Finished, IdempotencyEntry, IdempotencyKey, IdempotencyKeyError, IdempotentCall};
pub use inbound::{InboundWebhook, Receipt};
pub use limits::{
    About, Counted, Counter, Counting, LIMITS, Limit, LimitError, LimitKind, Limits, Rule, Scope, Subject, Written,
};
pub use locale::{Locale, LocaleError};
pub use message::{Manner, Message};
pub use moment::UnixMillis;
pub use numbering_plan::load as load_numbering_plans;
pub use outcome::{Charge, Charged, Creation, Resending, Sent, Settlement, Turn, Use, Verdict};
pub use pacing::Pacing;
pub use phone::{PhoneError, PhoneNumber};
pub use policy::Policy;
pub use port::{Cause, CodeSender, OutgoingCode, Pace, StoreError, Unpaced, VerificationStore};
pub use proof::{
    Audience, AudienceError, AudienceNotAllowed, Nonce, NonceError, Proof, ProofFacts, ProofPolicy, ProofSigner,
};
pub use refund::Refund;
pub use refusal::{Refusal, RefusalKind};
pub use reviewers::{Reviewer, ReviewerError, Reviewers};
pub use secret::{CodeDigest, Fingerprint, Issued, KeyRing, OtpSecret, SealedCode, SecretId, SecretTooShort};
pub use senders::{Sender, Senders};
pub use service::{
    ChannelReport, Checked, CodeCheck, CodeRequest, CodeResend, OtpService, RequestError, Requested, Start,
};
pub use suspension::{
    NewSuspension, NumberCountry, Opened, SeenSuspensions, Suspension, SuspensionCause, SuspensionScope, Suspensions,
    Term,
};
pub use test_numbers::{TestOutcome, TestSender};
pub use undelivered::UndeliveredReason;
pub use verification::{Cancellation, Denial, NewVerification, NumberLimit, PhoneStatus, Status, Verification};
