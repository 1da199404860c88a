//! Windows.
//!
//! A file that is mapped can be neither removed, replaced nor cut short there. The version file
//! lies in the user's own folder for temporary files, which other users may not open.

use std::fs::{File, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE};
use windows_sys::Win32::Security::{
    GetLengthSid, GetTokenInformation, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_REPARSE_POINT,
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, GetFileInformationByHandle,
};
use windows_sys::Win32::System::SystemInformation::GetTickCount64;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::Facts;

/// The time since the machine was started, sleep included.
#[must_use]
pub fn now() -> Duration {
    // SAFETY: it takes nothing and only reads a counter.
    Duration::from_millis(unsafe { GetTickCount64() })
}

/// A number that the security identifier of the process's user has, and hardly another; 0 where it
/// cannot be told.
#[must_use]
pub fn user() -> u32 {
    // A process stays one user's.
    static USER: OnceLock<u32> = OnceLock::new();
    *USER.get_or_init(|| security_identifier().map_or(0, |bytes| crc32fast::hash(&bytes)))
}

/// Nobody is asked to.
#[must_use]
pub const fn may_open_all_files() -> bool {
    false
}

fn security_identifier() -> Option<Vec<u8>> {
    let mut token: HANDLE = std::ptr::null_mut();
    // SAFETY: the handle of this process is always good, and the third argument is room for one.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) } == 0 {
        return None;
    }
    // As `u64`, so that the structure is aligned.
    let mut room = [0_u64; 64];
    let mut length = 0;
    let size = u32::try_from(size_of_val(&room)).ok()?;
    // SAFETY: the token is open, and the room is as large as is said.
    let is_there = unsafe {
        let found = GetTokenInformation(
            token,
            TokenUser,
            room.as_mut_ptr().cast(),
            size,
            &raw mut length,
        );
        CloseHandle(token);
        found != 0
    };
    is_there.then(|| {
        // SAFETY: the system has written the structure to the room, which holds what it points to,
        // and says how long that is.
        unsafe {
            let sid = (*room.as_ptr().cast::<TOKEN_USER>()).User.Sid;
            std::slice::from_raw_parts(sid.cast::<u8>(), GetLengthSid(sid) as usize).to_vec()
        }
    })
}

/// Opens a file for reading and writing, and no symbolic link.
///
/// # Errors
///
/// What the system says.
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)
}

/// None fails so: a link is opened, and is no regular file.
#[must_use]
pub const fn is_symbolic_link(_error: &io::Error) -> bool {
    false
}

/// Makes a file in a folder that decides who may open it.
///
/// # Errors
///
/// What the system says, and where there is one of the name.
pub fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

impl Facts {
    /// Of an open file.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn of(file: &File) -> io::Result<Self> {
        let found = information(file)?;
        let whole = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        let other = FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT;
        Ok(Self {
            identity: (
                u64::from(found.dwVolumeSerialNumber),
                whole(found.nFileIndexHigh, found.nFileIndexLow),
            ),
            is_regular: found.dwFileAttributes & other == 0,
            // Whoever may open it for writing is taken for its owner: the folder is the user's.
            owner: user(),
            is_private: true,
            length: whole(found.nFileSizeHigh, found.nFileSizeLow),
            links: u64::from(found.nNumberOfLinks),
        })
    }

    /// Of what stands at a path.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn at(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .access_mode(0)
            .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS)
            .open(path)?;
        Self::of(&file)
    }
}

/// The length of a file and the number of its names.
#[must_use]
pub fn length_and_links(file: &File) -> Option<(u64, u64)> {
    let found = Facts::of(file).ok()?;
    Some((found.length, found.links))
}

fn information(file: &File) -> io::Result<BY_HANDLE_FILE_INFORMATION> {
    let mut found = MaybeUninit::<BY_HANDLE_FILE_INFORMATION>::uninit();
    let handle: HANDLE = file.as_raw_handle();
    // SAFETY: the handle is that of an open file, and the second argument is room for the answer,
    // which is read only where the system says that it has been written.
    unsafe {
        if GetFileInformationByHandle(handle, found.as_mut_ptr()) == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(found.assume_init())
    }
}
