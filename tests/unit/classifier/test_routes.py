from __future__ import annotations

import pytest
from e2i_shared.api.classification import Domain, RoutingPattern
from e2i_shared.classifier.linear import LinearModel
from e2i_shared.classifier.routes import Evidence, agents_of, confidence, confidence_features, pattern_of, reason_of


@pytest.mark.parametrize(
    ("domains", "edges", "pattern"),
    [
        ([], 0, "CLARIFICATION_NEEDED"),
        ([Domain.CAUSAL], 0, "SINGLE_AGENT"),
        ([Domain.CAUSAL], 3, "SINGLE_AGENT"),
        ([Domain.CAUSAL, Domain.KPI], 0, "PARALLEL_DELEGATION"),
        ([Domain.CAUSAL, Domain.KPI], 1, "TOOL_COMPOSER"),
    ],
)
def test_the_pattern_follows_from_domains_and_edges(domains: list[Domain], edges: int, pattern: str):
    assert pattern_of(domains, edges) == pattern


def test_each_domain_has_its_agent_in_the_order_of_answering():
    assert agents_of([Domain.GAP, Domain.KPI]) == ["gap_analyzer", "kpi_reporter"]
    assert len(agents_of(list(Domain))) == len(set(agents_of(list(Domain)))) == 9


def evidence(**changes: float) -> Evidence:
    usual = {
        "boundary": 0.99,
        "domain": 0.99,
        "link": 0.99,
        "parts": 2,
        "nothing": 0.0,
        "followup": False,
        "strange_share": 0.0,
    }
    return Evidence(**(usual | changes))


def test_confidence_is_a_probability_and_rises_with_the_surest_domain():
    model = LinearModel(("0", "1"), (0.0, 0.0), {"domain": (0.0, 1.0)})

    low, high = (confidence("SINGLE_AGENT", evidence(domain=p), model) for p in (0.3, 0.95))

    assert 0 < low < 0.5 < high < 1


def test_a_link_counts_only_where_there_are_two_parts():
    assert confidence_features("SINGLE_AGENT", evidence(parts=1))["link"] == 0.0
    assert confidence_features("TOOL_COMPOSER", evidence())["link"] > 0


def test_certainty_of_one_does_not_break_the_log_odds():
    assert confidence_features("SINGLE_AGENT", evidence(domain=1.0, boundary=0.0))["domain"] < 10


@pytest.mark.parametrize(("name", "value"), [("kinds", 3), ("longest", 30), ("signed", True)])
def test_confidence_sees_what_may_hide_a_second_question(name: str, value: float):
    usual, changed = (
        confidence_features("SINGLE_AGENT", evidence(**{name: v})) for v in (getattr(evidence(), name), value)
    )

    assert {key for key in usual if usual[key] != changed[key]} == {f"SINGLE_AGENT|{name}"}
    assert changed[f"SINGLE_AGENT|{name}"] == 1.0


@pytest.mark.parametrize("pattern", list(RoutingPattern))
def test_the_reason_is_one_sentence(pattern: RoutingPattern):
    reason = reason_of(pattern, [Domain.CAUSAL, Domain.KPI], 2, ["CONDITIONAL", "REFERENCE_CHAIN"])

    assert reason.endswith(".")
    assert reason.count(".") == 1
    assert "\n" not in reason


def test_the_reason_names_the_links_of_a_composition():
    assert "reference chain" in reason_of(
        RoutingPattern.TOOL_COMPOSER, [Domain.CAUSAL, Domain.KPI], 2, ["REFERENCE_CHAIN"]
    )
