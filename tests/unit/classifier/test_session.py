from __future__ import annotations

import pytest
from builders_classifier import MONTHLY, ask, parts
from e2i_shared.classifier.session import Session, session_of


@pytest.mark.parametrize(
    ("before", "query", "domain"),
    [
        ("Did smoking cessation raise weight?", "and in Indiana?", "CAUSAL"),
        ("How many HCPs per arm do we need to detect a lift of 0.3 TRx?", "what if I only have 8 weeks", "EXPERIMENT"),
        ("TRx for Kisqali by region, last two quarters", "and for Fabhalta?", "KPI"),
        ("Forecast Kisqali TRx for the next two quarters", "by region", "PREDICTION"),
        ("Which territories are below target?", "only the Midwest please", "GAP"),
        ("Has digital affinity drifted?", "and decile?", "MONITORING"),
        ("Which segments respond most to samples?", "what about emails", "SEGMENTATION"),
    ],
)
def test_a_bare_follow_up_inherits_the_domain(before: str, query: str, domain: str):
    found = ask(query, before)

    assert parts(found) == [domain]
    assert found.is_followup
    assert found.features.inherited_query == before


@pytest.mark.parametrize(
    ("before", "query", "domain"),
    [
        ("Did rep visits raise TRx?", "which specialties responded most?", "SEGMENTATION"),
        ("TRx for Kisqali by region", "why did it drop?", "CAUSAL"),
        ("What was Kisqali TRx last quarter?", "forecast it for next quarter", "PREDICTION"),
    ],
)
def test_a_follow_up_with_a_question_of_its_own_keeps_its_own_domain(before: str, query: str, domain: str):
    assert parts(ask(query, before)) == [domain]


def test_without_a_session_a_bare_follow_up_is_asked_back():
    found = ask("and in Indiana?")

    assert found.routing_pattern == "CLARIFICATION_NEEDED"
    assert not found.is_followup


def test_entities_of_the_turn_before_are_lent_unless_the_follow_up_replaces_them():
    before = ask("Did rep visits raise Kisqali TRx in the Northeast?", catalogue=[MONTHLY])

    found = ask("and in the South?", catalogue=[MONTHLY], turns=[before])

    assert {entity.canonical for entity in found.features.inherited} == {"rep_visits", "Kisqali", "trx"}
    assert [entity.canonical for entity in found.features.entities] == ["South"]


def test_what_was_inherited_is_handed_on_to_the_turn_after():
    first = ask("Did rep visits raise Kisqali TRx in the Northeast?")
    second = ask("and in the South?", turns=[first])

    third = ask("and for Fabhalta?", turns=[second, first])

    assert {entity.canonical for entity in third.features.inherited} == {"rep_visits", "trx", "South"}


def test_a_turn_that_asked_nothing_lends_nothing():
    assert session_of([ask("hello")]) == Session()


def test_the_newest_turn_that_asked_something_is_leant_on():
    older, silly = ask("Why did Kisqali TRx drop in Q3?"), ask("hello there")

    assert session_of([silly, older]).domain == "CAUSAL"


def test_a_full_question_is_no_follow_up():
    assert not ask("Did emails raise Fabhalta NRx?", "Forecast Kisqali TRx").is_followup
