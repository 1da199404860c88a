//! A row of the compiled query, and what it is made into: the token, and what is loaded with it.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::errors::short_row;
use super::instances::{InstanceDecoder, Prepared, has_receivers};
use crate::cache::parts::Parts;

/// What leads from one part of a row to another, as Django's `select_related` follows it.
struct Link {
    /// The index of the part that it starts from.
    parent: usize,
    /// The name under which the parent's `_state.fields_cache` holds the part.
    name: Py<PyAny>,
    /// The name under which the part's holds the parent, where that is its only one.
    back: Option<Py<PyAny>>,
    /// The column of the part's primary key, which is NULL where there is none.
    primary_key: usize,
    /// The parent's column that refers to the part; nothing where the part refers to the parent.
    foreign_key: Option<usize>,
}

/// The fields of a [`Link`], as Python has them.
type Leading = (usize, Py<PyAny>, Option<Py<PyAny>>, usize, Option<usize>);

/// What is prepared for each part.
pub(super) type PreparedParts<'py> = Parts<Prepared<'py>>;

/// The user, where a row has one, and the token.
pub(super) type Pair<'py> = (Option<Bound<'py, PyAny>>, Bound<'py, PyAny>);

/// How a row of the compiled query becomes a token and what is loaded with it.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct RowDecoder {
    token: Py<InstanceDecoder>,
    others: Vec<(Py<InstanceDecoder>, Link)>,
    /// The index of the user's part, where there is one.
    user: Option<usize>,
    key_column: usize,
}

#[pymethods]
impl RowDecoder {
    /// `others` are in the order in which Django loads them, each with what leads to it.
    #[new]
    fn new(
        token: Py<InstanceDecoder>,
        others: Vec<(Py<InstanceDecoder>, Leading)>,
        user: Option<usize>,
        key_column: usize,
    ) -> Self {
        let link = |(parent, name, back, primary_key, foreign_key): Leading| Link {
            parent,
            name,
            back,
            primary_key,
            foreign_key,
        };
        let others = others.into_iter();
        Self {
            token,
            others: others
                .map(|(decoder, leading)| (decoder, link(leading)))
                .collect(),
            user,
            key_column,
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.token)?;
        for (decoder, link) in &self.others {
            visit.call(decoder)?;
            visit.call(&link.name)?;
            visit.call(&link.back)?;
        }
        Ok(())
    }
}

fn is_null(row: &[Bound<'_, PyAny>], column: usize) -> bool {
    row.get(column).is_none_or(PyAnyMethods::is_none)
}

impl RowDecoder {
    /// The column of the key.
    pub(super) const fn key_column(&self) -> usize {
        self.key_column
    }

    fn part(&self, index: usize) -> Option<&InstanceDecoder> {
        match index.checked_sub(1) {
            None => Some(self.token.get()),
            Some(index) => self.others.get(index).map(|(decoder, _)| decoder.get()),
        }
    }

    /// The part, and its attribute, that a column is the value of.
    pub(super) fn attribute(&self, column: usize) -> Option<(usize, &Py<PyString>)> {
        (0..=self.others.len()).find_map(|index| {
            let name = self.part(index)?.attribute(column)?;
            Some((index, name))
        })
    }

    /// The name of a part that a row lacks, and that may appear by a write to no row of these: a
    /// row that refers to its parent, or one that a foreign key without a constraint refers to.
    pub(super) fn may_appear(&self, row: &[Bound<'_, PyAny>]) -> Option<&Py<PyAny>> {
        self.others.iter().find_map(|(_, link)| {
            let is_settled = match link.foreign_key {
                Some(foreign_key) => is_null(row, foreign_key),
                // Where there is no parent either, its own foreign key tells.
                None => link.parent > 0 && self.is_absent(link.parent, row),
            };
            (is_null(row, link.primary_key) && !is_settled).then_some(&link.name)
        })
    }

    fn is_absent(&self, part: usize, row: &[Bound<'_, PyAny>]) -> bool {
        let link = part.checked_sub(1).and_then(|index| self.others.get(index));
        link.is_some_and(|(_, link)| is_null(row, link.primary_key))
    }

    /// What a row of converted values prepares.
    pub(super) fn prepare<'py>(
        &self,
        py: Python<'py>,
        row: &[Bound<'py, PyAny>],
    ) -> PyResult<PreparedParts<'py>> {
        let mut others = Vec::with_capacity(self.others.len());
        for (index, (decoder, _)) in self.others.iter().enumerate() {
            let is_there = !self.is_absent(index + 1, row);
            let prepared = is_there.then(|| decoder.get().prepare(py, row));
            others.push(prepared.transpose()?);
        }
        Ok(Parts::new(self.token.get().prepare(py, row)?, others))
    }

    /// The user, where there is one, and the token that were prepared, for them alone.
    pub(super) fn pair<'py>(
        &self,
        py: Python<'py>,
        prepared: &PreparedParts<'py>,
    ) -> PyResult<Pair<'py>> {
        let has_receivers = has_receivers(py)?;
        let built = prepared.try_map(|index, prepared| {
            let decoder = self.part(index).ok_or_else(short_row)?;
            decoder.build(prepared, has_receivers)
        })?;
        // Django makes what a part leads to before it relates the part itself: where both set the
        // same relation, that is the last.
        for (index, (_, link)) in self.others.iter().enumerate().rev() {
            let Some(parent) = built.get(link.parent) else {
                continue;
            };
            let part = built.get(index + 1);
            parent.relate(&link.name, part)?;
            if let (Some(part), Some(back)) = (part, &link.back) {
                part.relate(back, Some(parent))?;
            }
        }
        let user = self.user.and_then(|index| built.get(index));
        let user = user.map(|user| user.instance.clone());
        Ok((user, built.token().instance.clone()))
    }
}
