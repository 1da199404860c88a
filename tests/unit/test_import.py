"""Importing the package: what it needs, what it loads, and who may do it."""

import os
import shutil
import subprocess
import sys
import sysconfig
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


def test_the_version_is_that_of_the_distribution():
    import irontoken

    root = Path(__file__).resolve().parents[2]
    for name in ("pyproject.toml", "Cargo.toml"):
        assert f'\nversion = "{irontoken.__version__}"\n' in (root / name).read_text()


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


TWICE = r"""
#include <Python.h>

int main(revoke) {
    for (int run = 0; run < 2; run++) {
        Py_Initialize();
        PyRun_SimpleString(
            "import os, sys\n"
            "sys.path[:0] = os.environ['EMBEDDED_PATH'].split(os.pathsep)\n"
            "try:\n"
            "    import irontoken\n"
            "    print(irontoken.generate_key() != '', flush=True)\n"
            "except ImportError as error:\n"
            "    print(str(error).split(',')[0], flush=True)\n");
        Py_FinalizeEx();
    }
    return 0;
}
"""


def test_an_interpreter_after_the_end_of_the_first_is_refused(tmp_path):
    """As of a program that embeds Python: the second has the number of the first."""
    variables = sysconfig.get_config_vars()
    compiler, folder = shutil.which("cc"), variables["LIBDIR"]
    if not (compiler and variables["Py_ENABLE_SHARED"]):
        pytest.skip("there is no C compiler, or no shared library of Python's to embed")
    if not (Path(variables["INCLUDEPY"]) / "Python.h").exists():
        pytest.skip("there is no Python.h")
    (tmp_path / "twice.c").write_text(TWICE)
    library = variables["LDLIBRARY"].removeprefix("lib").split(".so")[0]
    where = [f"-I{variables['INCLUDEPY']}", f"-L{folder}", f"-Wl,-rpath,{folder}"]
    program = [tmp_path / "twice.c", "-o", tmp_path / "twice"]
    subprocess.run([compiler, *program, *where, f"-l{library}"], check=True)
    environment = {
        **os.environ,
        "PYTHONHOME": sys.base_prefix,
        "EMBEDDED_PATH": os.pathsep.join(path for path in sys.path if path),
    }
    run = subprocess.run(
        [tmp_path / "twice"], capture_output=True, text=True, env=environment, check=False
    )
    refused = "irontoken was in use when Python was ended in this process"
    assert (run.returncode, run.stdout) == (0, f"True\n{refused}\n"), run.stderr


def test_the_package_is_typed():
    folder = Path(irontoken.__file__).parent
    assert (folder / "py.typed").exists()
    assert (folder / "_core.pyi").exists()
