"""Compare how columns are distributed in two groups or periods, with effect sizes and p-values adjusted for the number of tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from e2i_shared.api.common import Filter
from e2i_shared.api.tools import ToolCategory
from e2i_shared.causal.multiplicity import benjamini_hochberg, holm
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools import _charts_monitoring
from e2i_shared.tools._binning import cluster_column, comparable_column
from e2i_shared.tools._columns import match_column, time_column
from e2i_shared.tools._periods import Period
from e2i_shared.tools._registry import DataParams, ToolResult, ToolSpec
from e2i_shared.tools._two_groups import Compared, compare, read_sides, takes_ks

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Column
    from e2i_shared.tools._registry import ToolContext

Test = Literal["ks", "chi2"]
_MISSING_GAP = 0.01  # share of rows from which unequal missingness is said
_FEW_VALUES = 20
EXAMPLES: list[Json] = [
    {
        "dataset": "hcp_monthly",
        "columns": ["digital_affinity", "rep_visits", "specialty"],
        "group_a": {"period": {"start": "2026-04", "end": "2026-07"}},
        "group_b": {"period": {"start": "2026-07", "end": "2026-10"}},
    },
    {
        "dataset": "patients",
        "columns": ["age", "payer", "copay_card"],
        "group_a": {"filters": [{"column": "brand", "value": "Kisqali"}]},
    },
]


class Group(BaseModel):
    """Rows that meet conditions, lie in a period, or both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filters: list[Filter] = []
    period: Period | None = None

    @model_validator(mode="after")
    def _said(self) -> Group:
        """Refuse a group that says nothing."""
        if not self.filters and self.period is None:
            raise ValueError("a group needs filters or a period")
        return self


class Params(DataParams):
    """Which columns, in which groups."""

    columns: Annotated[list[str], Field(min_length=1, max_length=50)] = Field(
        description="number, true/false or category columns"
    )
    group_a: Group = Field(description="rows by conditions or dates")
    group_b: Group | None = Field(None, description="left out: all rows that are not in group_a")
    tests: Annotated[list[Test], Field(min_length=1, max_length=2)] = Field(
        ["ks", "chi2"],
        description="ks for numbers; chi2 for categories, and for numbers over tenths where ks is not asked for",
    )
    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = Field(0.05, description="level of the adjusted tests")
    adjust: Literal["holm", "bh"] = Field(
        "holm", description="holm bounds the chance of any false difference, bh the expected share of false ones"
    )


class TestResult(BaseModel):
    """One column's test; b against a."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    column: str
    test: Test
    statistic: float = Field(description="D, the largest distance of the distribution functions, or χ²; dimensionless")
    df: int | None = Field(description="degrees of freedom of χ²")
    p_value: float = Field(description="before adjustment")
    p_adjusted: float = Field(description="after adjustment for all tests of this call")
    significant: bool = Field(description="p_adjusted below alpha")
    effect_size: float = Field(
        description="Cliff's δ in −1…1 (positive: b is larger) for ks, Cramér's V in 0…1 for chi2"
    )
    effect_name: Literal["cliffs_delta", "cramers_v"]
    magnitude: Literal["negligible", "small", "medium", "large"] = Field(
        description="|δ| from 0.147, 0.33, 0.474 (Romano et al., 2006); V from 0.1, 0.3, 0.5 (Cohen, 1988)"
    )
    largest_at: str = Field(description="where the groups differ most: a value for ks, a category or bin for chi2")
    mean_a: float | None = Field(description="mean of a number, in its unit")
    mean_b: float | None = Field(description="mean of a number, in its unit")
    standardised_difference: float | None = Field(description="(mean_b − mean_a)/pooled standard deviation")
    n_a: int = Field(description="rows of a with a value")
    n_b: int = Field(description="rows of b with a value")
    missing_a: int = Field(description="rows of a without a value: left out")
    missing_b: int = Field(description="rows of b without a value: left out")
    design_effect: float = Field(description="by how much rows of one unit widen chance; 1 for independent rows")
    reference: str = Field(description="what the p-value was read from")


class Bar(BaseModel):
    """Shares of one bin or category in both groups."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    bin: str
    share_a: float = Field(description="fraction of a's known values")
    share_b: float = Field(description="fraction of b's known values")


class Result(ToolResult):
    """One test per column, and which differences remain after adjustment."""

    test_results: list[TestResult] = Field(description="in the order of the columns")
    significant_differences: list[str] = Field(description="columns that differ after adjustment, largest effect first")
    adjustment: Literal["holm", "bh"] = Field(
        description="Holm's step-down or Benjamini and Hochberg's step-up procedure"
    )
    alpha: float = Field(description="level of the adjusted tests")
    n_a: int = Field(description="rows of group a")
    n_b: int = Field(description="rows of group b")
    visualization_data: dict[str, list[Bar]] = Field(description="by column: shares of bins or categories")


def run(params: Params, context: ToolContext) -> Result:
    """Return the tests; raise UnprocessableError for unfit columns or groups that overlap, InsufficientDataError for few values.

    Kolmogorov–Smirnov: ``e2i_shared.causal.kolmogorov``; chi-square: ``e2i_shared.causal.contingency``; both dimensionless.
    """
    dataset = context.data.describe(params.dataset)
    columns = [_fit(comparable_column(match_column(dataset, name), "columns"), params.tests) for name in params.columns]
    columns = list({column.name: column for column in columns}.values())
    dated = [group for group in (params.group_a, params.group_b) if group and group.period]
    sides = read_sides(
        dataset,
        columns,
        (params.group_a, params.group_b),
        time=time_column(dataset, "period") if dated else None,
        cluster=cluster_column(dataset),
        filters=params.filters,
        data=context.data,
    )
    found = [compare(column, sides, params.tests, context.seed) for column in columns]
    results = _results(found, params)
    order = sorted((r for r in results if r.significant), key=lambda r: -abs(r.effect_size))
    return Result(
        n=int(sides.a.sum() + sides.b.sum()),
        method="Two-sample Kolmogorov–Smirnov for numbers, Pearson's χ² for categories; p-values adjusted by "
        + ("Holm's procedure." if params.adjust == "holm" else "Benjamini and Hochberg's procedure."),
        assumptions=_assumptions(sides.cluster),
        warnings=_warnings(results),
        seed=context.seed,
        test_results=results,
        significant_differences=[r.column for r in order],
        adjustment=params.adjust,
        alpha=params.alpha,
        n_a=int(sides.a.sum()),
        n_b=int(sides.b.sum()),
        visualization_data={c.column.name: _bars(c) for c in found},
    )


def charts(output: Json) -> list[Json]:
    """Return the shares of each column's bins in both groups: those that differ, or the first few."""
    shown = output["significant_differences"] or list(output["visualization_data"])
    return [_charts_monitoring.comparison_chart(name, output["visualization_data"][name]) for name in shown[:6]]


def _fit(column: Column, tests: list[Test]) -> Column:
    if takes_ks(column) or "chi2" in tests:
        return column
    raise UnprocessableError(
        f"Column {column.name!r} holds {column.kind.value} values, which have no order for the Kolmogorov–Smirnov test.",
        field="tests",
        expected="chi2 among the tests",
        got="ks",
        hint=f"Add chi2 to tests, or leave {column.name} out.",
    )


def _results(found: list[Compared], params: Params) -> list[TestResult]:
    p = [c.smirnov[1] if c.smirnov else c.counted.p_value if c.counted else 1.0 for c in found]
    adjusted = (holm if params.adjust == "holm" else benjamini_hochberg)(p)
    return [_result(c, value, float(adj), params.alpha) for c, value, adj in zip(found, p, adjusted, strict=True)]


def _result(found: Compared, p: float, adjusted: float, alpha: float) -> TestResult:
    return TestResult(
        column=found.column.name,
        p_value=p,
        p_adjusted=adjusted,
        significant=adjusted < alpha,
        mean_a=found.means[0] if found.means else None,
        mean_b=found.means[1] if found.means else None,
        standardised_difference=found.standardised,
        n_a=found.rows[0],
        n_b=found.rows[1],
        missing_a=found.missing[0],
        missing_b=found.missing[1],
        design_effect=found.design_effect,
        **_tested(found),
    )


def _tested(found: Compared) -> Json:
    if found.smirnov:
        gap, delta = found.smirnov[0], 2.0 * found.smirnov[0].auc - 1.0
        return {
            "test": "ks",
            "statistic": gap.distance,
            "df": None,
            "effect_size": delta,
            "effect_name": "cliffs_delta",
            "magnitude": _magnitude(abs(delta), (0.147, 0.33, 0.474)),
            "largest_at": f"{gap.at:.6g}",
            "reference": "Kolmogorov–Smirnov distribution",
        }
    counted = found.counted
    return {
        "test": "chi2",
        "statistic": counted.statistic if counted else 0.0,
        "df": counted.df if counted else 0,
        "effect_size": counted.cramers_v if counted else 0.0,
        "effect_name": "cramers_v",
        "magnitude": _magnitude(counted.cramers_v if counted else 0.0, (0.1, 0.3, 0.5)),
        "largest_at": found.widest(),
        "reference": counted.reference if counted else "chi-square",
    }


def _magnitude(size: float, bounds: tuple[float, float, float]) -> str:
    return ("negligible", "small", "medium", "large")[sum(size >= bound for bound in bounds)]


def _bars(found: Compared) -> list[Bar]:
    return [
        Bar(bin=label, share_a=float(a), share_b=float(b))
        for label, a, b in zip(found.bins.labels, *found.shares(), strict=True)
    ]


def _assumptions(cluster: Column | None) -> list[str]:
    if cluster is None:
        return ["Rows are independent of each other."]
    return [f"Rows of one {cluster.name} belong together; different ones are independent."]


def _warnings(results: list[TestResult]) -> list[str]:
    said = [
        f"{r.column} differs beyond chance, but the difference is negligible."
        for r in results
        if r.significant and r.magnitude == "negligible"
    ]
    for r in results:
        shares = r.missing_a / (r.missing_a + r.n_a), r.missing_b / (r.missing_b + r.n_b)
        if r.test == "ks" and min(r.n_a, r.n_b) < _FEW_VALUES:
            said.append(f"{r.column} has only {r.n_a} and {r.n_b} values: p-values of so few are rough.")
        if abs(shares[1] - shares[0]) > _MISSING_GAP:
            said.append(
                f"{r.column} is missing in {shares[0]:.1%} of a and {shares[1]:.1%} of b: only known values are compared."
            )
    return said


TOOL = ToolSpec(
    name="distribution_comparator",
    category=ToolCategory.MONITORING,
    source_agent="drift_monitor",
    description=(
        "Compares how columns are distributed in two groups or periods (Kolmogorov–Smirnov for numbers, chi-square for categories): "
        "effect sizes, p-values adjusted for the number of tests, and which columns differ."
    ),
    params=Params,
    result=Result,
    run=run,
    charts=charts,
    examples=EXAMPLES,
)
