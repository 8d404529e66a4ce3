from __future__ import annotations

import pytest
from e2i_shared.composer.words import distance, is_common, key, pieces, stem, tokenize, tolerance
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("oncologists", "Oncology"),
        ("oncologist", "oncology"),
        ("hematologists", "Hematology"),
        ("dermatologist", "Dermatology"),
        ("nephrologists", "Nephrology"),
        ("allergists", "Allergy"),
        ("allergies", "allergy"),
        ("specialties", "specialty"),
        ("territories", "territory"),
        ("northeastern", "Northeast"),
        ("Midwestern", "midwest"),
        ("western", "West"),
        ("southern", "South"),
        ("visits", "visit"),
        ("samples", "sample"),
        ("sampling", "sample"),
        ("brands", "Brand"),
        ("Kisqali's", "Kisqali"),
        ("ages", "age"),
    ],
)
def test_words_of_one_root_share_a_stem(left, right):
    assert stem(left) == stem(right)


@pytest.mark.parametrize(
    ("left", "right"), [("west", "south"), ("trx", "nrx"), ("age", "wage"), ("Allergy", "Oncology"), ("east", "west")]
)
def test_words_of_different_roots_do_not_share_a_stem(left, right):
    assert stem(left) != stem(right)


@pytest.mark.parametrize(
    ("spelling", "other"),
    [
        ("rep_visits", "rep visits"),
        ("rep-visits", "Rep Visit"),
        ("basketSize", "basket_size"),
        ("basket size", "BasketSize"),
        ("North East", "Northeast"),
        ("north-east", "Northeast"),
        ("speaker programs", "speaker_program"),
    ],
)
def test_spellings_of_one_name_share_a_key(spelling, other):
    assert key(spelling) == key(other)


def test_snake_and_camel_case_names_are_split_into_pieces():
    assert pieces("basketSize_total") == ["basket", "size", "total"]
    assert pieces("wt82_71") == ["wt82", "71"]


def test_tokens_know_their_place_and_whether_they_are_identifiers():
    text = "Did discount raise basket_size?"
    tokens = tokenize(text)
    assert [t.text for t in tokens] == ["Did", "discount", "raise", "basket_size"]
    assert [t.identifier for t in tokens] == [False, False, False, True]
    assert all(text[t.start : t.end] == t.text for t in tokens)


def test_a_name_is_capitalised_wherever_its_capital_stands():
    by_text = {t.text: t.capitalised for t in tokenize("did TRx in McAllen rise")}
    assert by_text == {"did": False, "TRx": True, "in": False, "McAllen": True, "rise": False}


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("northeast", "nrotheast", 1),
        ("northeast", "northeast", 0),
        ("kisqali", "kisqalli", 1),
        ("kisqali", "kisqal", 1),
        ("kisqali", "kasqali", 1),
        ("oncology", "oncolgoy", 1),
        ("oncology", "onkolgy", 2),
        ("abcdef", "uvwxyz", 3),
    ],
)
def test_distance_counts_typing_errors_and_stops_at_the_limit(left, right, expected):
    assert distance(left, right, 2) == expected


@given(st.text("abcde", max_size=9), st.text("abcde", max_size=9))
def test_distance_is_symmetric_and_zero_only_for_equal_words(left, right):
    assert distance(left, right, 9) == distance(right, left, 9)
    assert (distance(left, right, 9) == 0) == (left == right)


@given(st.text("abcdef", min_size=3, max_size=9), st.data())
def test_one_typing_error_is_at_distance_one(word, data):
    place = data.draw(st.integers(0, len(word) - 1))
    assert distance(word, word[:place] + "x" + word[place:], 3) == 1
    assert distance(word, word[:place] + word[place + 1 :], 3) == 1


def test_short_words_tolerate_no_errors_and_long_ones_two():
    assert [tolerance(w) for w in ("west", "south", "northea", "northeast")] == [0, 1, 1, 2]


@pytest.mark.parametrize(
    "word", ["did", "raise", "increased", "segments", "responded", "quarter", "confirm", "whether"]
)
def test_words_of_questions_are_ordinary(word):
    assert is_common(word)


@pytest.mark.parametrize("word", ["Blorptrix", "Kisqali", "Nrotheast", "basket", "oncologist", "Indiana", "loyalty"])
def test_names_and_matters_of_the_data_are_not_ordinary(word):
    assert not is_common(word)


@given(st.text(max_size=200))
def test_any_text_can_be_tokenised_and_keyed(text):
    for token in tokenize(text):
        assert text[token.start : token.end] == token.text
    assert isinstance(key(text), str)


def test_an_abbreviated_month_lends_its_commonness_to_no_longer_word():
    assert is_common("mar")
    assert not is_common("Mars")
    assert is_common("visits")
