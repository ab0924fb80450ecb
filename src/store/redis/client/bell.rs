//! A bell between tasks: something happened, have a look.

use tokio::sync::watch;

/// Rings for everyone who listens. Clones are the same bell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bell(watch::Sender<()>);

/// Hears whether the bell rang since it was last heard.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    rings: watch::Receiver<()>,
    /// While it is kept, the bell is there to be heard.
    _bell: Bell,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.0.send_replace(());
    }

    /// Someone who hears what rings from now on.
    pub(crate) fn listen(&self) -> Listener {
        Listener { rings: self.0.subscribe(), _bell: self.clone() }
    }
}

impl Listener {
    /// Returns once it has rung, at once if it already did.
    pub(crate) async fn rung(&mut self) {
        // It never closes, as the listener keeps the bell.
        let _ = self.rings.changed().await;
    }
}
