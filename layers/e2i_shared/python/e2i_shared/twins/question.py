"""From a simulation's wording to the contrast that answers it, or a refusal that says why it cannot be answered.

``contrast_of(bundle, spec, rows)`` finds the recorded intervention and checks overlap (here), dose and support (``dosing.py``) among
the population asked for.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.errors import InsufficientDataError, NoOverlapError, UnprocessableError
from e2i_shared.twins.bundle import Arms
from e2i_shared.twins.contrast import Contrast
from e2i_shared.twins.dosing import dose_contrast
from e2i_shared.twins.spec import RECORDED_AS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.twins.bundle import Bundle
    from e2i_shared.twins.spec import InterventionConfig, SimulationSpec

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

FEWEST_UNITS, FEWEST_PER_ARM, FEWEST_EFFECTIVE = 50, 10, 20.0
EDGE, MOST_OUTSIDE = 0.05, 0.5


def find_intervention(bundle: Bundle, wanted: str) -> str:
    """Return the recorded intervention of that name, synonym or published type; raise UnprocessableError with the candidates."""
    known = bundle.header["interventions"]
    folded: dict[str, str] = {_fold(name): name for name in known}
    for name, entry in known.items():
        folded |= {_fold(synonym): name for synonym in entry["synonyms"] if _fold(synonym) not in folded}
    for asked in (wanted, *RECORDED_AS.get(_fold(wanted), ())):
        if _fold(asked) in folded:
            return folded[_fold(asked)]
    near = difflib.get_close_matches(_fold(wanted), folded, n=3, cutoff=0.6)
    raise UnprocessableError(
        f"This twin never saw {wanted!r}: its data records {', '.join(known)}.",
        field="intervention_type",
        expected="an intervention that the training data recorded",
        got=wanted,
        candidates=list(dict.fromkeys([*(folded[n] for n in near), *known])),
        hint="Ask for a recorded intervention, or train a twin on data that holds this one.",
    )


def _fold(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")


def contrast_of(bundle: Bundle, spec: SimulationSpec, rows: Mask) -> Contrast:
    """Return the contrast asked for over the units ``rows`` (n,).

    Raises InsufficientDataError (too few units), NoOverlapError (treated and untreated nowhere alike) or UnprocessableError (unknown
    intervention, or a dose that the data does not support).
    """
    name = find_intervention(bundle, spec.intervention_type)
    if int(rows.sum()) < FEWEST_UNITS:
        raise InsufficientDataError(
            f"{int(rows.sum())} training units pass the population filters: too few to know an effect from.",
            field="population_filters",
            expected=f"at least {FEWEST_UNITS} units",
            got=f"{int(rows.sum())} units",
            hint="Widen the filters.",
        )
    effect = bundle.effects[name]
    if isinstance(effect, Arms):
        return _arms(bundle, name, effect, spec.config, rows)
    return dose_contrast(bundle, name, effect, spec.config, rows)


def _arms(bundle: Bundle, name: str, effect: Arms, config: InterventionConfig, rows: Mask) -> Contrast:
    labels = bundle.header["interventions"][name]["labels"] or ("0", "1")
    if config.dose_change is not None or config.dose_change_pct is not None or config.dose not in (None, 1.0):
        raise UnprocessableError(
            f"{name!r} was recorded as received or not, without a dose: only dose 1 is supported.",
            field="intervention_config",
            expected="dose 1, or no dose",
            got=str(config.model_dump(exclude_none=True)),
            hint="Say with uptake (0-1) which share of those targeted receives it.",
        )
    e = effect.propensity[rows]
    treated = bundle.units.numbers[name][rows] == 1
    outside = float(((e < EDGE) | (e > 1 - EDGE)).mean())
    smaller = int(min(treated.sum(), (~treated).sum()))
    effective = min(_kish(1 / e[treated]), _kish(1 / (1 - e[~treated]))) if smaller else 0.0
    if smaller < FEWEST_PER_ARM or outside > MOST_OUTSIDE or effective < FEWEST_EFFECTIVE:
        raise NoOverlapError(
            f"In this population units with and without {name!r} are too unlike to compare: {outside:.0%} have a probability of it "
            f"outside [0.05, 0.95], {smaller} units are on the smaller side, and the comparison is worth {effective:.0f} units.",
            field="population_filters",
            expected=f"at most {MOST_OUTSIDE:.0%} outside, {FEWEST_PER_ARM} units a side, worth {FEWEST_EFFECTIVE:.0f}",
            got=f"{outside:.0%} outside, {smaller} units, worth {effective:.0f}",
            hint="Widen the population to units that could have had either.",
        )
    zero = np.zeros(bundle.units.n)
    return Contrast(
        name=name,
        estimand=f"mean outcome with {name} = {labels[1]} minus that with {labels[0]}",
        effect=effect,
        units=effect.effect,
        twins=effect.twins,
        before=zero,
        after=zero + 1,
        baseline_is=f"everyone at {name} = {labels[0]}",
        extra=0.0,
        outside=outside,
        warnings=(f"{outside:.0%} of these units almost always or never received {name}.",) if outside > 0.2 else (),
    )


def _kish(weights: Floats) -> float:
    return float(weights.sum() ** 2 / (weights**2).sum())
