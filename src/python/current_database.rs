//! Which database this thread's connection of an alias speaks to, and its cached lookups.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::database::Database;
use super::hooks::{Connections, Hooks};
use super::interceptor::WriteInterceptor;
use super::lookup::CachedLookup;

/// The cached lookup of a model in a database, by the fields that a class declares, where it has
/// one.
pub(super) fn cached_lookup<'py>(
    database: &Database,
    model: &Bound<'py, PyAny>,
    fields: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, CachedLookup>>> {
    let lookups = database.lookups(model.py());
    let found = if fields.is_none() {
        lookups.get_item(model)?
    } else {
        lookups.get_item((model, fields))?
    };
    found
        .map(|lookup| lookup.cast_into().map_err(PyErr::from))
        .transpose()
}

/// The database that this thread's connection of `alias` speaks to, or would; `None` where it has
/// no cached look-ups, or the connection must not be answered from them now.
pub(super) fn database_for<'py>(
    alias: &Bound<'py, PyAny>,
    known: &Bound<'py, PyDict>,
) -> PyResult<Option<Bound<'py, Database>>> {
    let py = alias.py();
    let handler = Connections::get(py)?;
    let settings = match handler.connection(alias)? {
        Some(connection) if !connection.getattr(intern!(py, "connection"))?.is_none() => {
            let Some(interceptor) =
                connection.getattr_opt(intern!(py, "_irontoken_interceptor"))?
            else {
                return Ok(None);
            };
            let interceptor = interceptor.cast::<WriteInterceptor>()?.get();
            let database = interceptor
                .may_read()
                .then(|| interceptor.database(py))
                .flatten();
            return Ok(database.map(|database| database.into_bound(py)));
        }
        Some(connection) => connection.getattr(intern!(py, "settings_dict"))?,
        None => handler.settings.bind(py).get_item(alias)?,
    };
    let settings = settings.cast::<PyDict>()?;
    if let Some(last) = known.get_item(alias)? {
        let last = last.cast_into::<Database>()?;
        if last.get().matches(settings)? {
            return Ok(Some(last));
        }
    }
    let hook = Hooks::get(py)?.find_database.bind(py);
    let found = hook.call1((alias, settings))?;
    Ok(found.cast_into::<Database>().ok())
}
