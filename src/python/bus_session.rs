//! The lease and the session with the bus as Python holds them; what they decide is in `lease`.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::coherence::lease;
use crate::coherence::message::{self, Message};
use crate::credentials::random_key;
use crate::platform;

/// How long what has been heard of other hosts may be relied on.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct Lease(Arc<lease::Lease>);

#[pymethods]
impl Lease {
    /// `length` is in seconds.
    #[new]
    fn new(length: f64) -> PyResult<Self> {
        let length = Duration::try_from_secs_f64(length)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self(Arc::new(lease::Lease::new(length))))
    }

    /// Ends it; only a session that is opened after this renews it.
    fn revoke(&self) {
        self.0.revoke();
    }

    /// How many seconds ago the proof was sent that it rests on; `None` while it does not run.
    fn age(&self) -> Option<f64> {
        self.0.age(platform::now()).map(|age| age.as_secs_f64())
    }
}

impl Lease {
    pub(super) fn domain(&self) -> Arc<lease::Lease> {
        Arc::clone(&self.0)
    }
}

/// One connection to the bus.
#[pyclass(frozen, module = "irontoken._core")]
pub(super) struct BusSession(Mutex<lease::BusSession>);

#[pymethods]
impl BusSession {
    #[new]
    fn new(lease: &Lease) -> Self {
        Self(Mutex::new(lease::BusSession::new(lease.domain())))
    }

    /// A secret to be sent over the bus, if it is time to send one.
    fn probe(&self) -> PyResult<Option<String>> {
        if !self.0.lock().is_due(platform::now()) {
            return Ok(None);
        }
        let mut secret = String::new();
        random_key::generate::<PyErr>(1, 16, |digits| {
            secret = String::from_utf8_lossy(digits).into_owned();
            Ok(())
        })?;
        self.0.lock().sent_secret(secret.clone(), platform::now());
        Ok(Some(secret))
    }

    /// Takes what came back; whether it renewed the lease.
    fn confirm(&self, secret: &str) -> bool {
        self.0.lock().confirm(secret, platform::now())
    }

    /// Takes a message; the name to reply to, if the processes are listed.
    fn receive(&self, message: &str) -> Option<String> {
        match message::decode(message) {
            Message::Written(write_set) => {
                self.0.lock().receive(&write_set);
                None
            }
            Message::ListProcesses(name) => Some(name),
        }
    }

    /// How many seconds the session may be left alone.
    fn due_in(&self) -> f64 {
        self.0.lock().due_in(platform::now()).as_secs_f64()
    }

    /// Whether nothing has come back for the length of a lease.
    fn is_dead(&self) -> bool {
        self.0.lock().is_dead(platform::now())
    }

    /// The connection is gone.
    fn lost(&self) {
        self.0.lock().lost();
    }
}
