//! The step from a request's key to its pair, which carries the request along where somebody wants
//! to know of which one a key was that is refused.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::intern;
use pyo3::prelude::*;

use super::hooks::Hooks;

static CARRIES_REQUESTS: AtomicBool = AtomicBool::new(false);

#[pyfunction]
pub(super) fn carry_requests() {
    CARRIES_REQUESTS.store(true, Ordering::Relaxed);
}

/// The pair of a key that came with a request, by the class's own method.
pub(super) fn credentials<'py>(
    authenticator: &Bound<'py, PyAny>,
    request: &Bound<'py, PyAny>,
    key: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = authenticator.py();
    if CARRIES_REQUESTS.load(Ordering::Relaxed) {
        let hook = Hooks::get(py)?.authenticate_carrying.bind(py);
        return hook.call1((authenticator, request, key));
    }
    authenticator.call_method1(intern!(py, "authenticate_credentials"), (key,))
}
