//! The verification API in the same schedules, on phones of its own.

pub mod checker;
pub mod history;
pub mod traffic;
