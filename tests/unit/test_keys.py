"""Making and comparing keys."""

import hmac
import os
import secrets
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import irontoken


@pytest.mark.parametrize("nbytes", [0, 1, 20, 64, 65, 4096, 5000, 100_000])
def test_a_key_is_lower_case_hexadecimal(nbytes):
    key = irontoken.generate_key(nbytes)
    assert type(key) is str
    assert len(key) == len(secrets.token_hex(nbytes))
    assert set(key) <= set("0123456789abcdef")


def test_the_default_is_drfs_key():
    assert len(irontoken.generate_key()) == 40


def test_many_keys_are_as_many_and_no_two_are_equal():
    keys = irontoken.generate_keys(10_001)
    assert len(set(keys)) == 10_001
    assert {len(key) for key in keys} == {40}
    assert irontoken.generate_keys(0) == []
    assert irontoken.generate_keys(3, 0) == ["", "", ""]
    assert {len(key) for key in irontoken.generate_keys(3, 5000)} == {10_000}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((-1,), ValueError),
        ((1.5,), TypeError),
        (("20",), TypeError),
        ((2**62,), OverflowError),
        ((2**40,), OverflowError),
        ((2**70,), OverflowError),
        ((-(2**70),), OverflowError),
        ((20, 20), TypeError),
    ],
)
def test_wrong_arguments_raise_what_python_would(arguments, error):
    with pytest.raises(error):
        irontoken.generate_key(*arguments)
    with pytest.raises(error):
        irontoken.generate_keys(*arguments, *([20] if len(arguments) == 2 else []))
    if len(arguments) == 1:
        with pytest.raises(error):
            irontoken.generate_keys(2, *arguments)


def test_an_index_is_an_integer():
    class Twenty:
        def __index__(self):
            return 20

    assert len(irontoken.generate_key(Twenty())) == 40


@given(
    a=st.one_of(st.text(), st.sampled_from(["abc", "abd"])),
    b=st.one_of(st.text(), st.sampled_from(["abc", "ABC", "abc "])),
)
def test_keys_are_equal_when_they_are_the_same(a, b):
    assert irontoken.keys_equal(a, b) is hmac.compare_digest(a.encode(), b.encode())
    assert irontoken.keys_equal(a, a) is True
    assert irontoken.keys_equal(a.encode(), b.encode()) is (a == b)


@pytest.mark.parametrize("pair", [("a", b"a"), (b"a", "a"), (None, "a"), (1, 1), ("a", ["a"])])
def test_only_two_of_a_kind_are_compared(pair):
    with pytest.raises(TypeError, match="two str or two bytes"):
        irontoken.keys_equal(*pair)


def test_a_text_that_is_not_unicode_is_not_quoted():
    with pytest.raises(ValueError, match="lone surrogate") as error:
        irontoken.keys_equal("s3cr3t\ud800", "x")
    assert "s3cr3t" not in repr(error.value)


@pytest.mark.skipif(sys.platform == "win32", reason="memory is limited by POSIX's setrlimit")
@pytest.mark.parametrize(
    "call", ["generate_key(2**28)", "generate_keys(2**26, 0)", "generate_keys(2**24)"]
)
def test_want_of_memory_is_an_error_and_not_the_end(call):
    code = (
        "import irontoken, resource\n"
        "resource.setrlimit(resource.RLIMIT_AS, (300 * 2**20, 300 * 2**20))\n"
        f"try:\n    irontoken.{call}\n"
        "except (MemoryError, OverflowError) as e:\n    print('caught')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.stdout == "caught\n", run.stderr


def test_a_comparison_that_fails_tells_no_key():
    with pytest.raises(TypeError) as error:
        irontoken.keys_equal("s3cr3t", b"s3cr3t")
    assert "s3cr3t" not in str(error.value)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this platform")
def test_children_repeat_neither_each_other_nor_their_parent():
    children = 64
    made = set(irontoken.generate_keys(1000)) | {irontoken.generate_key()}
    pipes = []
    for _ in range(children):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                keys = [irontoken.generate_key(), *irontoken.generate_keys(5)]
                os.write(writer, " ".join(keys).encode())
                status = 0
            finally:
                os._exit(status)
        os.close(writer)
        pipes.append((pid, reader))
    for pid, reader in pipes:
        keys = os.read(reader, 65536).decode().split()
        os.close(reader)
        assert os.waitpid(pid, 0)[1] == 0
        assert len(keys) == 6
        assert made.isdisjoint(keys)
        made.update(keys)
    made.update([irontoken.generate_key()])
    assert len(made) == 1001 + 6 * children + 1


def test_every_digit_is_as_likely_as_any_other():
    """Sixteen digits in forty places, each about as often as any other."""
    digits = "".join(irontoken.generate_keys(5000))
    expected = len(digits) / 16
    for digit in "0123456789abcdef":
        assert abs(digits.count(digit) - expected) < 6 * expected**0.5
