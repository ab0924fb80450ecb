//! The client's view of what it is used for.

use redis::Pipeline;

use super::slots::Slots;

/// The scripts and keys of the decisions that are made through the client.
pub(crate) trait Schema: Send + Sync {
    /// Commands that load every script into a server. They are sent first on each connection for decisions.
    fn scripts(&self) -> Pipeline;

    /// A key without meaning that a primary with these slots takes, for acknowledgements to write. Each attempt gets
    /// another one, since a primary may temporarily refuse the keys of a slot that is moving.
    fn acknowledgement_key(&self, slots: &Slots, attempt: usize) -> String;
}
