//! The Rust core of irontoken.
//!
//! | where | what it decides |
//! | --- | --- |
//! | `credentials` | what a client presents: the header, random keys, issued keys |
//! | `sql` | what a statement changes: lexer, statements, tracked tables |
//! | `coherence` | when a cached row is still true |
//! | `cache` | which rows are held, and for how long |
//! | `platform` | nothing: what differs from one operating system to another |
//! | `python` | nothing: it translates between these and Python |
//!
//! All but `python` builds, tests and fuzzes without Python (`--no-default-features`).

pub mod cache;
pub mod coherence;
pub mod credentials;
pub mod platform;
pub mod sql;

#[cfg(feature = "python")]
mod python;
