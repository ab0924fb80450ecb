//! Senders of an app's codes, each with its channel and pace.

use std::fmt;
use std::sync::Arc;

use super::{Channel, CodeSender, Pacing};

/// A sender, with its channel and pace.
#[derive(Clone)]
pub struct Sender {
    /// The channel that it delivers over.
    pub channel: Channel,
    /// Its pace, if that is limited.
    pub pacing: Option<Pacing>,
    /// The implementation.
    pub by: Arc<dyn CodeSender>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("channel", &self.channel).field("pacing", &self.pacing).finish_non_exhaustive()
    }
}

/// The senders of an app's codes: at least one, the preferred one first.
#[derive(Debug, Clone)]
pub struct Senders {
    preferred: Sender,
    others: Vec<Sender>,
}

impl Senders {
    /// Creates a list of one sender.
    #[must_use]
    pub fn one(sender: Sender) -> Self {
        Self { preferred: sender, others: Vec::new() }
    }

    /// Adds a sender at the end.
    pub fn add(&mut self, sender: Sender) {
        self.others.push(sender);
    }

    /// Returns the sender for codes without a requested channel.
    #[must_use]
    pub fn preferred(&self) -> &Sender {
        &self.preferred
    }

    /// Returns the sender for that channel.
    #[must_use]
    pub fn of(&self, channel: &Channel) -> Option<&Sender> {
        self.iter().find(|sender| sender.channel == *channel)
    }

    /// Returns every sender, the preferred one first.
    pub fn iter(&self) -> impl Iterator<Item = &Sender> {
        std::iter::once(&self.preferred).chain(&self.others)
    }
}
