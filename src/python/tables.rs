//! The tracked tables as Python holds them, and the slots of Python's values.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};

use super::values::is_uuid;
use crate::sql::{Dialect, tables};

/// The tables whose writes matter, and what their database does by itself.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct TrackedTables(Arc<tables::TrackedTables>);

#[pymethods]
impl TrackedTables {
    /// Whether a table is one of those.
    fn has(&self, table: &str) -> bool {
        self.0.is_tracked(table)
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
        Ok(Self(Arc::new(tables::TrackedTables::new(
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

impl TrackedTables {
    pub(super) fn domain(&self) -> Arc<tables::TrackedTables> {
        Arc::clone(&self.0)
    }
}

/// A column by the names that Python has for its owner and its kind.
pub(super) fn column(owner: &str, kind: &str) -> PyResult<tables::Column> {
    let owner = match owner {
        "token" => tables::Owner::Token,
        "user" => tables::Owner::User,
        other => return Err(PyValueError::new_err(format!("no owner is called {other}"))),
    };
    let kind = match kind {
        "integer" => tables::Kind::Integer,
        "text" => tables::Kind::Text,
        "uuid" => tables::Kind::Uuid,
        other => return Err(PyValueError::new_err(format!("no kind is called {other}"))),
    };
    Ok(tables::Column { owner, kind })
}

/// The slot of a Python value, where one can be told.
pub(super) fn slot(column: tables::Column, value: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
    if let Ok(number) = value.cast_exact::<PyInt>() {
        return Ok(number
            .extract()
            .ok()
            .and_then(|number| column.slot(tables::Value::Integer(number))));
    }
    if let Ok(text) = value.cast_exact::<PyString>() {
        return Ok(text
            .to_str()
            .ok()
            .and_then(|text| column.slot(tables::Value::Text(text))));
    }
    if is_uuid(value)? {
        return Ok(column.slot(tables::Value::Text(value.str()?.to_str()?)));
    }
    Ok(None)
}
