//! Rows that were read before: what is known of each, and the store that holds them.

pub mod entry;
pub mod fingerprint;
pub mod parts;
pub mod store;
