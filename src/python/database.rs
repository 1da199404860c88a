//! Which database a connection speaks to, and the cached look-ups of each.
//!
//! One alias may lead to several: a project may change a connection's settings between two
//! requests. A connection that is open speaks to what it was opened to; one that is closed will
//! speak to what its settings say now.

use std::sync::Arc;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::tables::TrackedTables;
use crate::sql::tables;

/// What a database is opened by, and the look-ups of its models that have a cached form.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct Database {
    /// The settings that decide which rows are seen, but for `OPTIONS`.
    place: [Py<PyAny>; 4],
    options: Py<PyAny>,
    tables: Arc<tables::TrackedTables>,
    /// Its tables depend on the schema that a connection names.
    pub(super) has_tenants: bool,
    lookups: Py<PyDict>,
}

#[pymethods]
impl Database {
    /// `settings` is Django's dict of a connection's settings.
    #[new]
    fn new(
        settings: &Bound<'_, PyDict>,
        tables: &TrackedTables,
        has_tenants: bool,
    ) -> PyResult<Self> {
        let py = settings.py();
        let options = value(settings, intern!(py, "OPTIONS"))?;
        Ok(Self {
            place: place(settings)?,
            // A copy, since the settings' own may be changed in place.
            options: match options.bind(py).cast::<PyDict>() {
                Ok(options) => options.copy()?.into_any().unbind(),
                Err(_) => options,
            },
            tables: tables.domain(),
            has_tenants,
            lookups: PyDict::new(py).unbind(),
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for value in &self.place {
            visit.call(value)?;
        }
        visit.call(&self.options)?;
        visit.call(&self.lookups)
    }

    /// The look-ups, by their models, with what a class declares and a connection names beside.
    #[getter]
    pub(super) fn lookups<'py>(&self, py: Python<'py>) -> Bound<'py, PyDict> {
        self.lookups.bind(py).clone()
    }

    /// Whether a connection with these settings would be opened to this database.
    pub(super) fn matches(&self, settings: &Bound<'_, PyDict>) -> PyResult<bool> {
        let py = settings.py();
        for (known, found) in self.place.iter().zip(place(settings)?) {
            if !known.is(&found) && !known.bind(py).eq(found)? {
                return Ok(false);
            }
        }
        let options = value(settings, intern!(py, "OPTIONS"))?;
        self.options.bind(py).eq(options)
    }
}

impl Database {
    pub(super) fn tables(&self) -> &tables::TrackedTables {
        &self.tables
    }
}

fn place(settings: &Bound<'_, PyDict>) -> PyResult<[Py<PyAny>; 4]> {
    let py = settings.py();
    Ok([
        value(settings, intern!(py, "NAME"))?,
        value(settings, intern!(py, "HOST"))?,
        value(settings, intern!(py, "PORT"))?,
        value(settings, intern!(py, "USER"))?,
    ])
}

fn value(settings: &Bound<'_, PyDict>, name: &Bound<'_, PyString>) -> PyResult<Py<PyAny>> {
    Ok(settings
        .get_item(name)?
        .map_or_else(|| settings.py().None(), Bound::unbind))
}
