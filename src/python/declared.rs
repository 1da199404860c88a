//! What a subclass declares in place of overriding a step: where its key is, who the user is, and
//! what is checked on each request.
//!
//! A class that declares any of it has a `check`, by which it is told; see
//! `irontoken.authentication`.

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::carried::credentials;
use super::errors::malformed_header;
use super::request::{Keyword, authorization, header_bytes};
use crate::credentials::header::{self, Malformed};

/// The user and the token of a request, once they have passed `check`.
pub(super) fn authenticate<'py>(
    authenticator: &Bound<'py, PyAny>,
    request: &Bound<'py, PyAny>,
    check: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = authenticator.py();
    let Some(key) = key(authenticator, request)? else {
        return Ok(None);
    };
    let pair = credentials(authenticator, request, &key)?;
    let (mut user, token): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
    let principal = authenticator.getattr(intern!(py, "principal"))?;
    if !principal.is_none() {
        user = principal.call1((&token,))?;
    }
    let answer = check.call1((request, &user, &token))?;
    if !answer.is_none() {
        // `return False` was not meant to let anybody in, nor was what nobody awaits.
        return Err(PyTypeError::new_err(format!(
            "check() returned a {}. It must return None, or raise what refuses the request.",
            answer.get_type().name()?
        )));
    }
    Ok(Some((user, token).into_pyobject(py)?.into_any()))
}

/// The key that a request presents, where it presents one to this class.
fn key<'py>(
    authenticator: &Bound<'py, PyAny>,
    request: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = authenticator.py();
    let get_key = authenticator.getattr(intern!(py, "get_key"))?;
    if !get_key.is_none() {
        let key = get_key.call1((request,))?;
        if key.is_none() {
            return Ok(None);
        }
        // What a body holds may be of any type, and a key is a text.
        let text = key.cast::<PyString>().ok().map(|text| text.to_str());
        return match text {
            Some(Ok("")) => Err(malformed_header(py, Malformed::NoCredentials)),
            Some(Ok(_)) => Ok(Some(key)),
            _ => Err(malformed_header(py, Malformed::InvalidCharacters)),
        };
    }
    let name = authenticator.getattr(intern!(py, "header"))?;
    let value = if name.eq(intern!(py, "HTTP_AUTHORIZATION"))? {
        authorization(request)?
    } else {
        let meta = request.getattr(intern!(py, "META"))?;
        let value = meta.call_method1(intern!(py, "get"), (name,))?;
        (!value.is_none()).then_some(value)
    };
    let Some(value) = value else {
        return Ok(None);
    };
    let refusal = |malformed| malformed_header(py, malformed);
    let bytes = header_bytes(&value).unwrap_or(Err(Malformed::InvalidCharacters));
    let bytes = bytes.map_err(refusal)?;
    if header::is_blank(&bytes) {
        return Ok(None);
    }
    let keyword = authenticator.getattr(intern!(py, "keyword"))?;
    let found = if keyword.is_none() {
        header::parse_bare(&bytes).map_err(refusal)?
    } else if let Ok(keywords) = keyword.cast::<PyTuple>() {
        let mut found = None;
        for keyword in keywords {
            found = header::parse(&bytes, Keyword::new(&keyword)?.bytes()).map_err(refusal)?;
            if found.is_some() {
                break;
            }
        }
        found
    } else {
        header::parse(&bytes, Keyword::new(&keyword)?.bytes()).map_err(refusal)?
    };
    Ok(found.map(|key| PyString::new(py, key).into_any()))
}
