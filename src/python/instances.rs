//! Model instances made of a database row, as `Model.from_db` would make them.
//!
//! What a row's columns mean, and whether a class may be built around its `__init__`, is decided
//! by `irontoken.lookup.compiler` when it compiles the query.

use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};
use pyo3::{ffi, intern};

use super::errors::short_row;
use super::hooks::Models;

/// An attribute, the column of the row that holds its value, and whether it is a foreign key.
type Column = (Py<PyString>, usize, bool);

/// How one model's part of a row becomes an instance.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct InstanceDecoder {
    class: Py<PyType>,
    /// What makes an instance where Django is to make it.
    from_db: Py<PyAny>,
    alias: Py<PyString>,
    /// The attributes of the instance's `_state`.
    state: Vec<(Py<PyString>, Py<PyAny>)>,
    /// The class may be built around `__init__` while nobody listens to its signals.
    direct: bool,
    columns: Vec<Column>,
    /// The name under which `_state.fields_cache` holds the other instance, if it does.
    relation: Option<Py<PyAny>>,
    /// The instance's `__dict__` before its values are known, where a descriptor of the class
    /// stands in the way of setting them one by one.
    attributes: Option<Py<PyDict>>,
}

#[pymethods]
impl InstanceDecoder {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "one for each of the fields")]
    fn new(
        py: Python<'_>,
        class: Py<PyType>,
        from_db: Py<PyAny>,
        alias: Py<PyString>,
        state: Vec<(Py<PyString>, Py<PyAny>)>,
        direct: bool,
        has_descriptors: bool,
        columns: Vec<Column>,
        relation: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        if direct {
            must_be_plain(class.bind(py))?;
            must_be_plain(Models::get(py)?.model_state.bind(py))?;
        }
        let attributes = has_descriptors.then(|| PyDict::new(py));
        if let Some(attributes) = &attributes {
            attributes.set_item(intern!(py, "_state"), py.None())?;
            for (attname, ..) in &columns {
                attributes.set_item(attname, py.None())?;
            }
        }
        Ok(Self {
            class,
            from_db,
            alias,
            state,
            direct,
            columns,
            relation,
            attributes: attributes.map(Bound::unbind),
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.class)?;
        visit.call(&self.from_db)?;
        for (_, value) in &self.state {
            visit.call(value)?;
        }
        visit.call(&self.relation)?;
        visit.call(&self.attributes)
    }
}

impl InstanceDecoder {
    fn build<'py>(
        &self,
        py: Python<'py>,
        row: &(impl Values<'py> + ?Sized),
    ) -> PyResult<Built<'py>> {
        let class = self.class.bind(py);
        if !self.direct || somebody_listens(class)? {
            return self.build_by_django(py, row);
        }
        let state = allocate(Models::get(py)?.model_state.bind(py))?;
        for (name, value) in &self.state {
            set_attribute(&state, name.bind(py), value.bind(py))?;
        }
        let instance = allocate(class)?;
        let mut has_fields_cache = false;
        if let Some(attributes) = &self.attributes {
            let attributes = attributes.bind(py).copy()?;
            attributes.set_item(intern!(py, "_state"), &state)?;
            for (attname, column, is_foreign_key) in &self.columns {
                let value = row.value(py, *column)?;
                has_fields_cache |= *is_foreign_key && !value.is_none();
                attributes.set_item(attname, value)?;
            }
            instance.setattr(intern!(py, "__dict__"), attributes)?;
        } else {
            set_attribute(&instance, intern!(py, "_state"), &state)?;
            for (attname, column, _) in &self.columns {
                set_attribute(&instance, attname.bind(py), row.value(py, *column)?)?;
            }
        }
        if has_fields_cache && self.relation.is_none() {
            // Setting a foreign key makes Django look whether an instance is cached for it.
            set_attribute(&state, intern!(py, "fields_cache"), &PyDict::new(py))?;
        }
        Ok(Built {
            instance,
            state,
            direct: true,
        })
    }

    fn build_by_django<'py>(
        &self,
        py: Python<'py>,
        row: &(impl Values<'py> + ?Sized),
    ) -> PyResult<Built<'py>> {
        let attnames = PyList::new(py, self.columns.iter().map(|(attname, ..)| attname))?;
        let values: PyResult<Vec<_>> = self
            .columns
            .iter()
            .map(|(_, column, _)| row.value(py, *column))
            .collect();
        let values = PyTuple::new(py, values?)?;
        let instance = self
            .from_db
            .bind(py)
            .call1((&self.alias, attnames, values))?;
        let state = instance.getattr(intern!(py, "_state"))?;
        Ok(Built {
            instance,
            state,
            direct: false,
        })
    }

    /// Lets `built` know its other half, as Django's `RelatedPopulator` does.
    fn relate<'py>(&self, py: Python<'py>, built: &Built<'py>, other: &Built<'py>) -> PyResult<()> {
        let Some(relation) = &self.relation else {
            return Ok(());
        };
        if !built.direct {
            return built
                .state
                .getattr(intern!(py, "fields_cache"))?
                .set_item(relation, &other.instance);
        }
        let fields_cache = PyDict::new(py);
        fields_cache.set_item(relation, &other.instance)?;
        set_attribute(&built.state, intern!(py, "fields_cache"), &fields_cache)
    }
}

/// A row of converted values.
pub(super) trait Values<'py> {
    /// The value of a column, or `None` past the last one.
    fn get<'a>(&'a self, py: Python<'py>, column: usize) -> Option<&'a Bound<'py, PyAny>>;

    /// The value of a column.
    fn value<'a>(&'a self, py: Python<'py>, column: usize) -> PyResult<&'a Bound<'py, PyAny>> {
        self.get(py, column).ok_or_else(short_row)
    }
}

impl<'py> Values<'py> for [Bound<'py, PyAny>] {
    fn get<'a>(&'a self, _py: Python<'py>, column: usize) -> Option<&'a Bound<'py, PyAny>> {
        <[_]>::get(self, column)
    }
}

/// An instance whose relation to the other one is still to be set.
struct Built<'py> {
    instance: Bound<'py, PyAny>,
    state: Bound<'py, PyAny>,
    /// Built here, and so without a `fields_cache` that anybody has seen.
    direct: bool,
}

/// How a row of the compiled query becomes a token and its user.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct RowDecoder {
    token: Py<InstanceDecoder>,
    user: Py<InstanceDecoder>,
    key_column: usize,
}

#[pymethods]
impl RowDecoder {
    #[new]
    fn new(token: Py<InstanceDecoder>, user: Py<InstanceDecoder>, key_column: usize) -> Self {
        Self {
            token,
            user,
            key_column,
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.token)?;
        visit.call(&self.user)
    }
}

impl RowDecoder {
    /// The column of the key.
    pub(super) const fn key_column(&self) -> usize {
        self.key_column
    }

    /// The user and the token of a row of converted values.
    pub(super) fn pair<'py>(
        &self,
        py: Python<'py>,
        row: &(impl Values<'py> + ?Sized),
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (token_shape, user_shape) = (self.token.get(), self.user.get());
        let token = token_shape.build(py, row)?;
        let user = user_shape.build(py, row)?;
        token_shape.relate(py, &token, &user)?;
        user_shape.relate(py, &user, &token)?;
        Ok((user.instance, token.instance))
    }
}

/// Whether anybody listens to instances of `class` being made.
fn somebody_listens(class: &Bound<'_, PyType>) -> PyResult<bool> {
    let py = class.py();
    for signal in &Models::get(py)?.init_signals {
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

/// Refuses a class whose instances `object.__new__` does not make, such as one built on `dict`.
fn must_be_plain(class: &Bound<'_, PyType>) -> PyResult<()> {
    // SAFETY: both are type objects of the attached interpreter, whose slot is only read.
    let (own, plain) = unsafe {
        let plain = &raw const ffi::PyBaseObject_Type;
        ((*class.as_type_ptr()).tp_new, (*plain).tp_new)
    };
    if own.map(|function| function as usize) == plain.map(|function| function as usize) {
        return Ok(());
    }
    Err(PyTypeError::new_err(format!(
        "{} has a __new__ of its own",
        class.name()?
    )))
}

/// `object.__new__(class)`, for a class that [`must_be_plain`] has let pass.
fn allocate<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: `object.__new__` is the class's own, as `must_be_plain` has made sure, and does
    // nothing but this. The result is a new reference, or null with an error set.
    unsafe {
        Bound::from_owned_ptr_or_err(class.py(), ffi::PyType_GenericAlloc(class.as_type_ptr(), 0))
    }
}

/// `object.__setattr__(instance, name, value)`, for a class whose `__setattr__` that is.
fn set_attribute<'py>(
    instance: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    value: &Bound<'py, PyAny>,
) -> PyResult<()> {
    // SAFETY: all three are live objects of the attached interpreter, and the function takes new
    // references of its own where it keeps them.
    let status =
        unsafe { ffi::PyObject_GenericSetAttr(instance.as_ptr(), name.as_ptr(), value.as_ptr()) };
    if status == 0 {
        Ok(())
    } else {
        Err(PyErr::fetch(instance.py()))
    }
}
