//! Every error of the domain as the exception that Python sees, in one place.

use pyo3::exceptions::{PyOSError, PyOverflowError, PyValueError};
use pyo3::prelude::*;

use super::hooks::{self, Hooks};
use crate::credentials::header::Malformed;
use crate::credentials::random_key::{Failure, MAX_CHARACTERS};

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
    raised(hooks::invalid_header(py).and_then(|class| class.call1((malformed.reason(),))))
}

/// DRF's `AuthenticationFailed`, for those who authenticate a request.
pub(super) fn malformed_header(py: Python<'_>, malformed: Malformed) -> PyErr {
    raised(Hooks::get(py).and_then(|hooks| {
        let hook = hooks.malformed_header.bind(py);
        hook.call1((malformed.reason(),))
    }))
}

/// DRF's refusal of a token whose user is not active.
pub(super) fn inactive_user(py: Python<'_>) -> PyErr {
    raised(Hooks::get(py).and_then(|hooks| hooks.inactive_user.bind(py).call0()))
}

pub(super) fn short_row() -> PyErr {
    PyValueError::new_err("the database returned fewer columns than the compiled query selects")
}

/// The exception that was made, or whatever was raised in its place.
fn raised(made: PyResult<Bound<'_, PyAny>>) -> PyErr {
    made.map_or_else(|error| error, PyErr::from_value)
}
