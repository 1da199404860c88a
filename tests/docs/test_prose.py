"""The prose of the documents: short sentences, and tables of phrases."""

import pytest

from tests.docs.prose import PAGES, cells, sentences

#: Words in a sentence, and in a cell of a table.
LONGEST, WIDEST = 30, 25


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sentences_and_cells_are_short(page):
    assert [each for each in cells(page) if len(each.split()) > WIDEST] == []
    assert [each for each in sentences(page) if len(each.split()) > LONGEST] == []
