//! Keys: made from the operating system's generator, compared in constant time.
//!
//! No generator of the process's own stands in between. `rand`'s `ThreadRng` is not fork-safe,
//! and the workers of a pre-forking server would repeat their parent's keys.

use rand::TryRng;
use rand::rngs::SysRng;
use subtle::ConstantTimeEq;

/// The most hexadecimal characters that one call makes. What is larger is a mistake, and on a
/// machine that overcommits memory the allocator does not say so.
pub const MAX_CHARACTERS: usize = 1 << 30;

/// Random bytes asked of the operating system at once. Small enough to live on the stack and to
/// stay in the processor's cache, large enough that the system call's own cost does not count.
const CHUNK: usize = 4096;

/// The same for a single key, which clearing a whole chunk would cost more than making it does.
const SMALL: usize = 64;

/// Why no keys were made.
#[derive(Debug)]
pub enum Failure {
    /// More than [`MAX_CHARACTERS`] were asked for.
    TooLarge,
    /// The operating system gave no random bytes; the text is its reason.
    NoEntropy(String),
}

/// Makes `count` keys of `nbytes` random bytes each and hands each, as lower-case hexadecimal in
/// ASCII, to `receive`. `E` is the receiver's own failure, which ends the run.
///
/// # Errors
///
/// [`Failure`], as the receiver's error type tells it.
pub fn generate<E: From<Failure>>(
    count: usize,
    nbytes: usize,
    mut receive: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let characters = nbytes.checked_mul(2).ok_or(Failure::TooLarge)?;
    // A key costs more than its characters: counting sixteen for each bounds the empty ones too.
    match characters.max(16).checked_mul(count) {
        Some(total) if total <= MAX_CHARACTERS => {}
        _ => return Err(Failure::TooLarge.into()),
    }
    if nbytes == 0 {
        return (0..count).try_for_each(|_| receive(b""));
    }
    if nbytes > CHUNK {
        return (0..count).try_for_each(|_| receive(&large_key(nbytes)?));
    }
    if nbytes * count <= SMALL {
        in_chunks::<SMALL, E>(count, nbytes, receive)
    } else {
        in_chunks::<CHUNK, E>(count, nbytes, receive)
    }
}

/// Makes keys of at most `N` bytes, as many at a time as `N` bytes are enough for.
fn in_chunks<const N: usize, E: From<Failure>>(
    count: usize,
    nbytes: usize,
    mut receive: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut random = [0; N];
    let mut text = [[0; 2]; N];
    let mut left = count;
    while left > 0 {
        let keys = left.min(N / nbytes);
        let random = &mut random[..keys * nbytes];
        fill(random)?;
        let text = text[..random.len()].as_flattened_mut();
        hex::encode_to_slice(&*random, text).expect("text has two digits for each byte");
        for key in text.chunks_exact(2 * nbytes) {
            receive(key)?;
        }
        left -= keys;
    }
    Ok(())
}

/// Random bytes for a secret of this process alone.
///
/// # Errors
///
/// [`Failure::NoEntropy`], where the operating system gives none.
pub fn secret() -> Result<[u8; 16], Failure> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Compares two keys in a time that depends on their lengths alone.
#[must_use]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// A key of more bytes than a chunk has.
fn large_key(nbytes: usize) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    text.try_reserve_exact(2 * nbytes)
        .map_err(|_| Failure::TooLarge)?;
    let mut left = nbytes;
    while left > 0 {
        let part = left.min(CHUNK);
        in_chunks::<CHUNK, Failure>(1, part, |digits| {
            text.extend_from_slice(digits);
            Ok(())
        })?;
        left -= part;
    }
    Ok(text)
}

fn fill(bytes: &mut [u8]) -> Result<(), Failure> {
    SysRng
        .try_fill_bytes(bytes)
        .map_err(|error| Failure::NoEntropy(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn keys(count: usize, nbytes: usize) -> Result<Vec<String>, Failure> {
        let mut keys = Vec::new();
        generate(count, nbytes, |key| {
            keys.push(String::from_utf8_lossy(key).into_owned());
            Ok::<_, Failure>(())
        })?;
        Ok(keys)
    }

    #[test]
    fn keys_are_lower_case_hexadecimal_of_the_length_asked_for() {
        for nbytes in [1, 20, 32, CHUNK - 1, CHUNK, CHUNK + 1] {
            for key in keys(3, nbytes).expect("keys") {
                assert_eq!(key.len(), 2 * nbytes);
                assert!(key.bytes().all(|byte| b"0123456789abcdef".contains(&byte)));
            }
        }
    }

    #[test]
    fn as_many_keys_as_asked_for_are_made_and_no_two_are_equal() {
        for count in [0, 1, 204, 205, 1000] {
            let keys = keys(count, 20).expect("keys");
            assert_eq!(keys.len(), count);
            assert_eq!(keys.iter().collect::<HashSet<_>>().len(), count);
        }
    }

    #[test]
    fn every_digit_turns_up_in_every_place() {
        let keys = keys(1000, 4).expect("keys");
        for place in 0..8 {
            let digits: HashSet<_> = keys.iter().map(|key| key.as_bytes()[place]).collect();
            assert_eq!(digits.len(), 16, "place {place}");
        }
    }

    #[test]
    fn a_key_of_no_bytes_is_empty() {
        assert_eq!(keys(2, 0).expect("keys"), ["", ""]);
    }

    #[test]
    fn what_is_too_large_is_refused_before_anything_is_allocated() {
        for (count, nbytes) in [
            (1, usize::MAX),
            (1, MAX_CHARACTERS / 2 + 1),
            (usize::MAX, 20),
            (usize::MAX, 0),
        ] {
            assert!(matches!(keys(count, nbytes), Err(Failure::TooLarge)));
        }
    }

    #[test]
    fn only_the_same_bytes_are_equal() {
        assert!(equal(b"", b""));
        assert!(equal(b"abc", b"abc"));
        assert!(!equal(b"abc", b"abd"));
        assert!(!equal(b"abc", b"ab"));
        assert!(!equal(b"abc", b"abcd"));
        assert!(!equal(b"abc", b"ABC"));
    }
}
