//! SIGINT, SIGTERM and SIGHUP (sent when a terminal is closed), which all ask for an orderly stop.

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
            // Further signals change nothing while two are pending or nobody listens.
            if let Err(mpsc::error::TrySendError::Closed(())) = sender.try_send(()) {
                return;
            }
        }
    });
    Ok(receiver)
}
