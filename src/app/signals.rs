//! SIGINT, SIGTERM and SIGHUP, which all ask for an orderly stop: a terminal that is closed sends the last.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::supervisor;

/// Receives these signals from now on, one message for each.
///
/// # Errors
///
/// If the system does not allow a handler.
pub fn stop_signals() -> io::Result<mpsc::Receiver<()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let (sender, receiver) = mpsc::channel(2);
    supervisor::spawn("signals", async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            // A third signal changes nothing; once nobody listens, neither does any.
            if let Err(mpsc::error::TrySendError::Closed(())) = sender.try_send(()) {
                return;
            }
        }
    });
    Ok(receiver)
}
