"""``python -m tests.dist.prepare ADDRESS [TARGET]``: the tree that a release is built from.

A copy of this one, in ``.cache/dist/tree``, with the licences of the crates, the bill of materials
of a wheel for ``TARGET``, the project's addresses, and links of the README that hold where the
index shows it. The repository's address is known to whoever releases, and written nowhere.
"""

import re
import shutil
import sys

from tests.dist.crates import licences, materials
from tests.dist.tools import CACHE, ROOT, VERSION, run

#: For a release that is built to be tried.
NOWHERE = "https://irontoken.invalid/irontoken"
#: The addresses that GitHub gives to a repository's parts.
URLS = """
[project.urls]
Documentation = "{address}/blob/{tag}/docs/index.md"
Changelog = "{address}/blob/{tag}/CHANGELOG.md"
Source = "{address}"
Issues = "{address}/issues"
Security = "{address}/security/policy"
"""


def copied(address=NOWHERE):
    """Copy what git has of this tree, and what is not ignored, and prepare the copy."""
    tree = CACHE / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in listed.split("\0")[:-1]:
        # One that is deleted and not committed is listed too.
        if (ROOT / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    prepare(tree, address)
    return tree


def prepare(folder, address):
    """Write the licences, the addresses and the links."""
    licences(folder)
    project = folder / "pyproject.toml"
    text = project.read_text()
    tag = f"v{VERSION}"
    if "[project.urls]" not in text:
        project.write_text(text + URLS.format(address=address, tag=tag))
    readme = folder / "README.md"
    text = readme.read_text()
    text = re.sub(r"\]\((?!https?:|#)", f"]({address}/blob/{tag}/", text)
    text = re.sub(r'(src|srcset)="(?!https?:)', rf'\1="{address}/raw/{tag}/', text)
    readme.write_text(text)


def main():
    address, *targets = sys.argv[1:]
    tree = copied(address)
    for target in targets:
        materials(tree, target)
    print(tree.relative_to(ROOT).as_posix())


if __name__ == "__main__":
    main()
