//! The functions of the module: keys, their comparison, and the header on its own.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use super::errors::invalid_header;
use super::request::{Keyword, header_bytes};
use crate::credentials::{header, issued_key, random_key};

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

#[pyfunction]
#[pyo3(signature = (count, nbytes = 20))]
pub(super) fn generate_keys(
    py: Python<'_>,
    count: isize,
    nbytes: isize,
) -> PyResult<Bound<'_, PyList>> {
    let count = not_negative(count, "count")?;
    let mut keys: Vec<Bound<'_, PyString>> = Vec::new();
    random_key::generate::<PyErr>(count, not_negative(nbytes, "nbytes")?, |key| {
        if keys.is_empty() {
            // Only now is it known that the count is not too large.
            keys.try_reserve_exact(count)
                .map_err(|_| random_key::Failure::TooLarge)?;
        }
        keys.push(PyString::from_bytes(py, key)?);
        Ok(())
    })?;
    list_of(py, keys)
}

/// `PyList::new`, which panics where the list cannot be allocated.
fn list_of<'py>(py: Python<'py>, items: Vec<Bound<'py, PyString>>) -> PyResult<Bound<'py, PyList>> {
    let length = isize::try_from(items.len()).map_err(|_| random_key::Failure::TooLarge)?;
    // SAFETY: the thread is attached, and the result is a new reference, or null with an error
    // set, which is taken over as such.
    let list = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyList_New(length)) }?;
    for (index, item) in (0..length).zip(items) {
        // SAFETY: the list is new, `index` is below its length, and the item's reference is
        // handed over. No Python code runs before every item is there.
        unsafe { ffi::PyList_SET_ITEM(list.as_ptr(), index, item.into_ptr()) };
    }
    Ok(list.cast_into()?)
}

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
    // A lone surrogate is left to be refused where all else is.
    key.to_str()
        .is_ok_and(|key| issued_key::is_malformed(prefix, key))
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
