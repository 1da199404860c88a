//! One interpreter a process: the statics of this library cannot be shared between two.

use std::sync::atomic::{AtomicI64, Ordering};

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

const UNCLAIMED: i64 = -1;
/// The interpreter that had it is gone, and the objects that the statics hold with it.
const ENDED: i64 = -2;

static OWNER: AtomicI64 = AtomicI64::new(UNCLAIMED);

/// What Python runs as the last act of its end.
extern "C" fn end() {
    OWNER.store(ENDED, Ordering::Release);
}

/// Binds the process to the interpreter that imports first.
///
/// Python 3.12 and later refuse a sub-interpreter themselves; earlier ones would let it use the
/// first one's objects. All let a program that embeds Python end it and begin it again, whose
/// second main interpreter has the number of the first.
pub(super) fn claim(_py: Python<'_>) -> PyResult<()> {
    // SAFETY: the thread is attached, as `_py` shows, so there is a current interpreter.
    let current = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    match OWNER.compare_exchange(UNCLAIMED, current, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            // SAFETY: `end` calls nothing of Python's, which is gone by then, and lives as long as
            // the process: Python never unloads an extension module. Where all of Python's slots
            // are taken, it is not called, and an interpreter that is begun anew is not refused.
            unsafe { ffi::Py_AtExit(Some(end)) };
            Ok(())
        }
        Err(ENDED) => Err(PyImportError::new_err(
            "irontoken was in use when Python was ended in this process, and cannot be imported \
             after it was begun again; begin a new process, or end Python once",
        )),
        Err(owner) if owner != current => Err(PyImportError::new_err(
            "irontoken is already in use by another interpreter of this process and cannot be \
             imported into a second one; run the application in the main interpreter \
             (mod_wsgi: WSGIApplicationGroup %{GLOBAL})",
        )),
        _ => Ok(()),
    }
}
