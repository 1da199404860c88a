//! The stamps of this host, and what to do when their file is no longer there.
//!
//! A reader looks whether the file is still whole before it reads, unless it has done so in the
//! last moment, since reading past the end of a file that was cut short ends the process; whether
//! the file still stands at its path it looks ten times a second, and a writer each time. While there is no file there is nothing to trust: a reader goes to the
//! database, and whoever comes next makes the file anew. Rows that were read under one file are
//! not looked for under the next.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use crate::epochs::{Epochs, Touched};
use crate::shared::Shared;
use crate::watch::SLOTS;

/// How long a reader relies on a file's path.
const LOOK_AFTER: Duration = Duration::from_millis(100);
/// How long a reader relies on a file's length: less than it takes two processes to agree.
const MOMENT: Duration = Duration::from_micros(20);
/// How long a reader waits before it asks again for a file that it could not have.
const TRY_AGAIN: Duration = Duration::from_millis(250);

/// The stamps as they are mapped now.
#[derive(Debug)]
pub struct Mapped {
    /// The stamps.
    pub epochs: Epochs<Shared>,
    /// Which of the files of this process's life they are in.
    pub generation: u32,
}

/// The stamps of one database on this host.
#[derive(Debug)]
pub struct Host {
    path: Option<PathBuf>,
    mapped: RwLock<Option<Arc<Mapped>>>,
    started: Instant,
    /// When a reader is to look again, in nanoseconds after `started`.
    look_at: AtomicU64,
    /// The same for its length alone.
    measure_at: AtomicU64,
    generations: AtomicU64,
    /// The number of generations that [`Host::has_news`] has told of.
    told: AtomicU64,
    failure: Mutex<Option<String>>,
}

impl Host {
    /// The stamps at `path`, or without one those of this process and its children.
    #[must_use]
    pub fn new(path: Option<&Path>) -> Self {
        let host = Self {
            path: path.map(Path::to_owned),
            mapped: RwLock::new(None),
            started: Instant::now(),
            look_at: AtomicU64::new(0),
            measure_at: AtomicU64::new(0),
            generations: AtomicU64::new(0),
            // The first file is no news.
            told: AtomicU64::new(1),
            failure: Mutex::new(None),
        };
        host.map();
        host
    }

    /// The stamps for a reader at `now`, or `None`: ask the database.
    pub fn for_reading(&self, now: Instant) -> Option<Arc<Mapped>> {
        let now = nanoseconds(now.saturating_duration_since(self.started));
        if now < self.look_at.load(Ordering::Relaxed) {
            let mapped = self.mapped.read().clone();
            if now < self.measure_at.load(Ordering::Relaxed) {
                return mapped;
            }
            let is_whole = |mapped: &Arc<Mapped>| mapped.epochs.words_ref().is_whole();
            if mapped.as_ref().is_none_or(is_whole) {
                let until = now.saturating_add(nanoseconds(MOMENT));
                self.measure_at.store(until, Ordering::Relaxed);
                return mapped;
            }
        }
        let mapped = self.for_writing();
        let wait = if mapped.is_some() {
            LOOK_AFTER
        } else {
            TRY_AGAIN
        };
        let until = now.saturating_add(nanoseconds(wait));
        self.look_at.store(until, Ordering::Relaxed);
        mapped
    }

    /// The stamps for a writer, made anew where they are gone.
    pub fn for_writing(&self) -> Option<Arc<Mapped>> {
        let mapped = self.mapped.read().clone();
        match mapped {
            Some(mapped) if mapped.epochs.words_ref().is_in_place() => Some(mapped),
            _ => self.map(),
        }
    }

    /// Tells every reader of the host what has been written; `false` where they cannot be told.
    pub fn write(&self, touched: &Touched) -> bool {
        if touched.is_nothing() {
            return true;
        }
        let mapped = self.for_writing();
        if let Some(mapped) = &mapped {
            mapped.epochs.write(touched);
        }
        mapped.is_some()
    }

    /// Why there are no stamps, if there are none.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    /// Whether a file has been lost since this was last asked.
    pub fn has_news(&self) -> bool {
        let now = self.generations.load(Ordering::Relaxed);
        self.told.fetch_max(now, Ordering::Relaxed) < now
    }

    fn map(&self) -> Option<Arc<Mapped>> {
        let words = Epochs::<Shared>::words(SLOTS);
        let shared = match &self.path {
            Some(path) => Shared::open(path, words),
            None => Shared::private(words),
        };
        let (mapped, failure) = match shared {
            Ok(shared) => {
                let generation = self.generations.fetch_add(1, Ordering::SeqCst);
                let mapped = Mapped {
                    epochs: Epochs::new(shared, SLOTS),
                    generation: u32::try_from(generation).unwrap_or(u32::MAX),
                };
                (Some(Arc::new(mapped)), None)
            }
            Err(failure) => (None, Some(failure.to_string())),
        };
        self.mapped.write().clone_from(&mapped);
        *self.failure.lock() = failure;
        mapped
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_lost_file_is_noticed_by_readers_and_made_anew() {
        let path = std::env::temp_dir().join(format!("irontoken-host-{}", std::process::id()));
        let host = Host::new(Some(&path));
        let now = Instant::now();
        let first = host.for_reading(now).expect("mapped");
        assert!(!host.has_news());
        fs::remove_file(&path).expect("removed");
        let second = host.for_reading(now + LOOK_AFTER * 2).expect("made anew");
        assert_ne!(first.generation, second.generation);
        assert!(path.exists());
        assert!(host.has_news() && !host.has_news());
        fs::remove_file(&path).expect("removed");
    }

    #[test]
    fn a_file_cut_short_is_noticed_at_once() {
        let path = std::env::temp_dir().join(format!("irontoken-cut-{}", std::process::id()));
        let host = Host::new(Some(&path));
        let now = Instant::now();
        assert!(host.for_reading(now).is_some());
        fs::write(&path, b"cut").expect("cut");
        assert!(host.for_reading(now + MOMENT).is_none());
        fs::remove_file(&path).expect("removed");
    }

    #[test]
    fn a_foreign_file_leaves_nothing_to_trust_until_it_is_gone() {
        let path = std::env::temp_dir().join(format!("irontoken-foreign-{}", std::process::id()));
        fs::write(&path, b"not ours").expect("written");
        let host = Host::new(Some(&path));
        let now = Instant::now();
        assert!(host.for_reading(now).is_none());
        assert!(host.failure().is_some());
        assert!(!host.write(&Touched::everything()));
        assert_eq!(fs::read(&path).expect("read"), b"not ours");
        fs::remove_file(&path).expect("removed");
        assert!(host.for_reading(now + TRY_AGAIN * 2).is_some());
        assert!(host.failure().is_none());
        fs::remove_file(&path).expect("removed");
    }

    #[test]
    fn what_a_writer_tells_reaches_a_reader_of_the_same_file() {
        let path = std::env::temp_dir().join(format!("irontoken-two-{}", std::process::id()));
        let (reader, writer) = (Host::new(Some(&path)), Host::new(Some(&path)));
        let mapped = reader.for_reading(Instant::now()).expect("mapped");
        let stamp = mapped.epochs.stamp();
        assert!(writer.write(&Touched::everything()));
        assert!(mapped.epochs.stamp() > stamp);
        fs::remove_file(&path).expect("removed");
    }
}
