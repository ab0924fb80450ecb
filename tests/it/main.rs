//! Behaviour from outside: real stores, real HTTP, a simulated WhatsApp over real HTTP.

#![cfg(feature = "simulator")]
#![allow(missing_docs, reason = "tests explain themselves by their names")]
#![allow(unreachable_pub, reason = "the harness is public to the tests beside it, and there is nobody else")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unchecked_time_subtraction,
    reason = "what goes wrong in a test or its harness fails the test"
)]

mod api_description;
mod bench_figures;
mod clients;
mod codes;
mod commands;
mod degraded;
mod destinations;
mod events;
mod failovers;
mod haproxy;
mod harness;
mod harness_itself;
mod health;
mod hostile;
mod jwks;
mod languages;
mod late_sends;
mod limits;
mod log_outages;
mod logs;
mod metrics;
mod outages;
mod overload;
mod problem_pages;
mod proofs;
mod races;
mod readiness;
mod redis_safety;
mod replication;
mod requests;
mod reviewers;
mod sandbox;
mod schema;
mod secret_files;
mod several_servers;
mod store_agreement;
mod store_contract;
mod suspensions;
mod template;
mod tls;
mod topology_itself;
mod traces;
mod v1;
mod watched;
mod webhooks;
mod whatsapp;
