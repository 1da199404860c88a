//! Every error of the domain as the exception that Python sees, in one place.

use pyo3::exceptions::{PyOSError, PyOverflowError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::header::Malformed;
use crate::key::{Failure, MAX_CHARACTERS};

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooLarge => PyOverflowError::new_err(format!(
                "the keys asked for are too large: one call makes at most {MAX_CHARACTERS} \
                 characters"
            )),
            Failure::NoEntropy(reason) => PyOSError::new_err(format!(
                "the operating system gave no random bytes: {reason}"
            )),
        }
    }
}

/// `irontoken.InvalidHeader`, for those who parse a header themselves.
pub(super) fn invalid_header(py: Python<'_>, malformed: Malformed) -> PyErr {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    raised(
        CLASS
            .import(py, "irontoken.exceptions", "InvalidHeader")
            .and_then(|class| class.call1((malformed.reason(),))),
    )
}

/// DRF's `AuthenticationFailed`, for those who authenticate a request.
pub(super) fn malformed_header(py: Python<'_>, malformed: Malformed) -> PyErr {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    raised(
        FUNCTION
            .import(py, "irontoken.refusals", "malformed_header")
            .and_then(|refusal| refusal.call1((malformed.reason(),))),
    )
}

/// DRF's refusal of a token whose user is not active.
pub(super) fn inactive_user(py: Python<'_>) -> PyErr {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    raised(
        FUNCTION
            .import(py, "irontoken.refusals", "inactive_user")
            .and_then(PyAnyMethods::call0),
    )
}

/// DRF's refusal of a key that is none of `model`'s, whatever the database holds.
pub(super) fn malformed_key(py: Python<'_>, model: &Bound<'_, PyAny>) -> PyErr {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    raised(
        FUNCTION
            .import(py, "irontoken.tokens.lookup", "refused")
            .and_then(|refused| refused.call1((model, "malformed"))),
    )
}

/// The exception that was made, or whatever was raised in its place.
fn raised(made: PyResult<Bound<'_, PyAny>>) -> PyErr {
    made.map_or_else(|error| error, PyErr::from_value)
}
