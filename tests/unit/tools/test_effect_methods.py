"""Every method through the tool: known effects, panels by their roles, arms, weights, and reruns of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_frames import context
from dgps_effects import adoption
from e2i_shared.api.common import Filter
from e2i_shared.errors import InsufficientDataError, UnknownValueError, UnprocessableError
from e2i_shared.tools import cate_analyzer, causal_effect_estimator, refutation_runner, sensitivity_analyzer
from e2i_shared.tools._analysis import CausalResult
from e2i_shared.tools._rerun import rerun
from vega_lite import assert_valid

METHODS = ["difference_in_means", "regression_adjustment", "ipw", "aipw", "partially_linear", "average_partial_effect"]


def run(ctx, **params: Any) -> dict[str, Any]:
    found = causal_effect_estimator.run(causal_effect_estimator.Params.model_validate(params), ctx)
    return found.model_dump(mode="json")


def panel_data(seed: int, units: int = 240) -> tuple[dict[str, list[Any]], float]:
    """Return the adoption world as columns, one row per prescriber and month, and its truth."""
    world = adoption(seed, units)
    panel = world.study.panel
    assert panel is not None
    months = [f"{label}-01" for label in panel.period_labels]
    x = world.study.design.linear
    return {
        "doctor": [f"d{u:04d}" for u in panel.units],
        "month": [months[t] for t in panel.periods],
        "programme": world.study.treatment.tolist(),
        "trx": world.study.outcome.tolist(),
        "size": x[:, 0].tolist(),
        "years": x[:, 1].tolist(),
    }, world.truth


PANEL_ROLES = {
    "doctor": "id",
    "month": "time",
    "programme": "treatment",
    "trx": "outcome",
    "size": "covariate",
    "years": "covariate",
}
PANEL = {
    "dataset": "data",
    "treatment_col": "programme",
    "outcome_col": "trx",
    "method": "difference_in_differences",
}


def panel_context(data):
    return context(data, roles=PANEL_ROLES, kinds={"doctor": "id", "programme": "boolean"})


@pytest.mark.parametrize("seed", [91, 92, 93])
def test_a_panel_is_recognised_by_its_roles_and_its_effect_found(seed):
    data, truth = panel_data(seed)

    found = run(panel_context(data), **PANEL)

    settled = found["specification"]
    assert abs(found["ate"] - truth) <= 3 * found["std_error"]
    assert (settled["unit_col"], settled["time_col"]) == ("doctor", "month")
    assert settled["confounders"] == ["size", "years"]
    assert found["n_clusters"] == 240
    assert [group["label"] for group in found["event_study"]["groups"]] == ["2024-03-01", "2024-05-01"]
    assert found["event_study"]["pretrend_p_value"] > 0.001
    assert any("compared with itself before" in text for text in found["assumptions"])


def test_an_event_study_is_drawn():
    data, _ = panel_data(94)
    found = run(panel_context(data), **PANEL)

    charts = causal_effect_estimator.charts(found)

    for chart in charts:
        assert_valid(chart)
    events = charts[1]
    assert "since it started" in events["title"]
    assert [row["time"] for row in events["data"]["values"]] == [-4, -3, -2, -1, 0, 1, 2, 3]
    assert events["data"]["values"][3]["effect"] == 0.0


def test_a_fixed_group_can_be_treated_from_a_month_on():
    data, _ = panel_data(95)
    joined = {
        d for d, t, m in zip(data["doctor"], data["programme"], data["month"], strict=True) if t and m < "2024-05"
    }
    data["member"] = [float(d in joined) for d in data["doctor"]]
    roles = PANEL_ROLES | {"member": "treatment"}
    ask = PANEL | {"treatment_col": "member", "filters": [{"column": "month", "op": "lt", "value": "2024-05-01"}]}

    ctx = context(data, roles=roles, kinds={"doctor": "id", "member": "boolean", "programme": "boolean"})
    by_group = run(ctx, **ask, treated_from="2024-03-01", confounders=["size", "years"])
    by_column = run(ctx, **(ask | {"treatment_col": "programme"}), confounders=["size", "years"])

    assert by_group["ate"] == pytest.approx(by_column["ate"])
    assert any("count as treated from 2024-03-01" in text for text in by_group["assumptions"])


@pytest.mark.parametrize("since", ["2023-01-01", "2030-01-01", "soon"])
def test_a_start_outside_the_data_is_refused(since):
    data, _ = panel_data(96, 120)

    with pytest.raises(UnprocessableError) as caught:
        run(panel_context(data), **PANEL, treated_from=since)

    assert caught.value.field == "treated_from"


def test_whole_numbers_serve_as_time():
    data, truth = panel_data(97)
    order = sorted(set(data["month"]))
    data["wave"] = [float(order.index(m)) for m in data["month"]]

    found = run(panel_context(data), **PANEL, time_col="wave", unit_col="doctor", confounders=["size", "years"])

    assert abs(found["ate"] - truth) <= 3 * found["std_error"]
    assert found["event_study"]["groups"][0]["label"] == "2"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_col": "doctor"}, "time_col"),
        ({"unit_col": "trx"}, "unit_col"),
        ({"time_col": "size"}, "unit_col"),
        ({"method": "aipw", "unit_col": "doctor"}, "unit_col"),
        ({"method": "auto", "treated_from": 3}, "treated_from"),
        ({"treatment_col": "size"}, "method"),
    ],
)
def test_panels_that_cannot_be_name_their_field(change, field):
    data, _ = panel_data(98, 120)

    with pytest.raises(UnprocessableError) as caught:
        run(panel_context(data), **(PANEL | change))

    assert caught.value.field == field


def test_units_seen_once_are_no_panel():
    data, _ = panel_data(99, 120)
    data["row"] = [f"r{i}" for i in range(len(data["trx"]))]
    ctx = context(data, roles={**PANEL_ROLES, "row": "id"}, kinds={"doctor": "id", "row": "id", "programme": "boolean"})

    assert run(ctx, **PANEL)["specification"]["unit_col"] == "doctor"
    with pytest.raises(UnprocessableError, match="no unit is seen again"):
        run(ctx, **PANEL, unit_col="row")


def test_data_without_time_or_units_say_so():
    data, _ = panel_data(100, 120)
    del data["month"]
    roles = {k: v for k, v in PANEL_ROLES.items() if k != "month"}
    with pytest.raises(UnprocessableError) as caught:
        run(context(data, roles=roles, kinds={"doctor": "id", "programme": "boolean"}), **PANEL)
    assert caught.value.field == "time_col"

    data, _ = panel_data(100, 120)
    data["doctor"] = list(range(len(data["trx"])))
    roles = PANEL_ROLES | {"doctor": "ignore"}
    with pytest.raises(UnprocessableError) as caught:
        run(context(data, roles=roles, kinds={"programme": "boolean"}), **PANEL)
    assert caught.value.field == "unit_col"


def test_rows_without_a_month_are_left_out():
    data, _ = panel_data(101)
    data["month"][:5] = [None] * 5

    found = run(panel_context(data), **PANEL)

    assert found["n"] == 240 * 6 - 5


def arms_data(
    seed: int = 110, n: int = 900, names: tuple[str, ...] = ("none", "email", "visit")
) -> dict[str, list[Any]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    odds = np.exp(np.column_stack([np.zeros(n), 0.5 * x - 0.3, -0.5 * x]))
    codes = (rng.random(n)[:, None] > (odds / odds.sum(axis=1, keepdims=True)).cumsum(axis=1)).sum(axis=1).clip(0, 2)
    y = x + np.array([0.0, 1.0, 2.0])[codes] + rng.normal(size=n)
    return {"channel": [names[c] for c in codes], "y": y.tolist(), "x": x.tolist()}


ARMS_ROLES = {"channel": "treatment", "y": "outcome", "x": "covariate"}
ARMS = {"dataset": "data", "treatment_col": "channel", "outcome_col": "y"}


def test_each_level_of_a_category_is_compared_with_none():
    found = run(context(arms_data(), roles=ARMS_ROLES), **ARMS)

    arms = {arm["label"]: arm for arm in found["arms"]}
    assert set(arms) == {"email", "visit"}
    assert abs(arms["email"]["effect"] - 1) <= 3 * arms["email"]["std_error"]
    assert abs(arms["visit"]["effect"] - 2) <= 3 * arms["visit"]["std_error"]
    assert found["ate"] == found["arms"][0]["effect"]
    assert found["arms"][0]["n"] == found["n_treated"] == max(arm["n"] for arm in found["arms"])
    assert found["treatment_kind"] == "arms"
    assert found["n_treated"] + found["n_control"] + found["arms"][1]["n"] == 900
    assert any("compared with 'none'" in text for text in found["assumptions"])


def test_the_reference_can_be_chosen():
    found = run(context(arms_data(), roles=ARMS_ROLES), **ARMS, reference_level="Visit")

    arms = {arm["label"]: arm for arm in found["arms"]}
    assert abs(arms["none"]["effect"] + 2) <= 3 * arms["none"]["std_error"]
    assert "against 'visit'" in found["estimand"]


def test_without_a_level_called_none_the_most_frequent_is_the_reference():
    data = arms_data(names=("a", "b", "c"))
    frequent = max(set(data["channel"]), key=data["channel"].count)

    assert f"against {frequent!r}" in run(context(data, roles=ARMS_ROLES), **ARMS)["estimand"]


def test_rare_levels_are_left_out_and_named():
    data = arms_data()
    data["channel"][:4] = ["fax"] * 4

    found = run(context(data, roles=ARMS_ROLES), **ARMS)

    assert found["n"] == 896
    assert any("fax" in warning for warning in found["warnings"])
    assert not any("lack treatment" in warning for warning in found["warnings"])


def test_a_contrast_still_compares_two_levels_only():
    found = run(context(arms_data(), roles=ARMS_ROLES), **ARMS, treatment_contrast=["visit", "none"])

    assert found["arms"] == []
    assert found["ate"] == pytest.approx(2, abs=0.4)


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        ({"reference_level": "fax"}, UnknownValueError, "reference_level"),
        ({"method": "ipw"}, UnprocessableError, "method"),
        ({"estimand": "att"}, UnprocessableError, "estimand"),
        ({"treatment_contrast": ["visit", "none"], "reference_level": "none"}, UnprocessableError, "reference_level"),
    ],
)
def test_impossible_requests_about_arms_name_their_field(change, error, field):
    with pytest.raises(error) as caught:
        run(context(arms_data(), roles=ARMS_ROLES), **ARMS, **change)

    assert caught.value.field == field


def test_eleven_levels_need_a_contrast():
    data = arms_data()
    data["channel"] = [f"c{i % 11}" for i in range(900)]

    with pytest.raises(UnprocessableError) as caught:
        run(context(data, roles=ARMS_ROLES), **ARMS)

    assert caught.value.field == "treatment_contrast"


def test_levels_too_rare_to_compare_are_refused():
    data = arms_data(n=60)
    data["channel"] = ["none"] * 52 + ["email"] * 4 + ["visit"] * 4

    with pytest.raises(InsufficientDataError) as caught:
        run(context(data, roles=ARMS_ROLES), **ARMS)

    assert caught.value.field == "treatment_col"


def test_arms_are_drawn_as_a_forest():
    found = run(context(arms_data(), roles=ARMS_ROLES), **ARMS)

    forest, *others = causal_effect_estimator.charts(found)

    assert [row["label"] for row in forest["data"]["values"]] == [arm["label"] for arm in found["arms"]]
    for chart in (forest, *others):
        assert_valid(chart)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_effect_of_a_small_world_it_suits(method):
    rng = np.random.default_rng(120)
    x = rng.normal(size=600)
    treated = (rng.random(600) < 1 / (1 + np.exp(-0.8 * x))).astype(float)
    data = {"treated": treated.tolist(), "y": (1.5 * treated + x + rng.normal(size=600)).tolist(), "x": x.tolist()}

    found = run(
        context(data, roles={"treated": "treatment", "y": "outcome", "x": "covariate"}),
        dataset="data",
        treatment_col="treated",
        outcome_col="y",
        method=method,
    )

    assert found["method"] == method
    off = abs(found["ate"] - 1.5) / found["std_error"]
    assert off > 3 if method == "difference_in_means" else off < 3
    for chart in causal_effect_estimator.charts(found):
        assert_valid(chart)


@pytest.mark.parametrize("estimand", ["ate", "att"])
@pytest.mark.parametrize("seed", [121, 122])
def test_weighting_finds_the_samples_true_effect(sample, sample_context, estimand, seed):
    filters = [{"column": "brand", "value": "Kisqali"}, {"column": "region", "value": "South"}]
    truth = sample.truth_for("email_campaign", "trx", [Filter.model_validate(f) for f in filters]).effect

    found = run(
        sample_context,
        dataset="hcp_monthly",
        filters=filters,
        treatment_col="email_campaign",
        outcome_col="trx",
        method="ipw",
        estimand=estimand,
        cluster_col="hcp_id" if seed == 121 else "territory_id",
    )

    assert abs(found["ate"] - truth) <= 4 * found["std_error"]


def test_weights_are_used_and_said():
    rng = np.random.default_rng(123)
    strong = rng.random(1200) < 0.2
    x = rng.normal(size=1200)
    treated = (rng.random(1200) < 0.5).astype(float)
    y = np.where(strong, 3.0, 0.0) * treated + x + rng.normal(size=1200)
    data = {
        "treated": treated.tolist(),
        "y": y.tolist(),
        "x": x.tolist(),
        "strong": strong.astype(float).tolist(),
        "w": np.where(strong, 8.0, 2.0).tolist(),
    }
    roles = {"treated": "treatment", "y": "outcome", "x": "covariate", "strong": "covariate", "w": "ignore"}
    ask = {"dataset": "data", "treatment_col": "treated", "outcome_col": "y"}

    heavy, plain = run(context(data, roles=roles), **ask, weight_col="w"), run(context(data, roles=roles), **ask)

    assert heavy["ate"] == pytest.approx(1.5, abs=0.3)
    assert plain["ate"] == pytest.approx(0.6, abs=0.3)
    assert heavy["specification"]["weight_col"] == "w"
    assert "w" not in heavy["specification"]["confounders"]
    assert any("as many units as w says" in text for text in heavy["assumptions"])


@pytest.mark.parametrize("method", [*METHODS, "difference_in_differences", "arms"])
def test_every_estimate_can_be_made_again_from_its_specification(method):
    if method == "difference_in_differences":
        ctx, ask = panel_context(panel_data(124)[0]), PANEL
    elif method == "arms":
        ctx, ask = context(arms_data(), roles=ARMS_ROLES), ARMS | {"reference_level": "visit"}
    else:
        data = arms_data()
        data["channel"] = [float(c == "email") for c in data["channel"]]
        ctx, ask = context(data, roles=ARMS_ROLES), ARMS | {"method": method}
    found = run(ctx, **ask)

    again = rerun(CausalResult.model_validate(found), ctx)

    assert again.warnings == []
    assert again.estimate.inference.estimate == pytest.approx(found["ate"])
    assert again.estimate.inference.std_error == pytest.approx(found["std_error"])


def test_a_panels_effect_can_be_refuted_but_not_cut_by_segment_like_rows():
    data, _ = panel_data(125)
    ctx = panel_context(data)
    found = CausalResult.model_validate(run(ctx, **PANEL))

    refuted = refutation_runner.run(refutation_runner.Params(causal_result=found), ctx)

    assert refuted.gate_decision in {"proceed", "review"}
    assert next(t for t in refuted.test_results if t.name == "placebo_treatment").passed
    for tool, params in (
        (cate_analyzer, cate_analyzer.Params(causal_result=found, segment_cols=["size"])),
        (sensitivity_analyzer, sensitivity_analyzer.Params(causal_result=found)),
    ):
        with pytest.raises(UnprocessableError) as caught:
            tool.run(params, ctx)
        assert caught.value.field == "method"


def test_an_arms_effect_can_be_refuted():
    ctx = context(arms_data(), roles=ARMS_ROLES)
    found = CausalResult.model_validate(run(ctx, **ARMS))

    refuted = refutation_runner.run(refutation_runner.Params(causal_result=found), ctx)

    assert refuted.gate_decision in {"proceed", "review"}
    assert not any("Estimated again" in warning for warning in refuted.warnings)
