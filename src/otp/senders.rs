//! Senders, by channel: what delivers an app's codes, each at its own pace.

use std::fmt;
use std::sync::Arc;

use super::{Channel, CodeSender, Pacing};

/// A sender and what it may send.
#[derive(Clone)]
pub struct Sender {
    /// The channel that it delivers over.
    pub channel: Channel,
    /// How fast it may go, if that is limited.
    pub pacing: Option<Pacing>,
    /// What sends.
    pub by: Arc<dyn CodeSender>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("channel", &self.channel).field("pacing", &self.pacing).finish_non_exhaustive()
    }
}

/// What an app's codes are sent by: at least one sender, the preferred one first.
#[derive(Debug, Clone)]
pub struct Senders {
    preferred: Sender,
    others: Vec<Sender>,
}

impl Senders {
    /// One sender.
    #[must_use]
    pub fn one(sender: Sender) -> Self {
        Self { preferred: sender, others: Vec::new() }
    }

    /// Adds a sender, behind those that are there.
    pub fn add(&mut self, sender: Sender) {
        self.others.push(sender);
    }

    /// The sender of codes for which no channel was asked.
    #[must_use]
    pub fn preferred(&self) -> &Sender {
        &self.preferred
    }

    /// The sender of that channel.
    #[must_use]
    pub fn of(&self, channel: &Channel) -> Option<&Sender> {
        self.iter().find(|sender| sender.channel == *channel)
    }

    /// Every sender, the preferred one first.
    pub fn iter(&self) -> impl Iterator<Item = &Sender> {
        std::iter::once(&self.preferred).chain(&self.others)
    }
}
