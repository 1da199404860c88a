"""The crates that the library is linked from: their licences, and a bill of materials.

maturin's own bill has every crate of the lock file and the folder that it was built in.
"""

import json
from pathlib import Path

from tests.dist.tools import run

LICENCES = "LICENSES-CRATES.txt"
MATERIALS = "irontoken.cyclonedx.json"


def linked(folder, target=None):
    """The crates by name, each with what it depends on; of all platforms where none is named."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    if target:
        command += ["--filter-platform", target]
    metadata = json.loads(run(*command, cwd=folder))
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    found = {}
    pending = [metadata["resolve"]["root"]]
    while pending:
        package = packages[pending.pop()]
        # A macro is run by the compiler.
        names = [each for each in normal(nodes[package["id"]]) if not is_macro(packages[each])]
        found[package["id"]] = package, [packages[each] for each in names]
        pending += [each for each in names if each not in (*found, *pending)]
    return [found[name] for name in sorted(found)]


def is_macro(package):
    return any("proc-macro" in target["kind"] for target in package["targets"])


def normal(node):
    """What a crate is linked with, outside of the model check."""
    for dependency in node["deps"]:
        kinds = dependency["dep_kinds"]
        if any(each["kind"] is None and "loom" not in str(each["target"]) for each in kinds):
            yield dependency["pkg"]


def licences(folder):
    """Write the licences of all platforms' crates, which `license-files` takes along."""
    crates = [crate for crate, _ in linked(folder) if crate["source"]]
    # Many share a text to the letter.
    by_text = {}
    for crate in crates:
        for path in texts(crate):
            text = path.read_text(errors="replace").strip()
            by_text.setdefault(text, []).append(f"{crate['name']} {crate['version']}")
    names = [f"{crate['name']} {crate['version']}: {crate['license']}\n" for crate in crates]
    parts = [f"{'=' * 80}\n{', '.join(each)}\n\n{text}\n" for text, each in by_text.items()]
    head = "The crates that are part of irontoken's library.\n\n"
    (folder / LICENCES).write_text("".join([head, *names, *parts]))


def texts(package):
    """The texts of a crate's licence; of several that it may be used by, MIT's."""
    folder = Path(package["manifest_path"]).parent
    found = [path for path in sorted(folder.iterdir()) if is_licence(path)]
    chosen = [path for path in found if "MIT" in path.name.upper()]
    return chosen if chosen and " OR " in package["license"] else found


def is_licence(path):
    name = path.name.upper()
    return path.is_file() and name.startswith(("LICENSE", "LICENCE", "COPYING", "NOTICE"))


def materials(folder, target):
    """Write what a wheel of one target is linked from, as CycloneDX 1.5 has it (PEP 770)."""
    crates = linked(folder, target)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": next(component(c) for c, _ in crates if not c["source"])},
        "components": [component(crate) for crate, _ in crates if crate["source"]],
        "dependencies": [
            {"ref": reference(crate), "dependsOn": [reference(each) for each in needed]}
            for crate, needed in crates
        ],
    }
    (folder / MATERIALS).write_text(json.dumps(document, indent=1))


def component(crate):
    url = reference(crate)
    # Of some crates' older form, which SPDX has not.
    licence = crate["license"].replace("/", " OR ")
    return {
        "type": "library",
        "bom-ref": url,
        "name": crate["name"],
        "version": crate["version"],
        "licenses": [{"expression": licence}],
        "purl": url,
    }


def reference(crate):
    return f"pkg:cargo/{crate['name']}@{crate['version']}"
