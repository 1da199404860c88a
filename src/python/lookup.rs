//! The cached lookup of one model in one database, and the permit to fill it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::bus_session::Lease;
use super::cache::{Cache, Container, Row};
use super::containers;
use super::hooks::Hooks;
use super::interceptor::WriteInterceptor;
use super::row_decoder::{Pair, PreparedParts, RowDecoder};
use super::tables::{column, slot};
use super::values::{is_shareable, weight};
use crate::cache::entry::{Entry, EntryVersion};
use crate::coherence::lease;
use crate::coherence::version_file::MappedVersions;
use crate::coherence::versions::{Slots, WriteSet};
use crate::platform;
use crate::sql::tables::{Column, Owner};

/// The lookup of one model on one database alias.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct CachedLookup {
    cache: Py<Cache>,
    /// What is heard of other hosts, where that is waited for.
    lease: Option<Arc<lease::Lease>>,
    space: u32,
    decoder: Py<RowDecoder>,
    /// The columns by which a write names what the row was read of.
    identifying: Vec<(usize, Column)>,
    /// The key's column and the token's attribute of it, where the key itself is its value.
    key: Option<(usize, Py<PyString>)>,
    /// Columns of times and the seconds after the last of them at which the row ends.
    limits: Vec<(Vec<usize>, f64)>,
    /// Who records a token's use, once in so long.
    record_use: Option<(Py<PyAny>, Duration)>,
}

#[pymethods]
impl CachedLookup {
    /// `identifying` are the columns by which a write names what the row was read of, each
    /// (index, owner, kind).
    #[new]
    #[expect(clippy::too_many_arguments, reason = "it is built in one place")]
    fn new(
        py: Python<'_>,
        cache: Py<Cache>,
        lease: Option<&Bound<'_, Lease>>,
        space: u32,
        decoder: Py<RowDecoder>,
        identifying: Vec<(usize, String, String)>,
        key_column: Option<usize>,
        limits: Vec<(Vec<usize>, f64)>,
        record_use: Option<Py<PyAny>>,
        interval: f64,
    ) -> PyResult<Self> {
        let attribute = |column| decoder.get().attribute(column);
        let key = key_column.and_then(|column| Some((column, attribute(column)?.1.clone_ref(py))));
        let columns: PyResult<Vec<_>> = identifying
            .into_iter()
            .map(|(index, owner, kind)| Ok((index, column(&owner, &kind)?)))
            .collect();
        Ok(Self {
            cache,
            lease: lease.map(|lease| lease.get().domain()),
            space,
            decoder,
            key,
            identifying: columns?,
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
        let now = Instant::now();
        let lookup = slf.get();
        let cache = lookup.cache.get();
        cache.rows.missed();
        if let Some(reason) = interceptor.fill_obstacle(connection)? {
            cache.count_uncacheable(reason);
            return Ok(None);
        }
        let Some(mapped) = lookup.for_reading(now, || ()) else {
            cache.count_uncacheable("the versions of this host or of the fleet cannot be read");
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
    /// The versions of the host, where those of the fleet can be relied on too.
    fn for_reading(&self, now: Instant, looked: impl FnOnce()) -> Option<Arc<MappedVersions>> {
        let runs = |lease: &Arc<lease::Lease>| lease.runs(platform::now());
        if self.lease.as_ref().is_none_or(runs) {
            self.cache.get().version_file.for_reading(now, looked)
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

    /// The user, where the row has one, and the token of a key, where the cache has them.
    pub(super) fn hit<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyString>,
    ) -> PyResult<Option<Pair<'py>>> {
        let cache = self.cache.get();
        let now = Instant::now();
        let mut is_due = false;
        let Some(mapped) = self.for_reading(now, || is_due = true) else {
            return Ok(None);
        };
        let Ok(text) = key.to_str() else {
            return Ok(None); // a lone surrogate, of which the query says what there is to say
        };
        let fingerprint = cache.rows.fingerprint(text);
        let is_current = |slots, version| self.are_current(&mapped, slots, version);
        let found = cache
            .rows
            .get(self.space_in(&mapped), fingerprint, is_current, now);
        // With this hit: on a quiet site the next one may be long in coming.
        if is_due {
            cache.report_to(&mapped);
        }
        let Some(entry) = found else {
            return Ok(None);
        };
        let prepared: PreparedParts<'_> = entry
            .row
            .parts
            .try_map(|_, attributes| attributes.bind(py).copy())?;
        if let Some((_, attribute)) = &self.key {
            prepared.token().set_item(attribute, key)?;
        }
        for container in &entry.row.containers {
            let Some(attributes) = prepared.get(container.part) else {
                continue;
            };
            let Some(value) = attributes.get_item(&container.attribute)? else {
                continue;
            };
            let copied = if container.is_flat {
                containers::copy_flat(&value)?
            } else {
                containers::copy(&value)?
            };
            let Some(copied) = copied else {
                return Ok(None);
            };
            attributes.set_item(&container.attribute, copied)?;
        }
        let (user, token) = self.decoder.get().pair(py, &prepared)?;
        if let Some((hook, interval)) = &self.record_use
            && entry.is_due(platform::now(), *interval)
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
        prepared: &PreparedParts<'_>,
    ) -> PyResult<()> {
        let lookup = self.lookup.get();
        let cache = lookup.cache.get();
        if let Some(name) = lookup.decoder.get().may_appear(values) {
            cache.count_uncacheable(&format!(
                "its {name} has no row, and one that is inserted would not be noticed"
            ));
            return Ok(());
        }
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
            let (Some((part, attribute)), Some((copy, weight))) =
                (attribute, containers::weighed_copy(value)?)
            else {
                let name = attribute.map_or_else(String::new, |(_, name)| name.to_string());
                let class = value.get_type().qualname()?;
                cache.count_uncacheable(&format!(
                    "{name} holds a {class} that cannot be copied for each request: what is in it \
                     could be changed in place, or is too much"
                ));
                return Ok(());
            };
            bytes += weight;
            let attribute = attribute.clone_ref(py);
            let is_flat = containers::is_flat(&copy)?;
            let container = Container {
                part,
                attribute,
                is_flat,
            };
            copied.push((container, copy));
        }
        let mut written = WriteSet::default();
        for (index, column) in &lookup.identifying {
            let value = values.get(*index).filter(|value| !value.is_none());
            let Some(value) = value else {
                continue; // no condition of a write is true of it
            };
            let Some(slot) = slot(*column, value)? else {
                cache.count_uncacheable(
                    "a primary key has a value that the database may find by another spelling",
                );
                return Ok(());
            };
            match column.owner {
                Owner::Token => written.tokens.push(slot),
                Owner::User => written.users.push(slot),
            }
        }
        let (slots, related) = written.slots();
        let until = lookup.until(values)?;
        let stored: PreparedParts<'_> = prepared.try_map(|_, attributes| attributes.copy())?;
        if let Some((_, attribute)) = &lookup.key {
            stored.token().set_item(attribute, py.None())?;
        }
        for (container, copy) in &copied {
            if let Some(attributes) = stored.get(container.part) {
                attributes.set_item(&container.attribute, copy)?;
            }
        }
        for attributes in stored.iter() {
            bytes += weight(attributes)?;
        }
        let entry = Entry {
            slots,
            related,
            version: self.version,
            read_at: self.now,
            until,
            last_recorded: AtomicU64::new(0),
            bytes,
            row: Row {
                parts: stored.try_map(|_, part| Ok::<_, PyErr>(part.clone().unbind()))?,
                containers: copied.into_iter().map(|(container, _)| container).collect(),
            },
        };
        let fingerprint = cache.rows.fingerprint(key.to_str()?);
        cache
            .rows
            .put(lookup.space_in(&self.mapped), fingerprint, entry);
        Ok(())
    }
}
