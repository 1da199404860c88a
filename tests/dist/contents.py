"""``python -m tests.dist.contents``: what is in each wheel of ``dist/``, and what must not be."""

import json
import os
import re
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from readme_renderer import markdown

from tests.dist.crates import LICENCES
from tests.dist.tools import ROOT, VERSION

#: The most that a wheel may have, in bytes.
MOST = 700_000
#: Folders of the machine that a wheel is built on.
FOLDERS = (ROOT, os.environ.get("CARGO_HOME", Path.home() / ".cargo"), Path.home() / ".rustup")
#: What each wheel has one of.
PRESENT = (
    r"irontoken/_core\..*(so|pyd)",
    r"irontoken/__init__\.py",
    r"irontoken/py\.typed",
    r".*licenses/LICENSE",
    rf".*licenses/{LICENCES}",
    r".*/sboms/.*",
)
ADDRESSES = {"Documentation", "Changelog", "Source", "Issues", "Security"}


def faults(path):
    """What is wrong with a wheel, a line each."""
    if path.stat().st_size > MOST:
        yield f"{path.stat().st_size} bytes"
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for name, content in files.items():
        for folder in FOLDERS:
            if os.fsencode(folder) in content:
                yield f"{name} names {folder}"
    [metadata] = [text for name, text in files.items() if name.endswith(".dist-info/METADATA")]
    yield from of_metadata(message_from_bytes(metadata))
    for pattern in PRESENT:
        if len([name for name in files if re.fullmatch(pattern, name)]) != 1:
            yield f"not one {pattern}"
    bills = [text for name, text in files.items() if "/sboms/" in name]
    licences = [text for name, text in files.items() if name.endswith(f"licenses/{LICENCES}")]
    for bill, text in zip(bills, licences, strict=True):
        other = "rustix" if "win_" in path.name else "windows-sys"
        yield from of_materials(bill, text.decode(), other)


def of_materials(bill, licences, other):
    """What is wrong with a bill; `other` is a crate of another system than the wheel's."""
    if error := JsonStrictValidator(SchemaVersion.V1_5).validate_str(bill.decode()):
        yield f"the bill of materials is invalid: {error.data.message}"
    components = json.loads(bill)["components"]
    crates = {each["name"] for each in components}
    if missing := {"pyo3", "sha2", "subtle"} - crates:
        yield f"the bill of materials lacks {missing}"
    # Of the model check, and of the benchmarks.
    if found := crates & {"loom", "criterion", other}:
        yield f"the bill of materials has {found}"
    texts = licences.partition("=" * 80)[2]
    for each in components:
        if f"{each['name']} {each['version']}" not in texts:
            yield f"there is no licence text of {each['name']} {each['version']}"


def of_metadata(metadata):
    if metadata["Version"] != VERSION:
        yield f"the version is {metadata['Version']} and not {VERSION}"
    urls = dict(url.split(", ") for url in metadata.get_all("Project-URL", []))
    if set(urls) != ADDRESSES:
        yield f"Project-URL has {sorted(urls)} and not {sorted(ADDRESSES)}"
    page = markdown.render(metadata.get_payload(decode=True).decode())
    if page is None:
        yield "the description does not render"
        return
    links = re.findall(r'(?:href|src|srcset)="([^"]+)"', page)
    if "<img" not in page:
        yield "the description has lost its picture"
    for link in links:
        if not link.startswith(("https://", "#")):
            yield f"the description links to {link}"


def main():
    wheels = sorted((ROOT / "dist").glob("*.whl"))
    found = [f"{wheel.name}: {fault}" for wheel in wheels for fault in faults(wheel)]
    if found or not wheels:
        sys.exit("\n".join(found) or "there is no wheel in dist/")
    print(f"{len(wheels)} wheels have what they must have, and no path of this machine")


if __name__ == "__main__":
    main()
