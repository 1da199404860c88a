//! Values that can be changed in place, such as those of a `JSONField`: each request gets a copy.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySet, PyTuple};

use super::values::{is_shareable, weight};

/// Deeper ones are not copied: reading one may take more stack than there is.
const DEEPEST: usize = 64;
/// Nor are those of more parts: a copy would take longer than the query that it saves.
const MOST: usize = 2000;

/// What a copy takes.
struct Copying {
    parts: usize,
    /// The memory, where it is asked for.
    bytes: Option<usize>,
}

impl Copying {
    fn add(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Some(bytes) = &mut self.bytes {
            *bytes += weight(value)?;
        }
        Ok(())
    }
}

/// A copy of a value that shares nothing with it that can be changed; `None` for one that holds
/// what is neither shareable nor a `dict`, a `list`, a `tuple` or a `set`, or too much of it.
pub(super) fn copy<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let mut copying = Copying {
        parts: 0,
        bytes: None,
    };
    copy_within(value, DEEPEST, &mut copying)
}

/// The same, with the memory that it takes.
pub(super) fn weighed_copy<'py>(
    value: &Bound<'py, PyAny>,
) -> PyResult<Option<(Bound<'py, PyAny>, usize)>> {
    let mut copying = Copying {
        parts: 0,
        bytes: Some(0),
    };
    let copied = copy_within(value, DEEPEST, &mut copying)?;
    Ok(copied.zip(copying.bytes))
}

/// Whether all that is in a container is shareable, so that a copy of the container alone will do.
pub(super) fn is_flat(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let values = if let Ok(dict) = value.cast_exact::<PyDict>() {
        dict.values().into_any()
    } else if value.is_exact_instance_of::<PyList>() {
        value.clone()
    } else {
        return Ok(false);
    };
    for value in values.try_iter()? {
        if !is_shareable(&value?)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A copy of a container that is flat.
pub(super) fn copy_flat<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Ok(dict) = value.cast_exact::<PyDict>() {
        return dict.copy().map(|copied| Some(copied.into_any()));
    }
    let list = value.cast_exact::<PyList>();
    Ok(list
        .ok()
        .map(|list| list.get_slice(0, list.len()).into_any()))
}

fn copy_within<'py>(
    value: &Bound<'py, PyAny>,
    depth: usize,
    copying: &mut Copying,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    copying.parts += 1;
    if copying.parts > MOST {
        return Ok(None);
    }
    if is_shareable(value)? {
        copying.add(value)?;
        return Ok(Some(value.clone()));
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Ok(None);
    };
    let py = value.py();
    let copied = if let Ok(dict) = value.cast_exact::<PyDict>() {
        let copied = PyDict::new(py);
        for (key, item) in dict {
            let Some(item) = copy_within(&item, depth, copying)? else {
                return Ok(None);
            };
            if !is_shareable(&key)? {
                return Ok(None);
            }
            copying.add(&key)?;
            copied.set_item(key, item)?;
        }
        copied.into_any()
    } else if let Ok(list) = value.cast_exact::<PyList>() {
        let Some(items) = copies(list.iter(), depth, copying)? else {
            return Ok(None);
        };
        PyList::new(py, items)?.into_any()
    } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        let Some(items) = copies(tuple.iter(), depth, copying)? else {
            return Ok(None);
        };
        PyTuple::new(py, items)?.into_any()
    } else if let Ok(set) = value.cast_exact::<PySet>() {
        let Some(items) = copies(set.iter(), depth, copying)? else {
            return Ok(None);
        };
        PySet::new(py, items)?.into_any()
    } else {
        return Ok(None);
    };
    copying.add(&copied)?;
    Ok(Some(copied))
}

fn copies<'py>(
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    depth: usize,
    copying: &mut Copying,
) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
    items
        .map(|item| copy_within(&item, depth, copying))
        .collect()
}
