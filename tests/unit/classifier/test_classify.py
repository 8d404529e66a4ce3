from __future__ import annotations

import json
import subprocess
import sys

import pytest
from builders_classifier import MONTHLY, NHEFS, TODAY, ask, edges, parts
from e2i_shared.api.classification import AGENTS, Classification, ClassifyRequest, RoutingPattern
from e2i_shared.classifier.classify import classify
from hypothesis import given, settings
from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=400)
WORDS = st.lists(
    st.sampled_from(
        [
            "Kisqali",
            "why",
            "did",
            "TRx",
            "drop",
            "and",
            "if",
            ",",
            "?",
            "which",
            "segments",
            "those",
            "then",
            "😀",
            "\u202e",
            "1.",
            "\n",
        ]
    ),
    min_size=1,
    max_size=60,
).map(" ".join)


def test_cause_refutation_and_subgroups_are_composed():
    found = ask("Did quitting smoking change weight, does that survive refutation, and which age groups gained most?")

    assert found.routing_pattern == "TOOL_COMPOSER"
    assert parts(found) == ["CAUSAL", "CAUSAL", "SEGMENTATION"]
    assert ("Q1", "Q2", "REFERENCE_CHAIN") in edges(found)
    assert any(to == "Q3" for _, to, _ in edges(found))


def test_effect_segments_and_test_size_are_composed():
    found = ask(
        "Did more rep visits raise Kisqali TRx in the Northeast, which specialties responded most, and how many HCPs per arm "
        "would a test of that effect need?"
    )

    assert found.routing_pattern == "TOOL_COMPOSER"
    assert parts(found) == ["CAUSAL", "SEGMENTATION", "EXPERIMENT"]
    assert found.target_agents == ["causal_impact", "heterogeneous_optimizer", "experiment_designer"]
    assert {("Q1", "Q2", "LOGICAL_SEQUENCE"), ("Q1", "Q3", "REFERENCE_CHAIN")} <= edges(found)


@pytest.mark.parametrize(
    ("query", "domain"),
    [
        ("Did training raise earnings?", "CAUSAL"),
        ("TRx for Kisqali by region, last two quarters", "KPI"),
        ("Why did Kisqali TRx drop in Q3?", "CAUSAL"),
        ("How many HCPs per arm do I need to detect a 5% lift?", "EXPERIMENT"),
        ("What would be the ROI of closing the gap in the Midwest?", "GAP"),
        ("What would happen to NRx if we halved samples?", "EXPERIMENT"),
        ("Which patients are likely to discontinue in the next 90 days?", "PREDICTION"),
        ("Has digital affinity drifted in the last three months?", "MONITORING"),
        ("Build a cohort of Medicare patients over 65 with two comorbidities", "COHORT"),
        ("What does an e-value of 1.8 mean?", "EXPLANATION"),
        ("Which HCPs respond best to emails?", "SEGMENTATION"),
        ("wat was teh kisqalli trx in agust", "KPI"),
    ],
)
def test_one_kind_of_question_goes_to_one_agent(query: str, domain: str):
    found = ask(query)

    assert found.routing_pattern == "SINGLE_AGENT"
    assert [score.domain.value for score in found.domains] == [domain]
    assert found.dependencies == []


def test_unrelated_questions_are_delegated_in_parallel():
    found = ask("Show Kisqali TRx by month, and check digital affinity for drift.")

    assert found.routing_pattern == "PARALLEL_DELEGATION"
    assert found.dependencies == []
    assert set(found.target_agents) == {"kpi_reporter", "drift_monitor"}


def test_an_edge_may_run_backwards_and_then_the_later_part_is_answered_first():
    found = ask("Before we size the test, tell me whether samples worked")

    assert edges(found) == {("Q2", "Q1", "LOGICAL_SEQUENCE")}
    assert [score.domain.value for score in found.domains] == ["CAUSAL", "EXPERIMENT"]


def test_a_condition_is_an_edge_of_its_own_type():
    found = ask("Has digital affinity drifted? If so, forecast Kisqali TRx again for next quarter.")

    assert edges(found) == {("Q1", "Q2", "CONDITIONAL")}


def test_a_ranked_subset_is_an_entity_transformation():
    found = ask("Which segments respond most to visits? What would 20% more calls do for the top 3 segments?")

    assert edges(found) == {("Q1", "Q2", "ENTITY_TRANSFORMATION")}


def test_each_part_stands_where_it_says():
    query = "  Did samples work? And 2) which specialties responded most?? "

    for part in ask(query).sub_questions:
        assert query[part.start : part.end] == part.text


def test_every_stage_is_timed_and_ids_are_new():
    first, second = ask("Why did TRx drop?"), ask("Why did TRx drop?")

    assert set(first.latency_ms) == {"features", "domains", "dependencies", "pattern", "total"}
    assert all(spent >= 0 for spent in first.latency_ms.values())
    assert first.classification_id != second.classification_id


def test_the_route_does_not_depend_on_the_catalogue():
    bare, bound = (
        ask("Did quitting smoking change weight?"),
        ask("Did quitting smoking change weight?", catalogue=[MONTHLY, NHEFS]),
    )

    assert bare.routing_pattern == bound.routing_pattern
    assert bare.domains == bound.domains


def well_formed(found: Classification) -> bool:
    ids = [part.id for part in found.sub_questions]
    distinct = len({score.domain for score in found.domains}) == len(found.domains)
    ends = all(edge.from_ in ids and edge.to in ids and edge.from_ != edge.to for edge in found.dependencies)
    agents = found.target_agents == [AGENTS[score.domain] for score in found.domains]
    unclear = found.routing_pattern is RoutingPattern.CLARIFICATION_NEEDED
    numbered = ids == [f"Q{n}" for n in range(1, len(ids) + 1)]
    return numbered and distinct and ends and agents and unclear == (not ids) == bool(found.clarification)


@settings(max_examples=150, deadline=None)
@given(st.one_of(ANY_TEXT, WORDS))
def test_any_text_at_all_gets_a_well_formed_answer_that_survives_json(query: str):
    found = classify(ClassifyRequest(query=query), [MONTHLY], today=TODAY)

    assert well_formed(found)
    assert Classification.model_validate_json(found.model_dump_json(by_alias=True)) == found


@pytest.mark.parametrize(
    "query",
    [
        " ",
        "\x00",
        "\ud800 lone",
        "\u202eDid visits raise TRx\u202c",
        "a" * 4000,
        "why " * 1000,
        "?" * 4000,
        ", " * 2000,
        "1. " * 1300,
        "😀" * 4000,
        "م" * 4000,
        "Q3 2026 " * 500,
        "if so then " * 360,
        "'; DROP TABLE x; --" * 200,
        "<script>" * 500,
        "Did visits raise TRx and " * 160,
        "(" * 2000 + ")" * 2000,
        "\u200b" * 4000,
        "2026-13-45 and 2026-02-30",
    ],
)
def test_hostile_text_is_answered(query: str):
    found = ask(query[:4000], catalogue=[MONTHLY])

    assert well_formed(found)
    assert found.latency_ms["total"] < 2000


def test_the_earlier_queries_of_a_context_may_be_anything_too():
    assert well_formed(ask("and those?", "\ud800", "😀", "why " * 900))


def test_serving_needs_neither_numpy_nor_scikit_learn_nor_scipy():
    script = (
        "import sys, json; from datetime import date;"
        "from e2i_shared.api.classification import ClassifyRequest;"
        "from e2i_shared.classifier.classify import classify; import e2i_shared.classifier.service;"
        "classify(ClassifyRequest(query='Why did TRx drop?'), today=date(2026, 10, 1));"
        "print(json.dumps([m for m in ('numpy', 'sklearn', 'scipy', 'pandas', 'boto3', 'psycopg') if m in sys.modules]))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == []
