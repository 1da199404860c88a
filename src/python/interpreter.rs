//! One interpreter a process: the statics of this library cannot be shared between two.

use std::sync::atomic::{AtomicI64, Ordering};

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

const UNCLAIMED: i64 = -1;

/// Binds the process to the interpreter that imports first.
///
/// Python 3.12 and later refuse the import themselves; earlier ones would let a second
/// interpreter use the first one's objects.
pub(super) fn claim(_py: Python<'_>) -> PyResult<()> {
    static OWNER: AtomicI64 = AtomicI64::new(UNCLAIMED);
    // SAFETY: the thread is attached, as `_py` shows, so there is a current interpreter.
    let current = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    match OWNER.compare_exchange(UNCLAIMED, current, Ordering::AcqRel, Ordering::Acquire) {
        Err(owner) if owner != current => Err(PyImportError::new_err(
            "irontoken is already in use by another interpreter of this process and cannot be \
             imported into a second one; run the application in the main interpreter \
             (mod_wsgi: WSGIApplicationGroup %{GLOBAL})",
        )),
        _ => Ok(()),
    }
}
