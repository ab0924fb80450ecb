//! The slots of a Redis Cluster.

use std::ops::RangeInclusive;

/// The number of slots.
pub(crate) const SLOTS: u16 = 16_384;

/// The slot of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(u16);

impl Slot {
    /// Computes the slot from the key's hash tag, or from the whole key if it has none.
    pub(crate) fn of(key: &str) -> Self {
        let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
        let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
        Self(crc16(hashed.as_bytes()) % SLOTS)
    }
}

/// A set of slots, as ranges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Slots(Vec<RangeInclusive<u16>>);

impl Slots {
    /// Returns all slots, which a server outside a cluster owns.
    pub(crate) fn all() -> Self {
        Self(vec![0..=SLOTS - 1])
    }

    pub(crate) fn add(&mut self, range: RangeInclusive<u16>) {
        self.0.push(range);
    }

    pub(crate) fn contains(&self, slot: Slot) -> bool {
        self.0.iter().any(|range| range.contains(&slot.0))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(ExactSizeIterator::len).sum()
    }
}

/// CRC-16/XMODEM, bit by bit: a key's tag is only a dozen bytes long.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_that_redis_says() {
        // The answers of `CLUSTER KEYSLOT`.
        for (key, slot) in
            [("123456789", 12_739), ("foo", 12_182), ("{}a", 10_875), ("a{}{b}", 15_033), ("a}b{c", 13_587)]
        {
            assert_eq!(Slot::of(key), Slot(slot), "{key}");
        }
        assert_eq!(Slot::of("otp:v2:{15551234567}:verification:default"), Slot::of("15551234567"));
        assert_eq!(Slot::of("a{b}{c}"), Slot::of("b"));
    }

    #[test]
    fn slots_are_counted_over_their_ranges() {
        let mut slots = Slots::default();
        slots.add(0..=9);
        slots.add(100..=100);
        assert_eq!(slots.count(), 11);
        assert!(slots.contains(Slot(9)) && slots.contains(Slot(100)) && !slots.contains(Slot(10)));
        assert_eq!(Slots::all().count(), 16_384);
    }
}
