"""Every declared edge carries a real output of its producer, through a reference, into its consumer, which uses it."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from builders_asked_twins import trained_on
from e2i_shared.composer.references import reference, resolve
from e2i_shared.datasets.sample import generate
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools._registry import ToolContext, catalogue, run_tool
from vega_lite import assert_valid

if TYPE_CHECKING:
    from collections.abc import Callable

    Json = dict[str, Any]

EFFECT: dict[str, Any] = {"dataset": "patients", "treatment_col": "copay_card", "outcome_col": "adherence_pdc"}
WHOLE = reference(1)
PRODUCERS: dict[str, Json] = {
    "causal_effect_estimator": EFFECT,
    "refutation_runner": {"causal_result": WHOLE, "tests": ["placebo_treatment"]},
    "sensitivity_analyzer": {"causal_result": WHOLE},
    "cate_analyzer": {"causal_result": WHOLE, "segment_cols": ["payer"]},
    "gap_calculator": {
        "dataset": "patients",
        "entity_type": "segment",
        "group_by": "payer",
        "metric": "adherence_pdc",
        "benchmark": "top_decile",
    },
}
SWITCH_ON = {"kind": "switch_on"}
SIZED: Json = {"effect_size": reference(2, "ate"), "sd": reference(2, "outcome_sd")}
# What a consumer is asked besides the edge's own field; step 2 is the producer.
BESIDES: dict[tuple[str, str], Json] = {
    ("cate_analyzer", "causal_result"): {"segment_cols": ["region"]},
    ("counterfactual_simulator", "causal_model"): {"baseline": {}, "intervention": SWITCH_ON},
    ("counterfactual_simulator", "target_population"): {"baseline": EFFECT, "intervention": SWITCH_ON},
    ("intervention_prescreener", "target_population"): {"intervention_type": "copay_card"},
    ("policy_optimizer", "causal_result"): {"budget": 300},
    ("power_calculator", "effect_ci_lower"): SIZED | {"effect_ci_upper": reference(2, "ci_upper")},
    ("power_calculator", "effect_ci_upper"): SIZED | {"effect_ci_lower": reference(2, "ci_lower")},
    ("power_calculator", "sd"): {"effect_size": 0.05},
    ("power_calculator", "icc"): SIZED | {"cluster_size": 40},
    ("power_calculator", "cluster_size"): SIZED | {"icc": 0.1},
    ("power_calculator", "effect_size"): {"sd": 0.13},
    ("roi_estimator", "gap_result"): {"intervention_cost": 1000, "value_per_unit": 50},
    ("roi_estimator", "causal_result"): {"intervention_cost": 1000, "value_per_unit": 50, "units": 4000},
}


def names(rows: list[Json], key: str) -> set[str]:
    return {row[key] for row in rows}


def inflation(out: Json) -> float:
    return float(out["design_effect"])


# How the consumer's output shows that it used what was handed over.
USED: dict[tuple[str, str, str], Callable[[Json, Json], Any]] = {
    ("cate_analyzer", "causal_effect_estimator", ""): lambda made, out: (
        out["overall_effect"] == pytest.approx(made["ate"], abs=3 * made["std_error"])
    ),
    ("counterfactual_simulator", "causal_effect_estimator", ""): lambda made, out: (
        out["change"] == pytest.approx(made["ate"] * out["share_changed"], rel=0.25) and out["n"] == made["n"]
    ),
    ("counterfactual_simulator", "cate_analyzer", "high_responders"): lambda made, out: (
        set(made["high_responders"]) == names(out["target_members"], "level")
        and out["n"] == sum(made["effect_by_segment"][each]["n"] for each in made["high_responders"])
    ),
    ("counterfactual_simulator", "cate_analyzer", "low_responders"): lambda made, out: (
        out["n"] == sum(made["effect_by_segment"][each]["n"] for each in made["low_responders"])
    ),
    ("counterfactual_simulator", "gap_calculator", "bottom_performers"): lambda made, out: (
        names(made["bottom_performers"], "entity") <= names(out["target_members"], "level")
    ),
    ("intervention_prescreener", "cate_analyzer", "high_responders"): lambda made, out: (
        out["n"] == sum(made["effect_by_segment"][each]["n"] for each in made["high_responders"])
    ),
    ("intervention_prescreener", "cate_analyzer", "low_responders"): lambda made, out: (
        out["n"] == sum(made["effect_by_segment"][each]["n"] for each in made["low_responders"])
        and out["simulated_ate"] < made["overall_effect"]
    ),
    ("intervention_prescreener", "gap_calculator", "bottom_performers"): lambda made, out: (
        {each["level"] for each in out["segments"] if each["column"] == "payer"}
        <= names(made["bottom_performers"], "entity")
    ),
    ("policy_optimizer", "causal_effect_estimator", ""): lambda made, out: (
        out["average_effect"] == pytest.approx(made["ate"], abs=3 * made["std_error"])
    ),
    ("power_calculator", "causal_effect_estimator", "ate"): lambda made, out: out["effect_used"] == made["ate"],
    ("power_calculator", "causal_effect_estimator", "ci_lower"): lambda made, out: (
        out["cautious"]["effect"] == made["ci_lower"]
    ),
    ("power_calculator", "causal_effect_estimator", "ci_upper"): lambda _, out: 0.5 < out["assurance"] < out["power"],
    ("power_calculator", "causal_effect_estimator", "outcome_sd"): lambda made, out: out["sd"] == made["outcome_sd"],
    ("power_calculator", "causal_effect_estimator", "outcome_icc"): lambda made, out: (
        inflation(out) == pytest.approx(1 + 39 * made["outcome_icc"])
    ),
    ("power_calculator", "causal_effect_estimator", "cluster_size"): lambda made, out: (
        inflation(out) == pytest.approx(1 + 0.1 * (made["cluster_size"] - 1))
    ),
    ("power_calculator", "cate_analyzer", "effect_by_segment"): lambda made, out: (
        names(out["by_segment"], "segment") == set(made["effect_by_segment"])
    ),
    ("refutation_runner", "causal_effect_estimator", ""): lambda made, out: out["ate"] == made["ate"],
    ("roi_estimator", "gap_calculator", ""): lambda made, out: out["effect"] == made["total_opportunity"],
    ("roi_estimator", "causal_effect_estimator", ""): lambda made, out: out["effect"] == made["ate"],
    ("segment_ranker", "cate_analyzer", ""): lambda made, out: (
        names(out["ranked_segments"], "segment") == set(made["effect_by_segment"])
    ),
    ("sensitivity_analyzer", "causal_effect_estimator", ""): lambda made, out: (
        out["approximate_risk_ratio"] == pytest.approx(math.exp(0.91 * made["ate"] / made["outcome_sd"]), rel=1e-3)
    ),
}
EDGES = [(name, edge) for name, tool in catalogue().items() for edge in tool.edges]
every_edge = pytest.mark.parametrize(
    ("consumer", "edge"), EDGES, ids=[f"{name}-{e.input_field}-{e.producer}-{e.output_field}" for name, e in EDGES]
)


@pytest.fixture(scope="module")
def data():
    source = generate().source()
    treatment, outcome = EFFECT["treatment_col"], EFFECT["outcome_col"]
    return ToolContext(source, twins=trained_on(source, dataset="patients", outcome=outcome, interventions=[treatment]))


@pytest.fixture(scope="module")
def produced(data):
    """Return a producer's output, made once; those that consume an effect get the real one."""
    outputs: dict[str, Json] = {}

    def made(name: str) -> Json:
        if name not in outputs:
            needs = resolve(
                PRODUCERS[name], {1: made("causal_effect_estimator")} if name != "causal_effect_estimator" else {}
            )
            outputs[name] = run_tool(name, needs, data)
        return json.loads(json.dumps(outputs[name]))

    return made


def question(consumer: str, edge: Any) -> Json:
    besides = BESIDES.get((consumer, edge.input_field), {})
    if consumer == "result_explainer":
        besides = {"result_tool": edge.producer}
    return besides | {edge.input_field: reference(2, edge.output_field or "@")}


@every_edge
def test_a_consumer_takes_what_its_producer_really_gives(consumer, edge, produced, data):
    made = produced(edge.producer)

    output = run_tool(consumer, resolve(question(consumer, edge), {2: made}), data)

    json.dumps(output, allow_nan=False)
    for chart in catalogue()[consumer].charts(output):
        assert_valid(chart)
    if consumer == "result_explainer":
        assert {c["source"] for part in output["parts"] for c in part["citations"]} >= {"output"}
        assert all(
            c["reference"] == edge.producer for p in output["parts"] for c in p["citations"] if c["source"] == "output"
        )
    else:
        assert USED[consumer, edge.producer, edge.output_field](made, output)


@pytest.mark.parametrize(
    "consumer", sorted({name for name, e in EDGES if e.output_field == "" and name != "result_explainer"})
)
def test_a_whole_output_of_the_wrong_tool_is_refused_with_its_field(consumer, produced, data):
    edge = next(e for name, e in EDGES if name == consumer and e.output_field == "")
    wrong = "gap_calculator" if edge.producer != "gap_calculator" else "causal_effect_estimator"

    with pytest.raises(UnprocessableError) as caught:
        run_tool(consumer, resolve(question(consumer, edge), {2: produced(wrong)}), data)

    assert str(caught.value.field).startswith(edge.input_field)


def test_a_larger_effect_needs_a_smaller_trial_and_returns_more(produced, data):
    """The chain's numbers move the way they must when the first step's number moves."""
    made = produced("causal_effect_estimator")
    larger = made | {key: made[key] * 2 for key in ("ate", "ci_lower", "ci_upper")}
    size = {"effect_size": reference(2, "ate"), "sd": reference(2, "outcome_sd")}
    worth = {"causal_result": reference(2)} | BESIDES["roi_estimator", "causal_result"]

    sizes = [
        run_tool("power_calculator", resolve(size, {2: m}), data)["required_total_sample_size"] for m in (made, larger)
    ]
    gains = [run_tool("roi_estimator", resolve(worth, {2: m}), data)["total_gain"] for m in (made, larger)]

    assert sizes[0] == pytest.approx(4 * sizes[1], rel=0.05)
    assert gains[1] == pytest.approx(2 * gains[0])


def test_every_edge_but_an_explanations_says_how_it_is_used():
    explained = {(name, e.producer, e.output_field) for name, e in EDGES if name != "result_explainer"}

    assert explained == set(USED)
