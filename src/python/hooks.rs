//! Every Python object that the core looks up, each named once.
//!
//! What is irontoken's own is not looked up: `irontoken.hooks` hands it over, so that Rust names no
//! module of the package that imports it, but for its exceptions.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyType};

/// What `irontoken.hooks` hands over: see there for what each one takes and returns.
pub(super) struct Hooks {
    pub(super) authenticate_credentials: Py<PyAny>,
    pub(super) authenticate_carrying: Py<PyAny>,
    pub(super) no_check: Py<PyAny>,
    pub(super) authorization_header: Py<PyAny>,
    pub(super) drf_authenticate: Py<PyAny>,
    pub(super) drf_reads_headers: bool,
    pub(super) drf_token_model: Py<PyAny>,
    pub(super) malformed_header: Py<PyAny>,
    pub(super) inactive_user: Py<PyAny>,
    pub(super) user_of: Py<PyAny>,
    pub(super) databases: Py<PyDict>,
    pub(super) find_database: Py<PyAny>,
    pub(super) effects_of: Py<PyAny>,
    pub(super) sets_own_schema: Py<PyAny>,
    pub(super) read_to_the_end: Py<PyAny>,
    pub(super) version_file_lost: Py<PyAny>,
    pub(super) version_file_unavailable: Py<PyAny>,
}

static HOOKS: PyOnceLock<Hooks> = PyOnceLock::new();
static DEFAULT_MODEL: RwLock<Option<Py<PyAny>>> = RwLock::new(None);
static READS_PRIMARY: AtomicBool = AtomicBool::new(false);

/// Takes an `irontoken.hooks.Hooks`.
#[pyfunction]
pub(super) fn install_hooks(hooks: &Bound<'_, PyAny>) -> PyResult<()> {
    let hook = |name: &str| hooks.getattr(name).map(Bound::unbind);
    let found = Hooks {
        authenticate_credentials: hook("authenticate_credentials")?,
        authenticate_carrying: hook("authenticate_carrying")?,
        no_check: hook("no_check")?,
        authorization_header: hook("authorization_header")?,
        drf_authenticate: hook("drf_authenticate")?,
        drf_reads_headers: hooks.getattr("drf_reads_headers")?.extract()?,
        drf_token_model: hook("drf_token_model")?,
        malformed_header: hook("malformed_header")?,
        inactive_user: hook("inactive_user")?,
        user_of: hook("user_of")?,
        databases: hooks.getattr("databases")?.cast_into()?.unbind(),
        find_database: hook("find_database")?,
        effects_of: hook("effects_of")?,
        sets_own_schema: hook("sets_own_schema")?,
        read_to_the_end: hook("read_to_the_end")?,
        version_file_lost: hook("version_file_lost")?,
        version_file_unavailable: hook("version_file_unavailable")?,
    };
    // Those of a module that is imported a second time are the same.
    let _ = HOOKS.set(hooks.py(), found);
    Ok(())
}

/// Takes the model of a class that names none; `None` for REST framework's.
#[pyfunction]
#[pyo3(signature = (model))]
pub(super) fn set_default_model(model: Option<Py<PyAny>>) {
    let before = std::mem::replace(&mut *DEFAULT_MODEL.write(), model);
    drop(before);
}

/// Whether a token is looked up where the routers write it, and not where they read it.
#[pyfunction]
pub(super) fn set_reads_primary(on: bool) {
    READS_PRIMARY.store(on, Ordering::Relaxed);
}

impl Hooks {
    pub(super) fn get(py: Python<'_>) -> PyResult<&'static Self> {
        HOOKS
            .get(py)
            .ok_or_else(|| PyRuntimeError::new_err("irontoken.hooks has not been imported"))
    }
}

/// The model of a class that names none.
pub(super) fn default_model(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static TOKEN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let chosen = DEFAULT_MODEL
        .read()
        .as_ref()
        .map(|model| model.clone_ref(py));
    if let Some(model) = chosen {
        return Ok(model.into_bound(py));
    }
    TOKEN
        .get_or_try_init(py, || Hooks::get(py)?.drf_token_model.call0(py))
        .map(|model| model.bind(py).clone())
}

/// `irontoken.InvalidHeader`, which needs no Django.
pub(super) fn invalid_header(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    CLASS.import(py, "irontoken.exceptions", "InvalidHeader")
}

/// `uuid.UUID`.
pub(super) fn uuid(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "uuid", "UUID")
}

/// `decimal.Decimal`.
pub(super) fn decimal(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "decimal", "Decimal")
}

/// `sys.getsizeof`.
pub(super) fn size_of(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    FUNCTION.import(py, "sys", "getsizeof")
}

/// The alias that the routers pick, for reading or as is set for writing; without a router Django has but one to pick.
pub(super) fn alias_for<'py>(
    py: Python<'py>,
    model: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    static ROUTER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static DEFAULT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let router = ROUTER.import(py, "django.db", "router")?;
    if router.getattr(intern!(py, "routers"))?.is_empty()? {
        return DEFAULT.import(py, "django.db", "DEFAULT_DB_ALIAS").cloned();
    }
    let pick = if READS_PRIMARY.load(Ordering::Relaxed) {
        intern!(py, "db_for_write")
    } else {
        intern!(py, "db_for_read")
    };
    router.call_method1(pick, (model,))
}

/// The classes whose ways with a header are known, and need not be asked for one by one.
pub(super) struct Requests {
    pub(super) drf_request: Py<PyType>,
    pub(super) django_requests: [Py<PyType>; 3],
}

impl Requests {
    pub(super) fn get(py: Python<'_>) -> PyResult<&'static Self> {
        static REQUESTS: PyOnceLock<Requests> = PyOnceLock::new();
        REQUESTS.get_or_try_init(py, || {
            let class = |module: &str, name: &str| -> PyResult<Py<PyType>> {
                Ok(py.import(module)?.getattr(name)?.cast_into()?.unbind())
            };
            Ok(Requests {
                drf_request: class("rest_framework.request", "Request")?,
                django_requests: [
                    class("django.core.handlers.wsgi", "WSGIRequest")?,
                    class("django.core.handlers.asgi", "ASGIRequest")?,
                    class("django.http", "HttpRequest")?,
                ],
            })
        })
    }
}

/// What of Django is needed to build instances around `Model.__init__`.
pub(super) struct Models {
    pub(super) model_state: Py<PyType>,
    pub(super) init_signals: [Py<PyAny>; 2],
    /// Their `__dict__`, where the receivers are.
    pub(super) init_signal_attributes: [Py<PyDict>; 2],
    /// From Python 3.13 on `PyObject_GenericSetDict` leaves the room that an instance has for
    /// attributes in use, and reads find nothing there.
    pub(super) sets_dict_by_name: bool,
}

impl Models {
    pub(super) fn get(py: Python<'_>) -> PyResult<&'static Self> {
        static MODELS: PyOnceLock<Models> = PyOnceLock::new();
        MODELS.get_or_try_init(py, || {
            let signals = py.import("django.db.models.signals")?;
            let model_state = py.import("django.db.models.base")?.getattr("ModelState")?;
            let init_signals = [signals.getattr("pre_init")?, signals.getattr("post_init")?];
            let attributes = |signal: &Bound<'_, PyAny>| -> PyResult<Py<PyDict>> {
                let attributes = signal.getattr("__dict__")?;
                Ok(attributes.cast_into::<PyDict>()?.unbind())
            };
            Ok(Models {
                model_state: model_state.cast_into::<PyType>()?.unbind(),
                init_signal_attributes: [
                    attributes(&init_signals[0])?,
                    attributes(&init_signals[1])?,
                ],
                init_signals: init_signals.map(Bound::unbind),
                sets_dict_by_name: py.version_info() >= (3, 13),
            })
        })
    }
}

/// Django's connections, and the place where each thread has its own.
pub(super) struct Connections {
    pub(super) settings: Py<PyAny>,
    /// asgiref's `Local`, and what holds its values in a thread that runs no event loop.
    local: Py<PyAny>,
    storage: Option<Py<PyAny>>,
    running_loop: Py<PyAny>,
}

impl Connections {
    pub(super) fn get(py: Python<'_>) -> PyResult<&'static Self> {
        static CONNECTIONS: PyOnceLock<Connections> = PyOnceLock::new();
        CONNECTIONS.get_or_try_init(py, || {
            let connections = py.import("django.db")?.getattr("connections")?;
            let local = connections.getattr("_connections")?;
            // Of other versions of asgiref the public way is asked, which takes longer.
            let thread_local = py.import("threading")?.getattr("local")?;
            let storage = local
                .getattr_opt("_storage")?
                .filter(|storage| storage.get_type().is(&thread_local));
            Ok(Self {
                settings: connections.getattr("settings")?.unbind(),
                local: local.unbind(),
                storage: storage.map(Bound::unbind),
                running_loop: py.import("asyncio")?.getattr("_get_running_loop")?.unbind(),
            })
        })
    }

    /// The connection of `alias` that this thread, or this task, has.
    pub(super) fn connection<'py>(
        &self,
        alias: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = alias.py();
        let alias = alias.cast::<PyString>()?;
        let storage = match &self.storage {
            Some(storage) if self.running_loop.call0(py)?.is_none(py) => storage,
            _ => &self.local,
        };
        storage.bind(py).getattr_opt(alias)
    }
}
