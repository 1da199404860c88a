"""The Python that the documents show: all of it is Python, and that of the guides is run."""

import ast
import re
from pathlib import Path

import pytest
from django.test import RequestFactory

from irontoken.tokens import signals, uses
from irontoken.tokens.models import AccessToken
from tests.support.comparison import ask, request_with

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def snippets(page):
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE)
    for margin, block in blocks:
        yield "\n".join(line.removeprefix(margin) for line in block.splitlines())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_shown_as_python_is_python(page):
    for snippet in snippets(page):
        ast.parse(snippet)


@pytest.mark.django_db
def test_the_metrics_are_those_of_the_process_and_no_key_is_logged(
    user, caplog, monkeypatch, settings
):
    monkeypatch.setattr(uses, "_start", lambda: None)
    monkeypatch.setattr(uses, "_uses", uses._Uses())
    names = {}
    for snippet in snippets(ROOT / "docs" / "monitoring.md"):
        exec(snippet, names)
    try:
        caplog.set_level("INFO", logger="security")
        token, key = AccessToken.objects.issue(user)
        token.revoke()
        assert ask(key, AccessToken)[0].exception is not None
    finally:
        signals.token_refused.disconnect(names["refused"])
        signals.token_reuse_detected.disconnect(names["reused"])
    assert f"refused: revoked, token {token.pk}" in caplog.text
    assert key not in caplog.text
    text = names["metrics"](RequestFactory().get("/")).content.decode()
    assert re.fullmatch(r'(irontoken_\w+(\{reason="[^"]*"\})? \d+\n)+', text)
    assert "irontoken_hits_total" in text


@pytest.mark.django_db
def test_a_bearer_is_a_key_of_ours_or_left_to_the_next_class(user, monkeypatch):
    monkeypatch.setattr(uses, "_start", lambda: None)
    monkeypatch.setattr(uses, "_uses", uses._Uses())
    names = {}
    for snippet in snippets(ROOT / "docs" / "from-others.md"):
        exec(snippet, names)
    bearer = names["BearerAuthentication"]
    bearer.model = AccessToken
    token, key = AccessToken.objects.issue(user)
    assert bearer().authenticate(request_with(f"Bearer {key}")) == (user, token)
    for other in ("Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", f"Token {key}", ""):
        assert bearer().authenticate(request_with(other)) is None
    api_key = names["ApiKeyAuthentication"]
    api_key.model = AccessToken
    assert api_key().authenticate(request_with(f"Api-Key {key}")) == (user, token)
