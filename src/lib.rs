//! One-time passcodes over WhatsApp: sends them as authentication templates and verifies them.
//!
//! The modules, from the outside in. Each imports those named beside it and no others, all of which are further down;
//! `tests/architecture.rs` holds the code to this table.
//!
//! | Module | Imports | Task |
//! |---|---|---|
//! | `main` | cli | The program |
//! | [`cli`] | app, config, events, otp, proof, table, telemetry, version | Parses the command line and prints the answers of commands |
//! | [`app`] | config, events, http, otp, proof, reread, store, supervisor, telemetry, whatsapp | The composition root: settings in, a running service or the answer of a command out |
//! | [`config`] | events, http, otp, proof, store, telemetry, whatsapp | Reads settings into the types of the parts, and reports every fault at once |
//! | [`http`] | otp, proof, reread, supervisor, table, telemetry | The sample server's two calls, the verification API, webhooks, the public keys of proofs, health and metrics, in one table of routes |
//! | [`store`] | otp, supervisor, telemetry | Codes and limits: in Redis with Lua scripts, or in memory |
//! | [`whatsapp`] | otp, telemetry | The Cloud API: payloads, errors, retries, the template, webhooks |
//! | [`events`] | otp, supervisor, telemetry | Events to the apps' endpoints: signatures, addresses, retries |
//! | [`proof`] | otp, reread, supervisor, telemetry | Signed proofs: keys, tokens, and the document of public keys |
//! | [`table`] | otp | Active codes as a table for people |
//! | [`telemetry`] | supervisor, version | Logs, metrics, traces and redaction |
//! | [`reread`] | supervisor | Files that are read again when they change |
//! | [`supervisor`] |  | Long-lived tasks |
//! | [`version`] |  | The version and the commit of this program |
//! | [`otp`] |  | The domain: decides, and knows no HTTP, Redis or WhatsApp |
//!
//! The other end of the wire, for the sandbox and for tests, is the package `whatsapp-otp-simulator`, which shares no code
//! with `whatsapp`.
//!
//! To follow a request, read [`http`], then [`otp::OtpService`], then the scripts in `store/redis/decisions/lua`.

pub mod app;
pub mod cli;
pub mod config;
pub mod events;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod http;
pub mod otp;
pub mod proof;
pub mod reread;
pub mod store;
pub mod supervisor;
pub mod table;
pub mod telemetry;
pub mod version;
pub mod whatsapp;
