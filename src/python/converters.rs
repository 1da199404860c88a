//! Turning the values of a row into those of the model's fields.
//!
//! The functions are Django's. Two of its backend for `SQLite`, one for booleans and one for
//! points in time, run several times for every row and find their work nearly done by the driver;
//! what is left of it is done here without a call. That saves a tenth of the instructions of a
//! miss (callgrind: 293,000 of them, and 328,000 without). Which columns those are is decided by
//! `irontoken.lookup.compiler`.

use std::collections::HashSet;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyDateAccess, PyDateTime, PyInt, PyTimeAccess, PyTzInfo, PyTzInfoAccess,
};

use super::errors::short_row;

/// The conversion of one column.
struct Column {
    index: usize,
    expression: Py<PyAny>,
    functions: Vec<Function>,
    shortcut: Shortcut,
}

/// A function, and whether it is a method of the connection's `ops`, which it is called with.
type Function = (Py<PyAny>, bool);

enum Shortcut {
    None,
    /// `convert_booleanfield_value` alone.
    Boolean,
    /// `convert_datetimefield_value` alone, with the zone that it would attach.
    DateTime(Option<Py<PyTzInfo>>),
}

/// The conversions of one query. No connection is in it, which would live for as long.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct Converters {
    columns: Vec<Column>,
}

#[pymethods]
impl Converters {
    /// `columns` holds (index, expression, functions), each function with whether it is an unbound
    /// method of the connection's `ops`; the indices of `booleans` and `datetimes`
    /// are those whose functions are the known ones; `zone` is for the latter.
    #[new]
    fn new(
        py: Python<'_>,
        columns: Vec<(usize, Py<PyAny>, Vec<Function>)>,
        booleans: HashSet<usize>,
        datetimes: HashSet<usize>,
        zone: Option<Py<PyTzInfo>>,
    ) -> Self {
        let shortcut = |index: usize| {
            if booleans.contains(&index) {
                Shortcut::Boolean
            } else if datetimes.contains(&index) {
                Shortcut::DateTime(zone.as_ref().map(|zone| zone.clone_ref(py)))
            } else {
                Shortcut::None
            }
        };
        let columns = columns
            .into_iter()
            .map(|(index, expression, functions)| Column {
                index,
                expression,
                functions,
                shortcut: shortcut(index),
            })
            .collect();
        Self { columns }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for column in &self.columns {
            visit.call(&column.expression)?;
            for (function, _) in &column.functions {
                visit.call(function)?;
            }
        }
        Ok(())
    }
}

impl Converters {
    /// Converts the values of `row` in place, as `connection` does.
    pub(super) fn convert<'py>(
        &self,
        connection: &Bound<'py, PyAny>,
        row: &mut [Bound<'py, PyAny>],
    ) -> PyResult<()> {
        let py = connection.py();
        let mut ops = None;
        for column in &self.columns {
            let value = row.get_mut(column.index).ok_or_else(short_row)?;
            if let Some(converted) = column.shortcut.convert(py, value)? {
                *value = converted;
                continue;
            }
            for (function, is_of_ops) in &column.functions {
                let function = function.bind(py);
                *value = if *is_of_ops {
                    let ops = match &ops {
                        Some(ops) => ops,
                        None => ops.insert(connection.getattr(intern!(py, "ops"))?),
                    };
                    function.call1((ops, &*value, &column.expression, connection))?
                } else {
                    function.call1((&*value, &column.expression, connection))?
                };
            }
        }
        Ok(())
    }
}

impl Shortcut {
    /// The converted value, or `None` where Django's function has to be asked.
    fn convert<'py>(
        &self,
        py: Python<'py>,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self {
            Self::None => Ok(None),
            Self::Boolean => {
                if value.is_instance_of::<PyBool>() {
                    return Ok(Some(value.clone()));
                }
                let number = value.cast_exact::<PyInt>().ok();
                let number = number.and_then(|number| number.extract::<i64>().ok());
                let is_flag = number.filter(|number| matches!(number, 0 | 1));
                Ok(is_flag.map(|number| PyBool::new(py, number == 1).to_owned().into_any()))
            }
            Self::DateTime(zone) => {
                if value.is_none() {
                    return Ok(Some(value.clone()));
                }
                let Ok(time) = value.cast_exact::<PyDateTime>() else {
                    return Ok(None);
                };
                match zone {
                    Some(zone) if time.get_tzinfo().is_none() => {
                        in_zone(time, zone.bind(py)).map(Some)
                    }
                    _ => Ok(Some(value.clone())),
                }
            }
        }
    }
}

/// `time.replace(tzinfo=zone)`.
fn in_zone<'py>(
    time: &Bound<'py, PyDateTime>,
    zone: &Bound<'py, PyTzInfo>,
) -> PyResult<Bound<'py, PyAny>> {
    let time = PyDateTime::new_with_fold(
        time.py(),
        time.get_year(),
        time.get_month(),
        time.get_day(),
        time.get_hour(),
        time.get_minute(),
        time.get_second(),
        time.get_microsecond(),
        Some(zone),
        time.get_fold(),
    )?;
    Ok(time.into_any())
}
