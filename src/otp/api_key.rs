//! New API keys.
//!
//! A key is the prefix of its kind, 43 random characters (256 bits) and 6 for the CRC-32 of what comes before, all from
//! [`BASE62`]. Secret scanners find one by `otp_(sk|pk|test)_[0-9A-Za-z]{49}` and its checksum.

use std::fmt;

use rand::TryCryptoRng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::KeyKind;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62 to this power exceeds 2 to the 256th: as many bits as the hash has.
const RANDOM_CHARACTERS: usize = 43;
const CHECKSUM_CHARACTERS: usize = 6;

/// A key that was just drawn. The service keeps its hash alone.
#[derive(Clone)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// Draws a key of that kind.
    ///
    /// # Errors
    ///
    /// The generator's own error, if it cannot provide randomness.
    pub fn draw<R: TryCryptoRng>(kind: KeyKind, rng: &mut R) -> Result<Self, R::Error> {
        let (mut key, prefix) = (kind.prefix().to_owned(), kind.prefix().len());
        while key.len() < prefix + RANDOM_CHARACTERS {
            let mut random = [0];
            rng.try_fill_bytes(&mut random)?;
            // Bytes from 248, four times 62, would make some characters likelier.
            if random[0] < 248 {
                key.push(char::from(BASE62[usize::from(random[0] % 62)]));
            }
        }
        let checksum = checksum(&key);
        Ok(Self((key + &checksum).into()))
    }

    /// Returns the key, for its holder.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Returns the SHA-256 by which the service knows the key.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.expose()).into()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([REDACTED])")
    }
}

fn checksum(text: &str) -> String {
    let mut rest = crc32(text.as_bytes()) as usize;
    let mut characters = [b'0'; CHECKSUM_CHARACTERS];
    for character in characters.iter_mut().rev() {
        *character = BASE62[rest % 62];
        rest /= 62;
    }
    characters.map(char::from).iter().collect()
}

/// Returns the CRC-32 of zlib and Ethernet.
fn crc32(bytes: &[u8]) -> u32 {
    let shifted = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), shifted))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::rngs::SysRng;

    use super::*;

    #[test]
    fn keys_have_the_prefix_of_their_kind_256_random_bits_and_a_checksum() {
        for kind in KeyKind::ALL {
            let keys: Vec<_> = (0..100).map(|_| ApiKey::draw(kind, &mut SysRng).unwrap()).collect();
            assert_eq!(keys.iter().map(ApiKey::expose).collect::<HashSet<_>>().len(), 100);
            for key in keys {
                let (start, written) = key.expose().split_at(key.expose().len() - CHECKSUM_CHARACTERS);
                assert_eq!(checksum(start), written);
                let random = start.strip_prefix(kind.prefix()).unwrap();
                assert!(random.len() == 43 && random.bytes().all(|byte| BASE62.contains(&byte)), "{random}");
                assert_eq!(format!("{key:?}"), "ApiKey([REDACTED])");
            }
        }
    }

    #[test]
    fn the_checksum_is_that_of_zlib_in_base_62() {
        // python3 -c 'import zlib; print(zlib.crc32(b"123456789"))'
        assert_eq!(crc32(b"123456789"), 3_421_780_262);
        assert_eq!(checksum("123456789"), "3jZRME");
    }
}
