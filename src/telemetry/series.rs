//! Series of a metric, remembered: looking one up takes ten times as long as recording in it, and each request records in
//! half a dozen.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// A metric's series by what their labels are made from: few values, fixed beforehand, as labels are.
pub(crate) struct Series<K, H> {
    look_up: fn(K) -> H,
    known: RwLock<BTreeMap<K, H>>,
}

impl<K: Copy + Ord, H: Clone> Series<K, H> {
    /// Finds series by `look_up` when they are first needed, which must not be before there is something that records.
    pub(crate) fn new(look_up: fn(K) -> H) -> Self {
        Self { look_up, known: RwLock::default() }
    }

    /// The series of these labels.
    pub(crate) fn of(&self, labels: K) -> H {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&labels).cloned();
        known.unwrap_or_else(|| {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            known.entry(labels).or_insert_with(|| (self.look_up)(labels)).clone()
        })
    }
}
