"""Parsing a header by itself."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import irontoken

SPACES = b" \t\n\r\x0b\x0c"


def reference(header, keyword="Token"):
    """REST framework's rules in Python's words."""
    if isinstance(header, str):
        try:
            header = header.encode("latin-1")
        except UnicodeEncodeError:
            return "invalid_characters"
    words = header.split()
    if not words or words[0].lower() != keyword.lower().encode():
        return None
    if len(words) == 1:
        return "no_credentials"
    if len(words) > 2:
        return "contains_spaces"
    try:
        return ("key", words[1].decode())
    except UnicodeError:
        return "invalid_characters"


def parsed(header, *keyword):
    try:
        key = irontoken.parse_authorization(header, *keyword)
    except irontoken.InvalidHeader as error:
        return error.reason
    return None if key is None else ("key", key)


@given(
    st.one_of(
        st.binary(),
        st.text(),
        st.lists(
            st.sampled_from([b"Token", b"tOKEN", b"key", b"\xff", b"\xc3\xa9", b"\x00"]).flatmap(
                lambda word: st.sampled_from([bytes([space]) + word for space in SPACES])
            )
        ).map(b"".join),
    ),
    st.sampled_from(["Token", "key", "", "\u212aey", "é"]),
)
def test_a_header_is_parsed_by_drfs_rules(header, keyword):
    assert parsed(header, keyword) == reference(header, keyword)


def test_the_keyword_may_be_named():
    assert irontoken.parse_authorization(b"Token abc") == "abc"
    assert irontoken.parse_authorization(header="Bearer abc", keyword="Bearer") == "abc"
    assert irontoken.parse_authorization("Bearer abc") is None


@pytest.mark.parametrize("header", [None, 5, ["Token", "abc"], bytearray(b"Token abc")])
def test_a_header_is_bytes_or_str(header):
    with pytest.raises(TypeError, match="header must be bytes or str, not"):
        irontoken.parse_authorization(header)


def test_a_keyword_is_str():
    with pytest.raises(TypeError):
        irontoken.parse_authorization(b"Token abc", b"Token")


@pytest.mark.parametrize("reason", ["no_credentials", "contains_spaces", "invalid_characters"])
def test_the_exception_tells_the_reason_and_never_the_key(reason):
    header = {
        "no_credentials": "Token ",
        "contains_spaces": "Token s3cr3t s3cr3t",
        "invalid_characters": "Token s3cr3t\u2713",
    }[reason]
    with pytest.raises(irontoken.InvalidHeader) as error:
        irontoken.parse_authorization(header)
    assert isinstance(error.value, ValueError)
    assert error.value.reason == reason
    for other in (copy.copy(error.value), pickle.loads(pickle.dumps(error.value))):
        assert (other.reason, str(other)) == (reason, str(error.value))
    assert "s3cr3t" not in repr(error.value) + str(error.value)
