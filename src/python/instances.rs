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
use super::request::attributes;

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
    /// Its `_state.fields_cache` holds another instance of the row.
    is_related: bool,
    /// The instance's `__dict__` before its values are known.
    template: Py<PyDict>,
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
        columns: Vec<Column>,
        is_related: bool,
    ) -> PyResult<Self> {
        let template = if direct {
            must_be_plain(class.bind(py))?;
            must_be_plain(Models::get(py)?.model_state.bind(py))?;
            // An instance's own shares its names with those of all others of the class.
            attributes(&object_new(class.bind(py))?)?
        } else {
            PyDict::new(py)
        };
        template.set_item(intern!(py, "_state"), py.None())?;
        for (attname, ..) in &columns {
            template.set_item(attname, py.None())?;
        }
        Ok(Self {
            class,
            from_db,
            alias,
            state,
            direct,
            columns,
            is_related,
            template: template.unbind(),
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.class)?;
        visit.call(&self.from_db)?;
        for (_, value) in &self.state {
            visit.call(value)?;
        }
        visit.call(&self.template)
    }
}

impl InstanceDecoder {
    /// The instance's `__dict__`, but for its `_state`, with the values of a row.
    pub(super) fn prepare<'py>(
        &self,
        py: Python<'py>,
        row: &[Bound<'py, PyAny>],
    ) -> PyResult<Prepared<'py>> {
        let prepared = self.template.bind(py).copy()?;
        for (attname, column, _) in &self.columns {
            let value = row.get(*column).ok_or_else(short_row)?;
            prepared.set_item(attname, value)?;
        }
        Ok(prepared)
    }

    /// The instance whose `__dict__` becomes what was prepared for it alone.
    pub(super) fn build<'py>(
        &self,
        prepared: &Prepared<'py>,
        has_receivers: bool,
    ) -> PyResult<Built<'py>> {
        let py = prepared.py();
        let class = self.class.bind(py);
        if !self.direct || (has_receivers && somebody_listens(class)?) {
            return self.build_by_django(prepared);
        }
        let state = object_new(Models::get(py)?.model_state.bind(py))?;
        for (name, value) in &self.state {
            set_attribute(&state, name.bind(py), value.bind(py))?;
        }
        // Setting a foreign key makes Django look whether an instance is cached for it.
        let mut fields_cache = None;
        if self.is_related || self.has_foreign_key(prepared)? {
            let empty = PyDict::new(py);
            set_attribute(&state, intern!(py, "fields_cache"), &empty)?;
            fields_cache = Some(empty);
        }
        prepared.set_item(intern!(py, "_state"), &state)?;
        let instance = with_attributes(class, prepared)?;
        Ok(Built {
            instance,
            state,
            fields_cache,
        })
    }

    fn build_by_django<'py>(&self, prepared: &Prepared<'py>) -> PyResult<Built<'py>> {
        let py = prepared.py();
        let attnames = PyList::new(py, self.columns.iter().map(|(attname, ..)| attname))?;
        let mut values = Vec::with_capacity(self.columns.len());
        for (attname, ..) in &self.columns {
            values.push(prepared.get_item(attname)?);
        }
        let values = PyTuple::new(py, values)?;
        let instance = self
            .from_db
            .bind(py)
            .call1((&self.alias, attnames, values))?;
        let state = instance.getattr(intern!(py, "_state"))?;
        Ok(Built {
            instance,
            state,
            fields_cache: None,
        })
    }

    /// The attribute that a column is the value of.
    pub(super) fn attribute(&self, column: usize) -> Option<&Py<PyString>> {
        let mut columns = self.columns.iter();
        columns.find_map(|(attname, index, _)| (*index == column).then_some(attname))
    }

    fn has_foreign_key(&self, prepared: &Prepared<'_>) -> PyResult<bool> {
        for (attname, _, is_foreign_key) in &self.columns {
            if *is_foreign_key
                && let Some(value) = prepared.get_item(attname)?
                && !value.is_none()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// An instance's `__dict__` that is complete but for its `_state`.
pub(super) type Prepared<'py> = Bound<'py, PyDict>;

/// An instance whose relations to the others of its row are still to be set.
pub(super) struct Built<'py> {
    pub(super) instance: Bound<'py, PyAny>,
    state: Bound<'py, PyAny>,
    /// Its state's, where it was built here.
    fields_cache: Option<Bound<'py, PyDict>>,
}

impl<'py> Built<'py> {
    /// Lets it know another instance, or that there is none, as Django's `RelatedPopulator` does.
    pub(super) fn relate(&self, name: &Py<PyAny>, other: Option<&Built<'py>>) -> PyResult<()> {
        let py = self.instance.py();
        let other = other.map(|other| &other.instance);
        match &self.fields_cache {
            Some(fields_cache) => fields_cache.set_item(name, other),
            None => self
                .state
                .getattr(intern!(py, "fields_cache"))?
                .set_item(name, other),
        }
    }
}

/// Whether anybody listens to instances of any model being made.
pub(super) fn has_receivers(py: Python<'_>) -> PyResult<bool> {
    for attributes in &Models::get(py)?.init_signal_attributes {
        // Django replaces the list when a receiver dies, so it is asked for each time.
        let receivers = attributes.bind(py).get_item(intern!(py, "receivers"))?;
        if receivers.map_or(Ok(true), |list| list.is_truthy())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether anybody listens to instances of `class` being made.
fn somebody_listens(class: &Bound<'_, PyType>) -> PyResult<bool> {
    let py = class.py();
    for signal in &Models::get(py)?.init_signals {
        let has_listeners = intern!(py, "has_listeners");
        if signal
            .bind(py)
            .call_method1(has_listeners, (class,))?
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
fn object_new<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    let no_arguments = PyTuple::empty(py);
    // SAFETY: `object.__new__` is the class's own, as `must_be_plain` has made sure; it takes a
    // tuple, and null for no keywords. The result is a new reference, or null with an error set.
    unsafe {
        let plain = &raw const ffi::PyBaseObject_Type;
        let Some(new) = (*plain).tp_new else {
            return Err(PyTypeError::new_err("object has no __new__"));
        };
        let instance = new(
            class.as_type_ptr(),
            no_arguments.as_ptr(),
            std::ptr::null_mut(),
        );
        Bound::from_owned_ptr_or_err(py, instance)
    }
}

/// An instance of a class that [`must_be_plain`] has let pass, with this `__dict__`.
fn with_attributes<'py>(
    class: &Bound<'py, PyType>,
    attributes: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: `object.__new__`, which is the class's own, does no more than this, but for the room
    // for attributes that have no dict yet. The result is a new reference, or null with an error.
    let instance = unsafe {
        let instance = ffi::PyType_GenericAlloc(class.as_type_ptr(), 0);
        Bound::from_owned_ptr_or_err(class.py(), instance)?
    };
    set_dict(&instance, attributes)?;
    Ok(instance)
}

/// `instance.__dict__ = attributes`.
fn set_dict(instance: &Bound<'_, PyAny>, attributes: &Bound<'_, PyDict>) -> PyResult<()> {
    let py = instance.py();
    if Models::get(py)?.sets_dict_by_name {
        return instance.setattr(intern!(py, "__dict__"), attributes);
    }
    // SAFETY: both are live objects of the attached interpreter, the unused context may be null,
    // and the function takes a reference of its own.
    let status = unsafe {
        let unused = std::ptr::null_mut();
        ffi::PyObject_GenericSetDict(instance.as_ptr(), attributes.as_ptr(), unused)
    };
    if status == 0 {
        Ok(())
    } else {
        Err(PyErr::fetch(py))
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
