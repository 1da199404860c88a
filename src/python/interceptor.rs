//! The write interceptor: a connection's statements on their way to the database.
//!
//! What a statement does is decided by `sql::reader`, in which order it is executed and
//! invalidated by `coherence::write_protocol`.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::PyException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PySequence, PyString};

use super::cache::Cache;
use super::database::Database;
use super::hooks::Hooks;
use super::tables::slot;
use crate::coherence::connection_state::ConnectionState;
use crate::coherence::message;
use crate::coherence::version_file::VersionFile;
use crate::coherence::versions::WriteSet;
use crate::coherence::write_protocol::{self, Connection, End, Execution};
use crate::sql::reader;
use crate::sql::statement::{Statement, Writes};
use crate::sql::tables::{Effects, Owner, TrackedTables};

/// Sees every statement of one connection, as Django's `execute_wrappers` do.
#[pyclass(frozen, weakref, module = "irontoken._core")]
pub(super) struct WriteInterceptor {
    version_file: Arc<VersionFile>,
    state: Mutex<ConnectionState>,
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
impl WriteInterceptor {
    /// `in_transaction` tells of a connection that may have written before it was intercepted;
    /// `publish` takes the messages to other hosts, and raises nothing.
    #[new]
    fn new(cache: &Cache, in_transaction: bool, publish: Option<Py<PyAny>>) -> Self {
        Self {
            version_file: cache.version_file(),
            state: Mutex::new(ConnectionState::new(in_transaction)),
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
        slf: &Bound<'py, Self>,
        execute: &Bound<'py, PyAny>,
        sql: &Bound<'py, PyAny>,
        params: &Bound<'py, PyAny>,
        many: &Bound<'py, PyAny>,
        context: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let interceptor = slf.get();
        let statement = interceptor.read(sql, context)?;
        let rows = write_set(&statement, params, many)?;
        let call = Call {
            interceptor: slf,
            execute,
            arguments: (sql, params, many, context),
        };
        write_protocol::execute(&call, &statement, rows)
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

    /// The connection's names may mean other tables than those of its settings.
    #[getter]
    fn schema_changed(&self) -> bool {
        self.state.lock().schema_changed()
    }

    /// What the connection is connected to has been used before, and its schema changed.
    fn inherit_schema_change(&self) {
        self.state.lock().inherit_schema_change();
    }

    /// Asks the connection's database which effects writes have, unless that is known.
    fn learn(&self, connection: &Bound<'_, PyAny>) -> PyResult<()> {
        let Some(database) = self.database(connection.py()) else {
            return Ok(());
        };
        self.learn_of(database.get().tables(), connection)
            .map(|_| ())
    }

    /// The transaction was committed, or rolled back.
    fn ended(&self, py: Python<'_>) -> PyResult<()> {
        self.end(py, End::Transaction)
    }

    /// The end of the transaction failed.
    fn failed(&self, py: Python<'_>) -> PyResult<()> {
        self.end(py, End::Failed)
    }

    /// The work of the last statement is done.
    fn finished(&self, connection: &Bound<'_, PyAny>) -> PyResult<()> {
        let in_transaction = in_transaction(connection)?;
        self.end(connection.py(), End::Statement { in_transaction })
    }

    /// Django begins a transaction.
    fn begins(&self) {
        self.state.lock().begins();
    }

    /// The connection was closed.
    fn closed(&self, py: Python<'_>) -> PyResult<()> {
        self.target.lock().is_open = false;
        self.end(py, End::Connection)
    }

    /// Whether the connection may be answered from the cache.
    pub(super) fn may_read(&self) -> bool {
        self.state.lock().may_read()
    }

    /// What the connection is connected to; `None` while it is closed.
    #[getter]
    pub(super) fn database(&self, py: Python<'_>) -> Option<Py<Database>> {
        self.last_database(py, true)
    }
}

impl WriteInterceptor {
    fn end(&self, py: Python<'_>, end: End) -> PyResult<()> {
        write_protocol::end(&Attached(self, py), end)
    }

    fn last_database(&self, py: Python<'_>, is_open: bool) -> Option<Py<Database>> {
        let target = self.target.lock();
        let found = target
            .database
            .as_ref()
            .filter(|_| target.is_open || !is_open);
        found.map(|database| database.clone_ref(py))
    }

    /// Why a row that the connection is about to read must not be stored.
    pub(super) fn fill_obstacle(
        &self,
        connection: &Bound<'_, PyAny>,
    ) -> PyResult<Option<&'static str>> {
        let in_transaction =
            in_transaction(connection)? || driver_in_transaction(connection)?.unwrap_or_default();
        Ok(self.state.lock().fill_obstacle(in_transaction))
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
        let tables = database.get().tables();
        let statement = reader::read(text, tables);
        if statement.changes_schema && database.get().has_tenants {
            let connection = context.get_item(intern!(py, "connection"))?;
            let hook = Hooks::get(py)?.sets_own_schema.bind(py);
            if hook.call1((connection, text))?.is_truthy()? {
                return Ok(Statement::READ);
            }
        }
        if !statement.consults {
            return Ok(statement);
        }
        let connection = context.get_item(intern!(py, "connection"))?;
        if self.learn_of(tables, &connection)? {
            return Ok(reader::read(text, tables));
        }
        Ok(statement)
    }

    /// Asks which effects writes have, unless that is known; whether anything was learned, or
    /// forgotten.
    fn learn_of(&self, tables: &TrackedTables, connection: &Bound<'_, PyAny>) -> PyResult<bool> {
        let mapped = self.version_file.for_writing();
        let definitions = mapped.map_or(0, |mapped| mapped.versions.definitions());
        if tables.knows(definitions) {
            return Ok(false);
        }
        tables.forget();
        if let Some([any, cascades, updates]) = effects(connection)? {
            let effects = Effects {
                any,
                cascades,
                updates,
            };
            tables.learn(definitions, effects);
        }
        Ok(true)
    }
}

/// The connection of a thread that is attached to the interpreter.
struct Attached<'a, 'py>(&'a WriteInterceptor, Python<'py>);

impl Connection for Attached<'_, '_> {
    type Error = PyErr;

    fn invalidate(&self, rows: &WriteSet) -> PyResult<()> {
        let Self(interceptor, py) = self;
        if !interceptor.version_file.invalidate(rows) {
            let hook = &Hooks::get(*py)?.version_file_unavailable;
            hook.call1(*py, (interceptor.version_file.failure(),))?;
        }
        Ok(())
    }

    fn publish(&self, rows: &WriteSet) -> PyResult<()> {
        let Self(interceptor, py) = self;
        if let Some(publish) = &interceptor.publish {
            publish.call1(*py, (message::encode(rows),))?;
        }
        Ok(())
    }

    fn with_state<R>(&self, change: impl FnOnce(&mut ConnectionState) -> R) -> R {
        change(&mut self.0.state.lock())
    }
}

/// One call of Django's wrapper.
struct Call<'a, 'py> {
    interceptor: &'a Bound<'py, WriteInterceptor>,
    execute: &'a Bound<'py, PyAny>,
    arguments: (
        &'a Bound<'py, PyAny>,
        &'a Bound<'py, PyAny>,
        &'a Bound<'py, PyAny>,
        &'a Bound<'py, PyAny>,
    ),
}

impl<'py> Call<'_, 'py> {
    fn attached(&self) -> Attached<'_, 'py> {
        Attached(self.interceptor.get(), self.execute.py())
    }

    fn connection(&self) -> PyResult<Bound<'py, PyAny>> {
        let context = self.arguments.3;
        context.get_item(intern!(context.py(), "connection"))
    }
}

impl Connection for Call<'_, '_> {
    type Error = PyErr;

    fn invalidate(&self, rows: &WriteSet) -> PyResult<()> {
        self.attached().invalidate(rows)
    }

    fn publish(&self, rows: &WriteSet) -> PyResult<()> {
        self.attached().publish(rows)
    }

    fn with_state<R>(&self, change: impl FnOnce(&mut ConnectionState) -> R) -> R {
        self.attached().with_state(change)
    }
}

impl<'py> Execution for Call<'_, 'py> {
    type Output = Bound<'py, PyAny>;

    fn in_transaction(&self) -> PyResult<bool> {
        in_transaction(&self.connection()?)
    }

    fn execute(&self) -> PyResult<Bound<'py, PyAny>> {
        self.execute.call1(self.arguments)
    }

    fn finish(&self) -> PyResult<bool> {
        let py = self.execute.py();
        let finished = self.interceptor.getattr(intern!(py, "finished"))?;
        Hooks::get(py)?
            .read_to_the_end
            .bind(py)
            .call1((finished, self.arguments.3))?
            .is_truthy()
    }

    fn driver_in_transaction(&self) -> Option<bool> {
        // One that fails to say it may be in one.
        self.connection()
            .and_then(|connection| driver_in_transaction(&connection))
            .unwrap_or(Some(true))
    }
}

/// What a statement writes, by its parameters; `None` for a statement that writes nothing.
fn write_set(
    statement: &Statement,
    params: &Bound<'_, PyAny>,
    many: &Bound<'_, PyAny>,
) -> PyResult<Option<WriteSet>> {
    let (column, first, count, total) = match statement.writes {
        Writes::Nothing => return Ok(None),
        Writes::NewRows => return Ok(Some(WriteSet::default())),
        Writes::Everything => return Ok(Some(WriteSet::everything())),
        Writes::Rows(column, first, count, total) => (column, first, count, total),
    };
    let mut slots = Vec::new();
    let sets: Vec<Bound<'_, PyAny>> = if many.is_truthy()? {
        // An iterator would be used up by looking at it.
        match params.cast::<PySequence>() {
            Ok(sets) => sets.try_iter()?.collect::<PyResult<_>>()?,
            Err(_) => return Ok(Some(WriteSet::everything())),
        }
    } else {
        vec![params.clone()]
    };
    for set in sets {
        let Ok(set) = set.cast::<PySequence>() else {
            return Ok(Some(WriteSet::everything()));
        };
        if set.len()? != total {
            return Ok(Some(WriteSet::everything()));
        }
        for index in first..first + count {
            let Some(slot) = set
                .get_item(index)
                .ok()
                .map(|value| slot(column, &value))
                .transpose()?
                .flatten()
            else {
                return Ok(Some(WriteSet::everything()));
            };
            slots.push(slot);
        }
    }
    Ok(Some(match column.owner {
        Owner::Token => WriteSet {
            tokens: slots,
            ..WriteSet::default()
        },
        Owner::User => WriteSet {
            users: slots,
            ..WriteSet::default()
        },
    }))
}

/// The tables whose writes have effects that no statement names: of an unknown kind, deletions that
/// take tracked rows along, and changes that go on to them; `None` where the database cannot be
/// asked now.
fn effects(connection: &Bound<'_, PyAny>) -> PyResult<Option<[HashSet<String>; 3]>> {
    let py = connection.py();
    let hook = Hooks::get(py)?.effects_of.bind(py);
    let found: Option<(HashSet<String>, HashSet<String>, HashSet<String>)> =
        hook.call1((connection,))?.extract()?;
    Ok(found.map(|(any, cascades, updates)| [any, cascades, updates]))
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
