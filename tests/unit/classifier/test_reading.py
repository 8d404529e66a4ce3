from __future__ import annotations

from dataclasses import dataclass

import pytest
from builders_classifier import TODAY
from e2i_shared.classifier.reading import Reading, read
from hypothesis import given
from hypothesis import strategies as st


@dataclass(frozen=True)
class Words:
    """A small lexicon."""

    known: frozenset[str] = frozenset({"did", "raise", "the", "show", "what", "confidence", "interval", "giraffe"})
    familiar: frozenset[str] = frozenset({"did", "raise", "the", "show", "what"})


def seen(text: str) -> Reading:
    return read(text, TODAY, Words())


def test_names_are_tagged_with_their_kind_and_whether_they_name_one_or_all():
    reading = seen("did rep visits raise Kisqali TRx by region in the Northeast")

    assert reading.tags == (
        "did", "<treatment>", "<treatment>", "raise", "<brand=>", "<kpi>", "by", "<region>", "in", "the", "<region=>",
    )  # fmt: skip


def test_numbers_and_periods_are_tagged_as_such():
    assert seen("20% more in Q3 2026").tags == ("<num>", "more", "in", "<period>", "<period>")


def test_a_misspelling_is_read_as_the_word_it_was_meant_to_be():
    reading = seen("Kisqalli forcast")

    assert reading.texts == ("kisqali", "forecast")
    assert reading.corrected == {0: "kisqali", 1: "forecast"}


def test_known_words_are_never_corrected():
    reading = read("raised", TODAY, Words(known=frozenset({"raised"})))

    assert reading.corrected == {}


@pytest.mark.parametrize(
    ("word", "domain"),
    [("drifted", "MONITORING"), ("forecast", "PREDICTION"), ("cohort", "COHORT"), ("weather", "OFF_TOPIC")],
)
def test_words_that_mark_a_kind_of_question_are_noticed(word: str, domain: str):
    assert seen(word).cues == (domain,)


def test_words_that_no_answerable_question_used_are_strange_unless_they_are_names_or_cues():
    reading = seen("what giraffes did Kisqali forecast")

    assert reading.strange == (False, True, False, False, False)


def test_terms_of_the_trade_are_noticed():
    assert any(seen("what is a confidence interval").terms)
    assert not any(seen("what is giraffe").terms)


def test_gaps_hold_what_stands_between_words():
    reading = seen("show, what?")

    assert [reading.gap(at) for at in range(3)] == ["", ", ", "?"]


@given(st.text(st.characters(exclude_categories=()), max_size=120))
def test_every_word_has_every_sign(text: str):
    reading = seen(text)

    lengths = {
        len(signs)
        for signs in (
            reading.texts,
            reading.stems,
            reading.tags,
            reading.cues,
            reading.hints,
            reading.terms,
            reading.strange,
        )
    }
    assert lengths == {len(reading.words)}
