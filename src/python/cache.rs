//! The cache as Python holds it: its rows, and the version file by which they are true.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::cache::parts::Parts;
use crate::cache::store::Store;
use crate::coherence::version_file::{MappedVersions, VersionFile};
use crate::coherence::versions::WriteSet;
use crate::credentials::random_key::Failure;

/// A row as it is stored: the attributes of a token and of what was loaded with it, to be copied
/// for each instance. A key that is a text is not in it, but for a child model's whose primary key
/// it is: whoever asks has just sent it.
pub(super) struct Row {
    pub(super) parts: Parts<Py<PyDict>>,
    /// Attributes whose values can be changed in place, and are copied too.
    pub(super) containers: Box<[Container]>,
}

/// An attribute whose value can be changed in place.
pub(super) struct Container {
    /// Which part has it.
    pub(super) part: usize,
    pub(super) attribute: Py<PyString>,
    /// All that is in the value can be shared.
    pub(super) is_flat: bool,
}

/// Reasons name models and fields, of which there are so many at most.
const MOST_REASONS: usize = 1000;

/// The cached rows of this process, and the versions by which they are true.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct Cache {
    pub(super) version_file: Arc<VersionFile>,
    pub(super) rows: Store<Row>,
    /// How many rows could not be stored, by why.
    uncacheable: Mutex<HashMap<String, u64>>,
}

#[pymethods]
impl Cache {
    /// `folder` is that of the version file, and `suffix` what its name ends with.
    #[new]
    fn new(
        folder: PathBuf,
        suffix: String,
        max_entries: usize,
        max_age: f64,
    ) -> Result<Self, Failure> {
        Ok(Self {
            version_file: Arc::new(VersionFile::new(folder, suffix)),
            rows: Store::new(
                max_entries,
                Duration::try_from_secs_f64(max_age).unwrap_or_default(),
            )?,
            uncacheable: Mutex::default(),
        })
    }

    /// Makes every process of the host forget, and drops the rows of this one.
    fn clear(&self) -> bool {
        let reached = self.version_file.invalidate(&WriteSet::everything());
        self.rows.clear();
        reached
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

    /// Hits, misses and stale rows of all processes of this user since the file was made.
    fn usage(&self) -> [u64; 3] {
        let mapped = self.version_file.for_writing();
        mapped.map_or([0; 3], |mapped| mapped.versions.usage())
    }

    /// The path of the version file of the user that this process runs as.
    fn path(&self) -> PathBuf {
        self.version_file.path()
    }

    /// The version files of other users in the same folder, each with the number of its user.
    fn other_users(&self) -> Vec<(u32, PathBuf)> {
        self.version_file.other_users()
    }

    /// When another user's file was last written to, in seconds since 1970; `None` where this user
    /// may not see it.
    fn last_write_of(&self, user: u32) -> Option<u64> {
        self.version_file.last_write_of(user)
    }

    /// When something was last written, in seconds since 1970; 0 for never.
    fn last_write(&self) -> u64 {
        self.version_file
            .for_writing()
            .map_or(0, |mapped| mapped.versions.last_write())
    }

    /// Adds what this process has done to what all of them have, as its last act.
    fn ended(&self) {
        if let Some(mapped) = self.version_file.mapped() {
            self.report_to(&mapped);
            self.version_file.leave();
        }
    }

    /// This process is a child that was forked.
    fn forked(&self) {
        self.version_file.forked();
        // What the parent has done is the parent's to report.
        self.rows.take_usage();
    }

    /// Makes every process of the host take no row for true that was read before.
    fn invalidate(&self) -> bool {
        self.version_file.invalidate(&WriteSet::everything())
    }

    /// Whether the versions are there, now; the reason if they are not.
    fn failure(&self) -> Option<String> {
        self.version_file.for_writing();
        self.version_file.failure()
    }

    /// How many writes have been stamped since the file was made.
    fn writes(&self) -> u64 {
        self.version_file
            .for_writing()
            .map_or(0, |mapped| mapped.versions.current())
    }

    /// Counts a row that is not stored, by why.
    pub(super) fn count_uncacheable(&self, reason: &str) {
        let mut counts = self.uncacheable.lock();
        if let Some(count) = counts.get_mut(reason) {
            *count += 1;
        } else if counts.len() < MOST_REASONS {
            counts.insert(reason.to_owned(), 1);
        }
    }

    /// How many rows could not be stored, by why.
    fn uncacheable(&self) -> HashMap<String, u64> {
        self.uncacheable.lock().clone()
    }
}

impl Cache {
    /// Adds what this process has done to what all of them have.
    pub(super) fn report_to(&self, mapped: &MappedVersions) {
        mapped.versions.add_usage(self.rows.take_usage());
    }

    pub(super) fn version_file(&self) -> Arc<VersionFile> {
        Arc::clone(&self.version_file)
    }
}
