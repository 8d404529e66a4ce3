"""Words that name nothing may be put in or left out; all others may not."""

from __future__ import annotations

import pytest
from builders_composer import datasets
from e2i_shared.composer.asked.plain_words import foreign_words


def test_grammar_and_analysis_are_nobodys():
    assert foreign_words("What is the size of the effect, and which groups responded most?", "") == []


@pytest.mark.parametrize("word", ["Kisqali", "oncologists", "rep_visits", "TRx", "Northeast", "churn", "adherence"])
def test_names_must_be_known(word):
    assert foreign_words(f"What was the effect of {word}?", "visits") == [word]
    assert foreign_words(f"What was the effect of {word}?", f"{word} or not") == []


def test_another_form_of_a_word_is_the_same_word():
    assert foreign_words("rep visit", "Did visiting reps help") == []


def test_no_column_of_the_sample_is_a_plain_word():
    names = {c.name for d in datasets() for c in d.columns}

    assert [n for n in names if not foreign_words(n, "")] == []
