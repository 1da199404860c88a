//! Reading what the domain needs out of Python's objects: the header and the keyword.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::string::PyStringData;
use pyo3::types::{PyBytes, PyDict, PyString};
use pyo3::{ffi, intern};

use super::hooks::{Hooks, Requests};
use crate::credentials::header::Malformed;

/// The header's bytes as a server received them; `None` for what is neither `bytes` nor `str`.
///
/// Django hands a header over as the `str` that its bytes are in latin-1.
pub(super) fn header_bytes<'a>(
    header: &'a Bound<'_, PyAny>,
) -> Option<Result<Cow<'a, [u8]>, Malformed>> {
    if let Ok(text) = header.cast::<PyString>() {
        return Some(latin1(text));
    }
    let bytes = header.cast::<PyBytes>().ok()?;
    Some(Ok(Cow::Borrowed(bytes.as_bytes())))
}

fn latin1<'a>(text: &'a Bound<'_, PyString>) -> Result<Cow<'a, [u8]>, Malformed> {
    // SAFETY: a str is not changed once it is made, and lives as long as `text` is borrowed.
    match unsafe { text.data() } {
        // Python keeps a str in bytes just when all of it is within latin-1.
        Ok(PyStringData::Ucs1(bytes)) => Ok(Cow::Borrowed(bytes)),
        _ => Err(Malformed::InvalidCharacters),
    }
}

fn is_ascii(text: &Bound<'_, PyString>) -> bool {
    // SAFETY: a str is not changed once it is made, and lives as long as `text` is borrowed.
    matches!(unsafe { text.data() }, Ok(PyStringData::Ucs1(bytes)) if bytes.is_ascii())
}

/// A keyword in the form that `header::parse` compares with.
pub(super) struct Keyword<'a>(Cow<'a, [u8]>);

impl<'a> Keyword<'a> {
    pub(super) fn new(keyword: &'a Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(text) = keyword.cast_exact::<PyString>()
            && is_ascii(text)
        {
            return Ok(Self(Cow::Borrowed(text.to_str()?.as_bytes())));
        }
        // Python's own lower case, since another table may know other letters.
        let lower = keyword
            .call_method0(intern!(keyword.py(), "lower"))?
            .call_method0(intern!(keyword.py(), "encode"))?;
        Ok(Self(Cow::Owned(
            lower.cast::<PyBytes>()?.as_bytes().to_vec(),
        )))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Default for Keyword<'_> {
    fn default() -> Self {
        Self(Cow::Borrowed(b"Token"))
    }
}

/// The value of the request's `Authorization` header, as DRF's `get_authorization_header` finds
/// it, or `None`.
///
/// What DRF asks of a stock request is one entry of `META`; it gets there by way of a dict of all
/// headers, made anew for each request.
pub(super) fn authorization<'py>(
    request: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = request.py();
    let known = Requests::get(py)?;
    let inner = if request.get_type().is(&known.drf_request) {
        stock_attribute(request, intern!(py, "_request"))?
    } else {
        request.clone()
    };
    let class = inner.get_type();
    if !known.django_requests.iter().any(|stock| class.is(stock)) {
        return generic(request).map(Some);
    }
    let attributes = attributes(&inner)?;
    if Hooks::get(py)?.drf_reads_headers
        && let Some(headers) = attributes.get_item(intern!(py, "headers"))?
    {
        let nothing = PyBytes::new(py, b"");
        return headers
            .call_method1(intern!(py, "get"), (intern!(py, "authorization"), nothing))
            .map(Some);
    }
    match attributes.get_item(intern!(py, "META"))? {
        Some(meta) if meta.is_exact_instance_of::<PyDict>() => meta
            .cast::<PyDict>()?
            .get_item(intern!(py, "HTTP_AUTHORIZATION")),
        _ => generic(request).map(Some),
    }
}

/// An attribute of an instance whose class has `object.__getattribute__`, without the detour by
/// way of its `__getattr__`.
fn stock_attribute<'py>(
    instance: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: both are live objects of the attached interpreter; the result is a new reference,
    // or null with an error set.
    unsafe {
        Bound::from_owned_ptr_or_err(
            instance.py(),
            ffi::PyObject_GenericGetAttr(instance.as_ptr(), name.as_ptr()),
        )
    }
}

/// The `__dict__` of an instance.
pub(super) fn attributes<'py>(instance: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    // SAFETY: the instance is a live object of the attached interpreter, the unused context may
    // be null, and the result is a new reference, or null with an error set.
    let attributes = unsafe {
        Bound::from_owned_ptr_or_err(
            instance.py(),
            ffi::PyObject_GenericGetDict(instance.as_ptr(), std::ptr::null_mut()),
        )
    }?;
    Ok(attributes.cast_into()?)
}

/// DRF's own function, for a request of a class that is not known.
fn generic<'py>(request: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = request.py();
    let hook = Hooks::get(py)?.authorization_header.bind(py);
    hook.call1((request,))
}
