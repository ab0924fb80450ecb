//! A bell between tasks: something happened, look for yourself.

use tokio::sync::watch;

/// Rings for everyone who listens. Clones are the same bell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bell(watch::Sender<()>);

/// Hears whether the bell has rung since it last heard it.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    rings: watch::Receiver<()>,
    /// Keeps the bell from closing.
    _bell: Bell,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.0.send_replace(());
    }

    /// Starts to listen for later rings.
    pub(crate) fn listen(&self) -> Listener {
        Listener { rings: self.0.subscribe(), _bell: self.clone() }
    }
}

impl Listener {
    /// Waits for a ring; returns immediately if there has been one already.
    pub(crate) async fn rung(&mut self) {
        // Cannot fail, since the listener itself keeps the bell.
        let _ = self.rings.changed().await;
    }
}
