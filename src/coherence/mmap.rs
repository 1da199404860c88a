//! Words that every process of the host sees: a file mapped into memory.
//!
//! The file belongs to one user of the system. It is made under another name and linked into
//! place whole, so that nobody ever sees half of one; what is found in its place and is not such a
//! file is refused. A process that dies leaves it in order, since each word stands by itself. A
//! random number in its header tells it from any other, and from what is left of it when its words
//! have been overwritten.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use memmap2::{MmapOptions, MmapRaw};
use rand::TryRng;
use rand::rngs::SysRng;

use super::versions::Words;
use crate::platform::{self, Facts};

/// Tells a file of ours, and of this layout, from any other.
const MAGIC: [u8; 8] = *b"irontok2";
/// The words of the header: the mark, and the number of this file.
const MARK: usize = 0;
const NUMBER: usize = 1;

/// Why no words are shared.
#[derive(Debug)]
pub enum Failure {
    /// What stands at the path is not a file of ours; the text says what is wrong with it.
    Foreign(String),
    /// The system refused.
    System(io::Error),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Foreign(reason) => write!(formatter, "{reason}"),
            Self::System(error) => write!(formatter, "{error}"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// Words in memory that is shared with other processes, or with the children of this one.
#[derive(Debug)]
pub struct SharedWords {
    map: MmapRaw,
    words: usize,
    number: u64,
    /// The file, unless the memory has none.
    file: Option<(File, Identity)>,
}

/// Which file it is, and where it stands.
#[derive(Debug)]
struct Identity {
    path: PathBuf,
    number: (u64, u64),
    length: u64,
}

impl SharedWords {
    /// Memory for this process and the children that it forks.
    ///
    /// # Errors
    ///
    /// What the system says when it has no memory to give.
    pub fn private(words: usize) -> Result<Self, Failure> {
        let map = MmapOptions::new().len(words * 8).map_anon()?;
        Ok(Self {
            map: map.into(),
            words,
            number: 0,
            file: None,
        })
    }

    /// The words at `path`, made where there are none.
    ///
    /// # Errors
    ///
    /// [`Failure::Foreign`] for what is not a regular file of this user's alone with the right
    /// size and mark, and [`Failure::System`] for what the system refuses.
    pub fn open(path: &Path, words: usize) -> Result<Self, Failure> {
        Self::open_of(path, words, platform::user(), true)
    }

    /// The words of another user at `path`, which the system lets root open alone.
    ///
    /// # Errors
    ///
    /// As for [`SharedWords::open`], and where there is no file.
    pub fn open_of_other(path: &Path, words: usize, user: u32) -> Result<Self, Failure> {
        Self::open_of(path, words, user, false)
    }

    fn open_of(path: &Path, words: usize, user: u32, makes: bool) -> Result<Self, Failure> {
        // The name may be taken, or given up, between one look and the next.
        for _ in 0..100 {
            match platform::open(path) {
                Ok(file) => {
                    if let Some(shared) = Self::map(path, file, words, user)? {
                        return Ok(shared);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && makes => {
                    create(path, words)?;
                }
                Err(error) if platform::is_symbolic_link(&error) => {
                    return Err(Failure::Foreign(format!(
                        "{} is a symbolic link",
                        path.display()
                    )));
                }
                Err(error) => return Err(error.into()),
            }
            // Its maker may have to wait for a processor before it takes the other name away.
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(Failure::Foreign(format!(
            "{} is linked to from elsewhere",
            path.display()
        )))
    }

    /// Maps an open file; `None` while its maker has not yet taken its other name away.
    fn map(path: &Path, file: File, words: usize, user: u32) -> Result<Option<Self>, Failure> {
        let facts = Facts::of(&file)?;
        let foreign = |what: &str| Failure::Foreign(format!("{} {what}", path.display()));
        if !facts.is_regular {
            return Err(foreign("is not a regular file"));
        }
        if facts.owner != user {
            return Err(foreign("belongs to another user"));
        }
        if !facts.is_private {
            return Err(foreign(
                "can be opened by other users: its mode must be 0600",
            ));
        }
        if facts.length != (words * 8) as u64 {
            return Err(foreign("has another size than it was made with"));
        }
        if facts.links != 1 {
            return Ok(None);
        }
        let identity = Identity {
            path: path.to_owned(),
            number: facts.identity,
            length: facts.length,
        };
        let map = MmapOptions::new().len(words * 8).map_raw(&file)?;
        let mut shared = Self {
            map,
            words,
            number: 0,
            file: Some((file, identity)),
        };
        if shared.load(MARK) != u64::from_ne_bytes(MAGIC) {
            return Err(foreign("was not made by this version of irontoken"));
        }
        shared.number = shared.load(NUMBER);
        Ok(Some(shared))
    }

    /// Whether the words are those of the file that was opened, and not what it was overwritten
    /// with. Asked after the words that it is about have been read.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.load(NUMBER) == self.number
    }

    /// Whether the file still stands at its path as it was. One system call.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        let Some((_, identity)) = &self.file else {
            return true;
        };
        Facts::at(&identity.path)
            .is_ok_and(|facts| facts.identity == identity.number && facts.length == identity.length)
    }

    /// Whether the file is still as long as the map of it, and has not been removed. The cheapest
    /// of system calls.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.has_its_length(|links| links > 0)
    }

    /// Whether the file is still as long as the map of it, removed or not.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        self.has_its_length(|_| true)
    }

    fn has_its_length(&self, and_its_links: impl Fn(u64) -> bool) -> bool {
        let Some((file, identity)) = &self.file else {
            return true;
        };
        platform::length_and_links(file)
            .is_some_and(|(length, links)| length == identity.length && and_its_links(links))
    }

    /// Marks the file as one that is being read from, by its time of modification.
    pub fn touch(&self) {
        if let Some((file, _)) = &self.file {
            // Where it fails, the file is taken for one that is no longer read from.
            let _ = file.set_modified(SystemTime::now());
        }
    }

    /// Removes the file, unless another stands in its place: it was cut short or overwritten, or
    /// nobody reads from it.
    pub fn remove(&self) {
        let Some((file, identity)) = &self.file else {
            return;
        };
        // One process at a time, so that none removes what another has made anew.
        if file.lock().is_err() {
            return;
        }
        let is_same =
            Facts::at(&identity.path).is_ok_and(|found| found.identity == identity.number);
        if is_same {
            let _ = fs::remove_file(&identity.path);
        }
        let _ = file.unlock();
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        assert!(index < self.words, "a word past the end");
        #[expect(clippy::cast_ptr_alignment, reason = "a map starts at a page")]
        // SAFETY: the map is `words` words long, page-aligned and lives as long as `self`, and
        // every process reaches its words by atomic operations alone. A file that is cut short
        // while it is mapped is noticed by `is_whole`, which callers ask.
        unsafe {
            &*self.map.as_ptr().cast::<AtomicU64>().add(index)
        }
    }
}

impl Words for SharedWords {
    fn load(&self, index: usize) -> u64 {
        self.word(index).load(Ordering::SeqCst)
    }

    fn add(&self, index: usize, value: u64) {
        self.word(index).fetch_add(value, Ordering::SeqCst);
    }

    fn increment(&self, index: usize) -> u64 {
        // Wrapping, as atomics do: 64 bits of writes outlast any machine.
        self.word(index)
            .fetch_add(1, Ordering::SeqCst)
            .wrapping_add(1)
    }

    fn raise(&self, index: usize, value: u64) {
        self.word(index).fetch_max(value, Ordering::SeqCst);
    }
}

/// Makes the file, unless somebody else has made it first.
fn create(path: &Path, words: usize) -> Result<(), Failure> {
    let mut random = [0; 16];
    SysRng
        .try_fill_bytes(&mut random)
        .map_err(|error| io::Error::other(error.to_string()))?;
    let (number, suffix) = random.split_at(8);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", hex::encode(suffix)));
    let made = PathBuf::from(name);
    let mut file = platform::create(&made)?;
    let mut whole = vec![0; words * 8];
    whole[..8].copy_from_slice(&MAGIC);
    whole[8..16].copy_from_slice(number);
    // Written and not only made long: a word that the system has no room for ends the process.
    let linked = file
        .write_all(&whole)
        .and_then(|()| fs::hard_link(&made, path));
    fs::remove_file(&made)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

// Windows neither removes, replaces nor cuts a file that is mapped.
#[cfg(all(test, unix))]
mod tests {
    use std::fs::OpenOptions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("irontoken-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).expect("a folder for the test");
            Self(path)
        }
        fn file(&self) -> PathBuf {
            self.0.join("words")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn refused(path: &Path) -> String {
        match SharedWords::open(path, 64) {
            Err(Failure::Foreign(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_one_writes_the_other_reads() {
        let folder = Folder::new("shared");
        let one = SharedWords::open(&folder.file(), 64).expect("made");
        let other = SharedWords::open(&folder.file(), 64).expect("found");
        assert_eq!(one.increment(20), 1);
        other.raise(21, 7);
        assert_eq!((other.load(20), one.load(21)), (1, 7));
        other.raise(21, 3);
        assert_eq!(one.load(21), 7);
        let metadata = fs::metadata(folder.file()).expect("metadata");
        assert_eq!(metadata.mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder.0).expect("entries").count(), 1);
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let folder = Folder::new("foreign");
        let path = folder.file();
        fs::write(&path, vec![0; 64 * 8]).expect("written");
        assert!(refused(&path).contains("other users"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
        assert!(refused(&path).contains("not made by"));
        fs::write(&path, b"short").expect("written");
        assert!(refused(&path).contains("another size"));
        fs::remove_file(&path).expect("removed");
        symlink("elsewhere", &path).expect("linked");
        assert!(refused(&path).contains("symbolic link"));
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("a folder");
        assert!(SharedWords::open(&path, 64).is_err());
    }

    #[test]
    fn a_second_name_is_refused() {
        let folder = Folder::new("linked");
        let path = folder.file();
        drop(SharedWords::open(&path, 64).expect("made"));
        fs::hard_link(&path, folder.0.join("second")).expect("linked");
        assert!(refused(&path).contains("linked to"));
    }

    #[test]
    fn a_file_that_is_gone_replaced_or_cut_is_not_in_place() {
        let folder = Folder::new("place");
        let path = folder.file();
        let first = SharedWords::open(&path, 64).expect("made");
        assert!(first.is_in_place());
        fs::remove_file(&path).expect("removed");
        assert!(!first.is_in_place());
        let second = SharedWords::open(&path, 64).expect("made anew");
        assert!(!first.is_in_place());
        assert!(second.is_in_place() && second.is_whole());
        OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_len(8))
            .expect("cut");
        assert!(!second.is_in_place() && !second.is_whole());
        assert!(!first.is_whole());
        first.remove();
        assert!(path.exists());
        second.remove();
        assert!(!path.exists());
    }

    #[test]
    fn words_that_were_overwritten_are_not_intact() {
        let folder = Folder::new("overwritten");
        let path = folder.file();
        let shared = SharedWords::open(&path, 64).expect("made");
        assert!(shared.is_intact());
        let file = OpenOptions::new().write(true).open(&path).expect("opened");
        file.set_len(0)
            .and_then(|()| file.set_len(64 * 8))
            .expect("cut and grown");
        assert!(shared.is_whole() && !shared.is_intact());
    }

    #[test]
    fn many_who_come_at_once_find_one_file() {
        let folder = Folder::new("race");
        let path = folder.file();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    SharedWords::open(&path, 64).expect("opened").increment(30);
                });
            }
        });
        assert_eq!(SharedWords::open(&path, 64).expect("found").load(30), 8);
    }
}
