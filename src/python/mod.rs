//! The glue between the core and Python: classes, functions and errors, and no decisions.

mod authentication;
mod bus_session;
mod cache;
mod carried;
mod containers;
mod converters;
mod current_database;
mod database;
mod declared;
mod decode;
mod errors;
mod functions;
mod hooks;
mod instances;
mod interceptor;
mod interpreter;
mod lookup;
mod request;
mod row_decoder;
mod tables;
mod values;

// Safe without the GIL: nothing is shared but by locks and atomics, whole suites and a million answers
// under writes have shown no wrong one; see CONTRIBUTING.
#[pyo3::pymodule(gil_used = false)]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::authentication::TokenAuthentication;
    #[pymodule_export]
    use super::bus_session::{BusSession, Lease};
    #[pymodule_export]
    use super::cache::Cache;
    #[pymodule_export]
    use super::carried::carry_requests;
    #[pymodule_export]
    use super::converters::Converters;
    #[pymodule_export]
    use super::database::Database;
    #[pymodule_export]
    use super::decode::decode_row;
    #[pymodule_export]
    use super::functions::{
        digest_of, generate_key, generate_keys, is_issued_key, is_malformed_key, issue_key,
        keys_equal, parse_authorization,
    };
    #[pymodule_export]
    use super::hooks::{install_hooks, set_default_model, set_reads_primary};
    #[pymodule_export]
    use super::instances::InstanceDecoder;
    #[pymodule_export]
    use super::interceptor::WriteInterceptor;
    #[pymodule_export]
    use super::lookup::{CachedLookup, FillPermit};
    #[pymodule_export]
    use super::row_decoder::RowDecoder;
    #[pymodule_export]
    use super::tables::TrackedTables;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        super::interpreter::claim(module.py())
    }
}
