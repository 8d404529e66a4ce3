from __future__ import annotations

import pytest
from builders_classifier import TODAY, ask
from e2i_shared.classifier.clauses import (
    MAX_CLAUSES,
    MAX_PLACES,
    Clause,
    candidates,
    first_look,
    is_marker,
    open_places,
    second_features,
    split,
)
from e2i_shared.classifier.domains import Asks
from e2i_shared.classifier.linear import LinearModel
from e2i_shared.classifier.reading import read
from e2i_shared.classifier.weights import weights
from hypothesis import given, settings
from hypothesis import strategies as st


def reading(text: str):
    return read(text, TODAY, weights())


def clauses(text: str) -> list[str]:
    seen = reading(text)
    return [text[slice(*clause.span(seen))] for clause in split(seen, weights().boundary)[0]]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "Did samples raise TRx, and which specialties responded most?",
            ["Did samples raise TRx", "which specialties responded most"],
        ),
        (
            "Only if the pilot worked would we design a rollout test",
            ["Only if the pilot worked", "would we design a rollout test"],
        ),
        (
            "Only when the rebate worked should you look at who gained",
            ["Only when the rebate worked", "should you look at who gained"],
        ),
        ("Forecast NRx; check the data for drift", ["Forecast NRx", "check the data for drift"]),
        ("1. TRx by region 2. What does PSI mean?", ["TRx by region", "What does PSI mean"]),
        (
            "Why did TRx drop? What would restoring the visits do?",
            ["Why did TRx drop", "What would restoring the visits do"],
        ),
        (
            "Before we size the test, tell me whether samples worked",
            ["Before we size the test", "tell me whether samples worked"],
        ),
        (
            "Find the low responders and then simulate more calls for them",
            ["Find the low responders", "simulate more calls for them"],
        ),
    ],
)
def test_a_question_of_several_parts_is_cut_between_them(text: str, parts: list[str]):
    assert clauses(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "Did visits, samples and emails raise TRx in the Northeast, the Midwest and the South?",
        "What happens to TRx if we cut calls by 10%?",
        "If we cut calls by 10% in the Midwest, what happens to TRx?",
        "TRx for Kisqali by region, last two quarters",
        "Show TRx, NRx and sales by month and brand",
        "Which HCPs in decile 8, 9 or 10 respond to calls?",
        "How many patients are over 65 and have two comorbidities?",
    ],
)
def test_a_question_of_one_part_stays_whole(text: str):
    assert len(ask(text).sub_questions) == 1


def test_numbers_and_abbreviations_do_not_end_a_clause():
    for text in ("a lift of 0.5 scripts", "2,000 packs", "Kisqali vs. Fabhalta TRx"):
        assert candidates(reading(text)) == []


def test_list_markers_are_seen_as_such():
    seen = reading("1. TRx 2) NRx (b) sales 3 visits")

    assert [seen.texts[at] for at in range(len(seen.words)) if is_marker(seen, at)] == ["1", "2", "b"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["which", "and", ",", "trx", "if", "?", "1.", "then", "\n", "drop", ";", "to", "show"]),
        max_size=60,
    )
)
def test_clauses_cover_the_words_once_and_in_order(pieces: list[str]):
    seen = reading(" ".join(pieces))

    found, sure = split(seen, weights().boundary)

    assert [at for clause in found for at in range(clause.first, clause.last)] == list(range(len(seen.words)))
    assert all(clause.first <= clause.body < clause.last for clause in found)
    assert 0.0 <= sure <= 1.0


def test_the_work_is_bounded_however_many_commas_there_are():
    seen = reading("what is trx, " * 300)

    assert len(candidates(seen)) <= MAX_PLACES
    assert len(split(seen, weights().boundary)[0]) <= MAX_CLAUSES


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Forecast NRx for whichever segment gains most", "for"),
        ("Pilot it with those doctors", "with"),
        ("Why is adherence poor in the 100 riskiest patients", "in"),
        ("Build a list of accounts that may switch", "that"),
        ("Show the reach as well as the gap", "and"),
        ("Please size a test, please forecast NRx", "please"),
    ],
)
def test_a_set_or_a_request_may_begin_a_part_of_its_own(text: str, word: str):
    seen = reading(text)

    assert word in [seen.texts[at] for at in candidates(seen)]


def test_a_place_that_only_says_where_begins_nothing():
    assert candidates(reading("TRx in the Northeast for Kisqali")) == []


def looked_at(text: str, left: str, right: str):
    """Return what a second look at the only comma sees when the pieces ask what is said."""
    seen = reading(text)
    (at,) = candidates(seen)

    def says(_reading, clause: Clause) -> dict[str, float]:
        kind = left if clause.last == at else right
        return dict.fromkeys(("CAUSAL", "KPI", "NONE"), 0.05) | {kind: 0.9}

    return second_features(seen, {at: 0.4}, at, says)


def test_a_second_look_sees_whether_the_pieces_ask_different_things():
    text = "TRx by state, reasons of the dip"

    other, same, nothing = (
        looked_at(text, "KPI", "CAUSAL"),
        looked_at(text, "KPI", "KPI"),
        looked_at(text, "NONE", "KPI"),
    )

    assert "alike=other" in other
    assert "alike=same" in same
    assert "alike=nothing" in nothing
    assert other["apart"] > 0.7
    assert same["apart"] < 0.2
    assert nothing["left_nothing"] == pytest.approx(0.9)


def test_a_second_look_decides_where_the_first_leaves_it_open():
    seen = reading("TRx by state, reasons of the dip")
    (at,) = candidates(seen)
    unsure = LinearModel(("0", "1"), (0.0, -0.2), {})
    splits = LinearModel(("0", "1"), (0.0, 5.0), {})
    asks = Asks(weights().domain)

    assert len(split(seen, unsure)[0]) == 1
    assert len(split(seen, unsure, splits, asks)[0]) == 2
    assert open_places({at: 0.45, at + 1: 0.999, at + 2: 0.001}) == [at]


def test_a_first_look_that_is_certain_is_not_asked_again():
    seen = reading("TRx by state, reasons of the dip")
    certain = LinearModel(("0", "1"), (0.0, 9.0), {})
    never = LinearModel(("0", "1"), (9.0, 0.0), {})

    assert open_places(first_look(seen, certain)) == []
    assert len(split(seen, certain, never, Asks(weights().domain))[0]) == 2
