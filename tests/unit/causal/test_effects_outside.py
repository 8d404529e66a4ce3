"""Estimates beside those of statsmodels and DoubleML on the same data (``tests/reference/make_effects_outside.py``)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from dgps import nhefs, nsw
from e2i_shared.causal.design import Covariate, encode
from e2i_shared.causal.estimators.choice import estimate
from e2i_shared.causal.panel import Panel
from e2i_shared.causal.study import Settings, Study

OUTSIDE = json.loads((Path(__file__).parents[2] / "reference" / "effects_outside.json").read_text(encoding="utf-8"))
VALUES = {value["what"]: value for value in OUTSIDE["values"]}


def panel(*, covariates: bool) -> Study:
    """Return the stored panel as a study of two periods."""
    data = {name: np.array(values) for name, values in OUTSIDE["panel"].items()}
    units = np.tile(np.arange(600), 2)
    period = np.repeat([0, 1], 600)
    columns = [Covariate(name, np.tile(data[name], 2)) for name in ("x0", "x1")] if covariates else []
    return Study(
        np.concatenate([data["before"], data["after"]]),
        np.tile(data["d"], 2) * period,
        encode(columns, 1200),
        clusters=units,
        panel=Panel(units, period, ("before", "after")),
    )


def test_regression_adjustment_equals_statsmodels_with_products_and_hc2():
    found = estimate(nsw(), Settings(), "regression_adjustment").inference
    value = VALUES["NSW, regression adjustment"]

    assert found.estimate == pytest.approx(value["estimate"], abs=1e-4)
    # Ours also counts that the units are a draw from a population.
    assert found.std_error == pytest.approx(value["std_error"], rel=0.03)
    assert found.std_error >= value["std_error"] * 0.999


def test_weighting_agrees_with_an_in_sample_logistic_regression():
    found = estimate(nhefs(), Settings(learner="linear"), "ipw").inference
    value = VALUES["NHEFS, ipw"]

    assert abs(found.estimate - value["estimate"]) < 0.15 * value["std_error"]
    # statsmodels takes the weights as known, which is too wide.
    assert 0.8 * value["std_error"] < found.std_error < 1.02 * value["std_error"]


def test_the_partially_linear_effect_agrees_with_doubleml():
    found = estimate(nhefs(), Settings(learner="linear"), "partially_linear").inference
    value = VALUES["NHEFS, partially linear"]

    assert abs(found.estimate - value["estimate"]) < 0.15 * value["std_error"]
    assert found.std_error == pytest.approx(value["std_error"], rel=0.05)


def test_the_plain_difference_in_differences_is_exact():
    found = estimate(panel(covariates=False), Settings(), "difference_in_differences").inference
    value = VALUES["panel, plain"]

    assert found.estimate == pytest.approx(value["estimate"], abs=1e-5)
    assert found.std_error == pytest.approx(value["std_error"], rel=0.005)


def test_the_doubly_robust_difference_in_differences_agrees_with_doubleml():
    found = estimate(panel(covariates=True), Settings(), "difference_in_differences").inference
    value = VALUES["panel, doubly robust"]

    assert abs(found.estimate - value["estimate"]) < 0.25 * value["std_error"]
    assert found.std_error == pytest.approx(value["std_error"], rel=0.08)
