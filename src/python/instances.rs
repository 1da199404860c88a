//! Model instances made of a database row, as `Model.from_db` would make them.
//!
//! What a row's columns mean, and whether a class may be built around its `__init__`, is decided
//! by `irontoken.lookup` when it compiles the query.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};
use pyo3::{ffi, intern};

use super::cache::Ticket;
use super::converters::Converters;
use crate::key;

/// An attribute, the column of the row that holds its value, and whether it is a foreign key.
type Column = (Py<PyString>, usize, bool);

/// How one model's part of a row becomes an instance.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct InstanceShape {
    class: Py<PyType>,
    alias: Py<PyString>,
    /// The class may be built around `__init__` while nobody listens to its signals.
    direct: bool,
    columns: Vec<Column>,
    /// The name under which `_state.fields_cache` holds the other instance, if it does.
    relation: Option<Py<PyAny>>,
    /// The instance's `__dict__` before its values are known.
    attributes: Py<PyDict>,
    /// The `__dict__` of its `_state` before `fields_cache` is known.
    state: Py<PyDict>,
}

#[pymethods]
impl InstanceShape {
    #[new]
    fn new(
        py: Python<'_>,
        class: Py<PyType>,
        alias: Py<PyString>,
        direct: bool,
        columns: Vec<Column>,
        relation: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let attributes = PyDict::new(py);
        attributes.set_item(intern!(py, "_state"), py.None())?;
        for (attname, ..) in &columns {
            attributes.set_item(attname, py.None())?;
        }
        let state = PyDict::new(py);
        state.set_item(intern!(py, "adding"), false)?;
        state.set_item(intern!(py, "db"), &alias)?;
        Ok(Self {
            class,
            alias,
            direct,
            columns,
            relation,
            attributes: attributes.unbind(),
            state: state.unbind(),
        })
    }
}

impl InstanceShape {
    fn build<'py>(&self, py: Python<'py>, row: &[Bound<'py, PyAny>]) -> PyResult<Built<'py>> {
        let class = self.class.bind(py);
        let django = Django::get(py)?;
        if self.direct && !django.hears(class)? {
            self.build_direct(py, django, row)
        } else {
            self.build_by_django(py, class, row)
        }
    }

    fn build_direct<'py>(
        &self,
        py: Python<'py>,
        django: &Django,
        row: &[Bound<'py, PyAny>],
    ) -> PyResult<Built<'py>> {
        let state = allocate(django.model_state.bind(py))?;
        let state_attributes = self.state.bind(py).copy()?;
        set_attributes(&state, &state_attributes)?;
        let attributes = self.attributes.bind(py).copy()?;
        attributes.set_item(intern!(py, "_state"), state)?;
        let mut has_fields_cache = false;
        for (attname, column, is_foreign_key) in &self.columns {
            let value = value(row, *column)?;
            has_fields_cache |= *is_foreign_key && !value.is_none();
            attributes.set_item(attname, value)?;
        }
        if has_fields_cache && self.relation.is_none() {
            // Setting a foreign key makes Django look whether an instance is cached for it.
            state_attributes.set_item(intern!(py, "fields_cache"), PyDict::new(py))?;
        }
        let instance = allocate(self.class.bind(py))?;
        set_attributes(&instance, &attributes)?;
        Ok(Built {
            instance,
            state: StateOf::Direct(state_attributes),
        })
    }

    fn build_by_django<'py>(
        &self,
        py: Python<'py>,
        class: &Bound<'py, PyType>,
        row: &[Bound<'py, PyAny>],
    ) -> PyResult<Built<'py>> {
        let attnames = PyList::new(py, self.columns.iter().map(|(attname, ..)| attname))?;
        let values = PyTuple::new(
            py,
            self.columns
                .iter()
                .map(|(_, column, _)| value(row, *column))
                .collect::<PyResult<Vec<_>>>()?,
        )?;
        let instance =
            class.call_method1(intern!(py, "from_db"), (&self.alias, attnames, values))?;
        let state = instance.getattr(intern!(py, "_state"))?;
        Ok(Built {
            instance,
            state: StateOf::ByDjango(state),
        })
    }

    /// Lets `built` know its other half, as Django's `RelatedPopulator` does.
    fn relate<'py>(&self, py: Python<'py>, built: &Built<'py>, other: &Built<'py>) -> PyResult<()> {
        let Some(relation) = &self.relation else {
            return Ok(());
        };
        match &built.state {
            StateOf::Direct(attributes) => {
                let fields_cache = PyDict::new(py);
                fields_cache.set_item(relation, &other.instance)?;
                attributes.set_item(intern!(py, "fields_cache"), fields_cache)
            }
            StateOf::ByDjango(state) => state
                .getattr(intern!(py, "fields_cache"))?
                .set_item(relation, &other.instance),
        }
    }
}

/// An instance whose relation to the other one is still to be set.
struct Built<'py> {
    instance: Bound<'py, PyAny>,
    state: StateOf<'py>,
}

enum StateOf<'py> {
    /// The `__dict__` that `_state` was given.
    Direct(Bound<'py, PyDict>),
    /// The `_state` that Django made.
    ByDjango(Bound<'py, PyAny>),
}

/// How a row of the compiled query becomes a token and its user.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct RowShape {
    token: Py<InstanceShape>,
    user: Py<InstanceShape>,
    key_column: usize,
}

#[pymethods]
impl RowShape {
    #[new]
    fn new(token: Py<InstanceShape>, user: Py<InstanceShape>, key_column: usize) -> Self {
        Self {
            token,
            user,
            key_column,
        }
    }

    /// The user and the token of a row, or `None` where the key that the database found is not
    /// the one that it was sent. With a ticket the row is kept.
    fn build<'py>(
        &self,
        row: &Bound<'py, PyTuple>,
        converters: &Converters,
        sent: &Bound<'py, PyAny>,
        key: &Bound<'py, PyString>,
        ticket: Option<&Ticket>,
    ) -> PyResult<Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
        let py = row.py();
        let mut row: Vec<_> = row.iter().collect();
        if !is_same(value(&row, self.key_column)?, sent)? {
            return Ok(None);
        }
        converters.convert(py, &mut row)?;
        if let Some(ticket) = ticket {
            ticket.keep(py, key, &row)?;
        }
        self.pair(py, &row).map(Some)
    }
}

impl RowShape {
    /// The user and the token of a row of converted values.
    pub(super) fn pair<'py>(
        &self,
        py: Python<'py>,
        row: &[Bound<'py, PyAny>],
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (token_shape, user_shape) = (self.token.get(), self.user.get());
        let token = token_shape.build(py, row)?;
        let user = user_shape.build(py, row)?;
        token_shape.relate(py, &token, &user)?;
        user_shape.relate(py, &user, &token)?;
        Ok((user.instance, token.instance))
    }
}

/// What of Django is needed to build around `Model.__init__`.
struct Django {
    model_state: Py<PyType>,
    signals: [Py<PyAny>; 2],
}

impl Django {
    fn get(py: Python<'_>) -> PyResult<&'static Self> {
        static DJANGO: PyOnceLock<Django> = PyOnceLock::new();
        DJANGO.get_or_try_init(py, || {
            let signals = py.import("django.db.models.signals")?;
            Ok(Django {
                model_state: py
                    .import("django.db.models.base")?
                    .getattr("ModelState")?
                    .cast_into()?
                    .unbind(),
                signals: [
                    signals.getattr("pre_init")?.unbind(),
                    signals.getattr("post_init")?.unbind(),
                ],
            })
        })
    }

    /// Whether anybody would hear of an instance of `class` being made.
    fn hears(&self, class: &Bound<'_, PyType>) -> PyResult<bool> {
        let py = class.py();
        for signal in &self.signals {
            let signal = signal.bind(py);
            // Django replaces the list when a receiver dies, so it is asked for each time.
            if signal.getattr(intern!(py, "receivers"))?.is_truthy()?
                && signal
                    .call_method1(intern!(py, "has_listeners"), (class,))?
                    .is_truthy()?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn value<'a, 'py>(row: &'a [Bound<'py, PyAny>], column: usize) -> PyResult<&'a Bound<'py, PyAny>> {
    row.get(column).ok_or_else(|| short_row(row.len()))
}

/// Whether two values read the same, in a time that does not tell where they differ.
fn is_same(found: &Bound<'_, PyAny>, sent: &Bound<'_, PyAny>) -> PyResult<bool> {
    let (found, sent) = (found.str()?, sent.str()?);
    Ok(key::equal(
        found.to_str()?.as_bytes(),
        sent.to_str()?.as_bytes(),
    ))
}

pub(super) fn short_row(columns: usize) -> PyErr {
    PyValueError::new_err(format!(
        "the database returned {columns} columns, fewer than the compiled query selects"
    ))
}

/// `object.__new__(class)`, for a class whose `__new__` that is.
fn allocate<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the class is a heap type of Django's model classes with `object.__new__`, as the
    // compiled look-up has made sure, and that function allocates and does nothing else. The
    // result is a new reference, or null with an error set.
    unsafe {
        Bound::from_owned_ptr_or_err(class.py(), ffi::PyType_GenericAlloc(class.as_type_ptr(), 0))
    }
}

fn set_attributes(instance: &Bound<'_, PyAny>, attributes: &Bound<'_, PyDict>) -> PyResult<()> {
    instance.setattr(intern!(instance.py(), "__dict__"), attributes)
}
