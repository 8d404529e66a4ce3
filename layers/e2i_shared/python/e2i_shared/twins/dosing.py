"""Contrasts of a dose: one dose for everyone, or the recorded dose moved; refused or flagged where the data says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.errors import NoOverlapError, UnprocessableError
from e2i_shared.twins.contrast import Contrast
from e2i_shared.twins.curve import shifted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.twins.bundle import Bundle, Dose
    from e2i_shared.twins.spec import InterventionConfig

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

FEWEST_AT_EDGE = 10
EDGE = 0.05
LEAST_LEFT = 0.02  # of a dose's variance, that features must leave among the units asked for
MOST_HELD = 0.5  # share of units whose shifted dose nobody had
WORTH_SAYING = 0.001  # of the units
WIDE_STEP = 2.5  # standard deviations of what features leave of a dose: a larger mean step extrapolates


def dose_contrast(bundle: Bundle, name: str, effect: Dose, config: InterventionConfig, rows: Mask) -> Contrast:
    """Return the contrast of a fixed dose or of a shift; raise NoOverlapError or UnprocessableError."""
    curve = effect.curve
    outside = float((effect.left_share[rows] < EDGE).mean())
    left = float(np.var(curve.left[rows, 0])) / max(float(np.var(curve.dose)), 1e-300)
    if left < LEAST_LEFT:
        raise NoOverlapError(
            f"In this population the features leave {left:.1%} of the variation of {name!r}: no two alike units differ in it.",
            field="population_filters",
            expected=f"at least {LEAST_LEFT:.0%} of its variation",
            got=f"{left:.1%}",
            hint="Widen the population.",
        )
    twin_dose = bundle.twins.numbers[name]
    if config.dose is not None:
        return _fixed(name, effect, twin_dose, config, rows, outside)
    return _shift(name, effect, twin_dose, config, rows, outside)


def _fixed(
    name: str, effect: Dose, twin_dose: Floats, config: InterventionConfig, rows: Mask, outside: float
) -> Contrast:
    """Give everyone one dose, against the least recorded one."""
    curve, dose = effect.curve, float(config.dose or 0.0)
    reference = curve.reach[0]
    low, high = _support(curve.dose[rows], curve.support)
    beyond = not low <= dose <= high
    if beyond and not config.allow_extrapolation:
        raise UnprocessableError(
            f"Dose {dose:g} of {name!r} lies outside what this population received: {low:g} to {high:g}.",
            field="intervention_config.dose",
            expected=f"{low:g} to {high:g}",
            got=f"{dose:g}",
            hint="Stay inside, or set allow_extrapolation for a flagged answer with a wider interval.",
        )
    n = len(curve.dose)
    before, after = np.full(n, reference), np.full(n, dose)
    inside = np.full(n, min(max(dose, low), high))
    units = curve.gain(curve.phi, before, after)
    extra = 0.0
    if beyond:
        gap = abs(dose - float(inside[0]))
        known = curve.gain(curve.phi, before, inside)[rows].mean()
        extra = max(abs(float(units[rows].mean() - known)), _noise(curve.dose, effect) * gap / max(high - low, 1e-12))
    m = len(twin_dose)
    return Contrast(
        name=name,
        estimand=f"mean outcome with {name} = {dose:g} for everyone minus that with {reference:g}",
        effect=effect,
        units=units,
        twins=curve.gain(effect.twins, np.full(m, reference), np.full(m, dose)),
        before=before,
        after=after,
        baseline_is=f"everyone at {name} = {reference:g}",
        extra=extra,
        outside=outside,
        warnings=(f"Dose {dose:g} lies beyond the recorded {low:g} to {high:g}: extrapolated.",) if beyond else (),
    )


def _shift(
    name: str, effect: Dose, twin_dose: Floats, config: InterventionConfig, rows: Mask, outside: float
) -> Contrast:
    """Move the recorded dose: a modified treatment policy."""
    curve = effect.curve
    move = _Move.of(config)
    wanted = move.of_dose(curve.dose)
    share = float((np.abs(np.clip(wanted, *curve.reach) - wanted) > 1e-9)[rows].mean())
    if share > MOST_HELD and not config.allow_extrapolation:
        raise _too_far(name, move.said, share, curve.reach)
    reach = (-np.inf, np.inf) if config.allow_extrapolation else curve.reach
    after = shifted(curve.dose, reach, change=move.change, percent=move.percent)
    twin_after = shifted(twin_dose, reach, change=move.change, percent=move.percent)
    units = curve.gain(curve.phi, curve.dose, after)
    step = float(np.abs(after - curve.dose)[rows].mean())
    limit = WIDE_STEP * float(curve.left[rows, 0].std())
    far = max(0.0, 1 - limit / step) if step > 0 else 0.0
    beyond = max(far, share if config.allow_extrapolation else 0.0)
    extra = beyond * max(abs(float(units[rows].mean())), _noise(curve.dose, effect))
    return Contrast(
        name=name,
        estimand=f"mean outcome with {name} {move.said} minus that with {name} as recorded",
        effect=effect,
        units=units,
        twins=curve.gain(effect.twins, twin_dose, twin_after),
        before=curve.dose,
        after=after,
        baseline_is=f"{name} as recorded",
        extra=extra,
        outside=outside,
        warnings=tuple(_shift_warnings(name, move, 0.0 if config.allow_extrapolation else share, extra)),
    )


@dataclass(frozen=True, slots=True)
class _Move:
    change: float
    percent: float
    asked: bool

    @classmethod
    def of(cls, config: InterventionConfig) -> _Move:
        asked = config.dose_change is not None or config.dose_change_pct is not None
        return cls((config.dose_change or 0.0) if asked else 1.0, config.dose_change_pct or 0.0, asked)

    @property
    def said(self) -> str:
        return f"{self.percent:+g}%" if self.percent else f"{self.change:+g}"

    def of_dose(self, dose: Floats) -> Floats:
        return dose * (1 + self.percent / 100) + self.change


def _shift_warnings(name: str, move: _Move, held: float, extra: float) -> list[str]:
    found = [] if move.asked else [f"No dose was given: this is one more unit of {name} for everyone."]
    if held >= WORTH_SAYING:
        found.append(f"{held:.1%} of the units go only as far as recorded doses do.")
    if extra > 0:
        found.append("Part of this change lies beyond what units like these received: extrapolated.")
    return found


def _too_far(name: str, said: str, share: float, reach: tuple[float, float]) -> UnprocessableError:
    return UnprocessableError(
        f"A change of {said} would take {share:.0%} of this population beyond the doses of {name!r} that anybody had "
        f"({reach[0]:g} to {reach[1]:g}).",
        field="intervention_config",
        expected=f"a change that keeps at least half of the population within {reach[0]:g} to {reach[1]:g}",
        got=said,
        hint="Ask for a smaller change, or set allow_extrapolation for a flagged answer with a wider interval.",
    )


def _support(doses: Floats, everywhere: tuple[float, float]) -> tuple[float, float]:
    """Return the doses with 1% of these units, and ten of them, at or beyond."""
    if len(doses) < 2 * FEWEST_AT_EDGE:
        return everywhere
    edge = max(0.01, FEWEST_AT_EDGE / len(doses))
    low, high = np.quantile(doses, [edge, 1 - edge], method="inverted_cdf")
    return float(low), float(high)


def _noise(dose: Floats, effect: Dose) -> float:
    """Return the standard error of the mean effect of moving everyone across the whole support."""
    low, high = effect.curve.support
    everyone = np.full((1, len(dose)), 1 / len(dose))
    moves = effect.curve.moves(everyone, np.full(len(dose), low), np.full(len(dose), high))
    return float(effect.curve.corrections(moves).std() / np.sqrt(len(dose)))
