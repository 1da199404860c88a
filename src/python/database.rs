//! Which database a connection speaks to, and the cached look-ups of each.
//!
//! One alias may lead to several: a project may change a connection's settings between two
//! requests. A connection that is open speaks to what it was opened to; one that is closed will
//! speak to what its settings say now.

use std::sync::Arc;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};

use super::cache::Road;
use super::coherence::{Seam, Watch};
use crate::watch;

/// What a database is opened by, and the look-ups of its models that have a cached form.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct Database {
    /// The settings that decide which rows are seen, but for `OPTIONS`.
    place: [Py<PyAny>; 4],
    options: Py<PyAny>,
    watch: Arc<watch::Watch>,
    roads: Py<PyDict>,
}

#[pymethods]
impl Database {
    /// `settings` is Django's dict of a connection's settings.
    #[new]
    fn new(settings: &Bound<'_, PyDict>, watch: &Watch) -> PyResult<Self> {
        let py = settings.py();
        let options = value(settings, intern!(py, "OPTIONS"))?;
        Ok(Self {
            place: place(settings)?,
            // A copy, since the settings' own may be changed in place.
            options: match options.bind(py).cast::<PyDict>() {
                Ok(options) => options.copy()?.into_any().unbind(),
                Err(_) => options,
            },
            watch: watch.domain(),
            roads: PyDict::new(py).unbind(),
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for value in &self.place {
            visit.call(value)?;
        }
        visit.call(&self.options)?;
        visit.call(&self.roads)
    }

    /// The look-ups, by their models.
    #[getter]
    fn roads<'py>(&self, py: Python<'py>) -> Bound<'py, PyDict> {
        self.roads.bind(py).clone()
    }

    /// Whether a connection with these settings would be opened to this database.
    fn matches(&self, settings: &Bound<'_, PyDict>) -> PyResult<bool> {
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
    pub(super) fn watch(&self) -> &watch::Watch {
        &self.watch
    }

    pub(super) fn road<'py>(
        &self,
        model: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, Road>>> {
        let road = self.roads.bind(model.py()).get_item(model)?;
        road.map(|road| road.cast_into().map_err(PyErr::from))
            .transpose()
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

/// The database that this thread's connection of `alias` speaks to, or would; `None` where it has
/// no cached look-ups, or the connection must not be answered from them now.
pub(super) fn database_for<'py>(
    alias: &Bound<'py, PyAny>,
    known: &Bound<'py, PyDict>,
) -> PyResult<Option<Bound<'py, Database>>> {
    static FIND: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = alias.py();
    let handler = Handler::get(py)?;
    let settings = match handler.connection(alias)? {
        Some(connection) if !connection.getattr(intern!(py, "connection"))?.is_none() => {
            let Some(seam) = connection.getattr_opt(intern!(py, "_irontoken_seam"))? else {
                return Ok(None);
            };
            let seam = seam.cast::<Seam>()?.get();
            let database = seam.may_read().then(|| seam.database(py)).flatten();
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
    let found = FIND
        .import(py, "irontoken.databases", "find_database")?
        .call1((alias, settings))?;
    Ok(found.cast_into::<Database>().ok())
}

/// Django's connections, and the place where each thread has its own.
struct Handler {
    settings: Py<PyAny>,
    /// asgiref's `Local`, and what holds its values in a thread that runs no event loop.
    local: Py<PyAny>,
    storage: Option<Py<PyAny>>,
    running_loop: Py<PyAny>,
}

impl Handler {
    fn get(py: Python<'_>) -> PyResult<&'static Self> {
        static HANDLER: PyOnceLock<Handler> = PyOnceLock::new();
        HANDLER.get_or_try_init(py, || {
            let connections = py.import("django.db")?.getattr("connections")?;
            let local = connections.getattr("_connections")?;
            // Of other versions of asgiref the public way is asked, which takes longer.
            let thread_local = py.import("threading")?.getattr("local")?;
            let storage = local
                .getattr_opt("_storage")?
                .filter(|storage| storage.get_type().is(&thread_local));
            Ok(Self {
                settings: connections.getattr("settings")?.unbind(),
                local: local.unbind(),
                storage: storage.map(Bound::unbind),
                running_loop: py.import("asyncio")?.getattr("_get_running_loop")?.unbind(),
            })
        })
    }

    /// The connection of `alias` that this thread, or this task, has.
    fn connection<'py>(&self, alias: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = alias.py();
        let alias = alias.cast::<PyString>()?;
        let storage = match &self.storage {
            Some(storage) if self.running_loop.call0(py)?.is_none(py) => storage,
            _ => &self.local,
        };
        storage.bind(py).getattr_opt(alias)
    }
}
