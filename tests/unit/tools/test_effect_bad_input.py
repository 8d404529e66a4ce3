"""Data that cannot answer, or answer less than they seem to: each a refusal that names what is wrong, or a flagged result."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from builders_frames import context, frame_of
from e2i_shared.causal.design import MOST_INDICATORS, Covariate, encode
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.errors import (
    EstimationError,
    InsufficientDataError,
    NoOverlapError,
    NoVariationError,
    UnprocessableError,
)
from e2i_shared.tools import causal_effect_estimator
from e2i_shared.tools._registry import ToolContext

ROLES = {"treated": "treatment", "outcome": "outcome", "x": "covariate", "w": "ignore"}
ASK = {"dataset": "data", "treatment_col": "treated", "outcome_col": "outcome"}
EFFECT = 2.0


def run(ctx, **params: Any) -> dict[str, Any]:
    found = causal_effect_estimator.run(causal_effect_estimator.Params.model_validate(params), ctx)
    output = found.model_dump(mode="json")
    json.dumps(output, allow_nan=False)
    return output


def data(n: int = 400, seed: int = 1) -> dict[str, list[Any]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    treated = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(float)
    outcome = EFFECT * treated + x + rng.normal(size=n)
    return {"treated": treated.tolist(), "outcome": outcome.tolist(), "x": x.tolist()}


def ask(columns, **more: Any) -> dict[str, Any]:
    kinds = more.pop("kinds", {})
    return run(context(columns, roles=ROLES, kinds=kinds), **(ASK | more))


def close(found: dict[str, Any]) -> bool:
    return abs(found["ate"] - EFFECT) <= 3 * found["std_error"]


def test_good_data_are_answered_without_a_warning():
    found = ask(data())

    assert close(found)
    assert found["warnings"] == []


def test_a_constant_treatment_is_refused():
    with pytest.raises(NoVariationError, match="treated"):
        ask(data() | {"treated": [1.0] * 400})


def test_an_almost_constant_treatment_is_refused():
    with pytest.raises(InsufficientDataError) as caught:
        ask(data() | {"treated": [1.0] * 4 + [0.0] * 396})

    assert caught.value.field == "treatment_col"
    assert caught.value.got == "4 treated, 396 untreated"


def test_an_almost_constant_dose_is_refused():
    with pytest.raises(NoVariationError, match="almost constant"):
        ask(data() | {"treated": [5.0, 3.0, 2.0, 7.0] + [0.0] * 396})


@pytest.mark.parametrize("method", ["aipw", "ipw", "partially_linear", "average_partial_effect"])
def test_perfect_separation_is_refused(method):
    columns = data()
    columns["treated"] = [float(v > 0) for v in columns["x"]]

    try:
        found = ask(columns, method=method)
    except NoOverlapError:
        return
    # Methods that weigh by overlap use what little there is, and must say how little.
    assert method in {"partially_linear", "average_partial_effect"}
    assert found["overlap"]["share_outside"] > 0.4 or found["overlap"]["ess"] < 100


def test_no_overlap_in_a_subgroup_is_flagged_by_name():
    columns = data()
    columns["site"] = ["north" if i < 60 else "south" for i in range(400)]
    columns["treated"] = [1.0 if i < 60 else v for i, v in enumerate(columns["treated"])]

    found = ask(columns, confounders=["x", "site"])

    assert any("No overlap where site = north: all 60 rows are treated" in warning for warning in found["warnings"])


def test_many_subgroups_without_overlap_are_counted():
    columns = data(800)
    columns["site"] = [f"s{i % 16:02d}" for i in range(800)]
    columns["treated"] = [float(i % 16 < 8) if i % 16 < 14 else v for i, v in enumerate(columns["treated"])]

    with pytest.raises(NoOverlapError):
        ask(columns, confounders=["x", "site"])
    found = ask(columns, confounders=["x", "site"], method="regression_adjustment")

    assert sum("No overlap where" in warning for warning in found["warnings"]) == 5
    assert any("9 more subgroups have no overlap" in warning for warning in found["warnings"])


def test_one_row_per_cluster_is_said():
    columns = data() | {"doctor": [f"d{i}" for i in range(400)]}

    found = ask(columns, cluster_col="doctor", kinds={"doctor": "id"})

    assert found["n_clusters"] is None
    assert "Every row has its own doctor: rows are taken as independent." in found["warnings"]


def test_an_outcome_that_is_the_treatment_is_refused_by_name_and_by_value():
    with pytest.raises(UnprocessableError) as caught:
        ask(data(), outcome_col="treated")
    assert caught.value.field == "outcome_col"

    columns = data()
    columns["outcome"] = [10 - 3 * v for v in columns["treated"]]
    with pytest.raises(EstimationError, match="same values"):
        ask(columns)


def test_duplicate_columns_and_copies_on_another_scale_are_left_out_and_named():
    columns = data()
    columns |= {"copy": columns["x"], "scaled": [7 - 2 * v for v in columns["x"]]}

    found = ask(columns, confounders=["x", "copy", "scaled"])

    assert "'copy' is not adjusted for: equals x." in found["warnings"]
    assert "'scaled' is not adjusted for: is x on another scale." in found["warnings"]
    assert found["ate"] == pytest.approx(ask(data(), confounders=["x"])["ate"])


@pytest.mark.parametrize("method", ["aipw", "ipw", "regression_adjustment", "partially_linear"])
def test_columns_that_add_up_to_another_do_no_harm(method):
    rng = np.random.default_rng(2)
    columns = data()
    columns["z"] = rng.normal(size=400).tolist()
    columns["sum"] = [a + b for a, b in zip(columns["x"], columns["z"], strict=True)]

    found = ask(columns, confounders=["x", "z", "sum"], method=method)

    assert close(found)
    assert found["ate"] == pytest.approx(ask(columns, confounders=["x", "z"], method=method)["ate"], abs=0.05)


@pytest.mark.parametrize(("levels", "n"), [(40, 1200), (500, 3000)])
def test_a_category_of_many_levels_neither_explodes_nor_hides_its_confounding(levels, n):
    rng = np.random.default_rng(3)
    site = rng.integers(0, levels, n)
    pull = rng.normal(size=levels)[site] if levels == 40 else np.zeros(n)
    x = rng.normal(size=n)
    treated = (rng.random(n) < 1 / (1 + np.exp(-x - pull))).astype(float)
    outcome = EFFECT * treated + x + 1.5 * pull + rng.normal(size=n)
    columns = {
        "treated": treated.tolist(),
        "outcome": outcome.tolist(),
        "x": x.tolist(),
        "site": [f"s{s:03d}" for s in site],
    }
    design = encode([Covariate("site", site.astype(float), tuple(f"s{s:03d}" for s in range(levels)))], n)

    found = ask(columns, confounders=["x", "site"], kinds={"site": "category"})

    assert design.linear.shape[1] <= MOST_INDICATORS + 1
    assert design.trees.shape[1] == 1
    assert abs(found["ate"] - EFFECT) <= 4 * found["std_error"]
    if levels == 40:
        blind = ask(columns, confounders=["x"])
        assert abs(blind["ate"] - EFFECT) > 4 * blind["std_error"]


def test_columns_that_are_all_missing_are_named():
    with pytest.raises(InsufficientDataError, match="'outcome' is missing in all 400 rows"):
        ask(data() | {"outcome": [None] * 400}, kinds={"outcome": "number"})

    found = ask(data() | {"void": [None] * 400}, confounders=["x", "void"], kinds={"void": "number"})
    assert "'void' is not adjusted for: all values are missing." in found["warnings"]


@pytest.mark.parametrize(
    "method", ["aipw", "ipw", "regression_adjustment", "partially_linear", "average_partial_effect"]
)
def test_missing_covariates_still_adjust_when_being_missing_tells_something(method):
    """Missing where the covariate is large: the indicator carries what the value cannot."""
    rng = np.random.default_rng(4)
    columns = data(3000, 4)
    gone = [v > 1.0 or bool(rng.random() < 0.05) for v in columns["x"]]
    columns["x"] = [None if g else v for g, v in zip(gone, columns["x"], strict=True)]

    found = ask(columns, confounders=["x"], method=method)
    blind = ask(columns, confounders=[], method="aipw")

    assert abs(found["ate"] - EFFECT) < 0.35
    assert abs(blind["ate"] - EFFECT) > 0.7


def test_half_the_categories_missing_is_a_level_of_its_own():
    columns = data(1000)
    columns["site"] = [None if i % 2 else f"s{i % 5}" for i in range(1000)]

    found = ask(columns, confounders=["x", "site"])

    assert close(found)
    assert {row["column"] for row in found["balance"]} >= {"x", "site"}


@pytest.mark.parametrize("column", ["outcome", "x", "treated", "w"])
def test_infinite_values_are_refused_by_name(column):
    columns = data() | {"w": [1.0] * 400}
    described = context(columns, roles=ROLES).data.describe("data")
    frame = frame_of(columns | {column: [math.inf, *columns[column][1:]]})

    with pytest.raises(EstimationError, match=column):
        run(ToolContext(MemoryDataSource({"data": (described, frame)})), **ASK, weight_col="w")


@pytest.mark.parametrize("rows", [1, 12, 49])
def test_fewer_than_fifty_rows_are_refused(rows):
    with pytest.raises(InsufficientDataError) as caught:
        ask(data(rows))

    assert caught.value.field == "filters"
    assert "at least 50 rows" in str(caught.value.expected)


def test_fifty_rows_are_answered():
    found = ask(data(50, 8), method="regression_adjustment")

    assert found["n"] == 50
    assert found["ci_lower"] < found["ate"] < found["ci_upper"]


def test_a_consequence_of_the_treatment_among_the_confounders_is_warned_about():
    columns = data()
    columns["later"] = [v + 0.5 for v in columns["outcome"]]
    rng = np.random.default_rng(5)
    columns["later"] = (np.array(columns["later"]) + rng.normal(size=400)).tolist()

    found = run(context(columns, roles=ROLES | {"later": "outcome"}), **ASK, confounders=["x", "later"])

    assert any("later may be a consequence of the treatment" in warning for warning in found["warnings"])
    assert not close(found)


@pytest.mark.parametrize(
    ("weights", "words"),
    [([-1.0] + [1.0] * 399, "negative"), ([0.0] * 400, "All weights in 'w' are zero"), ([None] * 400, "All weights")],
)
def test_weights_that_cannot_be_are_refused(weights, words):
    with pytest.raises(EstimationError, match=words) as caught:
        ask(data() | {"w": weights}, weight_col="w", kinds={"w": "number"})

    assert caught.value.field == "weight_col"


def test_rows_without_a_weight_are_left_out_and_counted():
    found = ask(data() | {"w": [None] * 10 + [0.0] * 10 + [1.0] * 380}, weight_col="w")

    assert found["n"] == 380
    assert "20 of 400 rows lack treatment, outcome or a positive weight and are left out." in found["warnings"]


def test_very_unequal_weights_are_flagged():
    found = ask(data() | {"w": [100.0] * 30 + [1.0] * 370}, weight_col="w", method="regression_adjustment")

    assert any("rows are worth 3" in warning for warning in found["warnings"])


@pytest.mark.parametrize("column", ["treated", "outcome"])
def test_a_weight_that_is_a_side_of_the_comparison_is_refused(column):
    with pytest.raises(UnprocessableError) as caught:
        ask(data(), weight_col=column)

    assert caught.value.field == "weight_col"


@pytest.mark.parametrize("method", ["difference_in_means", "regression_adjustment", "ipw", "aipw"])
def test_methods_for_two_groups_refuse_a_dose(method):
    columns = data() | {"treated": np.random.default_rng(6).poisson(2, 400).astype(float).tolist()}

    with pytest.raises(UnprocessableError) as caught:
        ask(columns, method=method)

    assert caught.value.field == "method"


def test_a_cluster_that_holds_nearly_all_rows_is_too_few():
    columns = data() | {"team": [f"t{i % 4}" for i in range(400)]}

    with pytest.raises(InsufficientDataError) as caught:
        ask(columns, cluster_col="team")

    assert caught.value.field == "cluster_col"
