//! Places that are bounded in total and per address.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::otp::ClientAddress;

/// A number of places, of which one address may hold only a share.
pub(crate) struct Places {
    most: usize,
    share: usize,
    taken: AtomicUsize,
    held: Mutex<HashMap<ClientAddress, usize>>,
}

/// There is no place left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// All are taken.
    Total,
    /// The address holds its share.
    Peer,
}

impl Full {
    /// Returns the name in logs and metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Peer => "peer",
        }
    }
}

impl Places {
    pub(crate) fn new(most: usize, share: usize) -> Arc<Self> {
        Arc::new(Self { most, share, taken: AtomicUsize::new(0), held: Mutex::default() })
    }

    /// Takes a place, which is free again when the returned value is dropped. Without a holder it takes no share.
    ///
    /// # Errors
    ///
    /// [`Full`] if there is none.
    pub(crate) fn take(self: &Arc<Self>, holder: Option<ClientAddress>) -> Result<Place, Full> {
        let mut place = Place { places: Arc::clone(self), holder: None };
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.most {
            return Err(Full::Total);
        }
        if let Some(address) = holder {
            let mut held = self.held();
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

    /// Returns the number of places taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Returns `true` if less than a quarter is left.
    pub(crate) fn is_crowded(&self) -> bool {
        self.taken() > self.most / 4 * 3
    }

    fn held(&self) -> MutexGuard<'_, HashMap<ClientAddress, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is taken.
#[must_use]
pub(crate) struct Place {
    places: Arc<Places>,
    holder: Option<ClientAddress>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = self.holder {
            let mut held = self.places.held();
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
    fn one_address_gets_its_share_and_leaves_the_rest_to_others() {
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
        assert!(places.held().is_empty(), "no address is remembered");
    }

    #[test]
    fn a_place_without_a_holder_counts_only_in_the_total() {
        let places = Places::new(5, 1);
        let held: Vec<_> = (0..6).map(|_| places.take(None)).collect();
        assert_eq!(held.iter().filter(|place| place.is_ok()).count(), 5);
        assert!(places.is_crowded());
    }

    #[test]
    fn neighbours_in_one_ipv6_network_share_their_places() {
        let places = Places::new(9, 1);
        let _held = places.take(Some(address("2001:db8::1"))).ok();
        assert_eq!(places.take(Some(address("2001:db8::2"))).err(), Some(Full::Peer));
        assert!(places.take(Some(address("2001:db8:0:1::1"))).is_ok());
    }
}
