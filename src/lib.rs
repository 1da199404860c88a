//! The Rust core of irontoken.
//!
//! The modules of this level are the domain: they decide, and know nothing of Python.
//! Those below `python` are the glue: they translate, and decide nothing.

pub mod cache;
#[cfg(unix)]
pub mod clock;
pub mod epochs;
pub mod header;
#[cfg(unix)]
pub mod host;
pub mod issued;
pub mod key;
pub mod lease;
pub mod news;
pub mod session;
#[cfg(unix)]
pub mod shared;
pub mod sql;
pub mod watch;

#[cfg(feature = "python")]
mod python;
