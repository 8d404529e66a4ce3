from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from builders_composer import KISQALI, KISQALI_EDGES, KISQALI_PARTS, catalogue, datasets, decomposition
from e2i_shared.api.composition import MissingPart
from e2i_shared.composer.model import Plan, PlanStep
from e2i_shared.composer.plan import make_plan
from e2i_shared.composer.references import reference
from e2i_shared.composer.validate import validate_plan
from e2i_shared.errors import InvalidPlanError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TOOLS = catalogue()
DECOMPOSED = decomposition(KISQALI_PARTS, KISQALI_EDGES)
EFFECT = {"dataset": "hcp_monthly", "filters": [], "treatment_col": "rep_visits", "outcome_col": "trx"}


@cache
def plan() -> Plan:
    return make_plan(KISQALI, DECOMPOSED, datasets(), TOOLS)


def step(number: int, tool: str, inputs: dict[str, Any], depends: list[int] | None = None, **details: Any) -> PlanStep:
    values = {"name": tool, "runtime": TOOLS[tool].runtime if tool in TOOLS else "layer", "serves": "Q1", "level": 1}
    return PlanStep(step_number=number, tool=tool, inputs=inputs, depends_on=depends or [], **(values | details))


def made(*steps: PlanStep, levels: list[list[int]] | None = None, missing: tuple[str, ...] = ("Q2", "Q3")) -> Plan:
    return Plan(
        dataset="hcp_monthly",
        dataset_version=1,
        steps=list(steps),
        levels=levels if levels is not None else [[s.step_number for s in steps]],
        missing=[MissingPart(sub_question=q, question="…", reason="…") for q in missing],
    )


def problems(one: Plan) -> list[str]:
    try:
        validate_plan(one, DECOMPOSED, TOOLS, datasets())
    except InvalidPlanError as error:
        return list(error.candidates)
    return []


def test_the_plans_of_the_planner_are_valid():
    assert problems(plan()) == []


def test_a_minimal_plan_is_valid():
    assert problems(made(step(1, "causal_effect_estimator", EFFECT))) == []


@pytest.mark.parametrize(
    ("one", "complaint"),
    [
        (made(step(1, "crystal_ball", {})), "unknown tool 'crystal_ball'"),
        (made(step(1, "causal_effect_estimator", EFFECT), step(1, "causal_effect_estimator", EFFECT)), "same number"),
        (made(step(1, "causal_effect_estimator", EFFECT, runtime="layer")), "runs in 'layer'"),
        (made(step(1, "cate_analyzer", {"causal_result": reference(1), "segment_cols": []}, [1])), "needs itself"),
        (made(step(2, "refutation_runner", {"causal_result": reference(1)}, [1])), "step 1, which does not exist"),
        (
            made(
                step(1, "causal_effect_estimator", EFFECT),
                step(2, "refutation_runner", {"causal_result": reference(1)}),
            ),
            "does not declare",
        ),
        (made(step(1, "refutation_runner", {"causal_result": {"$from": "later", "path": "@"}})), "must look like"),
        (made(step(1, "causal_effect_estimator", EFFECT), levels=[]), "do not list every step"),
        (made(step(1, "causal_effect_estimator", EFFECT), levels=[[1], [1]]), "do not list every step"),
        (made(step(1, "causal_effect_estimator", EFFECT, level=2), levels=[[], [1]]), "belongs to level 1"),
        (made(step(1, "causal_effect_estimator", EFFECT), missing=("Q2",)), "Q3 is neither answered nor reported"),
        (
            made(step(1, "causal_effect_estimator", EFFECT, serves="Q9"), missing=("Q1", "Q2", "Q3")),
            "Q9 is no sub-question",
        ),
    ],
)
def test_what_is_wrong_with_the_structure_is_named(one, complaint):
    assert any(complaint in p for p in problems(one)), problems(one)


def test_a_cycle_is_refused():
    first = step(1, "refutation_runner", {"causal_result": reference(2)}, [2])
    second = step(2, "refutation_runner", {"causal_result": reference(1)}, [1])

    assert any("wait for one another" in p for p in problems(made(first, second)))


def test_more_than_25_steps_are_refused():
    steps = [step(n, "causal_effect_estimator", EFFECT) for n in range(1, 26)]
    many = made(*steps).model_copy(update={"steps": [*steps, steps[0]]})

    assert any("at most 25" in p for p in problems(many))


@pytest.mark.parametrize(
    ("inputs", "complaint"),
    [
        (EFFECT | {"cluster_col": "karma"}, "'karma', which is no column"),
        ({k: v for k, v in EFFECT.items() if k != "outcome_col"}, "outcome_col: Field required"),
        (EFFECT | {"colour": "red"}, "colour: Extra inputs are not permitted"),
        (EFFECT | {"treatment_col": 7}, "treatment_col: Input should be a valid string"),
        (EFFECT | {"treatment_col": "bribes"}, "'bribes', which is no column of hcp_monthly"),
        (EFFECT | {"confounders": ["decile", "karma"]}, "'karma', which is no column"),
        (EFFECT | {"filters": [{"column": "planet", "value": "Mars"}]}, "'planet', which is no column"),
        (EFFECT | {"filters": [{"column": "region", "op": "like", "value": "N%"}]}, "filters.0.op"),
        (EFFECT | {"dataset": "sales"}, "'sales', which is no data set"),
    ],
)
def test_literal_inputs_are_checked_against_the_tool_and_the_data(inputs, complaint):
    found = problems(made(step(1, "causal_effect_estimator", inputs)))

    assert any(complaint in p for p in found), found


@pytest.mark.parametrize(
    ("inputs", "complaint"),
    [
        ({"effect_size": reference(1, "missing"), "sd": 1.0}, "has no output at 'missing'"),
        ({"effect_size": reference(1, "method"), "sd": 1.0}, "'method' does not fit its input 'effect_size'"),
        ({"effect_size": reference(1, "ate"), "wish": reference(1, "ate")}, "has no input 'wish'"),
        ({"effect_size": reference(1, "ate"), "sd": "wide"}, "sd: Input should be a valid number"),
        ({"effect_size": {"A": reference(1, "ate")}, "sd": 1.0}, "mixes literals and references"),
        ({"effect_size": reference(1, "length(warnings)"), "sd": 1.0}, "has no output at"),
    ],
)
def test_references_are_checked_against_producer_and_consumer(inputs, complaint):
    steps = (step(1, "causal_effect_estimator", EFFECT), step(2, "power_calculator", inputs, [1], level=2))

    found = problems(made(*steps, levels=[[1], [2]]))

    assert any(complaint in p for p in found), found


def test_columns_of_a_step_that_builds_on_another_are_checked_on_that_ones_data():
    steps = (
        step(1, "causal_effect_estimator", EFFECT),
        step(2, "cate_analyzer", {"causal_result": reference(1), "segment_cols": ["karma"]}, [1], level=2),
    )
    assert any("'karma', which is no column of hcp_monthly" in p for p in problems(made(*steps, levels=[[1], [2]])))


def test_an_input_given_by_reference_is_not_missing():
    steps = (
        step(1, "causal_effect_estimator", EFFECT),
        step(
            2, "power_calculator", {"effect_size": reference(1, "ate"), "sd": reference(1, "outcome_sd")}, [1], level=2
        ),
    )
    assert problems(made(*steps, levels=[[1], [2]])) == []


def test_every_problem_is_named_in_the_message():
    with pytest.raises(InvalidPlanError, match=r"wishes.*bribes|bribes.*wishes"):
        validate_plan(
            made(step(1, "causal_effect_estimator", EFFECT | {"treatment_col": "bribes", "wishes": 1})),
            DECOMPOSED,
            TOOLS,
            datasets(),
        )


GARBAGE = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=12),
    st.builds(lambda f, p: {"$from": f, "path": p}, st.text(max_size=10), st.text(max_size=10)),
    st.builds(lambda n, p: {"$from": f"step-{n}", "path": p}, st.integers(0, 40), st.text(max_size=10)),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([1, 2, 3, 4]), st.data())
def test_a_plan_with_a_random_garbage_input_is_rejected(number, data):
    one = plan()
    target = one.steps[number - 1]
    name = data.draw(st.sampled_from(sorted(target.inputs)))
    garbage = data.draw(GARBAGE.filter(lambda g: g != target.inputs[name]))
    changed = target.model_copy(update={"inputs": target.inputs | {name: garbage}})
    steps = [changed if s.step_number == number else s for s in one.steps]

    found = problems(one.model_copy(update={"steps": steps}))

    assert found or _harmless(name, garbage)


def _harmless(name: str, garbage: object) -> bool:
    """A number or null may be a valid effect; a bound, the clustering or its name may be left open."""
    optional = {"effect_size", "effect_ci_lower", "effect_ci_upper", "sd", "cluster_col"}
    optional |= {"icc", "cluster_size"}
    return name == "cluster_name" or (name in optional and (garbage is None or isinstance(garbage, int)))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(1, 6), st.lists(st.integers(1, 6), max_size=3)), min_size=1, max_size=6))
def test_any_wiring_is_either_valid_or_named_never_a_crash(wiring):
    steps = [
        step(n, "refutation_runner", {f"causal_result{i}": reference(d) for i, d in enumerate(deps)}, list(deps))
        for n, deps in wiring
    ]
    assert problems(made(*steps))
