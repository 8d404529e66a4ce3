"""The control chart of a KPI, as kpi_monitor shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.control_chart import LEAST_PAST, RULES, control_chart
from e2i_shared.errors import InsufficientDataError
from e2i_shared.tools._kpi_series import CYCLE, read_series

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.datasets.frame import DataSource
    from e2i_shared.tools.kpi_monitor import Params


def chart_kpi(params: Params, data: DataSource, rate: float) -> tuple[Json, list[str]]:
    """Return the chart and notes; raise InsufficientDataError with too few periods before the watched ones."""
    series = read_series(
        data,
        dataset=params.dataset,
        filters=params.filters,
        kpi=params.kpi,
        aggregate=params.aggregate,
        grain=params.grain,
    )
    values, least = series.values, params.watch + LEAST_PAST
    if len(values) < least:
        raise InsufficientDataError(
            f"{series.question.kpi.title} has {len(values)} complete {params.grain}s; a control chart needs {least}.",
            field="kpi",
            expected=f"at least {least} complete {params.grain}s",
            got=f"{len(values)} {params.grain}s",
            hint="Watch fewer periods, choose a finer grain, or leave the KPI out.",
        )
    cycle = CYCLE[params.grain]
    chart = control_chart(values, params.watch, season=cycle, rate=rate)
    reach = 3.0 * chart.scale * chart.sigma
    points = [
        {
            "period": label,
            "start": start,
            "value": float(values[t]),
            "centre": float(chart.centre[t]),
            "lower": float(chart.centre[t] - reach[t]),
            "upper": float(chart.centre[t] + reach[t]),
            "z": float(chart.z[t]),
            "watched": t >= len(values) - params.watch,
            "rules": [RULES[r] for r in np.flatnonzero(chart.signals[:, t])],
        }
        for t, (label, start) in enumerate(zip(series.labels, series.starts, strict=True))
    ]
    named = {"kpi": series.question.kpi.name, "title": series.question.kpi.title}
    unit = series.question.definition.unit or None
    limits = {"sigma_limits": 3.0 * chart.scale, "run_length": chart.run, "seasonal": chart.seasonal}
    return named | limits | {"unit": unit, "points": points}, [*series.notes, *series.question.notes]
