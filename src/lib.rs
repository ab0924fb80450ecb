//! One-time passcodes over WhatsApp: sends them as authentication templates and verifies them.
//!
//! The map, from the outside in. An arrow means "may import"; nothing imports what is above it.
//!
//! ```text
//! main → cli → app            commands, then the composition root: settings in, running service out
//!              app → config   reads settings into the parts' own types; every fault at once
//!              app → http     the two calls, health, metrics; one table of statuses and sentences
//!              app → store    codes and limits: Redis with Lua scripts, or embedded
//!              app → whatsapp the Cloud API: payload, error table, retries, template check
//!   http, store, whatsapp → otp   decides things; imports none of them
//! ```
//!
//! `telemetry` (logs, metrics, traces, redaction) and `table` (active codes for people) serve whoever prints or measures;
//! `supervisor` serves whoever starts a long-lived task, `reread` whoever follows a file. The other end of the wire, for the sandbox and for tests, is
//! `whatsapp-otp-simulator`: a package of its own, which shares no code with `whatsapp`.
//! To follow one request, read [`http`], then [`otp::OtpService`], then the scripts in `store/redis/decisions/lua`.

pub mod app;
pub mod cli;
pub mod config;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod http;
pub mod otp;
pub mod reread;
pub mod store;
pub mod supervisor;
pub mod table;
pub mod telemetry;
pub mod whatsapp;
