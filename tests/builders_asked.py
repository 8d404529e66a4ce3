"""One small data set that every tool can be asked about, the question for each tool, and the same data spoilt in known ways."""

from __future__ import annotations

import copy
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from builders_frames import frame_of
from e2i_shared.api.datasets import ColumnKind, ColumnRole, ColumnSpec
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.frame import Categories, Frame, Numbers
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.tools._registry import ToolContext

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Columns = dict[str, list[Any]]

MONTHS, SITES = 24, 20
SPECIFICATION: dict[str, Any] = {
    "dataset": "data",
    "treatment_col": "treated",
    "outcome_col": "outcome",
    "confounders": ["x", "seg"],
}
EFFECT: dict[str, Any] = {
    "ate": 2.0,
    "ci_lower": 1.8,
    "ci_upper": 2.2,
    "std_error": 0.1,
    "specification": SPECIFICATION,
}
EARLY, LATE = {"start": "2024-01", "end": "2025-01"}, {"start": "2025-01", "end": "2026-01"}
ASKS: dict[str, dict[str, Any]] = {
    "causal_effect_estimator": SPECIFICATION,
    "cate_analyzer": SPECIFICATION | {"segment_cols": ["seg"]},
    "change_attributor": {
        "dataset": "data",
        "outcome_col": "outcome",
        "period_b": LATE,
        "period_a": EARLY,
        "levers": ["treated"],
        "covariates": ["x"],
        "dimensions": ["seg"],
    },
    "cohort_builder": {
        "dataset": "data",
        "inclusion": [{"column": "x", "op": "ge", "value": -1}, {"column": "seg", "value": "north"}],
    },
    "counterfactual_simulator": {
        "baseline": SPECIFICATION,
        "intervention": {"kind": "switch_on"},
        "target_population": ["north"],
    },
    "distribution_comparator": {
        "dataset": "data",
        "columns": ["x", "seg"],
        "group_a": {"period": EARLY},
        "group_b": {"period": LATE},
    },
    "driver_ranker": {
        "dataset": "data",
        "outcome_col": "outcome",
        "levers": ["treated", "dose"],
        "confounders": ["x", "seg"],
        "learner": "linear",
    },
    "forecaster": {"dataset": "data", "kpi": "outcome", "aggregate": "mean", "horizon": 3},
    "gap_calculator": {
        "dataset": "data",
        "entity_type": "segment",
        "group_by": "site",
        "metric": "outcome",
        "covariates": ["x"],
    },
    "kpi_lookup": {
        "dataset": "data",
        "kpi": "outcome",
        "aggregate": "mean",
        "dimensions": ["seg"],
        "period": LATE,
        "compare": "previous_period",
    },
    "kpi_monitor": {"dataset": "data", "kpi": "outcome", "aggregate": "mean", "columns": ["x", "seg"]},
    "policy_optimizer": SPECIFICATION | {"budget": 50, "segment_cols": ["seg"]},
    "power_calculator": {"effect_size": 0.5, "dataset": "data", "outcome_col": "outcome"},
    "propensity_estimator": {"dataset": "data", "treatment_col": "treated", "covariates": ["x", "seg"]},
    "psi_calculator": {
        "dataset": "data",
        "feature_name": "x",
        "reference_period": EARLY,
        "comparison_period": LATE,
    },
    "refutation_runner": {"causal_result": EFFECT, "tests": ["placebo_treatment", "data_subset"]},
    "risk_scorer": {
        "dataset": "data",
        "entity_type": "person",
        "risk_type": "discontinuation",
        "outcome_col": "event",
        "predictors": ["x", "seg"],
        "learner": "linear",
    },
    "sensitivity_analyzer": {"causal_result": EFFECT, "benchmark_covariates": ["x"]},
}
ROLES = {
    "person": "id",
    "site": "cluster",
    "month": "time",
    "treated": "treatment",
    "dose": "treatment",
    "outcome": "outcome",
    "event": "outcome",
    "x": "covariate",
    "seg": "segment",
}
KINDS = {"person": "id", "site": "category", "seg": "category"} | dict.fromkeys(
    ("outcome", "x", "dose", "treated", "event"), "number"
)


def columns(seed: int = 3) -> Columns:
    """Return 480 persons, one per site and month: treatment raises the outcome by 2, x confounds."""
    rng = np.random.default_rng(seed)
    n = MONTHS * SITES
    month, site = np.divmod(np.arange(n), SITES)
    x = rng.normal(size=n)
    treated = (rng.random(n) < 1 / (1 + np.exp(-0.7 * x))).astype(float)
    dose = rng.poisson(np.exp(0.2 * x) + 1).astype(float)
    outcome = 20 + 2 * treated + 0.5 * dose + x + np.sin(month / 2) + rng.normal(size=n)
    event = (rng.random(n) < 1 / (1 + np.exp(1 - x))).astype(float)
    return {
        "person": [f"p{i:04d}" for i in range(n)],
        "site": [f"site {i:02d}" for i in site],
        "month": [f"{2024 + m // 12}-{m % 12 + 1:02d}-01" for m in month],
        "treated": treated.tolist(),
        "dose": dose.tolist(),
        "outcome": outcome.tolist(),
        "event": event.tolist(),
        "x": x.tolist(),
        "seg": [("north", "south", "east")[int(k)] for k in rng.integers(0, 3, n)],
    }


def context(data: Mapping[str, list[Any]], kinds: Mapping[str, str] | None = None) -> ToolContext:
    """Return a tool context over the data; columns of nothing but None are numbers, or categories of no level."""
    said = KINDS | dict(kinds or {})
    frame = frame_of(data)
    held = dict(frame.columns)
    for name, values in data.items():
        if all(v is None for v in values):
            empty = Categories(np.full(frame.n, -1, dtype=np.int32), ()) if name in {"seg", "site", "person"} else None
            held[name] = empty or Numbers(np.full(frame.n, np.nan))
    spec = DatasetSpec(
        name="data",
        columns=[
            ColumnSpec(name=c, role=ColumnRole(ROLES[c]) if c in ROLES else None, kind=_kind(held[c], said.get(c)))
            for c in sorted(held)
        ],
    )
    frame = Frame(frame.n, held)
    finite = Frame(frame.n, {n: _finite(c) for n, c in held.items()})
    return ToolContext(MemoryDataSource({"data": (describe_frame(finite, spec), frame)}))


def _kind(column: Any, wanted: str | None) -> ColumnKind | None:
    if wanted is None:
        return None
    if isinstance(column, Categories) and wanted == "number":
        return ColumnKind.CATEGORY
    return ColumnKind(wanted)


def _finite(column: Any) -> Any:
    if isinstance(column, Numbers):
        return Numbers(np.where(np.isinf(column.values), np.nan, column.values))
    return column


def renamed(value: Any, old: str, new: str) -> Any:
    """Return a question with every text that equals ``old`` made ``new``, names of fields apart."""
    if isinstance(value, dict):
        return {key: renamed(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [renamed(item, old, new) for item in value]
    return new if value == old else value


def mentions(tool: str, column: str) -> bool:
    """Return whether a tool's question names a column."""
    return f'"{column}"' in json.dumps(ASKS[tool])


def ask(tool: str, **changes: Any) -> dict[str, Any]:
    """Return a copy of a tool's question with fields changed."""
    return copy.deepcopy(ASKS[tool]) | changes


def constant(name: str) -> Callable[[Columns], Columns]:
    return lambda data: data | {name: [data[name][0]] * len(data[name])}


def nearly_constant(name: str) -> Callable[[Columns], Columns]:
    """Return a spoiler that leaves three rows with another value."""

    def spoil(data: Columns) -> Columns:
        one, other = (0.0, 1.0) if name in {"treated", "event"} else (7.0, 8.0)
        return data | {name: [other if i in {5, 200, 400} else one for i in range(len(data[name]))]}

    return spoil


def missing(name: str) -> Callable[[Columns], Columns]:
    return lambda data: data | {name: [None] * len(data[name])}


def infinite(name: str) -> Callable[[Columns], Columns]:
    """Return a spoiler that puts +inf and -inf into two rows in a hundred."""
    return lambda data: (
        data
        | {name: [math.inf if i % 100 == 7 else -math.inf if i % 100 == 57 else v for i, v in enumerate(data[name])]}
    )


def levels(name: str, number: int) -> Callable[[Columns], Columns]:
    """Return a spoiler that makes a column a category of so many levels."""
    return lambda data: data | {name: [f"level {i * 7919 % number:03d}" for i in range(len(data[name]))]}


def first(rows: int) -> Callable[[Columns], Columns]:
    """Return a spoiler that keeps rows spread over the months."""

    def spoil(data: Columns) -> Columns:
        n = len(data["x"])
        kept = sorted({i * n // rows for i in range(rows)})
        return {name: [values[i] for i in kept] for name, values in data.items()}

    return spoil


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every value in a question that is no mapping, lists among them."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    inside = (
        [leaf for i, item in enumerate(value) for leaf in leaves(item, (*path, i))] if isinstance(value, list) else []
    )
    return [path, *inside]


def mappings(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every mapping in a question, its own first."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    own = [path] if isinstance(value, dict) else []
    return own + [found for key, item in items for found in mappings(item, (*path, key))]


def put(question: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """Return a copy of a question with one place changed."""
    made: Any = copy.deepcopy(question)
    place = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return made  # type: ignore[no-any-return]  # the root is the question, a mapping


def filtered(tool: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    """Return a tool's question with filters, wherever the tool takes them."""
    path = next(p for p in mappings(ASKS[tool]) if "dataset" in at(ASKS[tool], p))
    return put(ASKS[tool], (*path, "filters"), list(conditions))


def at(question: Any, path: tuple[str | int, ...]) -> Any:
    """Return what stands at a path."""
    for key in path:
        question = question[key]
    return question
