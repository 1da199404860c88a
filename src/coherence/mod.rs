//! When a cached row is still true.
//!
//! Each row is kept with the version of the counters that was current before it was read. A write
//! raises the counters of what it changed, in memory that all processes of a host map; writes of
//! other hosts arrive as messages, and a lease says for how long their silence may be relied on.

pub mod connection_state;
pub mod lease;
pub mod message;
pub mod mmap;
pub mod version_file;
pub mod versions;
pub mod write_protocol;
