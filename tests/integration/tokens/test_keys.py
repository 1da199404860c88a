"""The format of issued keys, and what the database holds of them."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irontoken import _core
from irontoken.tokens import digests, looks_like_key
from irontoken.tokens.settings import options_of
from tests.support.issued import setting

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#: Keys of every released format, with the digests under which databases hold them.
RELEASED = [
    (
        "it_0123456789ABCDEFGHIJKLMNOPQRSTUV3RkAVS",
        {},
        "sha256$fde8887dac4d63c99b2587526da0c101a4547447d8732d4b21d414f2215c03d6",
    ),
    (
        "it_0123456789ABCDEFGHIJKLMNOPQRSTUV3RkAVS",
        {7: "p" * 32},
        "pepper7$1e17ff2c8de942e2c4847d3ce6582266ed41130af5f39a81b9d58c723626fa37",
    ),
    # Of REST framework, and so of no prefix.
    (
        "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b",
        {},
        "sha256$5cc1e9113bbaa7040c4e0fbe80ea6aa743e34add380c596abe5fe584ece883ec",
    ),
]


def checksum(text):
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        digits = ALPHABET[number % 62] + digits
        number //= 62
    return digits


@pytest.mark.parametrize(("key", "peppers", "digest"), RELEASED)
def test_released_keys_are_found_under_their_digests_for_ever(key, peppers, digest):
    assert digest in digests.candidates(key, options_of({"PEPPERS": peppers}))


@pytest.mark.parametrize("prefix", ["it_", "acme_live_", "X"])
def test_a_key_is_its_prefix_random_characters_and_a_checksum(prefix):
    keys = {_core.issue_key(prefix) for _ in range(200)}
    assert len(keys) == 200
    for key in keys:
        assert len(key) == len(prefix) + 38
        assert set(key[len(prefix) :]) <= set(ALPHABET)
        assert key[-6:] == checksum(key[:-6])
        assert _core.is_issued_key(prefix, key)


@given(st.text())
def test_other_text_is_no_key(text):
    assert not _core.is_issued_key("it_", text)
    assert not _core.is_issued_key("it_", f"it_{text}")


def test_a_scrubber_tells_keys_by_the_prefix_that_is_set():
    with setting(KEY_PREFIX="acme_"):
        assert looks_like_key(_core.issue_key("acme_"))
        assert not looks_like_key(_core.issue_key("it_"))


def test_peppers_are_tried_from_the_newest_on_and_the_plain_digest_last():
    key = _core.issue_key("it_")
    options = options_of({"PEPPERS": {1: "a" * 32, 12: "b" * 32, 3: "c" * 32}})
    found = digests.candidates(key, options)
    assert [each.split("$")[0] for each in found] == ["pepper12", "pepper3", "pepper1", "sha256"]
    assert digests.of(key, options) == found[0]
    assert len(set(found)) == 4
    assert not any(key[3:] in each for each in found)


def test_a_slip_has_no_digest():
    key = _core.issue_key("it_")
    assert digests.candidates(key[:-1] + ("0" if key[-1] != "0" else "1"), options_of({})) == []
