"""The levers' effects on the same rows, and their ranking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.causal.design import encode
from e2i_shared.causal.driver_ranking import rank
from e2i_shared.causal.inference import cluster_codes
from e2i_shared.causal.study import Settings, Study
from e2i_shared.datasets.frame import Categories
from e2i_shared.errors import EstimationError, InsufficientDataError, UnprocessableError
from e2i_shared.tools._analysis import covariate
from e2i_shared.tools._columns import DATE_KINDS, NUMERIC_KINDS, match_column, numeric_column
from e2i_shared.tools._treatment import code_treatment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.causal.driver_ranking import Ranking
    from e2i_shared.causal.results import Estimate
    from e2i_shared.datasets.frame import Frame
    from e2i_shared.tools._registry import ToolContext
    from e2i_shared.tools.driver_ranker import Params

    Floats = NDArray[np.float64]

_ROLES = frozenset({ColumnRole.COVARIATE, ColumnRole.SEGMENT, ColumnRole.TIME})
_UNFIT = frozenset({ColumnKind.ID, ColumnKind.TEXT})


@dataclass(frozen=True, slots=True)
class Candidates:
    """The columns asked about, and the rows (n,) that have outcome and every lever; ``levels`` (n, K) are the levers' values."""

    dataset: Dataset
    outcome: Column
    levers: tuple[Column, ...]
    confounders: tuple[str, ...]
    cluster: str | None
    frame: Frame
    levels: Floats
    notes: tuple[str, ...]
    dropped: int


@dataclass(frozen=True, slots=True)
class Estimated:
    """A lever with its estimate; ``column`` is its place among the levels."""

    lever: Column
    column: int
    estimate: Estimate


def drivers_of(params: Params, context: ToolContext) -> Json:
    """Return the fields of Result."""
    found = _candidates(params, context)
    settings = Settings(seed=context.seed, threads=context.threads, learner=params.learner)
    clusters = _clusters(found)
    estimated, failed = _estimate_all(found, clusters, settings)
    levels = found.levels[:, [each.column for each in estimated]]
    scale = {"per_sd": levels.std(axis=0, ddof=1), "contribution": np.abs(levels.mean(axis=0))}.get(
        params.rank_by, np.ones(len(estimated))
    )
    effects, errors = (
        np.array([getattr(each.estimate.inference, name) for each in estimated]) for name in ("estimate", "std_error")
    )
    scores = np.column_stack([each.estimate.scores for each in estimated])
    ranking = rank(scores, effects, errors, scale, clusters, seed=context.seed)
    mean = float(found.frame.numbers(found.outcome.name).mean())
    rows = [_driver(each, i, levels[:, i], ranking, mean) for i, each in enumerate(estimated)]
    first = [row["lever"] for row in rows if row["rank_best"] == 1]
    return {
        "n": found.frame.n,
        "method": (
            f"Each lever's effect doubly robust given confounders and the other levers ({', '.join(sorted({r['method'] for r in rows}))}); "
            f"ranked by {params.rank_by.replace('_', ' ')}; max-|t| over levers and over their differences."
        ),
        "assumptions": _assumptions(found, estimated),
        "warnings": _warnings(found, rows, estimated, failed),
        "seed": context.seed,
        "outcome": found.outcome.name,
        "unit": found.outcome.unit,
        "outcome_mean": mean,
        "rank_by": params.rank_by,
        "top_driver": first[0] if len(first) == 1 else None,
        "drivers": sorted(rows, key=lambda row: row["rank"]),
        "not_ranked": failed,
        "critical_value": ranking.critical,
        "adjusted_for": list(found.confounders),
        "n_clusters": None if clusters is None else int(clusters.max()) + 1,
    }


def _candidates(params: Params, context: ToolContext) -> Candidates:
    dataset = context.data.describe(params.dataset)
    outcome = numeric_column(dataset, params.outcome_col, "outcome_col")
    levers = _levers(params, dataset, outcome)
    taken = {outcome.name, *(c.name for c in levers)}
    cluster = _cluster(params, dataset, taken)
    confounders = _confounders(params, dataset, {*taken, *([cluster] if cluster else [])})
    names = dict.fromkeys([outcome.name, *(c.name for c in levers), *confounders, *([cluster] if cluster else [])])
    frame = context.data.read(params.dataset, list(names), params.filters)
    codings = [code_treatment(frame, c, None) for c in levers]
    levels = np.column_stack([coding.values for coding in codings])
    usable = ~np.isnan(levels).any(axis=1) & ~np.isnan(frame.numbers(outcome.name))
    if not usable.any():
        raise InsufficientDataError(
            "No row has the outcome and every lever.",
            field="filters",
            expected="rows with outcome and levers",
            got="0 rows",
            hint="Widen the filters, or name fewer levers.",
        )
    notes = tuple(note for coding in codings for note in coding.notes)
    dropped = int((~usable).sum())
    return Candidates(
        dataset, outcome, levers, confounders, cluster, frame.take(usable), levels[usable], notes, dropped
    )


def _levers(params: Params, dataset: Dataset, outcome: Column) -> tuple[Column, ...]:
    if params.levers is None:
        found = [c for c in dataset.columns if c.role is ColumnRole.TREATMENT and c.kind in NUMERIC_KINDS]
    else:
        found = list({c.name: c for c in (match_column(dataset, name) for name in params.levers)}.values())
    if not found:
        raise UnprocessableError(
            f"Data set {dataset.name!r} has no column with the role treatment: say which levers to rank.",
            field="levers",
            expected="numeric columns, or columns of two values",
            got="none",
            candidates=[c.name for c in dataset.columns if c.kind in NUMERIC_KINDS and c.name != outcome.name][:10],
        )
    if outcome in found:
        raise UnprocessableError(
            f"{outcome.name!r} is the outcome and cannot be one of its levers.", field="levers", got=outcome.name
        )
    return tuple(found)


def _cluster(params: Params, dataset: Dataset, taken: set[str]) -> str | None:
    if params.cluster_col:
        return match_column(dataset, params.cluster_col).name
    return next((c.name for c in dataset.columns if c.role is ColumnRole.CLUSTER and c.name not in taken), None)


def _confounders(params: Params, dataset: Dataset, taken: set[str | None]) -> tuple[str, ...]:
    if params.confounders is None:
        fit = [c for c in dataset.columns if c.role in _ROLES and c.kind not in _UNFIT and c.name not in taken]
        return tuple(c.name for c in fit)
    found = tuple(dict.fromkeys(match_column(dataset, name).name for name in params.confounders))
    for name in found:
        column = dataset.column(name)
        if name in taken or (column is not None and column.kind in _UNFIT):
            raise UnprocessableError(
                f"{name!r} cannot be adjusted for: it is the outcome, a lever, the cluster, or identifies rows.",
                field="confounders",
                expected="other columns of numbers, categories or dates",
                got=name,
            )
    return found


def _clusters(found: Candidates) -> NDArray[np.intp] | None:
    if found.cluster is None:
        return None
    values = found.frame.columns[found.cluster]
    return cluster_codes(values.codes if isinstance(values, Categories) else found.frame.numbers(found.cluster))


def _estimate_all(
    found: Candidates, clusters: NDArray[np.intp] | None, settings: Settings
) -> tuple[list[Estimated], list[Json]]:
    """Estimate every lever on the same rows; a lever that cannot be is listed with the reason; raise the first if none can."""
    from e2i_shared.causal.estimators.choice import estimate

    done: list[Estimated] = []
    failed: list[tuple[Column, EstimationError]] = []
    for k, lever in enumerate(found.levers):
        others = [c.name for c in found.levers if c.name != lever.name]
        study = Study(
            outcome=found.frame.numbers(found.outcome.name),
            treatment=found.levels[:, k],
            design=encode([covariate(found.frame, name) for name in (*found.confounders, *others)], found.frame.n),
            clusters=clusters,
            treatment_name=lever.name,
            outcome_name=found.outcome.name,
        )
        try:
            done.append(Estimated(lever, k, estimate(study, settings)))
        except EstimationError as error:
            failed.append((lever, error))
    if not done:
        raise failed[0][1]
    return done, [{"lever": lever.name, "reason": error.message} for lever, error in failed]


def _driver(each: Estimated, i: int, level: Floats, ranking: Ranking, outcome_mean: float) -> Json:
    inference = each.estimate.inference
    mean, spread = float(level.mean()), float(level.std(ddof=1))
    effect, half = inference.estimate, ranking.critical * inference.std_error
    bounds = sorted(((effect - half) * mean, (effect + half) * mean))
    return {
        "lever": each.lever.name,
        "rank": int(ranking.rank[i]),
        "rank_best": int(ranking.best[i]),
        "rank_worst": int(ranking.worst[i]),
        "effect": effect,
        "ci_lower": effect - half,
        "ci_upper": effect + half,
        "std_error": inference.std_error,
        "p_value": inference.p_value,
        "p_adjusted": max(float(ranking.p_adjusted[i]), inference.p_value),
        "significant": max(float(ranking.p_adjusted[i]), inference.p_value) < 0.05,
        "per_sd": effect * spread,
        "contribution": effect * mean,
        "contribution_ci_lower": bounds[0],
        "contribution_ci_upper": bounds[1],
        "share_of_outcome": effect * mean / outcome_mean if outcome_mean else None,
        "mean_level": mean,
        "sd_level": spread,
        "unit": each.lever.unit,
        "method": each.estimate.method,
    }


def _assumptions(found: Candidates, estimated: list[Estimated]) -> list[str]:
    notes = list(dict.fromkeys(text for each in estimated for text in each.estimate.assumptions))
    notes += found.notes
    held = f" and {', '.join(found.confounders)}" if found.confounders else ""
    notes.append(
        f"Each lever's effect holds the other levers{held} fixed; what a lever does through another is not counted as its own."
    )
    notes.append("A contribution takes the effect as the same at every level down to 0.")
    if found.cluster:
        notes.append(f"Rows of one {found.cluster} are correlated; different ones are independent.")
    return notes


def _warnings(found: Candidates, rows: list[Json], estimated: list[Estimated], failed: list[Json]) -> list[str]:
    dated = {c.name for c in found.dataset.columns if c.kind in DATE_KINDS}
    said = {
        f"{found.dropped:,} rows lack {found.outcome.name} or a lever and are left out.": found.dropped,
        "No lever's effect exceeds its noise after adjusting for their number.": not any(
            r["significant"] for r in rows
        ),
        "Several levers may be the first: their order may be chance.": len(rows) > 1
        and sum(r["rank_best"] == 1 for r in rows) > 1,
        "Nothing but the other levers is adjusted for: effects may be confounded.": not set(found.confounders) - dated,
    }
    notes = [f"{lever['lever']} is not ranked: {lever['reason']}" for lever in failed]
    dropped = encode([covariate(found.frame, name) for name in found.confounders], found.frame.n).dropped
    notes += [f"{name!r} is not adjusted for: {why}." for name, why in dropped if not why.startswith("never")]
    notes += [f"{each.lever.name}: {text}" for each in estimated for text in each.estimate.warnings]
    return [*(text for text, applies in said.items() if applies), *notes]
