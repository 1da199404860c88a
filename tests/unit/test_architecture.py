"""The layers: imports go one way, in both languages, and words that were retired stay so."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: A package is its `__init__.py`.
PYTHON = {
    ".".join(path.relative_to(ROOT / "python").with_suffix("").parts).removesuffix(
        ".__init__"
    ): path
    for path in (ROOT / "python").rglob("*.py")
}
RUST = {
    "::".join(path.relative_to(ROOT / "src").with_suffix("").parts): path
    for path in (ROOT / "src").rglob("*.rs")
}
#: What the design says in their place stands in CONTRIBUTING.
RETIRED = re.compile(
    r"\b(Told|Shown|(?i:roads?|seams?|tickets?|unheard|unkeepable|unkept|unfit|stamps?|epochs?"
    r"|news|roll.call|RowShape|proves|watched|touched|alone_with))\b"
)


def python_imports(name):
    """Yield the modules of the package that one imports, wherever in it."""
    for node in ast.walk(ast.parse(PYTHON[name].read_text())):
        if isinstance(node, ast.Import):
            found = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [f"{node.module}.{each.name}" for each in node.names]
        else:
            continue
        for each in found:
            # `_core` looks up nothing here by its name: see `irontoken.hooks`.
            if not each.startswith("irontoken._core"):
                # Nor is the package's root anything above: it looks its names up when asked.
                named = {each, each.rpartition(".")[0]} & PYTHON.keys()
                yield from named - {name, "irontoken"}


def rust_imports(name):
    """Yield the modules of the crate that one uses, its tests left out."""
    text = RUST[name].read_text().split("#[cfg(test)]")[0]
    for start, path, braces in re.findall(r"\b(crate|super)::([\w:]+)(?:\{([^}]*)\})?", text):
        before = name.split("::")[:-1] if start == "super" else []
        for last in braces.split(","):
            parts = [*before, *path.strip(":").split("::"), last.strip().split("::")[0]]
            found = ("::".join(parts[:end]) for end in range(len(parts), 0, -1))
            yield from (each for each in found if each in RUST and each != name)


def assert_no_cycle(modules, imports):
    graph = {name: set(imports(name)) for name in modules}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))


def test_no_python_module_is_in_a_cycle():
    assert_no_cycle(PYTHON, python_imports)


def test_no_rust_module_is_in_a_cycle():
    assert_no_cycle(RUST, rust_imports)


def test_the_core_knows_nothing_of_issued_tokens():
    for name in PYTHON:
        if not name.startswith("irontoken.tokens"):
            found = [each for each in python_imports(name) if each.startswith("irontoken.tokens")]
            assert not found, f"{name} imports {found}"


def test_the_cache_and_the_lookup_know_nothing_of_a_layer_above():
    above = ("irontoken.authentication", "irontoken.hooks", "irontoken.checks", "irontoken.apps")
    for name in PYTHON:
        if name.startswith(("irontoken.lookup", "irontoken.fleet")):
            found = [each for each in python_imports(name) if each.startswith(above)]
            assert not found, f"{name} imports {found}"


def test_rust_that_decides_imports_no_python():
    for name, path in RUST.items():
        # The crate's root makes the module of Python.
        if not name.startswith("python") and name != "lib":
            assert "pyo3" not in re.sub(r"//.*", "", path.read_text()), name


def test_rust_names_python_objects_in_one_file():
    for name, path in RUST.items():
        if name.startswith("python") and name != "python::hooks":
            assert not re.search(r"\.import\(|py\.import", path.read_text()), name


@pytest.mark.parametrize("place", ["src", "python", "README.md", "docs"])
def test_retired_words_are_gone(place):
    paths = [ROOT / place]
    if paths[0].is_dir():
        paths = [
            path for path in paths[0].rglob("*") if path.suffix in {".rs", ".py", ".pyi", ".md"}
        ]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if RETIRED.search(line) and "pg_postmaster_start_time" not in line
    ]
    assert not found, "\n".join(found)


def test_no_test_imports_a_test():
    for path in (ROOT / "tests").rglob("*.py"):
        found = re.search(
            r"^\s*(?:from|import) tests\.(unit|integration|fleet)\b",
            path.read_text(),
            re.MULTILINE,
        )
        assert found is None, path


def test_what_differs_between_systems_is_in_one_place():
    posix = re.compile(r"geteuid|register_at_fork|import pwd|/dev/shm")
    found = [name for name in PYTHON if posix.search(PYTHON[name].read_text())]
    assert found == ["irontoken.system"]
    system = re.compile(r"cfg\((any\()?(unix|windows|target_os)|rustix::|windows_sys::")
    for name, path in RUST.items():
        if not name.startswith("platform::"):
            assert not system.search(path.read_text()), name
