//! A cache of a metric's series: looking one up takes ten times as long as recording in it, and each request records in
//! half a dozen.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// A metric's series by their few label values.
pub(crate) struct Series<K, H> {
    look_up: fn(K) -> H,
    known: RwLock<BTreeMap<K, H>>,
}

impl<K: Copy + Ord, H: Clone> Series<K, H> {
    /// Finds each series with `look_up` when it is first needed, which must be after the recorder was installed.
    pub(crate) fn new(look_up: fn(K) -> H) -> Self {
        Self { look_up, known: RwLock::default() }
    }

    /// Returns the series with these labels.
    pub(crate) fn of(&self, labels: K) -> H {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&labels).cloned();
        known.unwrap_or_else(|| {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            known.entry(labels).or_insert_with(|| (self.look_up)(labels)).clone()
        })
    }
}
