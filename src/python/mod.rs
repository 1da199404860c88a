//! The glue between the domain and Python: classes, functions and errors, and no decisions.

mod authentication;
mod cache;
mod coherence;
mod converters;
mod database;
mod errors;
mod functions;
mod instances;
mod interpreter;
mod lease;
mod request;
mod values;

#[pyo3::pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::authentication::{TokenAuthentication, carry_requests};
    #[pymodule_export]
    use super::cache::{Cache, Road, Ticket};
    #[pymodule_export]
    use super::coherence::{Seam, Watch};
    #[pymodule_export]
    use super::converters::Converters;
    #[pymodule_export]
    use super::database::Database;
    #[pymodule_export]
    use super::functions::{
        digest_of, generate_key, generate_keys, is_issued_key, issue_key, keys_equal,
        parse_authorization,
    };
    #[pymodule_export]
    use super::instances::{InstanceShape, RowShape};
    #[pymodule_export]
    use super::lease::{Lease, Line};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::interpreter::claim(module.py())
    }
}
