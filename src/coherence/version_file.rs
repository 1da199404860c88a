//! The versions of this host, and what to do when their file is no longer there.
//!
//! One file holds the versions of all databases of a project: which names lead to the same
//! database is nothing that a process need know. The file belongs to the user of the system that
//! the process runs as, and is looked up again when that is another.
//!
//! A reader looks whether the file is still whole before it reads, unless it has done so in the
//! last moment, since reading past the end of a file that was cut short ends the process; whether
//! the file still stands at its path it looks ten times a second, and a writer each time. While
//! there is no file there is nothing to trust: a reader goes to the database, and whoever comes
//! next makes the file anew. Rows that were read under one file are not looked for under the next,
//! and a writer that finds another file than it had invalidates in both.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};

use super::mmap::SharedWords;
use super::versions::{SLOTS, Slots, Versions, WriteSet};
use crate::platform;

/// How long a reader relies on a file's path.
const LOOK_AFTER: Duration = Duration::from_millis(100);
/// How long a reader relies on a file's length: less than it takes two processes to agree.
const MOMENT: Duration = Duration::from_micros(20);
/// How long a reader waits before it asks again for a file that it could not have.
const TRY_AGAIN: Duration = Duration::from_millis(250);

/// The versions as they are mapped now.
#[derive(Debug)]
pub struct MappedVersions {
    /// The versions.
    pub versions: Versions<SharedWords>,
    /// Which of the files of this process's life they are in.
    pub generation: u32,
    /// Whose file it is.
    user: u32,
}

impl MappedVersions {
    /// Whether a row of `version` is current.
    #[must_use]
    pub fn are_current(&self, slots: Slots, version: u64) -> bool {
        // In this order: words that are not the file's own say nothing.
        self.versions.are_current(slots, version) && self.versions.words_ref().is_intact()
    }

    fn is_in_place(&self) -> bool {
        let words = self.versions.words_ref();
        self.user == platform::user() && words.is_in_place() && words.is_intact()
    }
}

/// The versions of one project on this host.
#[derive(Debug)]
pub struct VersionFile {
    /// The folder of the file, and what its name ends with.
    place: (PathBuf, String),
    mapped: RwLock<Option<Arc<MappedVersions>>>,
    started: Instant,
    /// When a reader is to look again, in nanoseconds after `started`.
    look_at: AtomicU64,
    /// The same for its length alone.
    measure_at: AtomicU64,
    generations: AtomicU64,
    /// The number of generations that [`VersionFile::was_lost`] has told of.
    losses_told: AtomicU64,
    failure: Mutex<Option<String>>,
    others: Mutex<Others>,
}

/// The files of other users in the folder, and when it was last looked into.
#[derive(Debug, Default)]
struct Others {
    looked_at: Option<SystemTime>,
    mapped: Vec<Arc<MappedVersions>>,
}

impl VersionFile {
    /// The versions in a file of `folder`; `suffix` tells projects apart that share a folder.
    /// Nothing is opened before it is needed, by the user that then needs it.
    #[must_use]
    pub fn new(folder: PathBuf, suffix: String) -> Self {
        Self {
            place: (folder, suffix),
            mapped: RwLock::new(None),
            started: Instant::now(),
            look_at: AtomicU64::new(0),
            measure_at: AtomicU64::new(0),
            generations: AtomicU64::new(0),
            // The first file is no loss.
            losses_told: AtomicU64::new(1),
            failure: Mutex::new(None),
            others: Mutex::default(),
        }
    }

    /// The path of the file, which is the user's that the process runs as now.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let (folder, suffix) = &self.place;
        folder.join(format!("irontoken-{}{suffix}", platform::user()))
    }

    /// The versions for a reader at `now`, or `None`: ask the database.
    ///
    /// `looked` is called when the file's path has been looked at, ten times a second at the most.
    pub fn for_reading(&self, now: Instant, looked: impl FnOnce()) -> Option<Arc<MappedVersions>> {
        let now = nanoseconds(now.saturating_duration_since(self.started));
        if now < self.look_at.load(Ordering::Relaxed) {
            let mapped = self.mapped.read().clone();
            if now < self.measure_at.load(Ordering::Relaxed) {
                return mapped;
            }
            let is_whole = |mapped: &Arc<MappedVersions>| {
                let words = mapped.versions.words_ref();
                words.is_whole() && words.is_intact()
            };
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
        looked();
        if let Some(mapped) = &mapped {
            mapped.versions.words_ref().touch();
        }
        mapped
    }

    /// The versions for a writer, made anew where they are gone.
    pub fn for_writing(&self) -> Option<Arc<MappedVersions>> {
        let mapped = self.mapped.read().clone();
        match mapped {
            Some(mapped) if is_whole_and_in_place(&mapped) => Some(mapped),
            lost => self.map(lost.as_deref()),
        }
    }

    /// The versions as this process has them, looked at no further.
    #[must_use]
    pub fn mapped(&self) -> Option<Arc<MappedVersions>> {
        self.mapped.read().clone()
    }

    /// Removes a file from which no process has read, as the one of a command that only wrote.
    ///
    /// Left behind, it would stand for processes of this user that others must tell of their
    /// writes. Who has just mapped it notices, as with any file that is removed.
    pub fn leave(&self) {
        if let Some(mapped) = self.mapped()
            && mapped.versions.usage() == [0; 3]
        {
            mapped.versions.words_ref().remove();
        }
    }

    /// Makes rows old for every reader of the host; `false` where they cannot be reached.
    pub fn invalidate(&self, write_set: &WriteSet) -> bool {
        if write_set.is_nothing() {
            return true;
        }
        let before = self.mapped();
        let mapped = self.for_writing();
        if let Some(before) = before
            && mapped
                .as_ref()
                .is_none_or(|mapped| mapped.generation != before.generation)
            && before.versions.words_ref().is_measured()
        {
            // Whoever has not looked yet goes by the file that there was.
            before.versions.invalidate(&WriteSet::everything());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_secs());
        for mapped in mapped.iter().chain(&self.of_others()) {
            mapped.versions.invalidate(write_set);
            mapped.versions.record_time(now);
        }
        mapped.is_some()
    }

    /// The paths of the version files that other users have in the folder, each with its user.
    #[must_use]
    pub fn other_users(&self) -> Vec<(u32, PathBuf)> {
        let (folder, suffix) = &self.place;
        let own = platform::user();
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut found: Vec<_> = entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let user = name
                    .strip_prefix("irontoken-")?
                    .strip_suffix(suffix.as_str())?;
                let user = user.parse().ok().filter(|user| *user != own)?;
                Some((user, entry.path()))
            })
            .collect();
        found.sort();
        found
    }

    /// When another user's file was last written to, in seconds since 1970, which root may see.
    #[must_use]
    pub fn last_write_of(&self, user: u32) -> Option<u64> {
        let others = self.of_others();
        let found = others.iter().find(|mapped| mapped.user == user)?;
        Some(found.versions.last_write())
    }

    /// The files of other users, which root alone may write to.
    fn of_others(&self) -> Vec<Arc<MappedVersions>> {
        if !platform::may_open_all_files() {
            return Vec::new();
        }
        // A folder is marked when a file in it is made or removed.
        let changed = fs::metadata(&self.place.0).and_then(|found| found.modified());
        let Ok(changed) = changed else {
            return Vec::new();
        };
        let mut others = self.others.lock();
        let is_usable = |mapped: &Arc<MappedVersions>| {
            let words = mapped.versions.words_ref();
            words.is_whole() && words.is_intact()
        };
        // Twice within the clock's grain, a folder may have changed unmarked.
        let is_old = |looked_at: SystemTime| looked_at == changed && is_settled(changed);
        if !others.looked_at.is_some_and(is_old) || !others.mapped.iter().all(is_usable) {
            let words = Versions::<SharedWords>::words(SLOTS);
            let open = |(user, path): (u32, PathBuf)| {
                let shared = SharedWords::open_of_other(&path, words, user).ok()?;
                Some(Arc::new(MappedVersions {
                    versions: Versions::new(shared, SLOTS),
                    generation: 0,
                    user,
                }))
            };
            others.mapped = self.other_users().into_iter().filter_map(open).collect();
            others.looked_at = Some(changed);
        }
        others.mapped.clone()
    }

    /// Why there are no versions, if there are none.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    /// Whether a file has been lost since this was last asked.
    pub fn was_lost(&self) -> bool {
        let now = self.generations.load(Ordering::Relaxed);
        self.losses_told.fetch_max(now, Ordering::Relaxed) < now
    }

    /// Makes the next reader look for everything: this is another process now, and may soon run as
    /// another user.
    pub fn forked(&self) {
        self.look_at.store(0, Ordering::Relaxed);
        self.measure_at.store(0, Ordering::Relaxed);
    }

    fn map(&self, lost: Option<&MappedVersions>) -> Option<Arc<MappedVersions>> {
        let user = platform::user();
        if let Some(lost) = lost.filter(|lost| lost.user == user) {
            let words = lost.versions.words_ref();
            if !words.is_measured() || !words.is_intact() {
                words.remove();
            }
        }
        let (mapped, failure) =
            match SharedWords::open(&self.path(), Versions::<SharedWords>::words(SLOTS)) {
                Ok(shared) => {
                    let generation = self.generations.fetch_add(1, Ordering::SeqCst);
                    let mapped = MappedVersions {
                        versions: Versions::new(shared, SLOTS),
                        generation: u32::try_from(generation).unwrap_or(u32::MAX),
                        user,
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

/// In this order, since the words of a file that was cut short must not be read.
fn is_whole_and_in_place(mapped: &Arc<MappedVersions>) -> bool {
    mapped.versions.words_ref().is_whole() && mapped.is_in_place()
}

/// Whether a time lies further back than the grain of a file system's clock.
fn is_settled(time: SystemTime) -> bool {
    time.elapsed().is_ok_and(|since| since > LOOK_AFTER)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

// Windows neither removes, replaces nor cuts a file that is mapped.
#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, OpenOptions};

    use super::*;

    fn host(name: &str) -> VersionFile {
        let folder = std::env::temp_dir();
        let host = VersionFile::new(folder, format!("-{}-{name}", std::process::id()));
        let _ = fs::remove_file(host.path());
        host
    }

    fn remove(host: &VersionFile) {
        fs::remove_file(host.path()).expect("removed");
    }

    #[test]
    fn nothing_is_opened_before_it_is_needed() {
        let host = host("lazy");
        assert!(!host.path().exists());
        assert!(host.for_reading(Instant::now(), || ()).is_some());
        remove(&host);
    }

    #[test]
    fn a_removed_file_is_noticed_by_readers_at_once_and_made_anew() {
        let host = host("removed");
        let now = Instant::now();
        let first = host.for_reading(now, || ()).expect("mapped");
        assert!(!host.was_lost());
        remove(&host);
        let second = host.for_reading(now + MOMENT, || ()).expect("made anew");
        assert_ne!(first.generation, second.generation);
        assert!(host.path().exists());
        assert!(host.was_lost() && !host.was_lost());
        remove(&host);
    }

    #[test]
    fn a_renamed_file_is_noticed_when_its_path_is_looked_at() {
        let host = host("renamed");
        let now = Instant::now();
        let first = host.for_reading(now, || ()).expect("mapped");
        let elsewhere = host.path().with_extension("elsewhere");
        fs::rename(host.path(), &elsewhere).expect("renamed");
        let second = host
            .for_reading(now + LOOK_AFTER * 2, || ())
            .expect("made anew");
        assert_ne!(first.generation, second.generation);
        fs::remove_file(elsewhere).expect("removed");
        remove(&host);
    }

    #[test]
    fn a_file_cut_short_is_noticed_at_once_and_made_anew() {
        let host = host("cut");
        let now = Instant::now();
        let first = host.for_reading(now, || ()).expect("mapped");
        fs::write(host.path(), b"cut").expect("cut");
        let second = host.for_reading(now + MOMENT, || ()).expect("made anew");
        assert_ne!(first.generation, second.generation);
        remove(&host);
    }

    #[test]
    fn a_file_that_was_overwritten_holds_nothing_and_is_made_anew() {
        let host = host("zeroed");
        let now = Instant::now();
        let mapped = host.for_reading(now, || ()).expect("mapped");
        let row = Slots { token: 1, user: 2 };
        let version = mapped.versions.current();
        assert!(mapped.are_current(row, version));
        let file = OpenOptions::new().write(true).open(host.path());
        let length = fs::metadata(host.path()).expect("there").len();
        let file = file.expect("opened");
        file.set_len(0)
            .and_then(|()| file.set_len(length))
            .expect("zeroed");
        assert!(!mapped.are_current(row, version));
        assert!(host.invalidate(&WriteSet::everything()));
        let anew = host
            .for_reading(now + LOOK_AFTER * 2, || ())
            .expect("made anew");
        assert_ne!(anew.generation, mapped.generation);
        remove(&host);
    }

    #[test]
    fn a_foreign_file_leaves_nothing_to_trust_until_it_is_gone() {
        let host = host("foreign");
        fs::write(host.path(), b"not ours").expect("written");
        let now = Instant::now();
        assert!(host.for_reading(now, || ()).is_none());
        assert!(host.failure().is_some());
        assert!(!host.invalidate(&WriteSet::everything()));
        assert_eq!(fs::read(host.path()).expect("read"), b"not ours");
        remove(&host);
        assert!(host.for_reading(now + TRY_AGAIN * 2, || ()).is_some());
        assert!(host.failure().is_none());
        remove(&host);
    }

    #[test]
    fn what_a_writer_invalidates_reaches_a_reader_of_the_same_file() {
        let (reader, writer) = (host("two"), host("two"));
        let mapped = reader.for_reading(Instant::now(), || ()).expect("mapped");
        let version = mapped.versions.current();
        assert!(writer.invalidate(&WriteSet::everything()));
        assert!(mapped.versions.current() > version);
        remove(&reader);
    }

    #[test]
    fn a_file_shows_when_it_was_last_read_from() {
        let host = host("read-from");
        let now = Instant::now();
        assert!(host.for_reading(now, || ()).is_some());
        let file = OpenOptions::new().write(true).open(host.path());
        file.and_then(|file| file.set_modified(UNIX_EPOCH))
            .expect("set");
        let modified = || fs::metadata(host.path()).and_then(|found| found.modified());
        assert_eq!(modified().expect("there"), UNIX_EPOCH);
        assert!(host.for_reading(now + LOOK_AFTER * 2, || ()).is_some());
        let age = modified().expect("there").elapsed().expect("past");
        assert!(age < Duration::from_secs(60));
        remove(&host);
    }

    #[test]
    fn a_file_that_nobody_has_read_from_goes_with_who_leaves_it() {
        let (reader, writer) = (host("left"), host("left"));
        assert!(writer.invalidate(&WriteSet::everything()));
        writer.leave();
        assert!(!writer.path().exists());
        let mapped = reader
            .for_reading(Instant::now(), || ())
            .expect("made anew");
        mapped.versions.add_usage([0, 1, 0]);
        assert!(writer.invalidate(&WriteSet::everything()));
        writer.leave();
        assert!(writer.path().exists());
        remove(&reader);
    }

    #[test]
    fn a_writer_that_finds_another_file_invalidates_in_both() {
        let (reader, writer) = (host("both"), host("both"));
        let now = Instant::now();
        let row = Slots { token: 1, user: 2 };
        let mapped = reader.for_reading(now, || ()).expect("mapped");
        let version = mapped.versions.current();
        assert!(writer.for_writing().is_some());
        let elsewhere = writer.path().with_extension("elsewhere");
        fs::rename(writer.path(), &elsewhere).expect("renamed");
        let token = WriteSet {
            tokens: vec![1],
            ..WriteSet::default()
        };
        assert!(writer.invalidate(&token));
        assert!(!mapped.are_current(row, version));
        fs::remove_file(elsewhere).expect("removed");
        remove(&writer);
    }
}
