"""What kpi_monitor reads, the checks it makes, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.errors import InsufficientDataError, UnprocessableError
from e2i_shared.tools import _signals
from e2i_shared.tools._binning import COMPARABLE_KINDS, cluster_column
from e2i_shared.tools._columns import group, match_column, time_column
from e2i_shared.tools._drift import LEAST_ROWS, DriftQuestion, days_of, drift_of
from e2i_shared.tools._feed_health import Feed, absent, feeds_of, incomplete, thin
from e2i_shared.tools._kpi_chart import chart_kpi
from e2i_shared.tools._periods import DAY, Span, grain_label, grain_span, grain_starts, is_monthly, observed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.api.common import Json
    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.datasets.frame import DataSource, Frame
    from e2i_shared.tools._drift import Drift
    from e2i_shared.tools._periods import Grain
    from e2i_shared.tools.kpi_monitor import Params

    Mask = NDArray[np.bool_]

FAMILIES = 4  # kpi, completeness, volume, drift: each may use its part of the false alarm rate
_MOST_LEVELS, _LEAST_BEFORE, _LEAST_ROWS_A_PERIOD = 20, 3, 5
_DAYS = {"month": 31, "quarter": 92, "year": 366}


@dataclass(frozen=True, slots=True)
class Watched:
    """The rows, the complete periods they fall in (−1 outside), and which of these are judged."""

    dataset: Dataset
    time: Column
    columns: tuple[Column, ...]
    frame: Frame
    days: NDArray[np.datetime64]
    span: Span
    starts: tuple[np.datetime64, ...]
    codes: NDArray[np.intp]
    feeds: tuple[Feed, ...]
    watch: int
    grain: Grain

    @property
    def labels(self) -> list[str]:
        """Return the names of the periods."""
        return [grain_label(start, self.grain) for start in self.starts]

    @property
    def judged(self) -> Span:
        """Return the days of the watched periods."""
        return Span(self.starts[-self.watch], grain_span(self.starts[-1], self.grain).end)

    def reference(self) -> tuple[Span, bool]:
        """Return the days drift is measured against: the same a year before where the data reach back, else all before."""
        judged = self.judged
        before = judged.moved(-12)
        if before.start >= self.starts[0] and before.end <= judged.start:
            return before, True
        return Span(self.starts[0], judged.start), False


def inspect(params: Params, data: DataSource) -> Json:
    """Run every check and return kpi_monitor's result as JSON data."""
    rate = params.false_alarm_rate / FAMILIES
    seen = _watched(params, data)
    chart, notes = chart_kpi(params, data, rate) if params.kpi else (None, [])
    missing = {c.name: absent(seen.frame.columns[c.name]) for c in seen.columns}
    found = [
        *incomplete(missing, seen.feeds, seen.codes, len(seen.starts), rate=rate),
        *thin(seen.feeds, seen.codes, len(seen.starts), rate=rate),
    ]
    drifts = _drifts(seen, rate, missing)
    fresh, late = _freshness(params, seen)
    signals = _signals.ordered(
        [
            *(_signals.of_chart(chart) if chart else []),
            *(_signals.of_finding(f, seen.labels, seen.watch) for f in found),
            *(_signals.of_drift(d, seen.labels[-seen.watch :]) for d in drifts if d.stability.severity != "none"),
            *late,
        ]
    )
    return _answer(params, seen, missing, drifts) | {
        "signals": signals,
        "alarms": sum(_signals.is_alarm(s) for s in signals),
        "status": _signals.status(signals),
        "kpi": chart,
        "freshness": fresh,
        "warnings": [*notes, *_warnings(params, seen)],
    }


def _watched(params: Params, data: DataSource) -> Watched:
    dataset = data.describe(params.dataset)
    time = time_column(dataset, "dataset")
    columns = _columns(params, dataset, time)
    cuts = _cuts(params, dataset)
    cluster = cluster_column(dataset)
    names = [c.name for c in (*columns, *cuts, time, *([cluster] if cluster else []))]
    frame = data.read(params.dataset, list(dict.fromkeys(names)), params.filters)
    days = days_of(frame, time)
    span = observed(days, monthly=is_monthly(time))
    starts = _complete(span, params.grain) if span else []
    if span is None or len(starts) < params.watch + _LEAST_BEFORE:
        raise InsufficientDataError(
            f"The data hold {len(starts)} complete {params.grain}s; watching {params.watch} needs {params.watch + _LEAST_BEFORE}.",
            field="watch",
            expected=f"at least {params.watch + _LEAST_BEFORE} complete {params.grain}s",
            got=f"{len(starts)} {params.grain}s",
            hint="Watch fewer periods, choose a finer grain, or loosen the filters.",
        )
    ends = grain_span(starts[-1], params.grain).end
    inside = (days >= starts[0]) & (days < ends)
    codes = np.full(frame.n, -1, dtype=np.intp)
    codes[inside] = np.searchsorted(np.array(starts), grain_starts(days[inside], params.grain))
    groupings = [(c.name, group(frame, c, most=_MOST_LEVELS, field="feed_cols")) for c in cuts]
    feeds = tuple(feeds_of(groupings, frame.n))
    return Watched(dataset, time, columns, frame, days, span, tuple(starts), codes, feeds, params.watch, params.grain)


def _columns(params: Params, dataset: Dataset, time: Column) -> tuple[Column, ...]:
    if params.columns:
        named = [match_column(dataset, name) for name in params.columns]
        return tuple({c.name: c for c in named if c.name != time.name}.values())
    skipped = (ColumnRole.ID, ColumnRole.CLUSTER, ColumnRole.IGNORE)
    return tuple(
        c for c in dataset.columns if c.role not in skipped and c.kind is not ColumnKind.ID and c.name != time.name
    )


def _cuts(params: Params, dataset: Dataset) -> list[Column]:
    if not params.feed_cols:
        return [
            c for c in dataset.columns if c.role is ColumnRole.SEGMENT and 1 < c.statistics.distinct <= _MOST_LEVELS
        ]
    named = [match_column(dataset, name) for name in params.feed_cols]
    for column in named:
        if column.statistics.distinct > _MOST_LEVELS * 10:
            raise UnprocessableError(
                f"Column {column.name!r} has {column.statistics.distinct:,} values, too many to be feeds.",
                field="feed_cols",
                expected=f"a column with at most {_MOST_LEVELS * 10} values",
                got=column.name,
            )
    return named


def _complete(span: Span, grain: Grain) -> list[np.datetime64]:
    """Return the first days of the periods that lie wholly in the span."""
    start = grain_starts(np.array([span.start]), grain)[0]
    if start < span.start:
        start = grain_span(start, grain).end
    starts = []
    while (end := grain_span(start, grain).end) <= span.end:
        starts.append(start)
        start = end
    return starts


def _drifts(seen: Watched, rate: float, missing: dict[str, Mask]) -> list[Drift]:
    """Return the drift of every comparable column's known values, judged for all columns together."""
    reference, _ = seen.reference()
    either = reference.holds(seen.days) | seen.judged.holds(seen.days)
    fit = [c for c in seen.columns if c.kind in COMPARABLE_KINDS and c.role is not ColumnRole.ID]
    cluster, found = cluster_column(seen.dataset), []
    for column in fit:
        question = DriftQuestion(seen.dataset, column, seen.time, cluster, reference, seen.judged)
        rows = either & ~missing[column.name]
        enough = [int((rows & span.holds(seen.days)).sum()) >= LEAST_ROWS for span in (reference, seen.judged)]
        if all(enough):
            names = question.names()
            part = type(seen.frame)(seen.frame.n, {n: seen.frame.columns[n] for n in names}).take(rows)
            found.append(drift_of(question, part, bins=10, level=1.0 - rate / len(fit)))
    return found


def _freshness(params: Params, seen: Watched) -> tuple[Json, list[Json]]:
    last = seen.span.end - DAY
    as_of = np.datetime64(params.as_of, "D") if params.as_of else last
    allowed = _DAYS[params.grain] if params.max_lag_days is None else params.max_lag_days
    lag = int((as_of - last).astype(int))
    if lag < 0:
        raise UnprocessableError(
            f"The data reach {last}, after {as_of}.",
            field="as_of",
            expected=f"a day from {last} on",
            got=str(as_of),
        )
    ends = {feed.name(): _last_period(feed, seen) for feed in seen.feeds if feed.column}
    behind = {name: end for name, end in ends.items() if 0 <= end < len(seen.starts) - 1}
    fresh = {
        "last_date": str(last),
        "as_of": str(as_of),
        "lag_days": lag,
        "max_lag_days": allowed,
        "late_feeds": list(behind),
    }
    signals = [_signals.of_lag(lag, allowed, str(last), seen.labels[-1])] if lag > allowed else []
    for name, end in behind.items():
        late = int((seen.span.end - grain_span(seen.starts[end], seen.grain).end).astype(int))
        signals.append(_signals.of_late_feed(name, late, seen.labels[end + 1 :]))
    return fresh, signals


def _last_period(feed: Feed, seen: Watched) -> int:
    """Return the last period in which a feed of some size has rows; −1 for a small one."""
    counts = np.bincount(seen.codes[(seen.codes >= 0) & feed.rows], minlength=len(seen.starts))
    return int(np.flatnonzero(counts)[-1]) if np.median(counts) >= _LEAST_ROWS_A_PERIOD else -1


def _answer(params: Params, seen: Watched, missing: dict[str, Mask], drifts: list[Drift]) -> Json:
    judged = seen.codes >= len(seen.starts) - seen.watch
    by_column = {d.question.column.name: d for d in drifts}
    rows = [
        {
            "column": name,
            "missing_share": float(lost.mean()),
            "watched_missing_share": float(lost[judged].mean()) if judged.any() else 0.0,
            "psi": by_column[name].stability.psi if name in by_column else None,
            "drift": by_column[name].stability.severity if name in by_column else None,
        }
        for name, lost in missing.items()
    ]
    cells = sum(lost.size for lost in missing.values())
    return {
        "n": seen.frame.n,
        "method": "Control chart of the KPI; completeness and volume of every feed and period against its own median; PSI of every column.",
        "assumptions": _assumptions(seen),
        "columns": rows,
        "completeness": 1.0 - sum(int(lost.sum()) for lost in missing.values()) / max(1, cells),
        "feeds": len(seen.feeds),
        "periods": seen.labels,
        "watched": seen.labels[-seen.watch :],
        "false_alarm_rate": params.false_alarm_rate,
    }


def _assumptions(seen: Watched) -> list[str]:
    span, seasonal = seen.reference()
    return [
        "What is left of the KPI after its line and yearly wave is independent from period to period.",
        "Values go missing independently of each other unless a feed breaks.",
        f"Drift is measured against {span.text()}{', the same part of the year before' if seasonal else ', all before'}.",
    ]


def _warnings(params: Params, seen: Watched) -> list[str]:
    undated = int(np.isnat(seen.days).sum())
    void = [c.name for c in seen.columns if absent(seen.frame.columns[c.name]).all()]
    said = {
        f"{', '.join(void)} has no value in any row: it cannot be watched.": void,
        f"{undated:,} rows have no {seen.time.name} and fall in no period.": undated,
        "No column was left to check.": not seen.columns,
        "Freshness is judged on the data's own last day, as no as_of was given.": params.as_of is None,
    }
    return [text for text, applies in said.items() if applies]
