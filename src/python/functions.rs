//! The functions of the module: keys, their comparison, and the header on its own.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use super::errors::invalid_header;
use super::request::{Keyword, header_bytes};
use crate::credentials::{header, issued_key, random_key};

/// Return a new key: random bytes as lower-case hexadecimal digits.
///
/// `nbytes` is the number of random bytes. The key has two characters for each. With the default of
/// 20, the key has the form of REST framework's `Token.generate_key()`.
///
/// The bytes come directly from the operating system's generator, as in `secrets.token_hex()`. A
/// forked process does not repeat the keys of its parent.
///
/// Raises `ValueError` for a negative number, `OverflowError` for more than 2³⁰ characters or a number
/// that no machine integer holds, and `OSError` if the operating system returns no random bytes.
#[pyfunction]
#[pyo3(signature = (nbytes = 20))]
pub(super) fn generate_key(py: Python<'_>, nbytes: isize) -> PyResult<Bound<'_, PyString>> {
    let mut made = None;
    random_key::generate::<PyErr>(1, not_negative(nbytes, "nbytes")?, |key| {
        made = Some(PyString::from_bytes(py, key)?);
        Ok(())
    })?;
    // Not reached: `generate` hands over as many keys as it was asked for, or fails.
    made.ok_or_else(|| PyValueError::new_err("no key was made"))
}

/// Return a list of new keys, for `bulk_create()`.
///
/// `count` is the number of keys, and `nbytes` the number of random bytes of each key. One system
/// call serves many keys.
///
/// Raises the exceptions of `generate_key()`, where 2³⁰ is the limit for all keys together, and
/// `MemoryError`.
#[pyfunction]
#[pyo3(signature = (count, nbytes = 20))]
pub(super) fn generate_keys(
    py: Python<'_>,
    count: isize,
    nbytes: isize,
) -> PyResult<Bound<'_, PyList>> {
    let keys = PyList::empty(py);
    let count = not_negative(count, "count")?;
    // One by one: a list of a size that is given panics where it cannot be allocated.
    random_key::generate::<PyErr>(count, not_negative(nbytes, "nbytes")?, |key| {
        keys.append(PyString::from_bytes(py, key)?)
    })?;
    Ok(keys)
}

/// Return the key in the value of an `Authorization` header, or `None` for another scheme.
///
/// `header` is the value that the server received: `bytes`, or the `str` that WSGI and Django make
/// of them, with one character for each byte. `keyword` is the scheme; its case does not matter. The
/// rules are those of REST framework's `TokenAuthentication.authenticate()`: white space separates
/// the scheme and the key, and nothing follows.
///
/// Raises `irontoken.InvalidHeader` if the header has the scheme and no usable key. Its `reason` is
/// `"no_credentials"`, `"contains_spaces"` or `"invalid_characters"`. Raises `TypeError` for
/// another type. No exception contains the key.
#[pyfunction]
#[pyo3(signature = (header, keyword = None))]
#[pyo3(text_signature = "(header, keyword='Token')")]
pub(super) fn parse_authorization<'py>(
    header: &Bound<'py, PyAny>,
    keyword: Option<&Bound<'py, PyString>>,
) -> PyResult<Option<Bound<'py, PyString>>> {
    let py = header.py();
    let Some(bytes) = header_bytes(header) else {
        return Err(PyTypeError::new_err(format!(
            "header must be bytes or str, not {}",
            header.get_type().name()?
        )));
    };
    let keyword = match keyword {
        Some(keyword) => Keyword::new(keyword.as_any())?,
        None => Keyword::default(),
    };
    let key = bytes.and_then(|bytes| {
        let key = header::parse(&bytes, keyword.bytes())?;
        Ok(key.map(|key| PyString::new(py, key)))
    });
    key.map_err(|malformed| invalid_header(py, malformed))
}

/// Return whether two keys, both `str` or both `bytes`, are equal, in constant time.
///
/// The time depends on the lengths of the keys, and not on where they differ. In contrast to
/// `hmac.compare_digest()`, a `str` may have characters outside ASCII.
///
/// Raises `TypeError` for other types, and `ValueError` for a `str` with a lone surrogate. No
/// exception contains a key.
#[pyfunction]
pub(super) fn keys_equal(a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> PyResult<bool> {
    if let (Ok(a), Ok(b)) = (a.cast::<PyString>(), b.cast::<PyString>()) {
        return match (a.to_str(), b.to_str()) {
            (Ok(a), Ok(b)) => Ok(random_key::equal(a.as_bytes(), b.as_bytes())),
            // Python's own error would quote the key.
            _ => Err(PyValueError::new_err(
                "keys must be valid Unicode, and one of them has a lone surrogate",
            )),
        };
    }
    if let (Ok(a), Ok(b)) = (a.cast::<PyBytes>(), b.cast::<PyBytes>()) {
        return Ok(random_key::equal(a.as_bytes(), b.as_bytes()));
    }
    Err(PyTypeError::new_err(format!(
        "keys must be two str or two bytes, not {} and {}",
        a.get_type().name()?,
        b.get_type().name()?
    )))
}

/// A key of the issued format, with `prefix` before its random characters.
#[pyfunction]
pub(super) fn issue_key(prefix: &str) -> PyResult<String> {
    Ok(issued_key::generate(prefix)?)
}

/// Whether `key` has the prefix, the alphabet, the length and the checksum of an issued key.
#[pyfunction]
pub(super) fn is_issued_key(prefix: &str, key: &Bound<'_, PyString>) -> bool {
    // A lone surrogate is no character of any key.
    key.to_str()
        .is_ok_and(|key| issued_key::is_well_formed(prefix, key))
}

/// Whether `key` has the prefix of issued keys and is none.
#[pyfunction]
pub(super) fn is_malformed_key(prefix: &str, key: &Bound<'_, PyString>) -> bool {
    // A lone surrogate is no character of any key.
    issued_key::is_malformed(prefix, &key.to_string_lossy())
}

/// What the database holds in place of `key`, unless there are peppers.
#[pyfunction]
pub(super) fn digest_of(key: &str) -> String {
    issued_key::digest(key)
}

/// A count as Python's own functions take it: `secrets.token_hex(-1)` is a `ValueError` too.
fn not_negative(value: isize, name: &str) -> PyResult<usize> {
    usize::try_from(value)
        .map_err(|_| PyValueError::new_err(format!("{name} must not be negative, and is {value}")))
}
