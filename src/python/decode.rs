//! From a row of the compiled query to a pair of instances, and into the cache.

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::converters::Converters;
use super::errors::short_row;
use super::lookup::FillPermit;
use super::row_decoder::{Pair, RowDecoder};
use crate::credentials::random_key;

/// The user, where the row has one, and the token; `None` where the key that the database found is not the one
/// that it was sent. With a permit the row is stored.
#[pyfunction]
#[pyo3(signature = (decoder, row, connection, converters, sent, key, permit))]
pub(super) fn decode_row<'py>(
    decoder: &RowDecoder,
    row: &Bound<'py, PyTuple>,
    connection: &Bound<'py, PyAny>,
    converters: &Converters,
    sent: &Bound<'py, PyAny>,
    key: &Bound<'py, PyString>,
    permit: Option<&FillPermit>,
) -> PyResult<Option<Pair<'py>>> {
    let py = row.py();
    let mut row: Vec<_> = row.iter().collect();
    let found = row.get(decoder.key_column()).ok_or_else(short_row)?;
    if !is_same(found, sent)? {
        return Ok(None);
    }
    converters.convert(connection, &mut row)?;
    let prepared = decoder.prepare(py, &row)?;
    if let Some(permit) = permit {
        permit.store(py, key, &row, &prepared)?;
    }
    decoder.pair(py, &prepared).map(Some)
}

/// Whether two values read the same, in a time that does not tell where they differ.
fn is_same(found: &Bound<'_, PyAny>, sent: &Bound<'_, PyAny>) -> PyResult<bool> {
    let (found, sent) = (found.str()?, sent.str()?);
    Ok(random_key::equal(
        found.to_str()?.as_bytes(),
        sent.to_str()?.as_bytes(),
    ))
}
