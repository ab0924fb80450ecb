//! Behaviour from outside: real stores, real HTTP, a simulated WhatsApp over real HTTP.

#![allow(missing_docs, reason = "tests explain themselves by their names")]

mod harness;
mod metrics;
mod store_agreement;
mod store_contract;
