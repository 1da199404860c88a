//! The cache as Python holds it, and the roads by which a model's rows enter and leave it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};

use super::coherence::{Seam, column, slot};
use super::instances::{RowShape, Values};
use super::lease::Lease;
use super::values::{is_shareable, weight};
use crate::cache::{self, Stamps, digest};
use crate::clock;
use crate::epochs::{Slots, Touched};
use crate::host::{Host, Mapped};
use crate::lease;
use crate::watch::Column;

/// A row as it is kept. A key that is a text is not in it: whoever asks has just shown it.
struct Row {
    values: Box<[Py<PyAny>]>,
}

/// A kept row together with the key that was shown.
struct Shown<'a, 'py> {
    row: &'a Row,
    key: Option<(usize, &'a Bound<'py, PyAny>)>,
}

impl<'py> Values<'py> for Shown<'_, 'py> {
    fn get<'a>(&'a self, py: Python<'py>, column: usize) -> Option<&'a Bound<'py, PyAny>> {
        match self.key {
            Some((key_column, key)) if key_column == column => Some(key),
            _ => self.row.values.get(column).map(|value| value.bind(py)),
        }
    }
}

/// The cached rows of this process, and the versions by which they are true.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct Cache {
    host: Arc<Host>,
    rows: cache::Cache<Row>,
    /// Why the last row that could not be kept could not be.
    unkept: Mutex<Option<String>>,
}

#[pymethods]
impl Cache {
    /// `folder` is that of the version file, and `suffix` what its name ends with.
    #[new]
    fn new(folder: PathBuf, suffix: String, max_entries: usize, max_age: f64) -> Self {
        Self {
            host: Arc::new(Host::new(folder, suffix)),
            rows: cache::Cache::new(
                max_entries,
                Duration::try_from_secs_f64(max_age).unwrap_or_default(),
            ),
            unkept: Mutex::default(),
        }
    }

    /// Makes every process of the host forget, and drops the rows of this one.
    fn clear(&self) -> bool {
        let told = self.host.write(&Touched::everything());
        self.rows.clear();
        told
    }

    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let info = self.rows.info();
        let dict = PyDict::new(py);
        dict.set_item("hits", info.hits)?;
        dict.set_item("misses", info.misses)?;
        dict.set_item("stale", info.stale)?;
        dict.set_item("evictions", info.evictions)?;
        dict.set_item("entries", info.entries)?;
        dict.set_item("bytes", info.bytes)?;
        Ok(dict)
    }

    /// The path of the version file of the user that this process runs as.
    fn path(&self) -> PathBuf {
        self.host.path()
    }

    /// The version files of other users in the same folder, each with the number of its user.
    fn other_users(&self) -> Vec<(u32, PathBuf)> {
        self.host.other_users()
    }

    /// When something was last written, in seconds since 1970; 0 for never.
    fn last_write(&self) -> u64 {
        self.host
            .for_writing()
            .map_or(0, |mapped| mapped.epochs.last_write())
    }

    /// This process is a child that was forked.
    fn forked(&self) {
        self.host.forked();
    }

    /// Makes every process of the host take no row for true that was read before.
    fn invalidate(&self) -> bool {
        self.host.write(&Touched::everything())
    }

    /// Whether the stamps are there, now; the reason if they are not.
    fn failure(&self) -> Option<String> {
        self.host.for_writing();
        self.host.failure()
    }

    /// How many writes have been stamped since the file was made.
    fn writes(&self) -> u64 {
        self.host
            .for_writing()
            .map_or(0, |mapped| mapped.epochs.stamp())
    }

    /// Why the last row that was not kept was not.
    fn unkept(&self) -> Option<String> {
        self.unkept.lock().clone()
    }
}

impl Cache {
    pub(super) fn host(&self) -> Arc<Host> {
        Arc::clone(&self.host)
    }
}

/// The road of one model on one database alias.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct Road {
    cache: Py<Cache>,
    /// What is heard of other hosts, where that is waited for.
    lease: Option<Arc<lease::Lease>>,
    space: u32,
    shape: Py<RowShape>,
    token: (usize, Column),
    user: (usize, Column),
    /// The key's column, where the key itself is the value that the field has for it.
    key_column: Option<usize>,
    /// Columns of times and the seconds after the last of them at which the row ends.
    limits: Vec<(Vec<usize>, f64)>,
    /// Who is told of a token's use, once in so long.
    note: Option<(Py<PyAny>, Duration)>,
}

#[pymethods]
impl Road {
    /// `token` and `user` are the columns of the primary keys, each (index, kind).
    #[new]
    #[expect(clippy::too_many_arguments, reason = "it is built in one place")]
    fn new(
        cache: Py<Cache>,
        lease: Option<&Bound<'_, Lease>>,
        space: u32,
        shape: Py<RowShape>,
        token: (usize, String),
        user: (usize, String),
        key_column: Option<usize>,
        limits: Vec<(Vec<usize>, f64)>,
        note: Option<Py<PyAny>>,
        interval: f64,
    ) -> PyResult<Self> {
        cache.get().rows.missed();
        Ok(Self {
            cache,
            lease: lease.map(|lease| lease.get().domain()),
            space,
            shape,
            token: (token.0, column("token", &token.1)?),
            user: (user.0, column("user", &user.1)?),
            key_column,
            limits,
            note: note.map(|note| {
                let interval = Duration::try_from_secs_f64(interval).unwrap_or_default();
                (note, interval)
            }),
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.cache)?;
        visit.call(&self.shape)?;
        match &self.note {
            Some((note, _)) => visit.call(note),
            None => Ok(()),
        }
    }

    /// A ticket to keep a row that is about to be read on `connection`, unless it must not be.
    fn open(
        slf: &Bound<'_, Self>,
        seam: &Seam,
        connection: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Ticket>> {
        if !seam.may_fill(connection)? {
            return Ok(None);
        }
        let now = Instant::now();
        let road = slf.get();
        let cache = road.cache.get();
        let Some(mapped) = road.for_reading(now) else {
            return Ok(None);
        };
        if cache.host.has_news() {
            static LOST: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
            LOST.import(slf.py(), "irontoken.cache", "lost")?.call0()?;
        }
        Ok(Some(Ticket {
            road: slf.clone().unbind(),
            stamps: road.stamps(&mapped),
            mapped,
            now,
        }))
    }
}

impl Road {
    /// The stamps of the host, where those of the fleet can be relied on too.
    fn for_reading(&self, now: Instant) -> Option<Arc<Mapped>> {
        let runs = |lease: &Arc<lease::Lease>| lease.runs(clock::now());
        if self.lease.as_ref().is_none_or(runs) {
            self.cache.get().host.for_reading(now)
        } else {
            None
        }
    }

    fn stamps(&self, mapped: &Mapped) -> Stamps {
        Stamps {
            host: mapped.epochs.stamp(),
            fleet: self.lease.as_ref().map_or(0, |lease| lease.stamp()),
        }
    }

    fn hold(&self, mapped: &Mapped, slots: Slots, stamps: Stamps) -> bool {
        let holds = |lease: &Arc<lease::Lease>| lease.holds(slots, stamps.fleet);
        mapped.holds(slots, stamps.host) && self.lease.as_ref().is_none_or(holds)
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
        let digest = digest(text);
        let hold = |slots, stamps| self.hold(&mapped, slots, stamps);
        let Some(entry) = cache.rows.get(self.space_in(&mapped), &digest, hold, now) else {
            return Ok(None);
        };
        let row = Shown {
            row: &entry.row,
            key: self.key_column.map(|column| (column, key.as_any())),
        };
        let (user, token) = self.shape.get().pair(py, &row)?;
        if let Some((note, interval)) = &self.note
            && entry.is_due(clock::now(), *interval)
        {
            note.call1(py, (&token,))?;
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

    fn space_in(&self, mapped: &Mapped) -> u64 {
        u64::from(mapped.generation) << 32 | u64::from(self.space)
    }
}

/// Leave to keep one row, with the stamps taken before the row was read.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct Ticket {
    road: Py<Road>,
    mapped: Arc<Mapped>,
    stamps: Stamps,
    now: Instant,
}

#[pymethods]
impl Ticket {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.road)
    }
}

impl Ticket {
    /// Keeps a row that was found by `key`, if its values can be shared.
    pub(super) fn keep(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyString>,
        values: &[Bound<'_, PyAny>],
    ) -> PyResult<()> {
        let road = self.road.get();
        let cache = road.cache.get();
        let mut bytes = 0;
        for (index, value) in values.iter().enumerate() {
            if !is_shareable(value)? {
                let class = value.get_type().qualname()?;
                *cache.unkept.lock() = Some(format!(
                    "column {index} of the row holds a {class}, which could be changed in place"
                ));
                return Ok(());
            }
            if Some(index) != road.key_column {
                bytes += weight(value)?;
            }
        }
        let slot_of = |(index, column): (usize, Column)| match values.get(index) {
            Some(value) => slot(column, value),
            None => Ok(None),
        };
        let (Some(token), Some(user)) = (slot_of(road.token)?, slot_of(road.user)?) else {
            return Ok(());
        };
        let until = road.until(values)?;
        let kept = values.iter().enumerate().map(|(index, value)| {
            if Some(index) == road.key_column {
                py.None()
            } else {
                value.clone().unbind()
            }
        });
        let values: Box<[_]> = kept.collect();
        bytes += size_of_val(&*values);
        let entry = cache::Entry {
            digest: digest(key.to_str()?),
            slots: Slots { token, user },
            stamps: self.stamps,
            read_at: self.now,
            until,
            noted: AtomicU64::new(0),
            bytes,
            row: Row { values },
        };
        cache.rows.put(road.space_in(&self.mapped), entry);
        Ok(())
    }
}
