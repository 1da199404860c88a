//! Values that can be changed in place, such as those of a `JSONField`: each request gets a copy.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySet, PyTuple};

use super::values::{is_shareable, weight};

/// Deeper ones are not copied: reading one may take more stack than there is.
const DEEPEST: usize = 64;

/// A copy of a value that shares nothing with it that can be changed, with its weight; `None` for
/// one that holds what is neither shareable nor a `dict`, a `list`, a `tuple` or a `set`.
pub(super) fn copy<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<(Bound<'py, PyAny>, usize)>> {
    let mut bytes = 0;
    let copied = copy_within(value, DEEPEST, &mut bytes)?;
    Ok(copied.map(|copied| (copied, bytes)))
}

fn copy_within<'py>(
    value: &Bound<'py, PyAny>,
    depth: usize,
    bytes: &mut usize,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if is_shareable(value)? {
        *bytes += weight(value)?;
        return Ok(Some(value.clone()));
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Ok(None);
    };
    let py = value.py();
    let copied = if let Ok(dict) = value.cast_exact::<PyDict>() {
        let copied = PyDict::new(py);
        for (key, item) in dict {
            let Some(item) = copy_within(&item, depth, bytes)? else {
                return Ok(None);
            };
            if !is_shareable(&key)? {
                return Ok(None);
            }
            *bytes += weight(&key)?;
            copied.set_item(key, item)?;
        }
        copied.into_any()
    } else if let Ok(list) = value.cast_exact::<PyList>() {
        let Some(items) = copies(list.iter(), depth, bytes)? else {
            return Ok(None);
        };
        PyList::new(py, items)?.into_any()
    } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        let Some(items) = copies(tuple.iter(), depth, bytes)? else {
            return Ok(None);
        };
        PyTuple::new(py, items)?.into_any()
    } else if let Ok(set) = value.cast_exact::<PySet>() {
        let Some(items) = copies(set.iter(), depth, bytes)? else {
            return Ok(None);
        };
        PySet::new(py, items)?.into_any()
    } else {
        return Ok(None);
    };
    *bytes += weight(&copied)?;
    Ok(Some(copied))
}

fn copies<'py>(
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    depth: usize,
    bytes: &mut usize,
) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
    items.map(|item| copy_within(&item, depth, bytes)).collect()
}
