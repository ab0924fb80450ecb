//! The sample server's table of active codes, for people who watch a sandbox's log.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::otp::{PhoneNumber, VerificationStore};
use crate::supervisor;
use crate::table;
use crate::telemetry::print_to_log;

/// The most rows of a table.
const ROWS: usize = 20;
/// The shortest time between two tables, as searching Redis is expensive.
const INTERVAL: Duration = Duration::from_secs(1);

/// Logs the table after calls.
pub(crate) struct ActiveCodesTable {
    due: Arc<Notify>,
    task: JoinHandle<()>,
}

impl ActiveCodesTable {
    /// Starts the task that prints; must be called within a Tokio runtime.
    pub(crate) fn of(store: Arc<dyn VerificationStore>) -> Self {
        let due = Arc::new(Notify::new());
        let task = supervisor::spawn("active codes", print_when_due(store, Arc::clone(&due)));
        Self { due, task }
    }

    /// Requests a table after a call, or at the end of the interval after the previous table.
    pub(crate) fn is_due(&self) {
        self.due.notify_one();
    }
}

impl Drop for ActiveCodesTable {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn print_when_due(store: Arc<dyn VerificationStore>, due: Arc<Notify>) -> Infallible {
    loop {
        due.notified().await;
        let state = match store.glance(ROWS).await {
            Ok((codes, true)) if codes.is_empty() => " none".to_owned(),
            Ok((codes, complete)) => {
                let more = if complete { "" } else { "\nThere may be more: `whatsapp-otp inspect` shows them all." };
                format!("\n{}{more}", table::active_codes(&codes, masked))
            }
            Err(error) => format!(" {error}"),
        };
        print_to_log(format!("Active codes state:{state}"));
        tokio::time::sleep(INTERVAL).await;
    }
}

/// A phone as logs show it; anything else is a pseudonym already.
fn masked(subject: &str) -> String {
    PhoneNumber::parse(subject).map_or_else(|_| subject.to_owned(), |phone| phone.masked())
}
