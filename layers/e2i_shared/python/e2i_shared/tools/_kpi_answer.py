"""The value, comparison, trend and breakdown of a KPI, from the rows read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.errors import InsufficientDataError
from e2i_shared.tools._columns import Groups, combine, group
from e2i_shared.tools._kpis import Values, evaluate
from e2i_shared.tools._periods import Grain, Span, grain_label, grain_span, grain_starts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.api.common import Json
    from e2i_shared.tools._kpi_reading import Question, Rows

_MOST_LEVELS = 200
MOST_LINES = 12


@dataclass(frozen=True, slots=True)
class Part:
    """One way of cutting the rows; ``column`` is None for periods."""

    column: str | None
    groups: Groups


class Answer:
    """Evaluates one question over its rows; NaN values become None on the way out."""

    def __init__(self, question: Question, rows: Rows) -> None:
        self.question, self.rows = question, rows
        self.parts = [
            Part(column.name, group(rows.frame, column, most=_MOST_LEVELS, field="dimensions"))
            for column in question.dimensions
        ]

    def total(self) -> Json:
        """Return value, comparison and counts; raise InsufficientDataError where there is no value."""
        values, before = self._values([], self.question.span), self._before([])
        value = _number(values, 0)
        if value is None:
            raise self._no_value(values)
        return self._compared(value, before, 0) | {"n": int(values.rows[0]), "missing": int(values.missing[0])}

    def breakdown(self) -> list[Json]:
        """Return every group that has rows, largest value first."""
        if not self.parts:
            return []
        values, before = self._values(self.parts, self.question.span), self._before(self.parts)
        sums = self.question.definition.formula == "sum" and not (values.value < 0).any()
        whole = float(np.nansum(values.value)) if sums else 0.0
        rows = [self._slice(int(i), values, before, whole) for i in np.flatnonzero(values.rows)]
        return sorted(rows, key=lambda row: (row["value"] is None, -(row["value"] or 0.0), row["group"]))

    def series(self, grain: Grain, listed: list[str]) -> Iterator[Json]:
        """Yield the trend of the whole, then of the groups in ``listed`` (at most a dozen)."""
        if grain == "none":
            return
        starts, periods = self._periods(grain)
        yield from self._points(starts, grain, self._values([periods], self.question.span), None, 0, 1)
        if not self.parts or not len(starts):
            return
        cross = self._values([periods, *self.parts], self.question.span)
        labels = combine([part.groups for part in self.parts]).labels
        position = {label: i for i, label in enumerate(labels)}
        for label in listed[:MOST_LINES]:
            yield from self._points(starts, grain, cross, label, position[label], len(labels))

    def undated(self) -> int:
        """Return how many rows have no date although dates are asked for."""
        return int(np.isnat(self.rows.days).sum()) if self.question.time else 0

    def _values(self, parts: list[Part], span: Span | None) -> Values:
        over, n = self.question.definition.over, self.rows.frame.n
        everything = Groups(np.zeros(n, dtype=np.intp), ("all",))
        groups = combine([everything, *(part.groups for part in parts)])
        market = combine([everything, *(part.groups for part in parts if part.column != over)])
        inside = span.holds(self.rows.days) if span else np.ones(n, dtype=np.bool_)
        groups, market = (Groups(np.where(inside, g.codes, -1), g.labels) for g in (groups, market))
        return evaluate(self.question.definition, self.rows.frame, groups, self.rows.chosen, market)

    def _before(self, parts: list[Part]) -> Values | None:
        return self._values(parts, self.question.before) if self.question.before else None

    def _compared(self, value: float | None, before: Values | None, i: int) -> Json:
        previous = _number(before, i) if before else None
        change = None if value is None or previous is None else value - previous
        percent = 100.0 * change / abs(previous) if change is not None and previous else None
        return {"value": value, "previous": previous, "change": change, "change_pct": percent}

    def _slice(self, i: int, values: Values, before: Values | None, whole: float) -> Json:
        levels = self._levels(i)
        row = self._compared(_number(values, i), before, i)
        share = row["value"] / whole if whole and row["value"] is not None else None
        counts = {"n": int(values.rows[i]), "missing": int(values.missing[i])}
        return {"group": " · ".join(levels.values()), "levels": levels, "share": share} | row | counts

    def _levels(self, code: int) -> dict[str, str]:
        named: dict[str, str] = {}
        for part in reversed(self.parts):
            code, level = divmod(code, len(part.groups.labels))
            named[str(part.column)] = part.groups.labels[level]
        return {str(part.column): named[str(part.column)] for part in self.parts}

    def _periods(self, grain: Grain) -> tuple[list[np.datetime64], Part]:
        """Return every period from the first to the last with rows, also those in between without."""
        days = self.rows.days
        inside = ~np.isnat(days) & (self.question.span.holds(days) if self.question.span else True)
        firsts = np.unique(grain_starts(days[inside], grain))
        starts: list[np.datetime64] = list(firsts[:1])
        while starts and starts[-1] < firsts[-1]:
            starts.append(grain_span(starts[-1], grain).end)
        codes = np.full(len(days), -1, dtype=np.intp)
        codes[inside] = np.searchsorted(np.array(starts), grain_starts(days[inside], grain)) if starts else -1
        return starts, Part(None, Groups(codes, tuple(grain_label(start, grain) for start in starts)))

    def _points(
        self, starts: list[np.datetime64], grain: Grain, values: Values, label: str | None, offset: int, width: int
    ) -> Iterator[Json]:
        limits = [span for span in (self.rows.span, self.question.available) if span]
        for k, start in enumerate(starts):
            whole, i = grain_span(start, grain), k * width + offset
            yield {
                "period": grain_label(start, grain),
                "start": str(start),
                "group": label,
                "value": _number(values, i),
                "n": int(values.rows[i]),
                "missing": int(values.missing[i]),
                "complete": all(limit.start <= whole.start and whole.end <= limit.end for limit in limits),
            }

    def _no_value(self, values: Values) -> InsufficientDataError:
        question, available = self.question, self.question.available
        covers = f" The data cover {available.text()}." if available else ""
        if values.rows[0] and values.rows[0] > values.missing[0]:
            what = f"The denominator of {question.definition.text()} is 0."
        elif values.rows[0]:
            what = f"All {int(values.rows[0]):,} rows lack {' or '.join(question.definition.columns())}."
        else:
            what = f"No row of {question.dataset.name!r} passes the filters{f' in {question.span.text()}' if question.span else ''}."
        return InsufficientDataError(
            what + covers,
            field="period" if question.span else "filters",
            expected="rows with a value",
            got=f"{int(values.rows[0] - values.missing[0]):,} usable rows",
            hint="Widen the period or the filters.",
        )


def _number(values: Values, i: int) -> float | None:
    value = float(values.value[i])
    return None if np.isnan(value) or not values.rows[i] else value
