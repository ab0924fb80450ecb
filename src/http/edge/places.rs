//! Places that are bounded in all and for each address.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::otp::ClientAddress;

/// Locks that the addresses are spread over, so that requests seldom wait for one another.
const SHARDS: usize = 16;

/// So many places in all, of which one address may hold only a share.
pub(in crate::http) struct Places {
    most: usize,
    share: usize,
    taken: AtomicUsize,
    held: [Mutex<HashMap<ClientAddress, usize>>; SHARDS],
    hasher: RandomState,
}

/// The reason why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Full {
    /// All are taken.
    Total,
    /// This address holds its share.
    Peer,
}

impl Full {
    /// The name in logs and metrics.
    pub(in crate::http) fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Peer => "peer",
        }
    }
}

impl Places {
    pub(in crate::http) fn new(most: usize, share: usize) -> Arc<Self> {
        let held = std::array::from_fn(|_| Mutex::default());
        Arc::new(Self { most, share, taken: AtomicUsize::new(0), held, hasher: RandomState::new() })
    }

    /// Takes a place, which is free again when the returned value is dropped. Nobody's counts in all alone.
    ///
    /// # Errors
    ///
    /// [`Full`] if there is none.
    pub(in crate::http) fn take(self: &Arc<Self>, holder: Option<ClientAddress>) -> Result<Place, Full> {
        let mut place = Place { places: Arc::clone(self), holder: None };
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.most {
            return Err(Full::Total);
        }
        if let Some(address) = holder {
            let mut held = self.shard(&address);
            let count = held.entry(address).or_default();
            if *count >= self.share {
                drop(held);
                return Err(Full::Peer);
            }
            *count += 1;
            place.holder = holder;
        }
        Ok(place)
    }

    /// How many are taken.
    pub(in crate::http) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Whether less than a quarter is left.
    pub(in crate::http) fn is_crowded(&self) -> bool {
        self.taken() > self.most / 4 * 3
    }

    fn shard(&self, address: &ClientAddress) -> MutexGuard<'_, HashMap<ClientAddress, usize>> {
        let hash = self.hasher.hash_one(address);
        // The remainder is below the number of shards, which fits.
        let shard = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        self.held[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is taken.
#[must_use]
pub(in crate::http) struct Place {
    places: Arc<Places>,
    holder: Option<ClientAddress>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = self.holder {
            let mut held = self.places.shard(&address);
            if let Some(count) = held.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    held.remove(&address);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    impl std::fmt::Debug for Place {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Place")
        }
    }

    fn address(text: &str) -> ClientAddress {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn one_address_has_its_share_and_leaves_the_rest_to_others() {
        let places = Places::new(5, 2);
        let greedy: Vec<_> = (0..4).map(|_| places.take(Some(address("192.0.2.1")))).collect();
        assert_eq!(greedy.iter().filter(|place| place.is_ok()).count(), 2);
        assert_eq!(greedy[3].as_ref().err(), Some(&Full::Peer));
        let others: Vec<_> = (2..5).map(|host| places.take(Some(address(&format!("192.0.2.{host}")))).ok()).collect();
        assert!(others.iter().all(Option::is_some));
        assert_eq!(places.take(Some(address("192.0.2.9"))).err(), Some(Full::Total));
        assert_eq!(places.taken(), 5);

        drop((greedy, others));
        assert_eq!(places.taken(), 0);
        assert!(places.held.iter().all(|held| held.lock().unwrap().is_empty()), "nobody is remembered");
    }

    #[test]
    fn whoever_is_exempt_counts_in_all_alone() {
        let places = Places::new(5, 1);
        let held: Vec<_> = (0..6).map(|_| places.take(None)).collect();
        assert_eq!(held.iter().filter(|place| place.is_ok()).count(), 5);
        assert!(places.is_crowded());
    }

    #[test]
    fn neighbours_of_one_ipv6_network_share_their_places() {
        let places = Places::new(9, 1);
        let _held = places.take(Some(address("2001:db8::1"))).ok();
        assert_eq!(places.take(Some(address("2001:db8::2"))).err(), Some(Full::Peer));
        assert!(places.take(Some(address("2001:db8:0:1::1"))).is_ok());
    }
}
