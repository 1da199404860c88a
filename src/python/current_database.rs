//! Which database this thread's connection of an alias speaks to, and its cached lookups.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::database::Database;
use super::hooks::{Connections, Hooks};
use super::interceptor::WriteInterceptor;
use super::lookup::CachedLookup;

/// A database, and the schema in it that a connection names where that decides.
pub(super) struct Current<'py> {
    database: Bound<'py, Database>,
    schema: Option<Bound<'py, PyTuple>>,
}

impl<'py> Current<'py> {
    /// The database, with the schema that a connection of it names; nothing without a connection
    /// to ask for it.
    fn of(
        database: Bound<'py, Database>,
        connection: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Self>> {
        let py = database.py();
        let mut schema = None;
        if database.get().has_tenants {
            let Some(connection) = connection else {
                return Ok(None);
            };
            let name = connection.getattr(intern!(py, "schema_name"))?;
            let has_public = connection.getattr(intern!(py, "include_public_schema"))?;
            schema = Some(PyTuple::new(py, [name, has_public])?);
        }
        Ok(Some(Self { database, schema }))
    }

    /// The cached lookup of a model, by the fields that a class declares, where it has one.
    pub(super) fn cached_lookup(
        &self,
        model: &Bound<'py, PyAny>,
        fields: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, CachedLookup>>> {
        let lookups = self.database.get().lookups(model.py());
        let found = match &self.schema {
            Some(schema) => lookups.get_item((model, fields, schema))?,
            None if fields.is_none() => lookups.get_item(model)?,
            None => lookups.get_item((model, fields))?,
        };
        found
            .map(|lookup| lookup.cast_into().map_err(PyErr::from))
            .transpose()
    }
}

/// The database that this thread's connection of `alias` speaks to, or would; `None` where it has
/// no cached look-ups, or the connection must not be answered from them now.
pub(super) fn database_for<'py>(
    alias: &Bound<'py, PyAny>,
    known: &Bound<'py, PyDict>,
) -> PyResult<Option<Current<'py>>> {
    let py = alias.py();
    let handler = Connections::get(py)?;
    let connection = handler.connection(alias)?;
    let settings = match &connection {
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
            return match database {
                Some(database) => Current::of(database.into_bound(py), Some(connection)),
                None => Ok(None),
            };
        }
        Some(connection) => connection.getattr(intern!(py, "settings_dict"))?,
        None => handler.settings.bind(py).get_item(alias)?,
    };
    let settings = settings.cast::<PyDict>()?;
    if let Some(last) = known.get_item(alias)? {
        let last = last.cast_into::<Database>()?;
        if last.get().matches(settings)? {
            return Current::of(last, connection.as_ref());
        }
    }
    let hook = Hooks::get(py)?.find_database.bind(py);
    let found = hook.call1((alias, settings))?;
    match found.cast_into::<Database>() {
        Ok(found) => Current::of(found, connection.as_ref()),
        Err(_) => Ok(None),
    }
}
