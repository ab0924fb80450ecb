//! The entries of idempotency keys.

use std::collections::HashMap;
use std::time::Duration;

use crate::otp::{Begun, Fingerprint, Finished, IdempotencyEntry, IdempotentCall, UnixMillis};

/// Entries that have not been swept yet.
#[derive(Default)]
pub(super) struct Entries(HashMap<IdempotencyEntry, Entry>);

struct Entry {
    state: State,
    fingerprint: Fingerprint,
    gone_at: UnixMillis,
}

enum State {
    /// The call with this token runs.
    Running(u64),
    Finished(Finished),
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn sweep(&mut self, now: UnixMillis) {
        self.0.retain(|_, entry| now < entry.gone_at);
    }

    pub(super) fn begin(&mut self, call: &IdempotentCall, hold: Duration, now: UnixMillis) -> Begun {
        match self.0.get(&call.entry).filter(|entry| now < entry.gone_at) {
            None => {
                self.write(call, State::Running(call.token), now.plus(hold));
                Begun::New
            }
            Some(entry) if entry.fingerprint != call.fingerprint => Begun::Reused,
            Some(Entry { state: State::Running(_), .. }) => Begun::Running,
            Some(Entry { state: State::Finished(result), .. }) => Begun::Finished(*result),
        }
    }

    pub(super) fn finish(&mut self, call: &IdempotentCall, result: Option<Finished>, keep: Duration, now: UnixMillis) {
        let entry = self.0.get(&call.entry).filter(|entry| now < entry.gone_at);
        if entry.is_some_and(|entry| !matches!(entry.state, State::Running(token) if token == call.token)) {
            return;
        }
        match result {
            Some(result) => self.write(call, State::Finished(result), now.plus(keep)),
            None => drop(self.0.remove(&call.entry)),
        }
    }

    fn write(&mut self, call: &IdempotentCall, state: State, gone_at: UnixMillis) {
        self.0.insert(call.entry.clone(), Entry { state, fingerprint: call.fingerprint.clone(), gone_at });
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::SysRng;

    use super::*;
    use crate::otp::{IdempotencyKey, KeyName, KeyRing, OtpSecret};

    #[test]
    fn a_sweep_leaves_those_that_still_count() {
        let (mut entries, now) = (Entries::default(), UnixMillis(1_750_000_000_000));
        let keys = KeyRing::new(OtpSecret::new(vec![1; 32]).unwrap(), Vec::new());
        for (key, seconds) in [("1", 1), ("2", 2)] {
            let entry =
                IdempotencyKey::parse(key).unwrap().entry(&keys, &KeyName::parse("shop").unwrap(), "create", "");
            let call = IdempotentCall::new(entry, keys.fingerprint(b"{}"), &mut SysRng).unwrap();
            assert_eq!(entries.begin(&call, Duration::from_secs(seconds), now), Begun::New);
        }
        for (seconds, left) in [(0, 2), (1, 1), (2, 0)] {
            entries.sweep(now.plus(Duration::from_secs(seconds)));
            assert_eq!(entries.len(), left);
        }
    }
}
