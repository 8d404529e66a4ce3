"""Propensities whose truth is known, and treatments that nothing can be compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.errors import InsufficientDataError, NoOverlapError, NoVariationError, UnprocessableError
from e2i_shared.tools import propensity_estimator
from e2i_shared.tools._registry import run_tool
from vega_lite import assert_valid

ROLES = {"a": "treatment", "x0": "covariate", "x1": "covariate", "y": "outcome"}


def world(strength=1.0, n=2000, seed=1, **more: Any):
    """Treatment drawn with log odds strength·x0 − 0.5; x1 is noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    chance = 1 / (1 + np.exp(-(strength * x[:, 0] - 0.5)))
    a = (rng.random(n) < chance).astype(float)
    columns = {"x0": x[:, 0].tolist(), "x1": x[:, 1].tolist(), "a": a.tolist(), "y": (x[:, 0] + a).tolist()}
    return context(columns | more, roles=ROLES, kinds={"a": "boolean"}), chance, a


def estimate(ctx, **params: Any):
    ask = {"dataset": "data", "treatment_col": "a", "covariates": ["x0", "x1"]}
    return run_tool("propensity_estimator", ask | params, ctx)


def mann_whitney(a, score):
    pairs = score[a == 1][:, None] - score[a == 0]
    return float((pairs > 0).mean() + 0.5 * (pairs == 0).mean())


def test_it_finds_the_probabilities_that_drew_the_treatment():
    ctx, chance, a = world()

    found = estimate(ctx)

    assert found["auc"] == pytest.approx(mann_whitney(a, chance), abs=0.015)
    assert found["brier"] == pytest.approx(float(((a - chance) ** 2).mean()), abs=0.01)
    assert found["propensity_scores"]["mean"] == pytest.approx(a.mean(), abs=0.01)
    assert found["propensity_scores"]["p95"] == pytest.approx(float(np.quantile(chance, 0.95)), abs=0.04)
    assert found["calibration"]["slope"] == pytest.approx(1, abs=0.15)
    assert found["calibration"]["largest_gap"] < 0.1


def test_weighting_balances_what_decided_the_treatment():
    found = estimate(world()[0])

    first = found["balance_statistics"][0]
    assert first["column"] == "x0"
    assert first["smd_before"] > 0.5
    assert abs(first["smd_after"]) < 0.1
    assert found["largest_smd_before"] == pytest.approx(abs(first["smd_before"]))
    assert found["overlap_assessment"]["verdict"] in {"good", "limited"}


def test_a_treatment_by_chance_is_not_predicted():
    found = estimate(world(strength=0.0)[0])

    assert found["auc"] == pytest.approx(0.5, abs=0.04)
    assert found["overlap_assessment"]["verdict"] == "good"
    assert found["warnings"] == []


def test_on_the_sample_nurse_support_has_its_designed_propensity(sample, sample_context):
    people = sample.tables["patients"]
    commercial = people.columns["payer"].codes == 0
    level = -0.9 + 0.35 * people.numbers("comorbidities") + 0.02 * (people.numbers("age") - 50) - 0.2 * commercial
    chance = 1 / (1 + np.exp(-np.clip(level, -2.8, 2.8)))

    found = run_tool("propensity_estimator", propensity_estimator.EXAMPLES[0], sample_context)

    assert found["auc"] == pytest.approx(mann_whitney(people.numbers("nurse_support"), chance), abs=0.02)
    assert found["largest_smd_after"] < 0.1


def test_counts_of_the_histogram_and_the_arms_agree():
    found = estimate(world()[0])

    assert sum(b["treated"] for b in found["histogram"]) == found["treated"]
    assert sum(b["untreated"] for b in found["histogram"]) == found["untreated"]
    assert found["treated"] + found["untreated"] == found["n"] == sum(b["n"] for b in found["calibration"]["bins"])


def test_near_separation_is_called_poor():
    found = estimate(world(strength=12.0)[0])

    assert found["auc"] > 0.98
    assert found["overlap_assessment"]["verdict"] == "poor"
    assert any("decide" in text for text in found["warnings"])


def test_a_nonlinear_treatment_is_seen_by_trees():
    rng = np.random.default_rng(5)
    x = rng.normal(size=3000)
    a = (rng.random(3000) < np.where(np.abs(x) > 1, 0.8, 0.2)).astype(float)
    ctx = context({"x0": x.tolist(), "a": a.tolist()}, roles={"a": "treatment"}, kinds={"a": "boolean"})

    found = estimate(ctx, covariates=["x0"])

    assert found["learner"] == "boosted"
    assert found["auc"] > 0.75


def test_a_contrast_makes_two_arms_of_many():
    rng = np.random.default_rng(2)
    arm = rng.integers(0, 3, 600)
    x = rng.normal(size=600) + (arm == 2)
    columns = {"arm": [("none", "mail", "visit")[k] for k in arm], "x0": x.tolist()}
    ctx = context(columns, roles={"arm": "treatment"})

    found = estimate(ctx, treatment_col="arm", covariates=["x0"], treatment_contrast=["visit", "none"])

    assert found["treated"] == int((arm == 2).sum())
    assert found["n"] == int((arm != 1).sum())
    assert found["auc"] > 0.65


def test_a_dose_asks_for_a_contrast():
    rng = np.random.default_rng(3)
    columns = {"a": rng.poisson(2, 300).astype(float).tolist(), "x0": rng.normal(size=300).tolist()}

    with pytest.raises(UnprocessableError) as caught:
        estimate(context(columns, roles={"a": "treatment"}), covariates=["x0"])
    assert caught.value.field == "treatment_contrast"


@pytest.mark.parametrize(
    ("columns", "error", "field"),
    [
        ({"a": [1.0] * 200}, NoVariationError, "treatment_col"),
        ({"a": [1.0] * 4 + [0.0] * 196}, InsufficientDataError, "treatment_col"),
        ({"a": [1.0, 0.0] * 20, "x0": [float(i) for i in range(40)]}, InsufficientDataError, "filters"),
        ({"a": [None] * 200}, InsufficientDataError, "filters"),
    ],
)
def test_data_that_cannot_tell_are_refused(columns, error, field):
    given = {"x0": np.random.default_rng(1).normal(size=200).tolist()} | columns

    with pytest.raises(error) as caught:
        estimate(context(given, roles={"a": "treatment"}, kinds={"a": "boolean"}), covariates=["x0"])
    assert caught.value.field == field


def test_a_covariate_that_is_the_treatment_is_refused():
    ctx, _, a = world()
    with pytest.raises(UnprocessableError) as caught:
        estimate(ctx, covariates=["x0", "a"])
    assert caught.value.field == "covariates"

    copied = world(copy=(1 - a).tolist())[0]
    with pytest.raises(NoOverlapError):
        estimate(copied, covariates=["x0", "copy"])


def test_a_consequence_among_the_covariates_is_warned_of():
    assert any("consequence" in text for text in estimate(world()[0], covariates=["x0", "y"])["warnings"])


def test_no_covariate_is_refused():
    with pytest.raises(UnprocessableError):
        estimate(world()[0], covariates=[])


def test_it_draws_overlap_balance_and_calibration():
    found = estimate(world()[0])
    charts = propensity_estimator.charts(found)

    for chart in charts:
        assert_valid(chart)
    assert [len(c["data"]["values"]) for c in charts] == [40, 4, 10]
    drawn = [row["count"] for row in charts[0]["data"]["values"] if row["who"] == "untreated"]
    assert sum(drawn) == found["untreated"]


def test_the_same_seed_gives_the_same_answer():
    ctx, _, _ = world()
    assert estimate(ctx) == estimate(ctx)
