"""Importing the package: what it needs, what it loads, and who may do it."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.utils.module_loading import import_string

import irontoken


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


def test_importing_needs_no_django_and_loads_none():
    run = python(
        "import irontoken, sys\n"
        "irontoken.generate_key(); irontoken.parse_authorization(b'Token abc')\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('django', 'rest_framework')])"
    )
    assert (run.stdout, run.stderr) == ("[]\n", "")


def test_the_class_is_there_when_asked_for():
    assert import_string("irontoken.TokenAuthentication") is irontoken.TokenAuthentication
    assert set(irontoken.__all__) <= set(dir(irontoken))
    with pytest.raises(AttributeError, match="has no attribute 'TokenAuthentification'"):
        _ = irontoken.TokenAuthentification


def test_the_class_can_be_imported_before_django_is_set_up():
    run = python(
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['django.contrib.auth', 'django.contrib.contenttypes',"
        " 'rest_framework', 'rest_framework.authtoken'])\n"
        "from irontoken import TokenAuthentication\n"
        "import django; django.setup()\n"
        "print(TokenAuthentication().get_model().__name__)"
    )
    assert (run.stdout, run.stderr) == ("Token\n", "")


def test_a_second_interpreter_is_refused():
    """One interpreter's objects must not turn up in another."""
    run = python(
        "import irontoken, sys\n"
        "try:\n"
        "    import _interpreters as interpreters\n"
        "except ImportError:\n"
        "    import _xxsubinterpreters as interpreters\n"
        "other = interpreters.create()\n"
        "code = 'try:\\n import irontoken\\nexcept ImportError as e:\\n print(type(e).__name__)'\n"
        "interpreters.exec(other, code) if hasattr(interpreters, 'exec')"
        " else interpreters.run_string(other, code)\n"
        "print(irontoken.generate_key() != '')"
    )
    assert run.stdout == "ImportError\nTrue\n", run.stderr


def test_the_package_is_typed():
    folder = Path(irontoken.__file__).parent
    assert (folder / "py.typed").exists()
    assert (folder / "_core.pyi").exists()
