from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.errors import InsufficientDataError, UnknownColumnError, UnprocessableError
from e2i_shared.tools._registry import run_tool
from e2i_shared.tools.kpi_monitor import TOOL, Params, Result, run

if TYPE_CHECKING:
    from e2i_shared.tools._registry import ToolContext

MONTHS = np.datetime64("2024-01", "M") + np.arange(24)
SITES, ROWS = ("North", "South"), 40  # rows of a site and month


def columns(seed: int = 1) -> dict[str, list[Any]]:
    """Two sites over two years in which nothing changes; one value in fifty is missing."""
    rng = np.random.default_rng(seed)
    n = len(MONTHS) * len(SITES) * ROWS
    lab = rng.normal(10.0, 2.0, n).tolist()
    for i in rng.choice(n, n // 50, replace=False):
        lab[i] = None
    return {
        "month": [f"{m}-01" for m in MONTHS for _ in range(len(SITES) * ROWS)],
        "site": [s for _ in MONTHS for s in SITES for _ in range(ROWS)],
        "sales": rng.normal(100.0, 10.0, n).tolist(),
        "lab": lab,
    }


def world(data: dict[str, list[Any]]) -> ToolContext:
    roles = {"month": "time", "site": "segment", "sales": "outcome", "lab": "covariate"}
    return context(data, roles=roles, kinds={"month": "date", "site": "category"})


def watch(data: dict[str, list[Any]], **params: Any) -> Result:
    return run(Params.model_validate({"dataset": "data", "kpi": "sales", **params}), world(data))


def changed(data: dict[str, list[Any]], column: str, where: Any, value: Any) -> dict[str, list[Any]]:
    """Return the data with ``value(old)`` in ``column`` for rows where ``where(month, site)``."""
    cells = zip(data["month"], data["site"], data[column], strict=True)
    return data | {column: [value(old) if where(month, site) else old for month, site, old in cells]}


def kept(data: dict[str, list[Any]], where: Any) -> dict[str, list[Any]]:
    rows = [i for i, (m, s) in enumerate(zip(data["month"], data["site"], strict=True)) if where(m, s)]
    return {name: [values[i] for i in rows] for name, values in data.items()}


def test_a_world_in_which_nothing_changes_raises_alarms_no_more_often_than_stated():
    alarms = [watch(columns(seed)).status == "alarm" for seed in range(60)]

    assert np.mean(alarms) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)


def test_a_drop_of_the_kpi_is_an_alarm():
    data = changed(columns(), "sales", lambda m, _: m == "2025-12-01", lambda v: v - 20.0)

    result = watch(data)
    signal = next(s for s in result.signals if s.kind == "kpi")
    assert result.status == "alarm"
    assert signal.periods == ["2025-12"]
    assert signal.observed == pytest.approx(80.0, abs=4.0)
    assert signal.expected == pytest.approx(100.0, abs=4.0)


def test_a_yearly_wave_is_no_alarm():
    wave = {f"{m}-01": 30.0 * np.sin(2 * np.pi * i / 12) for i, m in enumerate(MONTHS)}
    data = columns()
    data["sales"] = [v + wave[m] for v, m in zip(data["sales"], data["month"], strict=True)]

    result = watch(data)
    assert result.kpi is not None
    assert result.kpi.seasonal
    assert not [s for s in result.signals if s.kind == "kpi"]


def test_a_broken_feed_is_named_once_with_its_periods():
    data = changed(columns(), "lab", lambda m, s: s == "South" and m in {"2025-03-01", "2025-04-01"}, lambda _: None)

    found = [s for s in watch(data).signals if s.kind == "completeness"]
    assert [(s.feed, s.column, s.periods) for s in found] == [("site = South", "lab", ["2025-03", "2025-04"])]
    assert not found[0].current
    assert found[0].observed == 1.0


def test_a_feed_broken_now_is_an_alarm():
    data = changed(columns(), "lab", lambda m, s: s == "South" and m == "2025-12-01", lambda _: None)

    result = watch(data)
    assert result.status == "alarm"
    assert any(s.kind == "completeness" and s.current for s in result.signals)


def test_half_the_rows_of_a_month_missing_show_as_volume():
    data = columns()
    rng = np.random.default_rng(3)
    keep = {i for i, m in enumerate(data["month"]) if m != "2025-11-01" or rng.random() < 0.4}
    data = {name: [v for i, v in enumerate(values) if i in keep] for name, values in data.items()}

    found = [s for s in watch(data).signals if s.kind == "volume"]
    assert [s.feed for s in found] == ["all rows"]
    assert found[0].rule == "rows_below_usual"
    assert found[0].periods == ["2025-11"]


def test_a_feed_that_stopped_is_late():
    result = watch(kept(columns(), lambda m, s: s == "North" or m < "2025-12-01"))

    late = [s for s in result.signals if s.kind == "freshness"]
    assert result.freshness.late_feeds == ["site = South"]
    assert late[0].periods == ["2025-12"]
    assert late[0].observed == 31.0


def test_data_older_than_allowed_are_an_alarm():
    fresh, stale = watch(columns(), as_of="2026-01-10"), watch(columns(), as_of="2026-04-01")

    assert fresh.freshness.lag_days == 10
    assert not [s for s in fresh.signals if s.kind == "freshness"]
    assert [s.severity for s in stale.signals if s.kind == "freshness"] == ["severe"]


def test_a_column_that_drifted_is_found():
    data = changed(columns(), "lab", lambda m, _: m >= "2025-10-01", lambda v: None if v is None else v + 3.0)

    result = watch(data)
    assert [s.column for s in result.signals if s.kind == "drift"] == ["lab"]
    assert next(c for c in result.columns if c.column == "lab").drift == "severe"


def test_what_is_planted_in_the_sample_is_found(sample_context, sample):
    planted = {event["kind"]: event for event in sample.truth["planted"]}

    output = run_tool("kpi_monitor", {"dataset": "hcp_monthly"}, sample_context)
    drift = next(s for s in output["signals"] if s["kind"] == "drift")
    broken = next(s for s in output["signals"] if s["kind"] == "completeness")
    assert drift["column"] == planted["drift"]["column"]
    assert broken["column"] == planted["broken_feed"]["column"]
    assert broken["feed"] == f"region = {planted['broken_feed']['region']}"
    assert broken["periods"] == planted["broken_feed"]["period"]
    assert len(output["signals"]) == 2


def test_the_planted_drop_of_kisqali_is_beyond_its_limits(sample_context):
    output = run_tool("kpi_monitor", TOOL.examples[0], sample_context)

    signal = next(s for s in output["signals"] if s["kind"] == "kpi")
    assert signal["severity"] == "severe"
    assert set(signal["periods"]) <= {"2026-07", "2026-08", "2026-09"}


def test_an_incomplete_last_month_is_left_out():
    data = columns()
    data = {
        name: [*values, value]
        for (name, values), value in zip(data.items(), ("2026-01-10", "North", 5.0, 10.0), strict=True)
    }

    result = watch(data)
    assert result.periods[-1] == "2025-12"
    assert result.kpi is not None
    assert result.kpi.points[-1].period == "2025-12"


def test_too_few_periods_are_refused():
    data = kept(columns(), lambda m, _: m < "2024-05-01")
    with pytest.raises(InsufficientDataError) as caught:
        watch(data)
    assert caught.value.field == "watch"


def test_too_few_periods_for_a_control_chart_are_refused():
    data = kept(columns(), lambda m, _: m < "2024-10-01")
    with pytest.raises(InsufficientDataError) as caught:
        watch(data)
    assert caught.value.field == "kpi"


def test_a_day_before_the_datas_end_is_refused():
    with pytest.raises(UnprocessableError) as caught:
        watch(columns(), as_of="2025-01-01")
    assert caught.value.field == "as_of"


def test_identifiers_are_no_feeds(sample_context):
    with pytest.raises(UnprocessableError) as caught:
        run(Params(dataset="hcp_monthly", feed_cols=["hcp_id"]), sample_context)
    assert caught.value.field == "feed_cols"


def test_data_without_dates_are_refused(sample_context):
    with pytest.raises(UnprocessableError):
        run(Params(dataset="patients"), sample_context)


def test_an_unknown_column_names_the_nearest(sample_context):
    with pytest.raises(UnknownColumnError):
        run(Params(dataset="hcp_monthly", columns=["wobble"]), sample_context)


def test_a_seed_changes_nothing(sample_context):
    other = replace(sample_context, seed=7)

    assert run_tool("kpi_monitor", TOOL.examples[1], other) == run_tool("kpi_monitor", TOOL.examples[1], sample_context)
