//! Linux, macOS and the BSDs.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::process::geteuid;
use rustix::time::{ClockId, clock_gettime};

use super::Facts;

// The monotonic clock of Linux stands still while a machine is suspended, and a lease must not.
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

/// The time since some moment of the past, the same in all processes of the machine.
#[must_use]
pub fn now() -> Duration {
    let time = clock_gettime(CLOCK);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The number of the effective user.
#[must_use]
pub fn user() -> u32 {
    geteuid().as_raw()
}

/// Whether that is root.
#[must_use]
pub fn may_open_all_files() -> bool {
    geteuid().is_root()
}

/// Opens a file for reading and writing, and no symbolic link.
///
/// # Errors
///
/// What the system says.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW.bits() | OFlags::NONBLOCK.bits();
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags.cast_signed())
        .open(path)
}

/// Whether [`open`] has failed for a symbolic link, which FreeBSD says in a word of its own.
#[must_use]
pub fn is_symbolic_link(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let said = [Errno::LOOP, Errno::MLINK].map(|each| Some(each.raw_os_error()));
    said.contains(&error.raw_os_error())
}

/// Makes a file that no other user may open.
///
/// # Errors
///
/// What the system says, and where there is one of the name.
pub fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

impl Facts {
    /// Of an open file.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::from(&metadata))
    }

    /// Of what stands at a path.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn at(path: &Path) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Facts {
    #[expect(clippy::verbose_bit_mask, reason = "it is the mask of a file's mode")]
    fn from(metadata: &Metadata) -> Self {
        Self {
            identity: (metadata.dev(), metadata.ino()),
            is_regular: metadata.is_file(),
            owner: metadata.uid(),
            is_private: metadata.mode() & 0o077 == 0,
            length: metadata.len(),
            links: metadata.nlink(),
        }
    }
}

/// The length of a file and the number of its names, by the cheapest of system calls.
#[must_use]
pub fn length_and_links(file: &File) -> Option<(u64, u64)> {
    let stat = rustix::fs::fstat(file).ok()?;
    #[allow(
        clippy::useless_conversion,
        reason = "it has other types on other systems"
    )]
    Some((u64::try_from(stat.st_size).ok()?, stat.st_nlink.into()))
}
