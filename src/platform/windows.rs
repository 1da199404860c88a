//! Windows.
//!
//! A file that is mapped can be neither removed, replaced nor cut short there. The version file
//! lies in the user's own folder for local data, unless the settings name another. One that is
//! neither the user's nor an administrator's is not trusted.

use std::fs::{File, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use windows_sys::Win32::Foundation::{CloseHandle, ERROR_SUCCESS, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{GetSecurityInfo, SE_FILE_OBJECT};
use windows_sys::Win32::Security::{
    GetLengthSid, GetTokenInformation, IsWellKnownSid, OWNER_SECURITY_INFORMATION,
    PSECURITY_DESCRIPTOR, PSID, TOKEN_QUERY, TOKEN_USER, TokenUser, WinBuiltinAdministratorsSid,
    WinLocalSystemSid,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_REPARSE_POINT,
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, GetFileInformationByHandle,
    READ_CONTROL,
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
        // SAFETY: the system has written the structure to the room, which holds what it points to.
        unsafe { bytes_of((*room.as_ptr().cast::<TOKEN_USER>()).User.Sid) }
    })
}

/// # Safety
///
/// The identifier is one that the system has written.
unsafe fn bytes_of(sid: PSID) -> Vec<u8> {
    // SAFETY: the system says how long what it has written is.
    unsafe { std::slice::from_raw_parts(sid.cast::<u8>(), GetLengthSid(sid) as usize).to_vec() }
}

/// The user's number, for a file that is the user's or an administrator's; another for others.
///
/// What an administrator makes belongs to all of them, and they may open every file in any case.
fn owner_of(file: &File) -> u32 {
    let mut owner: PSID = std::ptr::null_mut();
    let mut descriptor: PSECURITY_DESCRIPTOR = std::ptr::null_mut();
    // SAFETY: the handle is that of an open file. What is asked for has room, and what is not is
    // null. The owner points into the descriptor, which is freed once it has been looked at.
    let is_trusted = unsafe {
        let status = GetSecurityInfo(
            file.as_raw_handle(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &raw mut owner,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            &raw mut descriptor,
        );
        let is_trusted = status == ERROR_SUCCESS
            && !owner.is_null()
            && (security_identifier().is_some_and(|own| own == bytes_of(owner))
                || IsWellKnownSid(owner, WinBuiltinAdministratorsSid) != 0
                || IsWellKnownSid(owner, WinLocalSystemSid) != 0);
        LocalFree(descriptor);
        is_trusted
    };
    if is_trusted { user() } else { !user() }
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
            owner: owner_of(file),
            // The folder decides, which is the user's own.
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
            .access_mode(READ_CONTROL)
            .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS)
            .open(path)?;
        Self::of(&file)
    }
}

/// The length of a file and the number of its names.
#[must_use]
pub fn length_and_links(file: &File) -> Option<(u64, u64)> {
    let found = information(file).ok()?;
    let length = u64::from(found.nFileSizeHigh) << 32 | u64::from(found.nFileSizeLow);
    Some((length, u64::from(found.nNumberOfLinks)))
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
