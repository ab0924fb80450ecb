//! placeholder
pub mod redis;
