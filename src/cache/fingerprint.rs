//! By what a row is found in place of its key.
//!
//! A fingerprint is a keyed hash: SipHash-2-4 with 128 bits, under a secret that each process
//! draws for itself. Without the secret nobody can find two keys with one fingerprint, or foresee
//! any, so that the time a comparison takes says nothing about a key. Whoever can read the memory
//! of the process reads the secret too, and the keys of the requests that are under way; of the
//! other keys there is nothing but 128 bits, which 160 random ones cannot be read from.

use siphasher::sip128::SipHasher24;

use crate::credentials::random_key::{self, Failure};

/// The fingerprint of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    first: u64,
    second: u64,
}

impl Fingerprint {
    /// Half of it, as a hash for a table.
    #[must_use]
    pub const fn hash(self) -> u64 {
        self.first
    }
}

/// Makes the fingerprints of one process.
pub struct Fingerprints(SipHasher24);

impl Fingerprints {
    /// Draws a secret.
    ///
    /// # Errors
    ///
    /// [`Failure::NoEntropy`], where the operating system gives no random bytes.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self(SipHasher24::new_with_key(&random_key::secret()?)))
    }

    /// The fingerprint of `key`.
    #[must_use]
    pub fn of(&self, key: &str) -> Fingerprint {
        let (first, second) = self.0.hash(key.as_bytes()).as_u64();
        Fingerprint { first, second }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn fingerprints() -> Fingerprints {
        Fingerprints::new().expect("random bytes")
    }

    #[test]
    fn a_key_has_one_and_no_two_keys_share_it() {
        let process = fingerprints();
        let keys: Vec<_> = (0..1000).map(|number| format!("{number:040x}")).collect();
        let found: HashSet<_> = keys
            .iter()
            .map(|key| process.of(key))
            .map(|each| (each.first, each.second))
            .collect();
        assert_eq!(found.len(), keys.len());
        assert_eq!(process.of(&keys[0]), process.of(&keys[0]));
        assert_ne!(process.of(""), process.of("\0"));
    }

    #[test]
    fn each_process_has_its_own() {
        assert_ne!(fingerprints().of("a key"), fingerprints().of("a key"));
    }
}
