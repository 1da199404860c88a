//! Which values of a row may be given to several requests, and what they weigh.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDate, PyDateTime, PyDelta, PyFloat, PyInt, PyString, PyTime};

use super::hooks;

/// Whether a value cannot be changed in place, and dropping it runs no code of anybody's.
pub(super) fn is_shareable(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(value.is_none()
        || value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyDateTime>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_exact_instance_of::<PyBytes>()
        || value.is_exact_instance_of::<PyDate>()
        || value.is_exact_instance_of::<PyTime>()
        || value.is_exact_instance_of::<PyDelta>()
        || is_uuid(value)?
        || is_decimal(value)?)
}

pub(super) fn is_uuid(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(value.get_type().is(hooks::uuid(value.py())?))
}

fn is_decimal(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(value.get_type().is(hooks::decimal(value.py())?))
}

/// The memory that a value takes, as Python counts it; what all rows share counts as nothing.
pub(super) fn weight(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    if value.is_none() || value.is_instance_of::<PyBool>() {
        return Ok(0);
    }
    if let Ok(text) = value.cast::<PyString>()
        && text.len()? < 2
    {
        return Ok(0);
    }
    hooks::size_of(value.py())?.call1((value,))?.extract()
}
