//! The Rust half of `irontoken.TokenAuthentication`.
//!
//! Each step is called through Python's attribute look-up, as DRF's class does it, so that every
//! hook that a subclass or an instance overrides is the one that runs.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple, PyType};

use super::database::database_for;
use super::errors::{inactive_user, malformed_header, malformed_key};
use super::request::{Keyword, authorization, header_bytes};
use crate::{header, issued};

/// Whether somebody wants to know of which request a key was that is refused.
static CARRIES_REQUESTS: AtomicBool = AtomicBool::new(false);

#[pyfunction]
pub(super) fn carry_requests() {
    CARRIES_REQUESTS.store(true, Ordering::Relaxed);
}

#[pyclass(subclass, frozen, module = "irontoken._core")]
pub(super) struct TokenAuthentication;

#[pymethods]
impl TokenAuthentication {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*args, **kwargs))]
    fn new(
        class: &Bound<'_, PyType>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        // As `object.__new__`: arguments are for an `__init__`, if there is one.
        if args.is_empty() && kwargs.is_none() {
            return Ok(Self);
        }
        let py = class.py();
        let init = intern!(py, "__init__");
        if class
            .getattr(init)?
            .is(&py.get_type::<PyAny>().getattr(init)?)
        {
            return Err(PyTypeError::new_err(format!(
                "{}() takes no arguments",
                class.name()?
            )));
        }
        Ok(Self)
    }

    fn authenticate<'py>(
        slf: &Bound<'py, Self>,
        request: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let Some(value) = authorization(request)? else {
            return Ok(None);
        };
        let is_plain =
            value.is_exact_instance_of::<PyString>() || value.is_exact_instance_of::<PyBytes>();
        let Some(bytes) = header_bytes(&value).filter(|_| is_plain) else {
            return drf_authenticate(slf, request);
        };
        let bytes = bytes.map_err(|malformed| malformed_header(py, malformed))?;
        if header::is_blank(&bytes) {
            // Before the keyword, which may be a property that fails.
            return Ok(None);
        }
        let keyword = slf.getattr(intern!(py, "keyword"))?;
        let keyword = Keyword::new(&keyword)?;
        match header::parse(&bytes, keyword.bytes()) {
            Ok(None) => Ok(None),
            Ok(Some(key)) => {
                let key = PyString::new(py, key);
                if CARRIES_REQUESTS.load(Ordering::Relaxed) {
                    static CARRYING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
                    let function =
                        CARRYING.import(py, "irontoken.carried", "authenticate_credentials")?;
                    return function.call1((slf, request, key)).map(Some);
                }
                slf.call_method1(intern!(py, "authenticate_credentials"), (key,))
                    .map(Some)
            }
            Err(malformed) => Err(malformed_header(py, malformed)),
        }
    }

    fn authenticate_credentials<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static LOOKUP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        static BY_DIGEST: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        static DATABASES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
        let py = slf.py();
        let model = slf.call_method0(intern!(py, "get_model"))?;
        let databases = DATABASES.import(py, "irontoken.databases", "databases")?;
        if !databases.is_empty()
            && let Ok(key) = key.cast_exact::<PyString>()
        {
            let alias = alias_for(py, &model)?;
            // What fails while a database is told from another, the query meets too, and says.
            if let Some(database) = or_query(py, database_for(&alias, databases))?
                && let Some(road) = or_query(py, database.get().road(&model))?
            {
                match road.get().hit(py, key) {
                    Ok(Some((user, token))) => {
                        if !user.getattr(intern!(py, "is_active"))?.is_truthy()? {
                            return Err(inactive_user(py));
                        }
                        return Ok((user, token).into_pyobject(py)?.into_any());
                    }
                    Ok(None) => {}
                    // As of a `from_db` that hides a row: a query refuses its key.
                    Err(error) if is_does_not_exist(py, &model, &error)? => {}
                    Err(error) => return Err(error),
                }
            }
        }
        if model.hasattr(intern!(py, "irontoken_digest_field"))? {
            if is_malformed(py, key)? {
                return Err(malformed_key(py, &model));
            }
            return BY_DIGEST
                .import(py, "irontoken.tokens.lookup", "authenticate_credentials")?
                .call1((model, key));
        }
        LOOKUP
            .import(py, "irontoken.lookup", "authenticate_credentials")?
            .call1((slf, model, key))
    }

    fn get_model<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static TOKEN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        static MODEL: PyOnceLock<Py<PyList>> = PyOnceLock::new();
        let py = slf.py();
        let model = slf.getattr(intern!(py, "model"))?;
        if !model.is_none() {
            return Ok(model);
        }
        let chosen = MODEL
            .import(py, "irontoken.default_model", "chosen")?
            .get_item(0)?;
        if !chosen.is_none() {
            return Ok(chosen);
        }
        TOKEN
            .import(py, "rest_framework.authtoken.models", "Token")
            .cloned()
    }
}

/// Nothing in place of an `Exception`, and so a query.
fn or_query<T>(py: Python<'_>, found: PyResult<Option<T>>) -> PyResult<Option<T>> {
    match found {
        Err(error) if error.is_instance_of::<PyException>(py) => Ok(None),
        found => found,
    }
}

fn is_does_not_exist(py: Python<'_>, model: &Bound<'_, PyAny>, error: &PyErr) -> PyResult<bool> {
    let class = model.getattr(intern!(py, "DoesNotExist"))?;
    Ok(error.matches(py, class)?)
}

/// Whether `key` begins as issued ones do and is none.
fn is_malformed(py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
    static PREFIX: PyOnceLock<Py<PyList>> = PyOnceLock::new();
    let prefix = PREFIX
        .import(py, "irontoken.tokens.conf", "key_prefix")?
        .get_item(0)?;
    let (Ok(prefix), Ok(key)) = (prefix.cast::<PyString>(), key.cast_exact::<PyString>()) else {
        return Ok(false);
    };
    // A lone surrogate is left to be refused where all else is.
    let (Ok(prefix), Ok(key)) = (prefix.to_str(), key.to_str()) else {
        return Ok(false);
    };
    Ok(issued::is_malformed(prefix, key))
}

/// The alias that the routers pick for reading; without a router Django has but one to pick.
fn alias_for<'py>(py: Python<'py>, model: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static ROUTER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static DEFAULT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let router = ROUTER.import(py, "django.db", "router")?;
    if router.getattr(intern!(py, "routers"))?.is_empty()? {
        return DEFAULT.import(py, "django.db", "DEFAULT_DB_ALIAS").cloned();
    }
    router.call_method1(intern!(py, "db_for_read"), (model,))
}

/// DRF's own method, for a header that is neither `bytes` nor `str`.
fn drf_authenticate<'py>(
    slf: &Bound<'py, TokenAuthentication>,
    request: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let pair = FUNCTION
        .import(slf.py(), "irontoken.authentication", "drf_authenticate")?
        .call1((slf, request))?;
    Ok((!pair.is_none()).then_some(pair))
}
