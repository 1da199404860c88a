"""``python -m tests.dist.licences``: the licence texts of the crates that a wheel is linked from.

They are gathered where a wheel is built, into a file that `license-files` takes along.
"""

import json
from pathlib import Path

from tests.dist.tools import ROOT, run

FILE = ROOT / "LICENSES-CRATES.txt"


def main():
    command = ("cargo", "metadata", "--format-version", "1", "--locked")
    metadata = json.loads(run(*command, cwd=ROOT))
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    linked = []
    pending = [metadata["resolve"]["root"]]
    while pending:
        name = pending.pop()
        if any("proc-macro" in target["kind"] for target in packages[name]["targets"]):
            continue  # it is run by the compiler
        linked.append(name)
        pending += [each for each in normal(nodes[name]) if each not in (*linked, *pending)]
    crates = [packages[name] for name in sorted(linked) if packages[name]["source"]]
    # Many share a text to the letter.
    by_text = {}
    for crate in crates:
        for path in texts(crate):
            text = path.read_text(errors="replace").strip()
            by_text.setdefault(text, []).append(f"{crate['name']} {crate['version']}")
    names = [f"{crate['name']} {crate['version']}: {crate['license']}\n" for crate in crates]
    parts = [f"{'=' * 80}\n{', '.join(each)}\n\n{text}\n" for text, each in by_text.items()]
    head = "The crates that are part of irontoken's library.\n\n"
    FILE.write_text("".join([head, *names, *parts]))
    print(f"{FILE.name}: {len(crates)} crates, {len(parts)} texts")


def normal(node):
    """What a crate is linked with, on some platform and outside of the model check."""
    for dependency in node["deps"]:
        kinds = dependency["dep_kinds"]
        if any(each["kind"] is None and "loom" not in str(each["target"]) for each in kinds):
            yield dependency["pkg"]


def texts(package):
    """The texts of a crate's licence; of several that it may be used by, MIT's."""
    folder = Path(package["manifest_path"]).parent
    found = [path for path in sorted(folder.iterdir()) if is_licence(path)]
    chosen = [path for path in found if "MIT" in path.name.upper()]
    return chosen if chosen and " OR " in package["license"] else found


def is_licence(path):
    name = path.name.upper()
    return path.is_file() and name.startswith(("LICENSE", "LICENCE", "COPYING", "NOTICE"))


if __name__ == "__main__":
    main()
