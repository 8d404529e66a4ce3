from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.errors import (
    EstimationError,
    InsufficientDataError,
    NoVariationError,
    UnknownColumnError,
    UnprocessableError,
)
from e2i_shared.tools._registry import run_tool
from e2i_shared.tools.change_attributor import EXAMPLES, TOOL, Params, run
from vega_lite import assert_valid

ROLES = {"y": "outcome", "t": "treatment", "s": "treatment", "x": "covariate", "g": "segment", "u": "cluster"}


def world(seed: int = 1, n: int = 600, **change: float) -> dict[str, list[Any]]:
    """Return two months of ``n`` units: y = base + x + effect·t + 0.5·s; ``change`` moves one of them in the second month."""
    rng = np.random.default_rng(seed)
    units = np.tile(np.arange(n), 2)
    later = np.repeat([0.0, 1.0], n)
    x = rng.normal(size=n)[units] + later * change.get("mix", 0.0)
    t = 2.0 + 0.8 * x + rng.normal(size=2 * n) + later * change.get("level", 0.0)
    s = 1.0 + rng.normal(size=2 * n)
    effect = 1.5 + later * change.get("effect", 0.0)
    y = 4.0 + 2.0 * x + effect * t + 0.5 * s + later * change.get("base", 0.0) + rng.normal(size=2 * n)
    months = ["2026-01-01"] * n + ["2026-02-01"] * n
    return {
        "u": [f"u{i:04d}" for i in units],
        "month": months,
        "g": ["A" if i % 3 else "B" for i in units],
        **{name: values.tolist() for name, values in {"x": x, "t": t, "s": s, "y": y}.items()},
    }


def explained(columns: dict[str, list[Any]], **params: Any):
    periods = {"period_a": {"start": "2026-01", "end": "2026-02"}, "period_b": {"start": "2026-02", "end": "2026-03"}}
    roles = {k: v for k, v in ROLES.items() if k in columns}
    return run(Params(dataset="data", outcome_col="y", **(periods | params)), context(columns, roles=roles))


def part(result, kind, name):
    return next(row for row in result.contributions if (row.kind, row.name) == (kind, name))


def assert_adds_up(result):
    scale = max(1.0, abs(result.change))
    assert sum(row.amount for row in result.contributions) == pytest.approx(result.change, abs=1e-9 * scale)
    assert sum(group.amount for group in result.groups) == pytest.approx(result.change, abs=1e-9 * scale)
    assert result.residual == pytest.approx(0.0, abs=1e-9 * scale)
    for name in {row.dimension for row in result.slices}:
        found = [row for row in result.slices if row.dimension == name]
        assert sum(row.amount for row in found) == pytest.approx(result.change, abs=1e-9 * scale)
        assert all(row.amount == pytest.approx(row.by_size + row.by_rate) for row in found)


def test_the_planted_cause_of_the_kisqali_drop_comes_first(sample, sample_context):
    planted = next(p for p in sample.truth["planted"] if p["kind"] == "drop")

    result = run(Params.model_validate(EXAMPLES[0]), sample_context)
    first = result.contributions[0]

    assert (first.kind, first.name) == ("exposure", planted["cause"]["treatment"])
    assert result.main_cause == first
    truth = planted["caused_by_cut"] * result.n_b
    assert abs(first.amount - truth) <= 3 * first.std_error
    assert first.ci_upper < 0
    assert result.change / result.n_b == pytest.approx(planted["change"])
    assert result.change_pct == pytest.approx(100 * planted["change_share"])
    assert_adds_up(result)


def test_the_regions_of_the_cut_carry_the_drop(sample, sample_context):
    planted = next(p for p in sample.truth["planted"] if p["kind"] == "drop")

    result = run(Params.model_validate(EXAMPLES[0]), sample_context)
    regions = [row for row in result.slices if row.dimension == "region"]

    assert {row.level for row in regions[:2]} == set(planted["cause"]["regions"])
    assert all(row.main_lever.lever == planted["cause"]["treatment"] for row in regions[:2])
    kept = regions[0].main_lever.level_b / regions[0].main_lever.level_a
    assert kept == pytest.approx(planted["cause"]["kept"], abs=0.06)


@pytest.mark.parametrize(
    ("change", "kind", "name", "truth"),
    [
        ({"level": -1.0}, "exposure", "t", -1.5),
        ({"base": -2.0}, "response", "baseline", -2.0),
        ({"mix": 0.7}, "mix", "x", 1.4),
        ({"effect": 0.8}, "response", "t", 0.8 * 2.0),
    ],
)
def test_a_planted_change_is_found_where_it_was_planted(change, kind, name, truth):
    result = explained(world(**change))

    found = part(result, kind, name)
    assert result.contributions[0] == found
    assert abs(found.amount - truth) <= 3 * found.std_error
    assert_adds_up(result)
    others = [row for row in result.contributions if row is not found and row.name != "mix_through_levers"]
    assert all(abs(row.amount) <= 4 * row.std_error + 1e-9 for row in others)


def test_composition_moves_levers_too_and_that_is_mix_not_exposure():
    result = explained(world(mix=0.7))

    through = part(result, "mix", "mix_through_levers")
    assert abs(through.amount - 0.7 * 0.8 * 1.5) <= 3 * through.std_error
    assert not part(result, "exposure", "t").beyond_noise


def test_effects_are_adjusted_not_raw():
    columns = world(level=-1.0)
    raw = np.polyfit(columns["t"], columns["y"], 1)[0]

    adjusted = part(explained(columns), "exposure", "t").effect_per_unit

    assert raw > 2.0
    assert adjusted == pytest.approx(1.5, abs=0.1)


def test_units_that_leave_lower_a_total_but_not_a_mean():
    columns = world()
    kept = [i for i in range(1200) if i < 900]
    fewer = {name: [values[i] for i in kept] for name, values in columns.items()}

    total, mean = explained(fewer, aggregate="sum"), explained(fewer, aggregate="mean")

    assert total.contributions[0].name == "counted"
    assert total.contributions[0].amount == pytest.approx(-300 * (total.value_a / 600 + total.value_b / 300) / 2)
    assert all(row.name != "counted" for row in mean.contributions)
    assert_adds_up(total)
    assert_adds_up(mean)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("aggregate", ["sum", "mean"])
def test_contributions_add_up_whatever_the_world(seed, aggregate):
    rng = np.random.default_rng([seed, 3])
    changes = dict(zip(("mix", "level", "effect", "base"), rng.normal(size=4), strict=True))
    columns = world(seed, n=150, **changes)
    kept = rng.random(300) < rng.uniform(0.6, 1.0)
    some = {name: [v for v, k in zip(values, kept, strict=True) if k] for name, values in columns.items()}
    some["t"] = [None if rng.random() < 0.1 else v for v in some["t"]]

    assert_adds_up(explained(some, aggregate=aggregate))


def test_back_and_forth_give_opposite_contributions():
    columns = world(level=-1.0, mix=0.3, effect=0.4)
    first, second = {"start": "2026-01", "end": "2026-02"}, {"start": "2026-02", "end": "2026-03"}

    there, back = explained(columns), explained(columns, period_a=second, period_b=first)

    for row in there.contributions:
        assert part(back, row.kind, row.name).amount == pytest.approx(-row.amount, abs=1e-8)


def test_common_effects_leave_no_response_of_levers():
    result = explained(world(level=-1.0), effects="common")

    assert [row.name for row in result.contributions if row.kind == "response"] == ["baseline"]
    assert abs(part(result, "exposure", "t").amount + 1.5) <= 3 * part(result, "exposure", "t").std_error
    assert_adds_up(result)


def test_where_nothing_changed_nothing_is_a_cause():
    result = explained(world(seed=5))

    assert result.main_cause is None
    assert any("may be chance" in text for text in result.warnings)


def test_two_groups_are_compared_as_two_periods_are():
    columns = world(level=-1.0)
    columns["arm"] = ["old" if month == "2026-01-01" else "new" for month in columns["month"]]
    by_group = {"period_a": None, "period_b": None, "group_col": "arm", "group_a": "old", "group_b": "new"}

    groups, periods = explained(columns, **by_group, dimensions=["g"]), explained(columns, dimensions=["g"])

    assert groups.change == pytest.approx(periods.change)
    assert groups.period_a is None
    assert (groups.side_a, groups.side_b) == ("old", "new")
    assert part(groups, "exposure", "t").amount < -1.0


def test_levers_missing_in_some_rows_are_filled_and_said():
    columns = world(level=-1.0)
    columns["t"] = [None if i % 10 == 0 else v for i, v in enumerate(columns["t"])]

    result = explained(columns)

    assert any("120 rows lack t" in text for text in result.warnings)
    assert part(result, "exposure", "t").amount == pytest.approx(-1.5, abs=0.4)


def test_a_lever_unrecorded_on_one_side_is_left_out_unless_named():
    columns = world(level=-1.0)
    columns["s"] = [None] * 600 + columns["s"][600:]

    assert explained(columns).levers == ["t"]
    assert any("s is missing on one whole side" in text for text in explained(columns).warnings)
    with pytest.raises(NoVariationError) as caught:
        explained(columns, levers=["s"])
    assert caught.value.field == "levers"


def test_outcomes_missing_are_left_out_not_zero():
    columns = world()
    columns["y"] = [None if i < 20 else v for i, v in enumerate(columns["y"])]

    result = explained(columns)

    assert result.n == 1180
    assert any("20 rows have no 'y'" in text or "20 rows have no y" in text for text in result.warnings)


def test_small_samples_take_one_effect_for_all_dimensions():
    result = explained(world(level=-1.0, n=60))

    assert any("Too few rows to let effects differ" in text for text in result.assumptions)
    assert_adds_up(result)


def test_the_last_complete_quarter_is_explained_where_no_period_is_named(sample_context):
    result = run(Params.model_validate({k: v for k, v in EXAMPLES[0].items() if k != "period_b"}), sample_context)

    assert result.period_b.start == "2026-07-01"
    assert any("No period_b was named" in text for text in result.assumptions)


def test_a_kpi_of_the_catalogue_says_whether_it_is_summed(sample_context):
    asked = {"dataset": "hcp_monthly", "filters": EXAMPLES[0]["filters"], "outcome_col": "net sales"}

    assert run(Params.model_validate(asked), sample_context).aggregate == "sum"


def test_a_period_beyond_the_data_is_said(sample_context):
    asked = EXAMPLES[0] | {
        "period_b": {"start": "2026-08", "end": "2026-12"},
        "period_a": {"start": "2026-04", "end": "2026-08"},
    }

    result = run(Params.model_validate(asked), sample_context)

    assert any("not fully covered" in text for text in result.warnings)
    assert result.contributions[0].name == "counted"


@pytest.mark.parametrize(
    ("params", "error", "field"),
    [
        ({"outcome_col": "nothing like it"}, UnknownColumnError, None),
        ({"outcome_col": "g"}, UnprocessableError, "outcome_col"),
        ({"time_col": "g", "period_a": None}, UnprocessableError, "time_col"),
        ({"levers": ["g"]}, UnprocessableError, "levers"),
        ({"levers": ["y"]}, UnprocessableError, "levers"),
        ({"covariates": ["y"]}, UnprocessableError, "covariates"),
        ({"covariates": ["t"], "levers": ["t"]}, UnprocessableError, "covariates"),
        ({"covariates": ["u"]}, UnprocessableError, "covariates"),
        ({"period_a": {"start": "2026-01", "end": "2026-03"}}, UnprocessableError, "period_a"),
        ({"period_a": {"start": "2025-01", "end": "2025-02"}}, InsufficientDataError, "period_a"),
        ({"period_b": {"start": "2027-01", "end": "2027-02"}}, InsufficientDataError, "period_b"),
        ({"group_col": "g"}, UnprocessableError, "group_a"),
        ({"group_col": "g", "group_a": "A"}, UnprocessableError, "group_b"),
        ({"group_col": "g", "group_a": "A", "group_b": "Z"}, UnprocessableError, "group_b"),
        ({"cluster_col": "g"}, InsufficientDataError, "cluster_col"),
    ],
)
def test_what_cannot_be_explained_is_refused(params, error, field):
    outcome = params.pop("outcome_col", "y")
    columns = world(n=100)
    asked = {"period_a": {"start": "2026-01", "end": "2026-02"}, "period_b": {"start": "2026-02", "end": "2026-03"}}

    with pytest.raises(error) as caught:
        run(
            Params(dataset="data", outcome_col=outcome, **(asked | params)),
            context(columns, roles=ROLES, kinds={"u": "id"}),
        )
    if field:
        assert caught.value.field == field


def test_a_ratio_is_refused_with_what_could_be_explained(sample_context):
    with pytest.raises(UnprocessableError, match="no sum or mean") as caught:
        run(Params(dataset="hcp_monthly", outcome_col="market share"), sample_context)
    assert "trx" in caught.value.candidates


def test_infinite_values_are_refused():
    ctx = context(world(n=100), roles=ROLES)
    ctx.data.read("data", ["y"]).numbers("y")[3] = np.inf
    periods = {"period_a": {"start": "2026-01", "end": "2026-02"}, "period_b": {"start": "2026-02", "end": "2026-03"}}

    with pytest.raises(EstimationError, match="infinite"):
        run(Params(dataset="data", outcome_col="y", **periods), ctx)


def test_without_dates_periods_are_refused():
    columns = {name: values for name, values in world(n=100).items() if name != "month"}

    with pytest.raises(UnprocessableError) as caught:
        explained(columns)
    assert caught.value.field == "time_col"


def test_the_waterfall_starts_at_the_value_before_and_ends_at_the_value_after(sample_context):
    output = run_tool("change_attributor", EXAMPLES[0], sample_context)

    charts = TOOL.charts(output)
    bars = charts[0]["data"]["values"]

    for chart in charts:
        assert_valid(chart)
    assert bars[0]["to"] == output["value_a"]
    assert bars[-1]["to"] == pytest.approx(output["value_b"])
    assert any(bar["label"] == "rep_visits (exposure)" for bar in bars)
