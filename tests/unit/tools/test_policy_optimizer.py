"""On the sample, whose every unit's effect is known, the budget goes where it brings most."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.api.common import Filter
from e2i_shared.causal.policy_value import allocate, at_random
from e2i_shared.datasets import filters as conditions
from e2i_shared.errors import InsufficientDataError, UnknownColumnError, UnprocessableError
from e2i_shared.tools import policy_optimizer
from e2i_shared.tools._policy import best_policy
from e2i_shared.tools._registry import run_tool
from e2i_shared.tools._rerun import asked_specification
from e2i_shared.tools.policy_optimizer import Params, run
from vega_lite import assert_valid

KISQALI = [{"column": "brand", "value": "Kisqali"}, {"column": "region", "value": "Northeast"}]
ASK: dict[str, Any] = {
    "dataset": "hcp_monthly",
    "filters": KISQALI,
    "treatment_col": "rep_visits",
    "outcome_col": "trx",
    "budget": 200,
    "volume_col": "trx_baseline",
    "top_n": 1000,
}


def optimise(ctx, **params: Any):
    return run_tool("policy_optimizer", ASK | params, ctx)


def true_effects(sample, treatment="rep_visits", outcome="trx", filters=KISQALI):
    """Return the true effect of one more treatment of each prescriber, by name."""
    frame = sample.tables["hcp_monthly"]
    chosen = [Filter.model_validate(f) for f in filters]
    rows = conditions.mask(frame, conditions.resolve(sample.datasets["hcp_monthly"], chosen))
    effects = sample.unit_effects["hcp_monthly", treatment, outcome][rows]
    who = frame.columns["hcp_id"]
    names = np.array(who.levels)[who.codes[rows]]
    return {str(name): float(effects[names == name].mean()) for name in np.unique(names)}


@pytest.fixture(scope="module")
def found(sample_context):
    return optimise(sample_context)


@pytest.fixture(scope="module")
def policy(sample_context):
    params = Params.model_validate(ASK)
    return best_policy(asked_specification(params, "what is given to raise what"), params, sample_context)


@pytest.fixture(scope="module")
def truth(sample, policy):
    by_name = true_effects(sample)
    return np.array([by_name[name] for name in policy.units.names])


def gain(truth, doses):
    return float(truth @ doses)


def test_the_gains_hold_the_samples_truth(found, policy, truth):
    room, doses = policy.units.room, policy.doses
    even = at_random(doses.sum(), room)
    volumes = allocate(policy.units.volume, doses.sum(), room)

    for name, true in (
        ("expected_gain", gain(truth, doses)),
        ("gain_against_random", gain(truth, doses - even)),
        ("gain_against_volume", gain(truth, doses - volumes)),
    ):
        assert found[name]["ci_lower"] <= true <= found[name]["ci_upper"], name


def test_the_policy_truly_beats_random_and_volume_targeting(found, policy, truth):
    room, doses = policy.units.room, policy.doses
    best = gain(truth, allocate(truth, doses.sum(), room))
    even = gain(truth, at_random(doses.sum(), room))
    volume = gain(truth, allocate(policy.units.volume, doses.sum(), room))

    mine = gain(truth, doses)
    assert mine > 1.2 * even
    assert mine > volume
    assert mine > 0.85 * best
    assert found["gain_against_random"]["ci_lower"] > 0


def test_the_budget_is_spent_on_whole_treatments_within_the_doses_seen(found, policy):
    listed = found["targets"]

    assert sum(t["treatments"] for t in listed) == found["spent"] == 200
    assert len(listed) == found["treated"]
    assert all(t["treatments"] == int(t["treatments"]) for t in listed)
    assert (policy.units.dose + policy.doses <= np.quantile(policy.prepared.study.treatment, 0.95) + 1e-9).all()
    effects = [t["predicted_effect"] for t in listed]
    assert effects == sorted(effects, reverse=True)


def test_each_segmentation_shares_out_the_whole_budget(found):
    rows = found["allocation_by_segment"]
    for column in {row["column"] for row in rows}:
        part = [row for row in rows if row["column"] == column]
        assert sum(row["treatments"] for row in part) == pytest.approx(200)
        assert sum(row["candidates"] for row in part) == found["candidates"]
    assert {"specialty", "decile"} <= {row["column"] for row in rows}


def test_oncology_whose_true_effect_is_largest_gets_most(found):
    specialties = [row for row in found["allocation_by_segment"] if row["column"] == "specialty"]

    assert specialties[0]["segment"] == "Oncology"
    assert found["feature_importance"]["specialty"] > 0.2


def test_the_curve_bends_down_and_lies_above_random(found):
    curve = found["budget_curve"]
    effect = [p for p in curve if p["policy"] == "by effect"]
    random = [p for p in curve if p["policy"] == "at random"]

    assert all(a["gain"] >= b["gain"] for a, b in zip(effect, random, strict=True))
    per_treatment = [p["gain"] / p["budget"] for p in effect]
    assert per_treatment[0] > per_treatment[-1]


def test_only_candidates_are_treated(sample_context):
    found = optimise(sample_context, candidates=[{"column": "specialty", "value": "Nephrology"}], budget=20)

    specialties = {r["segment"]: r["treatments"] for r in found["allocation_by_segment"] if r["column"] == "specialty"}
    assert sum(specialties.values()) in {0.0, 20.0}
    assert found["candidates"] < 80


def test_a_cost_above_the_worth_leaves_budget_unspent(sample_context, found):
    dear = optimise(sample_context, budget=500, cost_per_treatment=2.5)

    assert dear["spent"] < 500
    assert any("Only" in text for text in dear["warnings"])
    assert min(t["predicted_effect"] for t in dear["targets"]) > 2.5
    assert dear["net_value"] == pytest.approx(dear["expected_gain"]["estimate"] - 2.5 * dear["spent"])
    assert found["net_value"] is None


def test_a_cost_nobody_is_worth_is_refused(sample_context):
    with pytest.raises(InsufficientDataError) as caught:
        optimise(sample_context, cost_per_treatment=1000.0)
    assert caught.value.field == "candidates"


def world(seed=1, n=800, slope=1.0, sign=1.0):
    """Patients of whom only the young gain: effect slope·(x > 0), with confounding by x."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    a = (rng.random(n) < 1 / (1 + np.exp(-0.5 * x))).astype(float)
    tau = slope * (x > 0)
    y = x + sign * tau * a + rng.normal(size=n)
    columns = {"x": x.tolist(), "a": a.tolist(), "y": y.tolist(), "who": [f"P{i:04}" for i in range(n)]}
    roles = {"x": "covariate", "a": "treatment", "y": "outcome", "who": "id"}
    return context(columns, roles=roles, kinds={"who": "id", "a": "boolean"}), tau, x


BINARY = {"dataset": "data", "treatment_col": "a", "outcome_col": "y", "budget": 200, "top_n": 1000}


def test_a_binary_treatment_goes_to_those_who_gain():
    ctx, tau, _ = world()

    found = run(Params.model_validate(BINARY), ctx)

    chosen = [int(t.unit[1:]) for t in found.targets]
    assert found.unit_col == "who"
    assert tau[chosen].mean() > 0.9
    assert found.expected_gain.ci_lower <= tau[chosen].sum() <= found.expected_gain.ci_upper
    assert found.qini_ci_lower > 0


def test_where_less_is_better_the_most_negative_effect_leads():
    ctx, tau, _ = world(sign=-1.0)

    found = run(Params.model_validate(BINARY | {"higher_is_better": False}), ctx)

    chosen = [int(t.unit[1:]) for t in found.targets]
    assert tau[chosen].mean() > 0.9
    assert found.expected_gain.estimate > 0
    assert all(t.predicted_effect < 0 for t in found.targets)


def test_where_all_gain_alike_nothing_is_claimed_over_random():
    """A ranking learnt from noise must not look better than random: false claims at most as often as the level allows."""
    claims = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        n = 400
        x, a = rng.normal(size=(n, 3)), (rng.random(n) < 0.5).astype(float)
        columns = {f"x{j}": x[:, j].tolist() for j in range(3)}
        columns |= {"a": a.tolist(), "y": (x[:, 0] + a + rng.normal(size=n)).tolist()}
        roles = {"a": "treatment", "y": "outcome", "x0": "covariate", "x1": "covariate", "x2": "covariate"}
        found = run(
            Params.model_validate(BINARY | {"budget": 100}), context(columns, roles=roles, kinds={"a": "boolean"})
        )
        claims += found.gain_against_random.ci_lower > 0
    assert claims <= 3


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        ({"volume_col": "y"}, UnprocessableError, "volume_col"),
        ({"unit_col": "a"}, UnprocessableError, "unit_col"),
        ({"unit_col": "nobody"}, UnknownColumnError, "nobody"),
        ({"candidates": [{"column": "x", "op": "gt", "value": 3.5}]}, InsufficientDataError, "candidates"),
        ({"outcome_col": None}, UnprocessableError, "outcome_col"),
    ],
)
def test_what_cannot_be_is_refused_and_named(change, error, field):
    with pytest.raises(error) as caught:
        run(Params.model_validate(BINARY | change), world(n=300)[0])
    assert caught.value.field == field


@pytest.mark.parametrize("budget", [0, -5, float("nan")])
def test_a_budget_that_is_none_is_refused(sample_context, budget):
    with pytest.raises(UnprocessableError):
        optimise(sample_context, budget=budget)


def test_volume_is_the_outcomes_baseline_where_the_catalogue_has_one(sample_context, found):
    assert optimise(sample_context, volume_col=None)["volume_ranked_by"] == "trx_baseline"
    assert found["volume_ranked_by"] == "trx_baseline"
    assert run(Params.model_validate(BINARY), world()[0]).volume_ranked_by == "expected y"


def test_an_effect_on_the_treated_or_with_weights_is_learnt_for_every_unit():
    ctx, tau, _ = world()
    effect = run_tool(
        "causal_effect_estimator",
        {k: BINARY[k] for k in ("dataset", "treatment_col", "outcome_col")} | {"estimand": "att"},
        ctx,
    )

    found = run(Params.model_validate({"causal_result": effect, "budget": 200, "top_n": 1000}), ctx)

    assert tau[[int(t.unit[1:]) for t in found.targets]].mean() > 0.9


def test_a_budget_beyond_all_room_is_left_over(sample_context):
    found = optimise(sample_context, budget=100_000)

    assert found["spent"] < 2000
    assert any("beyond the doses seen" in text for text in found["warnings"])
    assert found["gain_against_random"]["estimate"] == pytest.approx(0, abs=1e-6)


def test_the_same_seed_gives_the_same_policy(found, sample_context):
    assert optimise(sample_context) == found


def test_it_draws_gains_the_curve_and_the_segments(found):
    charts = policy_optimizer.charts(found)

    for chart in charts:
        assert_valid(chart)
    assert [row["label"] for row in charts[0]["data"]["values"]] == [
        "against nobody",
        "against random",
        "against volume",
    ]
    assert len(charts) >= 4
