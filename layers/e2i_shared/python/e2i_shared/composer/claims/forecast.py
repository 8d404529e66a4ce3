"""Sentences about what a measure will be, and how well such forecasts did before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.claims.told import say, scope_of, shown_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.api.composition import Claim
    from e2i_shared.composer.claims.told import Told, Transform

_MOST_PERIODS = 12


def forecast(told: Told) -> Iterator[Claim]:
    """Say the last period's forecast with its interval, each period's, and the backtest's errors."""
    rows = told.get("/forecast") or []
    if not rows:
        return
    raw = told.get("/unit")
    share = raw == "fraction"
    transform: Transform = "percent" if share else "none"
    unit = None if share else shown_unit(raw)
    where = f" for {s}" if (s := scope_of(told)) else ""
    at = f"/forecast/{len(rows) - 1}"
    bounds = [f"{at}/{f}" for f in ("value", "lower", "upper")]
    size, low, high = (told.number(p, like=bounds, transform=transform) for p in bounds)
    size = size if share else size.model_copy(update={"unit": unit})
    level = told.number("/level", transform="percent")
    text = f"{{0}}{where} is forecast at {{2}} in {{1}} ({{5}} prediction interval {{3}} to {{4}})."
    yield say(text, told.text("/title"), told.text(f"{at}/period"), size, low, high, level)
    shown = range(min(len(rows), _MOST_PERIODS))
    values = [f"/forecast/{i}/value" for i in shown]
    refs = [
        r
        for i in shown
        for r in (told.text(f"/forecast/{i}/period"), told.number(values[i], like=values, transform=transform))
    ]
    yield say(f"By period: {'; '.join(f'{{{2 * i}}}: {{{2 * i + 1}}}' for i in shown)}.", *refs)
    yield from _backtest(told)


def _backtest(told: Told) -> Iterator[Claim]:
    if told.get("/backtest") is None:
        return
    better = "better" if told.get("/backtest/mase") < 1 else "no better"
    yield say(
        f"Forecasting known periods from {{0}} earlier points, the method was off by {{1}} on average ({better} than repeating the past: scaled error {{2}}); "
        "{3} of the actual values lay inside its intervals.",
        told.number("/backtest/origins"),
        told.number("/backtest/smape", unit="%"),
        told.number("/backtest/mase"),
        told.number("/backtest/coverage", transform="percent"),
    )
