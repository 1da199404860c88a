"""The prose of the documents: short sentences, tables of phrases, and no word that was retired."""

import re

import pytest

from tests.docs.prose import PAGES, cells, lines, sentences

#: Words in a sentence, and in a cell of a table.
LONGEST, WIDEST = 30, 25
#: Words that once stood for a version, a permit, the interceptor, a message: one word, one idea.
RETIRED = re.compile(r"\b(roads?|tickets?|seams?|stamps?|epochs?|news|voids?|un(keepable|kept))\b")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sentences_and_cells_are_short(page):
    assert [each for each in cells(page) if len(each.split()) > WIDEST] == []
    assert [each for each in sentences(page) if len(each.split()) > LONGEST] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_one_word_stands_for_one_idea(page):
    assert [line for line in lines(page) if RETIRED.search(line.lower())] == []
