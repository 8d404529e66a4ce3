from __future__ import annotations

from typing import Any

import pytest
from builders_classifier import TODAY, ask
from e2i_shared.api.classification import ClassifyRequest, RoutingPattern
from e2i_shared.classifier.classify import classify
from e2i_shared.classifier.second_opinion import THRESHOLD, Opinion, check, consult

UNSURE = ask("Kisqali TRx, hmm, the thing with the calls maybe").model_copy(update={"confidence": THRESHOLD - 0.1})


def opinion(**changes: Any) -> dict[str, Any]:
    usual = {
        "sub_questions": [
            {"id": "Q1", "text": "why did it drop", "domain": "CAUSAL"},
            {"id": "Q2", "text": "what would fix it", "domain": "EXPERIMENT"},
        ],
        "dependencies": [{"from": "Q1", "to": "Q2", "type": "LOGICAL_SEQUENCE"}],
        "reason": "It asks for a cause and then a remedy.",
    }
    return usual | changes


def test_a_valid_opinion_overrules_and_is_recorded():
    found = consult(UNSURE, [], lambda *_: opinion())

    assert found.routing_pattern is RoutingPattern.TOOL_COMPOSER
    assert found.target_agents == ["causal_impact", "experiment_designer"]
    assert (found.used_llm, found.second_opinion) == (True, "overruled")
    assert found.reason == "It asks for a cause and then a remedy."


def test_agreement_leaves_the_answer_and_is_recorded():
    draft = ask("Why did Kisqali TRx drop in Q3?")
    same = opinion(sub_questions=[{"id": "Q1", "text": "why", "domain": "CAUSAL"}], dependencies=[])

    found = consult(draft, [], lambda *_: same)

    assert (found.routing_pattern, found.second_opinion, found.used_llm) == (draft.routing_pattern, "agreed", True)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        "not even an object",
        opinion(extra=1),
        opinion(sub_questions=[{"id": "Q2", "text": "x", "domain": "CAUSAL"}], dependencies=[]),
        opinion(sub_questions=[{"id": "Q1", "text": "x", "domain": "WEATHER"}], dependencies=[]),
        opinion(dependencies=[{"from": "Q1", "to": "Q7", "type": "CONDITIONAL"}]),
        opinion(
            dependencies=[
                {"from": "Q1", "to": "Q2", "type": "CONDITIONAL"},
                {"from": "Q2", "to": "Q1", "type": "CONDITIONAL"},
            ]
        ),
        opinion(sub_questions=[], dependencies=[]),
    ],
)
def test_an_answer_outside_the_schema_falls_back_to_the_rules(answer: Any):
    found = consult(UNSURE, [], lambda *_: answer)

    assert found.routing_pattern == UNSURE.routing_pattern
    assert found.used_llm is False
    assert found.second_opinion
    assert found.second_opinion.startswith("not used")


def test_a_judge_that_fails_falls_back_to_the_rules_and_says_how():
    def judge(*_: Any) -> dict[str, Any]:
        raise TimeoutError

    found = consult(UNSURE, [], judge)

    assert (found.routing_pattern, found.second_opinion) == (UNSURE.routing_pattern, "not used: TimeoutError")


def test_the_judge_is_not_asked_when_the_rules_are_sure():
    def judge(*_: Any) -> dict[str, Any]:
        raise AssertionError

    found = classify(ClassifyRequest(query="Why did Kisqali TRx drop in Q3?"), second_opinion=judge, today=TODAY)

    assert found.second_opinion is None


def test_domains_are_ordered_by_who_must_answer_first():
    backward = opinion(dependencies=[{"from": "Q2", "to": "Q1", "type": "LOGICAL_SEQUENCE"}])

    assert check(Opinion.model_validate(backward)) == ["EXPERIMENT", "CAUSAL"]
