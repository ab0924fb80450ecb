//! The scripts and keys, as the client sees them.

use redis::Pipeline;

use super::keys::Keys;
use super::scripts;
use crate::store::redis::client::schema::Schema;
use crate::store::redis::client::slots::Slots;

impl Schema for Keys {
    fn scripts(&self) -> Pipeline {
        scripts::load()
    }

    fn acknowledgement_key(&self, slots: &Slots, attempt: usize) -> String {
        self.acknowledgement(slots, attempt)
    }
}
