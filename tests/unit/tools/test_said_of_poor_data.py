"""What a tool says of data that carry less than they seem to, word for word, and that it is silent where they carry enough."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_asked import EFFECT, ask, at, columns, context, first, missing, put
from e2i_shared.errors import EstimationError, InsufficientDataError, UnknownColumnError, UnprocessableError
from e2i_shared.tools._finite import LARGEST, FiniteData
from e2i_shared.tools._registry import run_tool


def said(tool: str, data: dict[str, list[Any]] | None = None, **changes: Any) -> list[str]:
    """Return a tool's warnings."""
    warnings: list[str] = run_tool(tool, ask(tool, **changes), context(data or columns()))["warnings"]
    return warnings


def spoilt(name: str, rows, value: Any) -> dict[str, list[Any]]:
    """Return the data with one value in some rows of a column."""
    data = columns()
    return data | {name: [value if i in rows else v for i, v in enumerate(data[name])]}


def test_a_breakdown_says_how_many_rows_fall_in_no_group():
    data = spoilt("seg", range(240, 250), None)

    found = run_tool("kpi_lookup", ask("kpi_lookup", aggregate="sum"), context(data))

    assert "10 of 240 rows have no seg: they count in the value, but in no group." in found["warnings"]
    lacking = sum(data["outcome"][240:250])
    assert sum(row["value"] for row in found["breakdown"]) == pytest.approx(found["value"] - lacking)
    assert not any("in no group" in text for text in said("kpi_lookup"))
    assert not any("in no group" in text for text in said("kpi_lookup", data, dimensions=[]))


def test_a_column_without_values_cannot_be_watched():
    assert "x has no value in any row: it cannot be watched." in said("kpi_monitor", missing("x")(columns()))
    assert not any("cannot be watched" in text for text in said("kpi_monitor", spoilt("x", {3}, None)))


@pytest.mark.parametrize(("rows", "few"), [(49, True), (50, False), (2, True)])
def test_a_spread_of_few_rows_makes_a_rough_size(rows, few):
    found = said("power_calculator", first(rows)(columns()))

    assert (f"The outcome's spread is taken from only {rows} rows: the size needed may be far off." in found) == few


def test_a_constant_far_from_zero_has_no_spread_either():
    """Its floating-point deviation is 1e-15, by which any effect would be certain to be found."""
    with pytest.raises(EstimationError, match=r"0\.1 in every row") as caught:
        said("power_calculator", columns() | {"outcome": [0.1] * 480})
    assert caught.value.field == "outcome_col"


@pytest.mark.parametrize(("rows", "few"), [(38, True), (40, False)])
def test_tests_of_few_values_are_rough(rows, few):
    found = said("distribution_comparator", first(rows)(columns()), columns=["x"])

    assert any(text.endswith("p-values of so few are rough.") for text in found) == few


def test_a_lever_that_cannot_be_ranked_is_named_with_the_reason():
    found = run_tool("driver_ranker", ask("driver_ranker"), context(columns() | {"treated": [1.0] * 480}))

    assert [row["lever"] for row in found["drivers"]] == ["dose"]
    assert any(text.startswith("treated is not ranked: Column 'treated' never varies") for text in found["warnings"])


@pytest.mark.parametrize("tool", ["driver_ranker", "causal_effect_estimator", "propensity_estimator"])
def test_a_confounder_without_values_is_said_not_to_be_adjusted_for(tool):
    assert any("x" in text and "all values are missing" in text for text in said(tool, missing("x")(columns())))


def test_a_covariate_without_values_tells_a_change_nothing():
    data = missing("seg")(missing("x")(columns()))

    found = [text for text in said("change_attributor", data) if "tells nothing" in text]

    assert found == [f"'{name}' tells nothing: all values are missing." for name in ("x", "seg")]


def test_a_predictor_that_gives_the_event_away_is_suspected():
    data = columns()
    found = run_tool("risk_scorer", ask("risk_scorer"), context(data | {"event": [float(v > 0) for v in data["x"]]}))

    assert found["model_performance"]["auc"] > 0.99
    assert any("known only afterwards" in text for text in found["warnings"])
    assert not any("known only afterwards" in text for text in said("risk_scorer"))


def test_without_values_of_the_cluster_each_person_is_a_fold_of_their_own():
    found = run_tool("risk_scorer", ask("risk_scorer"), context(missing("site")(columns())))

    assert found["model_performance"]["validation"] == "5 folds that keep each person whole"
    with pytest.raises(InsufficientDataError, match="too few to hold some out") as caught:
        said("risk_scorer", missing("site")(columns()), cluster_col="site")
    assert caught.value.field == "cluster_col"


@pytest.mark.parametrize("tool", ["causal_effect_estimator", "cate_analyzer", "sensitivity_analyzer"])
@pytest.mark.parametrize(("others", "rests"), [(9, True), (10, False)])
def test_an_effect_that_rests_on_a_few_rows_says_so(tool, others, rests):
    outcome = [1.0 if i % 48 == 7 and i < 48 * others else 0.0 for i in range(480)]

    found = said(tool, columns() | {"outcome": outcome})

    assert any(f"the same in all but {others} of 480 rows" in text for text in found) == rests


@pytest.mark.parametrize(
    "change", [{"ci_lower": 2.1}, {"ci_upper": 1.9}, {"ate": 5.0}, {"std_error": -0.1}, {"ate": 1e31, "ci_upper": 1e31}]
)
@pytest.mark.parametrize("tool", ["refutation_runner", "sensitivity_analyzer"])
def test_an_effect_that_contradicts_itself_is_refused(tool, change):
    with pytest.raises(UnprocessableError) as caught:
        said(tool, causal_result=EFFECT | change)
    assert str(caught.value.field).startswith("causal_result")


def test_an_effect_of_another_outcome_is_refused_before_it_becomes_an_e_value():
    foreign = EFFECT | {"ate": 2000.0, "ci_lower": 1900.0, "ci_upper": 2100.0, "std_error": 50.0}

    with pytest.raises(
        UnprocessableError, match="standard deviations of the outcome is not one of these data"
    ) as caught:
        said("sensitivity_analyzer", causal_result=foreign)
    assert caught.value.field == "causal_result"


def test_sensitivity_passes_on_what_is_wrong_with_the_study():
    alone = said("sensitivity_analyzer")
    found = said("sensitivity_analyzer", spoilt("outcome", range(30), None))

    assert set(found) - set(alone) == {"30 of 480 rows lack treatment or outcome and are left out."}


@pytest.mark.parametrize("tool", ["causal_effect_estimator", "gap_calculator", "psi_calculator"])
def test_no_name_at_all_is_an_unknown_column_like_others(tool):
    path = {
        "causal_effect_estimator": ("outcome_col",),
        "gap_calculator": ("metric",),
        "psi_calculator": ("feature_name",),
    }[tool]

    with pytest.raises(UnprocessableError) as caught:
        run_tool(tool, put(ask(tool), path, ""), context(columns()))
    assert caught.value.field
    if isinstance(caught.value, UnknownColumnError):
        assert set(caught.value.candidates) <= set(columns())
    assert at(ask(tool), path) in columns()


@pytest.mark.parametrize("value", [np.inf, -np.inf, LARGEST * 1.01, -LARGEST * 1.01])
def test_what_cannot_be_computed_with_is_refused_where_it_is_read(value):
    source = FiniteData(context(spoilt("x", {7}, value)).data)

    with pytest.raises(EstimationError, match="'x' holds 1 infinite") as caught:
        source.read("data", ["x", "outcome"])
    assert (caught.value.field, caught.value.got) == ("filters", "x")
    assert source.read("data", ["outcome"]).n == 480
    assert source.describe("data").name == "data"


@pytest.mark.parametrize("value", [np.nan, LARGEST, -LARGEST, 0.0])
def test_missing_and_large_values_are_read_as_they_are(value):
    read = FiniteData(context(spoilt("x", {7}, value)).data).read("data", ["x"])

    assert np.array_equal(read.numbers("x")[[7]], [value], equal_nan=True)
