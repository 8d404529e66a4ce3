from __future__ import annotations

import pytest
from builders_classifier import TODAY
from e2i_shared.classifier.clauses import Clause
from e2i_shared.classifier.domains import (
    NONE,
    asks_nothing,
    clause_features,
    is_bare_condition,
    is_elliptic,
    is_modifier,
    score,
)
from e2i_shared.classifier.reading import read
from e2i_shared.classifier.weights import weights
from hypothesis import given, settings
from hypothesis import strategies as st


def whole(text: str):
    reading = read(text, TODAY, weights())
    return reading, Clause(0, 0, len(reading.words))


def best(text: str, context: str = "") -> str:
    reading, clause = whole(text)
    probabilities = score(reading, [clause], weights().domain, context)[0]
    return max(probabilities, key=lambda name: probabilities[name])


def test_names_of_things_do_not_matter_to_the_kind_of_question():
    one, other = (
        clause_features(*whole(f"Did samples raise {brand} TRx {period}?"))
        for brand, period in (("Kisqali", "in June 2026"), ("Fabhalta", "in July 2026"))
    )

    assert one == other


def test_numbers_do_not_matter_to_the_kind_of_question():
    assert clause_features(*whole("what would 20% more calls do")) == clause_features(
        *whole("what would 35% more calls do")
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["why", "trx", "drift", "cohort", "xyzzy", "42", "those"]), min_size=1, max_size=80))
def test_a_long_clause_counts_no_more_than_a_short_one(pieces: list[str]):
    features = clause_features(*whole(" ".join(pieces)))
    words = [value for name, value in features.items() if name[0] not in "#@=~" and "&" not in name]

    assert sum(value * value for value in words) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "leans"),
    [
        ("why?", True),
        ("does it hold up", True),
        ("and in Ohio", True),
        ("Did rep visits raise Kisqali TRx in the Northeast", False),
    ],
)
def test_a_clause_that_cannot_speak_for_itself_is_noticed(text: str, leans: bool):
    assert is_elliptic(*whole(text)) is leans


@pytest.mark.parametrize(
    ("text", "bare"),
    [("if so", True), ("if not", True), ("if it holds", True), ("if samples worked", False), ("why", False)],
)
def test_a_bare_condition_is_noticed(text: str, bare: bool):
    assert is_bare_condition(*whole(text)) is bare


@pytest.mark.parametrize(
    ("text", "modifies"),
    [
        ("and in Indiana", True),
        ("by region", True),
        ("only the Midwest please", True),
        ("make it 12 weeks", True),
        ("what about Fabhalta", True),
        ("Kisqali", True),
        ("and who responded most", False),
        ("why did it drop", False),
        ("and the forecast", False),
        ("show me the trend of all brands for each region and month", False),
    ],
)
def test_a_change_of_detail_is_told_from_a_question(text: str, modifies: bool):
    assert is_modifier(*whole(text)) is modifies


def test_a_change_of_detail_takes_the_domain_of_the_turn_before():
    assert best("and in Indiana", "GAP") == "GAP"
    assert best("and in Indiana", "PREDICTION") == "PREDICTION"
    assert best("and in Indiana") == NONE


def test_probabilities_of_a_change_of_detail_still_add_up_to_one():
    reading, clause = whole("and in Indiana")

    assert sum(score(reading, [clause], weights().domain, "GAP")[0].values()) == pytest.approx(1.0)


def test_words_of_one_sense_share_what_is_learnt():
    fell, tanked = (clause_features(*whole(f"Why has TRx {word}?")) for word in ("fallen", "tanked"))
    shared = {name for name in fell.keys() & tanked.keys() if name[0] in "=~"}

    assert {"=DOWN", "=DOWN&WHY"} <= shared
    assert {name for name in fell if name[0] in "=~"} == shared


def test_a_period_is_seen_as_past_or_to_come():
    past, ahead = (clause_features(*whole(f"TRx in {period}")) for period in ("July 2026", "July 2027"))

    assert "=PAST" in past
    assert "=FUTURE" in ahead
    assert "=FUTURE" not in past


@pytest.mark.parametrize(("sure", "nothing"), [(0.3, True), (0.95, False)])
def test_a_word_of_other_things_counts_only_where_the_question_is_not_clear(sure: float, nothing: bool):
    reading, clause = whole("what is the weather like in Munich")

    assert asks_nothing(reading, clause, {"PREDICTION": sure, NONE: 1 - sure}, alone=False) is nothing


@pytest.mark.parametrize(
    "text", ["I want kids with atopic dermatitis", "how do the Nordic countries compare", "shares by plan"]
)
def test_people_and_places_are_no_other_things(text: str):
    reading, _ = whole(text)

    assert "OFF_TOPIC" not in reading.cues


def test_a_condition_with_what_is_ordered_behind_it_is_no_bare_one():
    assert is_bare_condition(*whole("if it's robust"))
    assert not is_bare_condition(*whole("if it's robust compute roi"))
