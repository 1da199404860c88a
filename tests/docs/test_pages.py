"""Each page of the documents, done as it is written: what it shows is what happens."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.page import SHOWN, blocks, commands
from tests.docs.printed import differs, replaced
from tests.docs.project import Project
from tests.support.servers import answers

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Pages that begin with nothing but Django, where others begin with what the README makes.
FROM_NOTHING = ("README.md", "tutorial.md", "from-knox.md")
SERVERS = {"PostgreSQL": 5432, "Redis": 6379}


@pytest.fixture(scope="session")
def started(tmp_path_factory):
    """A project as `django-admin startproject` makes it."""
    folder = tmp_path_factory.mktemp("started")
    command = [sys.executable, "-m", "django", "startproject", "tutorial", folder]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture(scope="session")
def finished(started, tmp_path_factory):
    """The project of somebody who has done the tutorial of the README, without what follows it."""
    folder = tmp_path_factory.mktemp("finished") / "project"
    shutil.copytree(started, folder)
    page, _, _ = (ROOT / "README.md").read_text().partition("## What there is")
    with project_in(folder) as project:
        do(project, "README.md", page)
    return folder


class project_in(Project):  # noqa: N801
    """A project that ends with its block."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def do(project, name, text):
    """Do what a page says; return why some of it was not."""
    not_done = []
    for block in blocks(text):
        place = f"{name}:{block.line}"
        absent = [each for each in block.needs if not answers(SERVERS[each])]
        if block.reason or absent:
            not_done.append(f"{place} {block.reason or f'{absent[0]} does not answer'}")
        elif block.language == "console":
            for command, shown in commands(block):
                status, printed = project.run(replaced(command, project.known))
                assert (status != 0) == ("fails" in block.comments), (
                    f"{place} {command}: {printed}"
                )
                if shown:
                    wrong = differs(replaced("\n".join(shown), {}), printed, project.known)
                    assert wrong is None, f"{place} {command}: {wrong}"
                elif command.startswith("pip "):
                    assert not printed, f"{place} {command}: {printed}"
        elif block.language == "python" and block.title:
            project.write(block.title, replaced(block.text, project.known))
        elif block.language == "python":
            raised = project.type(replaced(block.text, project.known))
            assert raised is None, f"{place} {raised}"
        else:
            assert block.language in SHOWN, f"{place} a block of {block.language!r}"
    return not_done


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_done_as_it_is_written(page, started, finished, tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(started if page.name in FROM_NOTHING else finished, folder)
    with project_in(folder) as project:
        before = Path(__file__).parent / "before" / page.name
        if before.exists():
            do(project, f"before/{page.name}", before.read_text())
        not_done = do(project, page.name, page.read_text())
        # A file that no command has read since is Python that runs, too.
        raised = project.type("".join(f"import {each}\n" for each in project.modules))
        assert raised is None, f"{page.name}: {raised}"
    for reason in not_done:
        print(reason)
    if not_done and all("does not answer" in reason for reason in not_done):
        pytest.skip("; ".join(not_done))
