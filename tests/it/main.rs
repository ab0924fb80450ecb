//! Behaviour from outside: real stores, real HTTP, a simulated WhatsApp over real HTTP.

#![allow(missing_docs, reason = "tests explain themselves by their names")]
#![allow(unreachable_pub, reason = "the harness is public to the tests beside it, and there is nobody else")]

mod clients;
mod codes;
mod commands;
mod harness;
mod health;
mod limits;
mod logs;
mod outages;
mod races;
mod requests;
mod store_agreement;
mod store_contract;
mod template;
mod whatsapp;
