"""The reference names all that a user meets: checks, commands, options, names and log records."""

import ast
import re
from pathlib import Path

from django.core.management import load_command_class

import irontoken
from irontoken import tokens
from irontoken.settings import setting
from irontoken.tokens import signals

ROOT = Path(__file__).resolve().parents[2]
PAGE, NAMES, SETTINGS = (
    (ROOT / "docs" / f"{name}.md").read_text() for name in ("reference", "names", "settings")
)
WORDS = re.compile(r"[\w-]+")
SOURCES = "".join(path.read_text() for path in (ROOT / "python").rglob("*.py"))


def test_each_check_is_there_once_and_no_other():
    listed = re.findall(r"^\| `(irontoken\.[EWI]\d+)`", PAGE, re.MULTILINE)
    assert sorted(set(listed)) == sorted(listed)
    assert set(listed) == set(re.findall(r'"(irontoken\.[EWI]\d+)"', SOURCES))


def test_each_action_of_the_command_is_there():
    parser = load_command_class("irontoken", "irontoken").create_parser("manage.py", "irontoken")
    [actions] = [each for each in parser._actions if each.dest == "action"]
    table = PAGE.split("## Commands")[1].split("\n## ")[0]
    assert set(re.findall(r"`([a-z]+)`", table)) >= set(actions.choices)


def test_each_public_name_is_there():
    names = {f"irontoken.{name}" for name in irontoken.__all__}
    names |= {f"irontoken.tokens.{name}" for name in tokens.__all__}
    names |= {name for name in vars(signals) if name.startswith("token_")}
    # A function has its arguments behind it.
    missing = [name for name in sorted(names) if not re.search(rf"`{re.escape(name)}[`(]", NAMES)]
    assert missing == []


def test_each_section_of_the_setting_is_there():
    for name in setting._NAMES:
        assert f'IRONTOKEN["{name}"]' in SETTINGS


def log_records():
    """Yield how the text of each log record begins, after what is filled in there."""
    for path in (ROOT / "python").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("logger."):
                texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
                pieces = [WORDS.findall(each) for text in texts[:1] for each in text.split("%s")]
                yield from [" ".join(each[:3]) for each in pieces if len(each) > 1][:1]


def test_each_log_record_is_there():
    records = list(log_records())
    assert len(records) >= 10
    for text in records:
        assert text in PAGE
