//! The Rust core of irontoken.
//!
//! The modules of this level are the domain: they decide, and know nothing of Python.
//! Those below `python` are the glue: they translate, and decide nothing.

pub mod header;
pub mod key;

#[cfg(feature = "python")]
mod python;
