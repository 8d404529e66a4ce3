from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.api.common import Filter
from e2i_shared.errors import InsufficientDataError, UnknownColumnError, UnprocessableError
from e2i_shared.tools._periods import Period
from e2i_shared.tools._registry import run_tool
from e2i_shared.tools.kpi_lookup import TOOL, Params, run

KISQALI = Filter(column="brand", value="Kisqali")
Q3 = Period(start="2026-07-01", end="2026-10-01")
MONTHS = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"]


def look(ctx, kpi, **params: Any):
    return run(Params(dataset=params.pop("dataset", "data"), kpi=kpi, **params), ctx)


def small(**more: Any):
    columns = {
        "month": MONTHS * 2,
        "region": ["N"] * 4 + ["S"] * 4,
        "trx": [1.0, 2.0, 3.0, 4.0, 10.0, 20.0, None, 40.0],
    }
    return context(columns | more, roles={"month": "time", "region": "segment"}, kinds={"month": "date"})


@pytest.fixture(scope="module")
def monthly(sample):
    frame = sample.tables["hcp_monthly"]
    days = frame.columns["month"].values.astype("datetime64[D]")
    brand = np.array(frame.columns["brand"].levels)[frame.columns["brand"].codes]
    region = np.array(frame.columns["region"].levels)[frame.columns["region"].codes]
    return frame, days, brand, region


def test_a_sum_equals_numpys(sample_context, monthly):
    frame, days, brand, _ = monthly
    rows = (brand == "Kisqali") & (days >= np.datetime64("2026-07-01"))

    result = look(sample_context, "TRx", dataset="hcp_monthly", filters=[KISQALI], period=Q3)

    assert result.value == frame.numbers("trx")[rows].sum()
    assert result.n == rows.sum()
    assert result.unit == "TRx"
    assert result.kpi == "trx"


def test_the_planted_drop_shows_against_the_quarter_before(sample_context, monthly):
    frame, days, brand, _ = monthly
    before = (brand == "Kisqali") & (days >= np.datetime64("2026-04-01")) & (days < np.datetime64("2026-07-01"))

    result = look(sample_context, "TRx", dataset="hcp_monthly", filters=[KISQALI], period=Q3, compare="previous_period")

    assert result.previous == frame.numbers("trx")[before].sum()
    assert result.change == result.value - result.previous
    assert result.change_pct == pytest.approx(100 * result.change / result.previous)
    assert -20 < result.change_pct < -10
    assert result.previous_period == Period(start="2026-04-01", end="2026-07-01")


def test_the_drop_lies_where_visits_were_cut(sample_context):
    result = look(
        sample_context,
        "TRx",
        dataset="hcp_monthly",
        filters=[KISQALI],
        period=Q3,
        compare="previous_period",
        dimensions=["region"],
    )
    change = {row.levels["region"]: row.change_pct for row in result.breakdown}

    assert max(change["Northeast"], change["Midwest"]) < -20 < -5 < min(change["South"], change["West"])
    assert sum(row.value for row in result.breakdown) == result.value
    assert sum(row.share for row in result.breakdown) == pytest.approx(1.0)


def test_last_year_is_twelve_months_before(sample_context, monthly):
    frame, days, _, _ = monthly
    rows = (days >= np.datetime64("2025-07-01")) & (days < np.datetime64("2025-10-01"))

    result = look(sample_context, "NRx", dataset="hcp_monthly", period=Q3, compare="previous_year")

    assert result.previous == frame.numbers("nrx")[rows].sum()


def test_market_share_is_of_all_brands_also_when_one_is_filtered(sample_context, monthly):
    frame, _, brand, region = monthly
    trx = frame.numbers("trx")

    whole = look(sample_context, "market share", dataset="hcp_monthly", filters=[KISQALI])
    west = look(
        sample_context,
        "market share",
        dataset="hcp_monthly",
        filters=[KISQALI, Filter(column="region", value="West")],
    )

    assert whole.value == pytest.approx(trx[brand == "Kisqali"].sum() / trx.sum())
    inside = region == "West"
    assert west.value == pytest.approx(trx[inside & (brand == "Kisqali")].sum() / trx[inside].sum())


def test_market_share_by_region_divides_within_each_region(sample_context, monthly):
    frame, _, brand, region = monthly
    trx = frame.numbers("trx")

    result = look(sample_context, "share", dataset="hcp_monthly", filters=[KISQALI], dimensions=["region"])

    for row in result.breakdown:
        inside = region == row.group
        assert row.value == pytest.approx(trx[inside & (brand == "Kisqali")].sum() / trx[inside].sum())


def test_market_share_without_a_brand_is_broken_down_and_says_so(sample_context):
    result = look(sample_context, "market share", dataset="hcp_monthly", grain="quarter")

    assert sum(row.value for row in result.breakdown) == pytest.approx(1.0)
    assert {tuple(row.levels) for row in result.breakdown} == {("brand",)}
    assert any("broken down" in note for note in result.assumptions)
    q3 = [point.value for point in result.series if point.period == "2026-Q3" and point.group]
    assert sum(q3) == pytest.approx(1.0)


def test_reach_counts_each_visited_prescriber_once(sample_context, monthly):
    frame, days, brand, _ = monthly
    rows = (brand == "Kisqali") & (days >= np.datetime64("2026-07-01"))
    ids, visits = frame.columns["hcp_id"].codes[rows], frame.numbers("rep_visits")[rows]

    result = look(sample_context, "reach", dataset="hcp_monthly", filters=[KISQALI], period=Q3)

    assert result.value == pytest.approx(len(np.unique(ids[visits >= 1])) / len(np.unique(ids)))
    assert result.unit == "fraction"


def test_attainment_is_total_over_target(sample_context, sample):
    frame = sample.tables["territories"]

    result = look(sample_context, "target attainment", dataset="territories", dimensions=["territory_id"])

    assert result.value == pytest.approx(frame.numbers("trx").sum() / frame.numbers("target_trx").sum())
    assert len(result.breakdown) == 40
    values = [row.value for row in result.breakdown]
    assert values == sorted(values, reverse=True)


def test_a_kpi_uses_the_definition_the_data_set_can_answer(sample_context):
    per_hcp = look(sample_context, "TRx per HCP", dataset="hcp_monthly", period=Q3)
    per_row = look(sample_context, "TRx per HCP", dataset="territories", period=Q3)

    assert per_hcp.unit == "TRx per prescriber"
    assert per_row.unit == "TRx per prescriber, month and brand"
    assert per_hcp.value == pytest.approx(per_row.value * 9)


def test_samples_of_the_broken_feed_are_missing_not_zero(sample_context, monthly):
    frame, days, _, region = monthly
    rows = (region == "West") & (days == np.datetime64("2026-02-01"))

    with pytest.raises(InsufficientDataError, match="All 600 rows lack samples_dropped"):
        look(
            sample_context,
            "samples",
            dataset="hcp_monthly",
            filters=[Filter(column="region", value="West")],
            period=Period(start="2026-02", end="2026-03"),
        )
    result = look(
        sample_context,
        "samples",
        dataset="hcp_monthly",
        period=Period(start="2026-02", end="2026-03"),
        dimensions=["region"],
    )
    west = next(row for row in result.breakdown if row.group == "West")
    assert west.value is None
    assert result.missing == rows.sum() == west.missing
    assert result.value == np.nansum(frame.numbers("samples_dropped")[days == np.datetime64("2026-02-01")])
    assert any("left out, not counted as 0" in warning for warning in result.warnings)


def test_a_trend_by_month_is_the_monthly_sums():
    result = look(small(), "trx", grain="month")

    assert [(p.period, p.value, p.missing) for p in result.series] == [
        ("2026-01", 11.0, 0),
        ("2026-02", 22.0, 0),
        ("2026-03", 3.0, 1),
        ("2026-04", 44.0, 0),
    ]
    assert result.period == Period(start="2026-01-01", end="2026-05-01")


def test_a_quarter_cut_short_by_the_data_is_not_complete():
    result = look(small(), "trx", grain="quarter")

    assert [(p.period, p.value, p.complete) for p in result.series] == [
        ("2026-Q1", 36.0, True),
        ("2026-Q2", 44.0, False),
    ]


def test_a_trend_is_also_given_by_group():
    result = look(small(), "trx", grain="month", dimensions=["region"])
    north = [p.value for p in result.series if p.group == "N"]
    south = [p.value for p in result.series if p.group == "S"]

    assert north == [1.0, 2.0, 3.0, 4.0]
    assert south == [10.0, 20.0, None, 40.0]


def test_a_month_without_rows_is_a_gap_not_a_zero():
    ctx = context({"month": ["2026-01-01", "2026-03-01"], "trx": [1.0, 3.0]}, kinds={"month": "date"})

    result = look(ctx, "trx", grain="month")

    assert [(p.period, p.value, p.n) for p in result.series] == [
        ("2026-01", 1.0, 1),
        ("2026-02", None, 0),
        ("2026-03", 3.0, 1),
    ]


def test_without_a_period_the_last_complete_one_is_compared():
    result = look(small(), "trx", compare="previous_period", grain="month")

    assert result.period == Period(start="2026-04-01", end="2026-05-01")
    assert (result.value, result.previous) == (44.0, 3.0)
    assert any("last complete month" in note for note in result.assumptions)


def test_a_comparison_outside_the_data_is_said_to_be():
    result = look(small(), "trx", period=Period(start="2026-01", end="2026-03"), compare="previous_period")

    assert result.previous is None
    assert result.change is None
    assert any("no value, so there is no change" in warning for warning in result.warnings)
    assert any("not fully covered" in warning for warning in result.warnings)


def test_a_change_from_zero_has_no_percentage():
    ctx = context({"month": ["2026-01-01", "2026-02-01"], "trx": [0.0, 3.0]}, kinds={"month": "date"})

    result = look(ctx, "trx", period=Period(start="2026-02", end="2026-03"), compare="previous_period")

    assert (result.change, result.change_pct) == (3.0, None)
    assert any("no percentage" in warning for warning in result.warnings)


def test_a_filter_on_dates_is_the_period_reported():
    result = look(small(), "trx", filters=[Filter(column="month", op="lt", value="2026-03-01")], grain="quarter")

    assert result.period == Period(start="2026-01-01", end="2026-03-01")
    assert not result.series[0].complete


def test_rows_without_a_date_fall_in_no_period_and_are_counted():
    ctx = context({"month": [*MONTHS, None], "trx": [1.0, 1.0, 1.0, 1.0, 7.0]}, kinds={"month": "date"})

    whole, quarter = look(ctx, "trx"), look(ctx, "trx", period=Period(start="2026-01", end="2026-04"))

    assert (whole.value, quarter.value) == (11.0, 3.0)
    assert any("1 rows have no month" in warning for warning in whole.warnings)


def test_a_bare_column_is_a_mean_unless_a_sum_is_asked_for():
    ctx = context({"score": [1.0, 2.0, 6.0, None]}, units={"score": "points"})

    mean, total = look(ctx, "score"), look(ctx, "score", aggregate="sum")

    assert (mean.value, mean.unit, mean.formula) == (3.0, "points", "mean of score")
    assert (total.value, total.formula) == (9.0, "sum of score")
    assert any("not in the KPI catalogue" in note for note in mean.assumptions)


def test_a_users_own_column_answers_by_its_synonym():
    ctx = context({"scripts_written": [1.0, 2.0]}, synonyms={"scripts_written": ["TRx"]})

    assert look(ctx, "total prescriptions").formula == "sum of scripts_written"


def test_an_aggregate_asked_for_wins_over_the_catalogue():
    assert look(small(), "trx", aggregate="mean").value == pytest.approx(80 / 7)


def test_weight_change_and_earnings_are_known_by_name():
    weight = context({"wt82_71": [1.0, 3.0]})
    earnings = context({"re78": [1000.0, 3000.0]})

    assert look(weight, "weight change").value == 2.0
    assert look(weight, "weight change").unit == "kg"
    assert look(earnings, "earnings").value == 2000.0


def test_an_unknown_kpi_names_the_nearest():
    with pytest.raises(UnknownColumnError) as caught:
        look(small(), "adherance")
    assert "adherence_pdc" in caught.value.candidates
    assert caught.value.field == "kpi"


def test_a_kpi_nothing_like_any_lists_what_the_data_set_can_answer():
    with pytest.raises(UnknownColumnError) as caught:
        look(small(), "zzzzqqq")
    assert caught.value.candidates == ("trx",)


def test_a_kpi_whose_columns_are_not_there_names_them():
    with pytest.raises(UnprocessableError, match=r"needs trx, target_trx; data set 'data' has no target_trx") as caught:
        look(small(), "attainment")
    assert "trx" in caught.value.candidates


def test_text_is_no_kpi_but_a_dimension():
    with pytest.raises(UnprocessableError, match="cannot be summed") as caught:
        look(small(), "region")
    assert "dimensions" in str(caught.value.hint)


def test_periods_need_dates():
    with pytest.raises(UnprocessableError, match="no date column") as caught:
        look(context({"trx": [1.0]}), "trx", period=Q3)
    assert caught.value.field == "period"


def test_a_period_without_rows_says_what_there_is():
    with pytest.raises(InsufficientDataError, match="The data cover 2026-01-01 to 2026-04-30"):
        look(small(), "trx", period=Period(start="2020-01", end="2020-04"))


def test_a_denominator_of_zero_is_no_number():
    ctx = context({"trx": [1.0], "target_trx": [0.0]})

    with pytest.raises(InsufficientDataError, match="is 0"):
        look(ctx, "attainment")


def test_a_limit_lists_the_largest_groups():
    result = look(small(), "trx", dimensions=["region"], limit=1)

    assert [row.group for row in result.breakdown] == ["S"]
    assert any("1 smaller groups" in warning for warning in result.warnings)


def test_two_dimensions_cross(sample_context, monthly):
    frame, _, brand, region = monthly
    trx = frame.numbers("trx")

    result = look(sample_context, "trx", dataset="hcp_monthly", dimensions=["brand", "region"])

    assert len(result.breakdown) == 12
    first = result.breakdown[0]
    assert first.group == f"{first.levels['brand']} · {first.levels['region']}"
    assert first.value == trx[(brand == first.levels["brand"]) & (region == first.levels["region"])].sum()


def test_numbers_and_flags_are_dimensions_too(sample_context):
    deciles = look(sample_context, "trx", dataset="hcp_monthly", dimensions=["decile"])
    academic = look(sample_context, "trx", dataset="hcp_monthly", dimensions=["academic"])

    assert {row.group for row in deciles.breakdown} == {str(d) for d in range(1, 11)}
    assert {row.group for row in academic.breakdown} == {"true", "false"}


def test_a_group_with_a_missing_label_is_in_the_total_only():
    ctx = context({"region": ["N", None], "trx": [1.0, 5.0]})

    result = look(ctx, "trx", dimensions=["region"])

    assert result.value == 6.0
    assert [(row.group, row.value) for row in result.breakdown] == [("N", 1.0)]


@pytest.mark.parametrize("period", [{"start": "2026-10", "end": "2026-07"}, {"start": "soon", "end": "later"}])
def test_a_malformed_period_is_refused_by_name(period, sample_context):
    with pytest.raises(UnprocessableError) as caught:
        run_tool("kpi_lookup", {"dataset": "hcp_monthly", "kpi": "trx", "period": period}, sample_context)
    assert caught.value.field.startswith("period")


def test_charts_follow_what_was_asked(sample_context):
    plain = run_tool("kpi_lookup", {"dataset": "hcp_monthly", "kpi": "trx"}, sample_context)
    both = run_tool("kpi_lookup", TOOL.examples[1], sample_context)

    assert TOOL.charts(plain) == []
    line, bars = TOOL.charts(both)
    assert {row["series"] for row in line["data"]["values"]} == {"Fabhalta", "Kisqali", "Remibrutinib"}
    assert len(bars["data"]["values"]) == 3
