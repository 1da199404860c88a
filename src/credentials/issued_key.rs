//! The format of issued keys: a prefix, 190 random bits, and a checksum that tells a slip.
//!
//! The prefix lets a scanner find a leaked key, and the checksum lets anybody tell one from other
//! text without asking a database. It is no secret and confirm nothing: the row does.

use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};

use crate::credentials::random_key::Failure;

/// Random characters of a key: 62 to the 32nd is 190 bits.
pub const RANDOM: usize = 32;
/// Characters of its checksum: 62 to the 6th is more than 32 bits.
pub const CHECKSUM: usize = 6;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The largest multiple of 62 that a byte can be below: what is past it would favour some.
const FAIR: u8 = 248;

/// Makes a key with a prefix.
///
/// # Errors
///
/// [`Failure::NoEntropy`] where the operating system has no random bytes to give.
pub fn generate(prefix: &str) -> Result<String, Failure> {
    let mut key = String::with_capacity(prefix.len() + RANDOM + CHECKSUM);
    key.push_str(prefix);
    let mut random = [0; RANDOM + 8];
    while key.len() < prefix.len() + RANDOM {
        SysRng
            .try_fill_bytes(&mut random)
            .map_err(|error| Failure::NoEntropy(error.to_string()))?;
        let missing = prefix.len() + RANDOM - key.len();
        let fair = random.iter().filter(|byte| **byte < FAIR);
        key.extend(fair.take(missing).map(|byte| digit(u32::from(*byte))));
    }
    let sum = checksum(&key);
    key.extend(sum.iter().map(|byte| char::from(*byte)));
    Ok(key)
}

/// Whether `key` has the prefix, the alphabet, the length and the checksum of an issued key.
#[must_use]
pub fn is_well_formed(prefix: &str, key: &str) -> bool {
    let Some(rest) = key.strip_prefix(prefix) else {
        return false;
    };
    // A byte of another character is none of the alphabet's.
    if rest.len() != RANDOM + CHECKSUM || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return false;
    }
    let (body, sum) = key.split_at(prefix.len() + RANDOM);
    checksum(body) == sum.as_bytes()
}

/// Whether `key` has the prefix of issued keys and is none: nobody can hold it.
#[must_use]
pub fn is_malformed(prefix: &str, key: &str) -> bool {
    key.starts_with(prefix) && !is_well_formed(prefix, key)
}

/// What the database holds in place of a key: how it was made, and its SHA-256.
#[must_use]
pub fn digest(key: &str) -> String {
    format!("sha256${}", hex::encode(Sha256::digest(key)))
}

/// The CRC-32 of a text (that of zip and of Ethernet), in base 62 with leading zeros.
fn checksum(text: &str) -> [u8; CHECKSUM] {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for place in digits.iter_mut().rev() {
        *place = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

fn digit(number: u32) -> char {
    char::from(ALPHABET[(number % 62) as usize])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// A released format is for ever.
    const RELEASED: [&str; 2] = [
        "it_0123456789ABCDEFGHIJKLMNOPQRSTUV3RkAVS",
        "acme_live_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz1AiN5A",
    ];

    #[test]
    fn keys_of_every_released_format_are_well_formed() {
        for key in RELEASED {
            let prefix = &key[..key.len() - RANDOM - CHECKSUM];
            assert!(is_well_formed(prefix, key), "{key}");
        }
    }

    #[test]
    fn made_keys_are_well_formed_and_differ() {
        let keys: HashSet<_> = (0..1000)
            .map(|_| generate("it_").expect("entropy"))
            .collect();
        assert_eq!(keys.len(), 1000);
        for key in &keys {
            assert_eq!(key.len(), 3 + RANDOM + CHECKSUM);
            assert!(is_well_formed("it_", key));
        }
        let digits: HashSet<_> = keys.iter().flat_map(|key| key[3..].chars()).collect();
        assert_eq!(digits.len(), 62);
    }

    #[test]
    fn every_slip_of_one_character_is_told() {
        let key = generate("it_").expect("entropy");
        for place in 0..key.len() {
            for other in ["0", "z", " ", "-", "\u{e9}", "\0", ""] {
                if &key[place..=place] != other {
                    let wrong = format!("{}{other}{}", &key[..place], &key[place + 1..]);
                    assert!(!is_well_formed("it_", &wrong), "{place} {other:?}");
                }
            }
        }
        for wrong in [
            "",
            "it_",
            &key[3..],
            &key[..key.len() - 1],
            &format!("{key}0"),
        ] {
            assert!(!is_well_formed("it_", wrong));
        }
    }

    #[test]
    fn the_digest_of_a_released_key_is_the_one_that_databases_hold() {
        assert_eq!(
            digest(RELEASED[0]),
            "sha256$fde8887dac4d63c99b2587526da0c101a4547447d8732d4b21d414f2215c03d6"
        );
    }

    #[test]
    fn keys_of_other_apps_are_not_malformed() {
        let key = RELEASED[0];
        assert!(!is_malformed("it_", key));
        assert!(is_malformed("it_", &key[..key.len() - 1]));
        assert!(!is_malformed("it_", &key[3..]));
    }

    #[test]
    fn the_prefix_is_part_of_what_is_summed() {
        let key = generate("it_").expect("entropy");
        let other = format!("xy_{}", &key[3..]);
        assert!(!is_well_formed("xy_", &other));
    }
}
