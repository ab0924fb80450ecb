//! The account on WhatsApp in readiness and metrics: the parts over which nothing is sent.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use metrics::gauge;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::otp::{SeenSuspensions, Suspension, SuspensionScope};
use crate::table::moment;
use crate::telemetry::metrics::SUSPENDED;

/// The suspensions of the account, as this instance knows them.
pub(super) struct AccountStanding {
    seen: watch::Receiver<SeenSuspensions>,
    /// The parts that the metrics have shown.
    measured: Mutex<BTreeSet<SuspensionScope>>,
}

impl AccountStanding {
    pub(super) fn new(seen: watch::Receiver<SeenSuspensions>) -> Self {
        Self { seen, measured: Mutex::new(BTreeSet::from([SuspensionScope::Account])) }
    }

    fn in_force(&self) -> Vec<Suspension> {
        self.seen.borrow().in_force(Instant::now()).cloned().collect()
    }

    /// Returns a sentence for each suspension, if there are any.
    pub(super) fn fault(&self) -> Option<String> {
        let sentences: Vec<_> = self.in_force().iter().map(sentence).collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }

    /// Returns the suspensions.
    pub(super) fn details(&self) -> Map<String, Value> {
        let shown: Vec<_> = self.in_force().iter().map(shown).collect();
        Map::from_iter([("suspended".to_owned(), json!(shown))])
    }

    /// Sets the gauges. This happens when they are read, as a process may have several services.
    pub(super) fn measure(&self) {
        let in_force: BTreeSet<_> = self.in_force().into_iter().map(|suspension| suspension.scope).collect();
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        measured.extend(in_force.iter().cloned());
        for scope in &*measured {
            let value = if in_force.contains(scope) { 1.0 } else { 0.0 };
            gauge!(SUSPENDED, "scope" => scope.kind(), "of" => scope.subject().to_owned()).set(value);
        }
    }
}

fn sentence(suspension: &Suspension) -> String {
    let cause = suspension.cause.text();
    let part = match &suspension.scope {
        SuspensionScope::Account => "Nothing is sent".to_owned(),
        SuspensionScope::Sender(id) => format!("Nothing is sent from the number with ID {id}"),
        SuspensionScope::Template(id) => format!("Nothing is sent with the template with ID {id}"),
        SuspensionScope::Country(country) => format!("Nothing is sent to numbers of {}", country.as_str()),
    };
    format!("{part}: {cause}.")
}

fn shown(suspension: &Suspension) -> Value {
    let mut shown = json!({
        "scope": suspension.scope.kind(),
        "cause": suspension.cause.as_str(),
        "reason": suspension.cause.text(),
        "since": moment(suspension.since),
    });
    if suspension.scope != SuspensionScope::Account {
        shown["of"] = json!(suspension.scope.subject());
    }
    if suspension.is_timed {
        shown["until"] = json!(moment(suspension.ends_at));
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::otp::{SuspensionCause, UnixMillis};

    fn standing(suspensions: Vec<Suspension>) -> AccountStanding {
        AccountStanding::new(watch::channel(SeenSuspensions::new(suspensions, Instant::now())).1)
    }

    fn suspension(scope: SuspensionScope, cause: SuspensionCause, is_timed: bool) -> Suspension {
        let since = UnixMillis(1_750_000_000_000);
        let ends_in = Duration::from_mins(15);
        Suspension { scope, cause, since, ends_at: since.plus(ends_in), ends_in, is_timed }
    }

    #[test]
    fn each_suspension_is_named_with_its_reason_in_plain_words() {
        assert_eq!(standing(Vec::new()).fault(), None);
        assert_eq!(standing(Vec::new()).details()["suspended"], json!([]));
        let standing = standing(vec![
            suspension(SuspensionScope::Account, SuspensionCause::PaymentProblem, false),
            suspension(SuspensionScope::Sender("2".to_owned()), SuspensionCause::SpamLimit, true),
        ]);
        assert_eq!(
            standing.fault().as_deref(),
            Some(
                "Nothing is sent: WhatsApp cannot bill the account. Nothing is sent from the number with ID 2: WhatsApp \
                 restricted the number because people blocked or reported it."
            )
        );
        let expected = json!([
            {
                "scope": "account",
                "cause": "payment_problem",
                "reason": "WhatsApp cannot bill the account",
                "since": "2025-06-15T15:06:40Z",
            },
            {
                "scope": "sender",
                "of": "2",
                "cause": "spam_limit",
                "reason": "WhatsApp restricted the number because people blocked or reported it",
                "since": "2025-06-15T15:06:40Z",
                "until": "2025-06-15T15:21:40Z",
            },
        ]);
        assert_eq!(standing.details()["suspended"], expected);
    }
}
