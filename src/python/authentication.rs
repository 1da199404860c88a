//! The Rust half of `irontoken.TokenAuthentication`.
//!
//! Each step is called through Python's attribute look-up, as DRF's class does it, so that every
//! hook that a subclass or an instance overrides is the one that runs.

use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple, PyType};

use super::carried::credentials;
use super::current_database::database_for;
use super::declared;
use super::errors::{inactive_user, malformed_header};
use super::hooks::{Hooks, alias_for, default_model};
use super::request::{Keyword, authorization, header_bytes};
use crate::credentials::header;

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
        let no_check = Hooks::get(py)?.no_check.bind(py);
        if let Some(check) = slf.getattr_opt(intern!(py, "check"))?
            && !check.is(no_check)
            && !check.is_none()
        {
            return declared::authenticate(slf.as_any(), request, &check);
        }
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
        if keyword.is_none() || keyword.is_instance_of::<PyTuple>() {
            // Declared by an instance.
            return declared::authenticate(slf.as_any(), request, no_check);
        }
        let keyword = Keyword::new(&keyword)?;
        match header::parse(&bytes, keyword.bytes()) {
            Ok(None) => Ok(None),
            Ok(Some(key)) => {
                let key = PyString::new(py, key);
                credentials(slf.as_any(), request, key.as_any()).map(Some)
            }
            Err(malformed) => Err(malformed_header(py, malformed)),
        }
    }

    fn authenticate_credentials<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let model = slf.call_method0(intern!(py, "get_model"))?;
        let fields = slf.getattr(intern!(py, "lookup_fields"))?;
        let hooks = Hooks::get(py)?;
        let databases = hooks.databases.bind(py);
        if !databases.is_empty()
            && let Ok(key) = key.cast_exact::<PyString>()
        {
            let alias = alias_for(py, &model)?;
            // What fails while a database is told from another, the query meets too, and says.
            if let Some(database) = or_query(py, database_for(&alias, databases))?
                && let Some(lookup) = or_query(py, database.cached_lookup(&model, &fields))?
            {
                match lookup.get().hit(py, key) {
                    Ok(Some((user, token))) => {
                        let user = match user {
                            Some(user) if fields.is_none() => {
                                if !user.getattr(intern!(py, "is_active"))?.is_truthy()? {
                                    return Err(inactive_user(py));
                                }
                                user
                            }
                            user => hooks.user_of.bind(py).call1((slf, user))?,
                        };
                        return Ok((user, token).into_pyobject(py)?.into_any());
                    }
                    Ok(None) => {}
                    // As of a `from_db` that hides a row: a query refuses its key.
                    Err(error) if is_does_not_exist(py, &model, &error)? => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let hook = hooks.authenticate_credentials.bind(py);
        hook.call1((slf, model, fields, key))
    }

    fn get_model<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let model = slf.getattr(intern!(py, "model"))?;
        if !model.is_none() {
            return Ok(model);
        }
        default_model(py)
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

/// DRF's own method, for a header that is neither `bytes` nor `str`.
fn drf_authenticate<'py>(
    slf: &Bound<'py, TokenAuthentication>,
    request: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = slf.py();
    let hook = Hooks::get(py)?.drf_authenticate.bind(py);
    let pair = hook.call1((slf, request))?;
    Ok((!pair.is_none()).then_some(pair))
}
