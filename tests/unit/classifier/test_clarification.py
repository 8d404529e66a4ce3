from __future__ import annotations

import pytest
from builders_classifier import ask

UNCLEAR = [
    "what about those?",
    "hello",
    "asdfgh qwerty zxcv",
    "Write me a poem about spring",
    "What's the weather in Boston tomorrow?",
    "Kisqali Northeast",
    "¿Por qué cayeron las ventas en el tercer trimestre?",
    "为什么第三季度的处方量下降了",
    "???",
    "😀😀😀",
    "SELECT * FROM users; DROP TABLE users;",
]


@pytest.mark.parametrize("query", UNCLEAR)
def test_what_cannot_be_routed_is_asked_back_with_what_is_missing(query: str):
    found = ask(query)

    assert found.routing_pattern == "CLARIFICATION_NEEDED"
    assert found.domains == []
    assert found.target_agents == []
    assert found.clarification
    assert found.clarification.missing
    assert 1 <= len(found.clarification.rephrasings) <= 3


@pytest.mark.parametrize(
    "query", [*UNCLEAR, "emails", "Fabhalta adherence", "oncology, west", "nurse support in the South"]
)
def test_every_rephrasing_offered_works(query: str):
    clarification = ask(query).clarification

    for rephrasing in clarification.rephrasings if clarification else []:
        assert ask(rephrasing).routing_pattern == "SINGLE_AGENT", rephrasing


def test_the_three_rephrasings_ask_three_kinds_of_question():
    clarification = ask("hello").clarification

    assert clarification
    assert [ask(text).domains[0].domain for text in clarification.rephrasings] == ["KPI", "CAUSAL", "SEGMENTATION"]


def test_rephrasings_use_what_the_query_named():
    clarification = ask("Fabhalta Midwest").clarification

    assert clarification
    assert all("Fabhalta" in text for text in clarification.rephrasings)
    assert "Midwest" in clarification.rephrasings[0]


def test_a_bare_reference_is_told_that_nothing_was_said_before():
    clarification = ask("what about those?").clarification

    assert clarification
    assert "no earlier question" in clarification.message


def test_another_language_is_asked_to_be_put_in_english():
    found = ask("Pourquoi les ventes ont-elles baissé au troisième trimestre ?")

    assert found.clarification
    assert "English" in found.clarification.message
    assert found.features.language_ok is False


def test_a_routed_question_has_no_clarification():
    assert ask("Why did Kisqali TRx drop in Q3?").clarification is None
