//! The cached lookup of one model in one database, and the permit to fill it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::bus_session::Lease;
use super::cache::{Cache, Row};
use super::containers;
use super::hooks::Hooks;
use super::instances::{PreparedPair, RowDecoder};
use super::interceptor::WriteInterceptor;
use super::tables::{column, slot};
use super::values::{is_shareable, weight};
use crate::cache::entry::{Entry, EntryVersion};
use crate::coherence::version_file::MappedVersions;
use crate::coherence::versions::Slots;
use crate::coherence::{clock, lease};
use crate::sql::tables::Column;

/// The lookup of one model on one database alias.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct CachedLookup {
    cache: Py<Cache>,
    /// What is heard of other hosts, where that is waited for.
    lease: Option<Arc<lease::Lease>>,
    space: u32,
    decoder: Py<RowDecoder>,
    token: (usize, Column),
    user: (usize, Column),
    /// The key's column and the token's attribute of it, where the key itself is its value.
    key: Option<(usize, Py<PyString>)>,
    /// Columns of times and the seconds after the last of them at which the row ends.
    limits: Vec<(Vec<usize>, f64)>,
    /// Who records a token's use, once in so long.
    record_use: Option<(Py<PyAny>, Duration)>,
}

#[pymethods]
impl CachedLookup {
    /// `token` and `user` are the columns of the primary keys, each (index, kind).
    #[new]
    #[expect(clippy::too_many_arguments, reason = "it is built in one place")]
    fn new(
        py: Python<'_>,
        cache: Py<Cache>,
        lease: Option<&Bound<'_, Lease>>,
        space: u32,
        decoder: Py<RowDecoder>,
        token: (usize, String),
        user: (usize, String),
        key_column: Option<usize>,
        limits: Vec<(Vec<usize>, f64)>,
        record_use: Option<Py<PyAny>>,
        interval: f64,
    ) -> PyResult<Self> {
        cache.get().rows.missed();
        let attribute = |column| decoder.get().attribute(column);
        let key = key_column.and_then(|column| Some((column, attribute(column)?.1.clone_ref(py))));
        Ok(Self {
            cache,
            lease: lease.map(|lease| lease.get().domain()),
            space,
            decoder,
            key,
            token: (token.0, column("token", &token.1)?),
            user: (user.0, column("user", &user.1)?),
            limits,
            record_use: record_use.map(|hook| {
                let interval = Duration::try_from_secs_f64(interval).unwrap_or_default();
                (hook, interval)
            }),
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.cache)?;
        visit.call(&self.decoder)?;
        match &self.record_use {
            Some((hook, _)) => visit.call(hook),
            None => Ok(()),
        }
    }

    /// A permit to store a row that is about to be read on `connection`, unless it must not be.
    fn open(
        slf: &Bound<'_, Self>,
        interceptor: &WriteInterceptor,
        connection: &Bound<'_, PyAny>,
    ) -> PyResult<Option<FillPermit>> {
        if !interceptor.may_fill(connection)? {
            return Ok(None);
        }
        let now = Instant::now();
        let lookup = slf.get();
        let cache = lookup.cache.get();
        let Some(mapped) = lookup.for_reading(now) else {
            return Ok(None);
        };
        cache.report_to(&mapped);
        if cache.version_file.was_lost() {
            Hooks::get(slf.py())?.version_file_lost.call0(slf.py())?;
        }
        Ok(Some(FillPermit {
            lookup: slf.clone().unbind(),
            version: lookup.version(&mapped),
            mapped,
            now,
        }))
    }
}

impl CachedLookup {
    /// The version of the host, where those of the fleet can be relied on too.
    fn for_reading(&self, now: Instant) -> Option<Arc<MappedVersions>> {
        let runs = |lease: &Arc<lease::Lease>| lease.runs(clock::now());
        if self.lease.as_ref().is_none_or(runs) {
            let cache = self.cache.get();
            let report = |mapped: &MappedVersions| cache.report_to(mapped);
            cache.version_file.for_reading(now, report)
        } else {
            None
        }
    }

    fn version(&self, mapped: &MappedVersions) -> EntryVersion {
        EntryVersion {
            host: mapped.versions.current(),
            fleet: self.lease.as_ref().map_or(0, |lease| lease.current()),
        }
    }

    fn are_current(&self, mapped: &MappedVersions, slots: Slots, version: EntryVersion) -> bool {
        let are_current = |lease: &Arc<lease::Lease>| lease.are_current(slots, version.fleet);
        mapped.are_current(slots, version.host) && self.lease.as_ref().is_none_or(are_current)
    }

    /// The user and the token of a key, where the cache has them.
    pub(super) fn hit<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyString>,
    ) -> PyResult<Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
        let cache = self.cache.get();
        let now = Instant::now();
        let Some(mapped) = self.for_reading(now) else {
            return Ok(None);
        };
        let Ok(text) = key.to_str() else {
            return Ok(None); // a lone surrogate, of which the query says what there is to say
        };
        let fingerprint = cache.rows.fingerprint(text);
        let is_current = |slots, version| self.are_current(&mapped, slots, version);
        let Some(entry) = cache
            .rows
            .get(self.space_in(&mapped), fingerprint, is_current, now)
        else {
            return Ok(None);
        };
        let prepared = PreparedPair {
            token: entry.row.token.bind(py).copy()?,
            user: entry.row.user.bind(py).copy()?,
        };
        if let Some((_, attribute)) = &self.key {
            prepared.token.set_item(attribute, key)?;
        }
        for (half, attribute) in &entry.row.containers {
            let attributes = prepared.half(*half);
            let value = attributes.get_item(attribute)?;
            let copied = value.map(|value| containers::copy(&value)).transpose()?;
            let Some(copied) = copied.flatten() else {
                return Ok(None);
            };
            attributes.set_item(attribute, copied)?;
        }
        let (user, token) = self.decoder.get().pair(prepared)?;
        if let Some((hook, interval)) = &self.record_use
            && entry.is_due(clock::now(), *interval)
        {
            hook.call1(py, (&token,))?;
        }
        Ok(Some((user, token)))
    }

    /// When a row ends by itself: at the first of its limits, each after the last of its times.
    fn until(&self, values: &[Bound<'_, PyAny>]) -> PyResult<Option<f64>> {
        let mut until: Option<f64> = None;
        for (columns, seconds) in &self.limits {
            let mut last: Option<f64> = None;
            for value in columns.iter().filter_map(|column| values.get(*column)) {
                if !value.is_none() {
                    let time: f64 = value
                        .call_method0(intern!(value.py(), "timestamp"))?
                        .extract()?;
                    last = Some(last.map_or(time, |last| last.max(time)));
                }
            }
            if let Some(end) = last.map(|last| last + seconds) {
                until = Some(until.map_or(end, |until| until.min(end)));
            }
        }
        Ok(until)
    }

    fn space_in(&self, mapped: &MappedVersions) -> u64 {
        u64::from(mapped.generation) << 32 | u64::from(self.space)
    }
}

/// Leave to store one row, with the versions that were current before it is read.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct FillPermit {
    lookup: Py<CachedLookup>,
    mapped: Arc<MappedVersions>,
    version: EntryVersion,
    now: Instant,
}

#[pymethods]
impl FillPermit {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.lookup)
    }
}

impl FillPermit {
    /// Keeps a row that was found by `key`, if its values can be shared.
    pub(super) fn store(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyString>,
        values: &[Bound<'_, PyAny>],
        prepared: &PreparedPair<'_>,
    ) -> PyResult<()> {
        let lookup = self.lookup.get();
        let cache = lookup.cache.get();
        let key_column = lookup.key.as_ref().map(|(column, _)| *column);
        let mut bytes = 0;
        let mut copied = Vec::new();
        for (index, value) in values.iter().enumerate() {
            if is_shareable(value)? {
                if Some(index) != key_column {
                    bytes += weight(value)?;
                }
                continue;
            }
            let attribute = lookup.decoder.get().attribute(index);
            let (Some((half, attribute)), Some((copy, weight))) =
                (attribute, containers::weighed_copy(value)?)
            else {
                let name = attribute.map_or_else(String::new, |(_, name)| name.to_string());
                let class = value.get_type().qualname()?;
                *cache.uncacheable.lock() = Some(format!(
                    "{name} holds a {class} that cannot be copied for each request: what is in it \
                     could be changed in place, or is too much"
                ));
                return Ok(());
            };
            bytes += weight;
            copied.push((half, attribute.clone_ref(py), copy));
        }
        let slot_of = |(index, column): (usize, Column)| match values.get(index) {
            Some(value) => slot(column, value),
            None => Ok(None),
        };
        let (Some(token), Some(user)) = (slot_of(lookup.token)?, slot_of(lookup.user)?) else {
            return Ok(());
        };
        let until = lookup.until(values)?;
        let stored = PreparedPair {
            token: prepared.token.copy()?,
            user: prepared.user.copy()?,
        };
        if let Some((_, attribute)) = &lookup.key {
            stored.token.set_item(attribute, py.None())?;
        }
        for (half, attribute, copy) in &copied {
            stored.half(*half).set_item(attribute, copy)?;
        }
        bytes += weight(&stored.token)? + weight(&stored.user)?;
        let entry = Entry {
            slots: Slots { token, user },
            version: self.version,
            read_at: self.now,
            until,
            last_recorded: AtomicU64::new(0),
            bytes,
            row: Row {
                token: stored.token.unbind(),
                user: stored.user.unbind(),
                containers: copied
                    .into_iter()
                    .map(|(half, attribute, _)| (half, attribute))
                    .collect(),
            },
        };
        let fingerprint = cache.rows.fingerprint(key.to_str()?);
        cache
            .rows
            .put(lookup.space_in(&self.mapped), fingerprint, entry);
        Ok(())
    }
}
