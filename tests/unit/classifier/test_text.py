from __future__ import annotations

import itertools

import pytest
from e2i_shared.classifier.text import fold, in_full, normalise, stem, within_edits, words
from hypothesis import given
from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)


@given(ANY_TEXT)
def test_folding_never_moves_a_character(text: str):
    assert len(fold(text)) == len(text)


@given(ANY_TEXT)
def test_words_stand_where_they_say(text: str):
    folded = fold(text)

    for word in words(folded):
        assert 0 <= word.start < word.end <= len(text)
        assert word.text
        assert word.text[0] == folded[word.start]


@given(ANY_TEXT)
def test_words_never_overlap_and_keep_their_order(text: str):
    found = words(fold(text))

    assert all(left.end <= right.start for left, right in itertools.pairwise(found))


def test_fullwidth_letters_and_typographic_apostrophes_are_read_as_plain_ones():
    assert fold("Ｋｉｓｑａｌｉ") == "kisqali"
    assert fold("What’s") == "what's"


def test_invisible_characters_vanish_from_words_but_not_from_their_spans():
    word = words(fold("Kis\u200bqali"))[0]

    assert word.text == "kisqali"
    assert (word.start, word.end) == (0, 8)


def test_underscores_and_hyphens_separate_words():
    assert [word.text for word in words("rep_visits top-decile don't")] == ["rep", "visits", "top", "decile", "don't"]


@pytest.mark.parametrize(
    ("left", "right"),
    [("Why did  TRx drop?", " why did trx DROP? "), ("what’s up", "what's up"), ("a\u200bb", "ab"), ("x\n\ty", "x y")],
)
def test_spellings_of_one_question_are_the_same_to_the_cache(left: str, right: str):
    assert normalise(left) == normalise(right)


def test_different_words_stay_different_to_the_cache():
    assert normalise("TRx in 2025") != normalise("TRx in 2024")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("segments", "segment"),
        ("specialties", "specialty"),
        ("doctor's", "doctor"),
        ("bus", "bus"),
        ("analysis", "analysis"),
        ("less", "less"),
        ("boxes", "box"),
        ("is", "is"),
    ],
)
def test_plurals_meet_their_singular(word: str, expected: str):
    assert stem(word) == expected


@pytest.mark.parametrize(
    ("left", "right", "limit", "near"),
    [
        ("kisqalli", "kisqali", 1, True),
        ("nothreast", "northeast", 2, True),
        ("ab", "ba", 1, True),
        ("kisqali", "fabhalta", 2, False),
        ("abc", "abcde", 1, False),
        ("", "a", 1, True),
    ],
)
def test_misspellings_are_counted_in_edits(left: str, right: str, limit: int, near: bool):
    assert within_edits(left, right, limit) is near


@given(st.text("abcd", max_size=8), st.text("abcd", max_size=8))
def test_nearness_does_not_depend_on_the_order(left: str, right: str):
    assert within_edits(left, right, 2) == within_edits(right, left, 2)


@given(st.text("abcde", min_size=2, max_size=10), st.data())
def test_one_swap_is_one_edit(word: str, data: st.DataObject):
    at = data.draw(st.integers(0, len(word) - 2))
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]

    assert within_edits(word, swapped, 1)


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("reach as well as share", "reach and also plus share"),
        ("forecast it along with the gap", "forecast it and also the gap"),
        ("size it in case samples work", "size it if case samples work"),
        ("in the event that calls fall", "if the event that calls fall"),
        ("as soon as you know", "once soon as you know"),
        ("so long as it holds", "if long as it holds"),
        ("reach n share pls", "reach and share please"),
        ("score em bc u know", "score them because you know"),
    ],
)
def test_short_forms_and_joining_phrases_are_read_as_the_plain_words(said: str, plain: str):
    assert in_full(said.split()) == tuple(plain.split())


@pytest.mark.parametrize("said", ["n 30 per arm", "power at n", "as well", "as far as we know", "in the north"])
def test_words_that_only_look_like_them_stay(said: str):
    assert in_full(said.split()) == tuple(said.split())


@given(
    st.lists(
        st.sampled_from(["as", "well", "in", "the", "event", "case", "addition", "to", "n", "w", "x"]), max_size=12
    )
)
def test_every_word_keeps_its_place(texts: list[str]):
    assert len(in_full(texts)) == len(texts)
