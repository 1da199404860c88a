"""The prose of the documents: short sentences, tables of phrases, steps with their numbers."""

import re

import pytest

from tests.docs.prose import PAGES, cells, sentences

#: Words in a sentence, and in a cell of a table.
LONGEST, WIDEST = 30, 25


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sentences_and_cells_are_short(page):
    assert [each for each in cells(page) if len(each.split()) > WIDEST] == []
    assert [each for each in sentences(page) if len(each.split()) > LONGEST] == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.parent.name == "docs"], ids=lambda page: page.name
)
def test_what_belongs_to_a_step_is_indented_by_four(page):
    # With fewer, Python-Markdown ends the list, and the next step is numbered 1 again.
    assert re.findall(r"^ {3}[^ ].*", page.read_text(), re.MULTILINE) == []
