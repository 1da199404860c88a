"""What the documents' Python does beyond what they say of it. `tests/docs` runs them."""

import re
from pathlib import Path

import pytest
from django.test import RequestFactory

from irontoken.tokens import signals, uses
from irontoken.tokens.models import AccessToken
from tests.docs.page import blocks
from tests.support.comparison import ask, request_with

ROOT = Path(__file__).resolve().parents[2]


def snippets(name):
    """The Python that a page shows; that of the settings is not for here."""
    shown = blocks((ROOT / "docs" / name).read_text())
    return [b.text for b in shown if b.language == "python" and "settings" not in (b.title or "")]


@pytest.mark.django_db
def test_the_metrics_are_those_of_the_process_and_no_key_is_logged(
    user, caplog, monkeypatch, settings
):
    monkeypatch.setattr(uses, "_start", lambda: None)
    monkeypatch.setattr(uses, "_uses", uses._Uses())
    names = {}
    for snippet in snippets("monitoring.md"):
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
    for snippet in snippets("from-others.md")[:2]:
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
