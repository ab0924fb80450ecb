//! The sample server's table of active codes, for people who watch the log of a sandbox.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::otp::{CodeStore, PhoneNumber};
use crate::supervisor;
use crate::table;
use crate::telemetry::print_to_log;

/// At most this many rows.
const ROWS: usize = 20;
/// At most one table in this time, however many calls there are: looking through Redis takes work.
const EVERY: Duration = Duration::from_secs(1);

/// Puts the table into the log after calls.
pub(in crate::http) struct ActiveCodesTable {
    due: Arc<Notify>,
    task: JoinHandle<()>,
}

impl ActiveCodesTable {
    /// Must be called within a Tokio runtime.
    pub(in crate::http) fn of(store: Arc<dyn CodeStore>) -> Self {
        let due = Arc::new(Notify::new());
        let task = supervisor::spawn("active codes", print_when_due(store, Arc::clone(&due)));
        Self { due, task }
    }

    /// A call was answered: the table follows, or follows that of a call just before.
    pub(in crate::http) fn is_due(&self) {
        self.due.notify_one();
    }
}

impl Drop for ActiveCodesTable {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn print_when_due(store: Arc<dyn CodeStore>, due: Arc<Notify>) -> Infallible {
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
        tokio::time::sleep(EVERY).await;
    }
}

/// A phone as logs show it; what is no phone is a pseudonym already.
fn masked(subject: &str) -> String {
    PhoneNumber::parse(subject).map_or_else(|_| subject.to_owned(), |phone| phone.masked())
}
