//! The write seam: a connection's statements on their way to the database.
//!
//! What a statement does is decided by `statement`, what follows for the connection by `session`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyInt, PySequence, PyString};

use super::cache::Cache;
use super::database::Database;
use super::values::is_uuid;
use crate::epochs::Touched;
use crate::host::Host;
use crate::news;
use crate::session::{self, Session, Told};
use crate::sql::Dialect;
use crate::sql::statement::{self, Boundary, Statement, Writes};
use crate::watch::{self, Effects};

/// The tables whose writes matter, and what their database does by itself.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct Watch(Arc<watch::Watch>);

#[pymethods]
impl Watch {
    /// Whether a table is one of those.
    fn has(&self, table: &str) -> bool {
        self.0.is_watched(table)
    }

    /// `tables` maps a table to its identifying columns, each ("token" or "user", kind); `vendor`
    /// is Django's name for the database.
    #[new]
    fn new(
        tables: HashMap<String, HashMap<String, (String, String)>>,
        others: Vec<String>,
        vendor: &str,
    ) -> PyResult<Self> {
        let tables: PyResult<Vec<_>> = tables
            .into_iter()
            .map(|(table, columns)| {
                let columns: PyResult<HashMap<_, _>> = columns
                    .into_iter()
                    .map(|(name, (owner, kind))| Ok((name, column(&owner, &kind)?)))
                    .collect();
                Ok((table, columns?))
            })
            .collect();
        Ok(Self(Arc::new(watch::Watch::new(
            tables?,
            others,
            match vendor {
                "postgresql" => Dialect::Postgres,
                "mysql" => Dialect::Mysql,
                _ => Dialect::Sqlite,
            },
        ))))
    }
}

impl Watch {
    pub(super) fn domain(&self) -> Arc<watch::Watch> {
        Arc::clone(&self.0)
    }
}

/// A column by the names that Python has for its owner and its kind.
pub(super) fn column(owner: &str, kind: &str) -> PyResult<watch::Column> {
    let owner = match owner {
        "token" => watch::Owner::Token,
        "user" => watch::Owner::User,
        other => return Err(PyValueError::new_err(format!("no owner is called {other}"))),
    };
    let kind = match kind {
        "integer" => watch::Kind::Integer,
        "text" => watch::Kind::Text,
        "uuid" => watch::Kind::Uuid,
        other => return Err(PyValueError::new_err(format!("no kind is called {other}"))),
    };
    Ok(watch::Column { owner, kind })
}

/// The slot of a Python value, where one can be told.
pub(super) fn slot(column: watch::Column, value: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
    if let Ok(number) = value.cast_exact::<PyInt>() {
        return Ok(number
            .extract()
            .ok()
            .and_then(|number| column.slot(watch::Value::Integer(number))));
    }
    if let Ok(text) = value.cast_exact::<PyString>() {
        return Ok(text
            .to_str()
            .ok()
            .and_then(|text| column.slot(watch::Value::Text(text))));
    }
    if is_uuid(value)? {
        return Ok(column.slot(watch::Value::Text(value.str()?.to_str()?)));
    }
    Ok(None)
}

/// Sees every statement of one connection, as Django's `execute_wrappers` do.
#[pyclass(frozen, weakref, module = "irontoken._core")]
pub(super) struct Seam {
    host: Arc<Host>,
    session: Mutex<Session>,
    publish: Option<Py<PyAny>>,
    target: Mutex<Target>,
}

/// What a connection is connected to.
#[derive(Default)]
struct Target {
    /// The last one, which stays known while the connection is closed.
    database: Option<Py<Database>>,
    is_open: bool,
    /// Its rows may be cached.
    is_cacheable: bool,
}

#[pymethods]
impl Seam {
    /// `in_transaction` tells of a connection that may have written before it had a seam;
    /// `publish` takes the messages to other hosts, and raises nothing.
    #[new]
    fn new(cache: &Cache, in_transaction: bool, publish: Option<Py<PyAny>>) -> Self {
        Self {
            host: cache.host(),
            session: Mutex::new(Session::new(in_transaction)),
            publish,
            target: Mutex::default(),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.publish)?;
        match self.target.try_lock() {
            Some(target) => visit.call(&target.database),
            None => Ok(()),
        }
    }

    fn __call__<'py>(
        &self,
        execute: &Bound<'py, PyAny>,
        sql: &Bound<'py, PyAny>,
        params: &Bound<'py, PyAny>,
        many: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = context.py();
        let statement = self.read(sql, context)?;
        let mut touched = Self::touched(&statement, params, many)?;
        if touched.is_none() && statement.boundary == Boundary::None && !statement.goes_on {
            let result = execute.call1((sql, params, many, context));
            self.session
                .lock()
                .ran(&statement, None, session::Run::default());
            return result;
        }
        if statement.defines {
            touched.get_or_insert_default().schema = true;
        }
        if let Some(touched) = &touched {
            // Told before as well: a process that dies between commit and word of it leaves no
            // row behind that was read before.
            self.tell_here(py, touched)?;
        }
        let connection = context.get_item(intern!(py, "connection"))?;
        let in_transaction = in_transaction(&connection)?;
        let mut result = execute.call1((sql, params, many, context));
        let mut goes_on = false;
        if statement.goes_on && result.is_ok() {
            match cursor_end(py)?.call1((Self::finisher(context)?, context)) {
                Ok(waits) => goes_on = waits.is_truthy()?,
                // What fails when its rows are fetched has failed.
                Err(error) => result = Err(error),
            }
        }
        let run = session::Run {
            in_transaction,
            driver_in_transaction: driver_in_transaction(&connection).unwrap_or(Some(true)),
            failed: result.is_err(),
            goes_on,
        };
        let told = self.session.lock().ran(&statement, touched, run);
        self.tell(py, &told)?;
        result
    }

    /// The connection is connected to `database`, whose rows may be cached or not.
    fn connected(&self, database: Py<Database>, is_cacheable: bool) {
        let target = Target {
            database: Some(database),
            is_open: true,
            is_cacheable,
        };
        // Dropped after its lock, as what it refers to may run Python.
        let before = std::mem::replace(&mut *self.target.lock(), target);
        drop(before);
    }

    /// Whether rows of what the connection is connected to may be cached.
    #[getter]
    fn is_cacheable(&self) -> bool {
        let target = self.target.lock();
        target.is_open && target.is_cacheable
    }

    /// Asks the connection's database which effects writes have, unless that is known.
    fn learn(&self, connection: &Bound<'_, PyAny>) -> PyResult<()> {
        let Some(database) = self.database(connection.py()) else {
            return Ok(());
        };
        self.learn_of(database.get().watch(), connection)
            .map(|_| ())
    }

    /// The transaction was committed, or rolled back.
    fn ended(&self, py: Python<'_>) -> PyResult<()> {
        let told = self.session.lock().ended();
        self.tell_all(py, told)
    }

    /// The end of the transaction failed.
    fn failed(&self, py: Python<'_>) -> PyResult<()> {
        let told = self.session.lock().failed();
        self.tell_all(py, told)
    }

    /// The work of the last statement is done.
    fn finished(&self, connection: &Bound<'_, PyAny>) -> PyResult<()> {
        let in_transaction = in_transaction(connection)?;
        let told = self.session.lock().finished(in_transaction);
        self.tell_all(connection.py(), told)
    }

    /// Django begins a transaction.
    fn begins(&self) {
        self.session.lock().begins();
    }

    /// The connection was closed.
    fn closed(&self, py: Python<'_>) -> PyResult<()> {
        let told = self.session.lock().closed();
        self.target.lock().is_open = false;
        self.tell_all(py, told)
    }

    /// Whether the connection may be answered from the cache.
    pub(super) fn may_read(&self) -> bool {
        self.session.lock().may_read()
    }

    /// What the connection is connected to; `None` while it is closed.
    #[getter]
    pub(super) fn database(&self, py: Python<'_>) -> Option<Py<Database>> {
        self.last_database(py, true)
    }
}

/// What reads a statement's rows to their end, or waits until somebody has done so.
fn cursor_end(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    FUNCTION.import(py, "irontoken.cursors", "read_to_the_end")
}

impl Seam {
    fn last_database(&self, py: Python<'_>, is_open: bool) -> Option<Py<Database>> {
        let target = self.target.lock();
        let found = target
            .database
            .as_ref()
            .filter(|_| target.is_open || !is_open);
        found.map(|database| database.clone_ref(py))
    }

    fn finisher<'py>(context: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = context.py();
        context
            .get_item(intern!(py, "connection"))?
            .getattr(intern!(py, "_irontoken_seam"))?
            .getattr(intern!(py, "finished"))
    }

    fn tell(&self, py: Python<'_>, told: &Told) -> PyResult<()> {
        self.tell_here(py, &told.here)?;
        if let Some(publish) = &self.publish
            && told.elsewhere.has_rows()
        {
            publish.call1(py, (news::tell(&told.elsewhere),))?;
        }
        Ok(())
    }

    fn tell_all(&self, py: Python<'_>, touched: Touched) -> PyResult<()> {
        let told = Told {
            here: touched.clone(),
            elsewhere: touched,
        };
        self.tell(py, &told)
    }

    fn tell_here(&self, py: Python<'_>, touched: &Touched) -> PyResult<()> {
        static UNHEARD: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        if !self.host.write(touched) {
            UNHEARD
                .import(py, "irontoken.cache", "unheard")?
                .call1((self.host.failure(),))?;
        }
        Ok(())
    }

    /// Whether a row that the connection is about to read may be kept.
    pub(super) fn may_fill(&self, connection: &Bound<'_, PyAny>) -> PyResult<bool> {
        let in_transaction =
            in_transaction(connection)? || driver_in_transaction(connection)?.unwrap_or_default();
        Ok(self.session.lock().may_fill(in_transaction))
    }

    /// What a statement does, by its text and by what is known of the tables that it names.
    fn read(&self, sql: &Bound<'_, PyAny>, context: &Bound<'_, PyAny>) -> PyResult<Statement> {
        let py = context.py();
        // Django runs statements of its own before it says that a connection has been opened.
        let Some(database) = self.last_database(py, false) else {
            return Ok(Statement::UNKNOWN);
        };
        let other;
        let text = if let Ok(text) = sql.cast::<PyString>() {
            text.to_str()?
        } else {
            other = text_of_other(sql, context)?;
            let Some(text) = &other else {
                return Ok(Statement::UNKNOWN);
            };
            text
        };
        let watch = database.get().watch();
        let statement = statement::read(text, watch);
        if !statement.consults {
            return Ok(statement);
        }
        let connection = context.get_item(intern!(py, "connection"))?;
        if self.learn_of(watch, &connection)? {
            return Ok(statement::read(text, watch));
        }
        Ok(statement)
    }

    /// Asks which effects writes have, unless that is known; whether anything was learned, or
    /// forgotten.
    fn learn_of(&self, watch: &watch::Watch, connection: &Bound<'_, PyAny>) -> PyResult<bool> {
        let mapped = self.host.for_writing();
        let schema = mapped.map_or(0, |mapped| mapped.epochs.schema());
        if watch.knows(schema) {
            return Ok(false);
        }
        watch.forget();
        if let Some((any, cascades)) = effects(connection)? {
            watch.learn(schema, Effects { any, cascades });
        }
        Ok(true)
    }

    /// What a statement writes, by its parameters; `None` for a statement that writes nothing.
    fn touched(
        statement: &Statement,
        params: &Bound<'_, PyAny>,
        many: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Touched>> {
        let (column, first, count, total) = match statement.writes {
            Writes::Nothing => return Ok(None),
            Writes::NewRows => return Ok(Some(Touched::default())),
            Writes::Everything => return Ok(Some(Touched::everything())),
            Writes::Rows(column, first, count, total) => (column, first, count, total),
        };
        let mut slots = Vec::new();
        let sets: Vec<Bound<'_, PyAny>> = if many.is_truthy()? {
            // An iterator would be used up by looking at it.
            match params.cast::<PySequence>() {
                Ok(sets) => sets.try_iter()?.collect::<PyResult<_>>()?,
                Err(_) => return Ok(Some(Touched::everything())),
            }
        } else {
            vec![params.clone()]
        };
        for set in sets {
            let Ok(set) = set.cast::<PySequence>() else {
                return Ok(Some(Touched::everything()));
            };
            if set.len()? != total {
                return Ok(Some(Touched::everything()));
            }
            for index in first..first + count {
                let Some(slot) = set
                    .get_item(index)
                    .ok()
                    .map(|value| slot(column, &value))
                    .transpose()?
                    .flatten()
                else {
                    return Ok(Some(Touched::everything()));
                };
                slots.push(slot);
            }
        }
        Ok(Some(match column.owner {
            watch::Owner::Token => Touched {
                tokens: slots,
                ..Touched::default()
            },
            watch::Owner::User => Touched {
                users: slots,
                ..Touched::default()
            },
        }))
    }
}

/// The tables whose writes have effects that no statement names: of an unknown kind, and deletions
/// that take watched rows along; `None` where the database cannot be asked now.
fn effects(connection: &Bound<'_, PyAny>) -> PyResult<Option<(HashSet<String>, HashSet<String>)>> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    FUNCTION
        .import(connection.py(), "irontoken.effects", "effects_of")?
        .call1((connection,))?
        .extract()
}

/// The text of a statement that is no `str`, where it has one.
fn text_of_other(sql: &Bound<'_, PyAny>, context: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let py = sql.py();
    if let Ok(bytes) = sql.cast::<PyBytes>() {
        return Ok(Some(String::from_utf8_lossy(bytes.as_bytes()).into_owned()));
    }
    if !sql.hasattr(intern!(py, "as_string"))? {
        return Ok(None);
    }
    // psycopg's own, which knows its quotes by the driver's connection.
    let connection = context.get_item(intern!(py, "connection"))?;
    let driver = connection.getattr(intern!(py, "connection"))?;
    match sql.call_method1(intern!(py, "as_string"), (driver,)) {
        Ok(text) => Ok(Some(text.str()?.to_str()?.to_owned())),
        Err(error) if error.is_instance_of::<PyException>(py) => Ok(None),
        Err(error) => Err(error),
    }
}

fn in_transaction(connection: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = connection.py();
    Ok(connection
        .getattr(intern!(py, "in_atomic_block"))?
        .is_truthy()?
        || !connection.getattr(intern!(py, "autocommit"))?.is_truthy()?)
}

/// Whether the driver has the connection in a transaction; `None` where it cannot be asked.
fn driver_in_transaction(connection: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
    let py = connection.py();
    let driver = connection.getattr(intern!(py, "connection"))?;
    if driver.is_none() {
        return Ok(Some(false));
    }
    let vendor = connection.getattr(intern!(py, "vendor"))?;
    match vendor.str()?.to_str()? {
        "sqlite" => driver
            .getattr(intern!(py, "in_transaction"))?
            .is_truthy()
            .map(Some),
        // Idle is the only state of psycopg's that is no transaction, and the only falsy one.
        "postgresql" => driver
            .getattr(intern!(py, "info"))?
            .getattr(intern!(py, "transaction_status"))?
            .is_truthy()
            .map(Some),
        _ => Ok(None),
    }
}
