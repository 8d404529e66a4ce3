"""What to expect of one entity: the mean of the twins nearest to it, which needs no model at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.datasets.filters import nearest
from e2i_shared.errors import UnknownColumnError, UnknownValueError
from e2i_shared.twins.bundle import Arms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from e2i_shared.twins.bundle import Bundle
    from e2i_shared.twins.entity import State, Value
    from e2i_shared.twins.table import Table

    Floats = NDArray[np.float64]

NEIGHBOURS = 100
MOST_COMPARED, CHUNK = 10_000, 256


class Neighbours:
    """A ``Predictor`` over a bundle: expected outcome and effect of each intervention (of one unit more, for a dose).

    Distance is Euclidean over features in standard deviations, another level of a category counting √2; what is not known of an
    entity does not count. Estimates E[· | nearby X]: smooth in the features, no better than the twins near the entity.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        twins = bundle.twins
        self._spread = {n: max(float(np.nanstd(v)), 1e-9) for n, v in twins.numbers.items()}
        self._expected: dict[str, Floats] = {bundle.header["outcome"]["name"]: bundle.baseline}
        for name, effect in bundle.effects.items():
            if isinstance(effect, Arms):
                self._expected[f"effect of {name}"] = effect.twins
            else:
                dose = twins.numbers[name]
                self._expected[f"effect of one more {name}"] = effect.curve.gain(effect.twins, dose, dose + 1.0)

    def check(self, state: State) -> None:
        """Raise UnknownColumnError or UnknownValueError, with candidates."""
        twins = self._bundle.twins
        for name, value in state.items():
            if name not in twins.names:
                raise UnknownColumnError(
                    f"The twin knows no feature {name!r}.",
                    field=f"values.{name}",
                    got=name,
                    candidates=nearest(name, twins.names),
                )
            if value is None:
                continue
            if name in twins.categories and value not in twins.levels[name]:
                raise UnknownValueError(
                    f"{name!r} has no level {value!r}.",
                    field=f"values.{name}",
                    got=str(value),
                    candidates=nearest(str(value), twins.levels[name]),
                )
            if name in twins.numbers and not _number(value):
                raise UnknownValueError(
                    f"{name!r} is a number; {value!r} is none.",
                    field=f"values.{name}",
                    expected="a number",
                    got=str(value),
                )

    def predict(self, state: State) -> dict[str, float]:
        """Return the means over the nearest twins."""
        twins = self._bundle.twins
        distance = np.zeros(twins.n)
        for name, value in state.items():
            if value is None:
                continue
            if name in twins.categories:
                distance += 2.0 * (twins.categories[name] != twins.levels[name].index(str(value)))
            else:
                gap = np.nan_to_num((twins.numbers[name] - float(value)) / self._spread[name])
                distance += gap**2
        count = min(NEIGHBOURS, twins.n)
        rows = np.argpartition(distance, count - 1)[:count]
        return {name: float(values[rows].mean()) for name, values in self._expected.items()}


def held_out_losses(bundle: Bundle, rows: Table, outcome: Floats) -> Floats:
    """Return squared errors (n,) of the outcome that a twin expects of units it was not trained on.

    What is expected of a unit is the mean of the nearest twins' baselines. ``rows`` hold features and interventions; two twins judged
    on the same rows are compared with ``fidelity.better``.
    """
    pool = bundle.twins.take(np.arange(min(bundle.twins.n, MOST_COMPARED)))
    spread = {n: max(float(np.nanstd(v)), 1e-9) for n, v in bundle.twins.numbers.items()}
    near, far = _places(pool, bundle.twins, spread), _places(rows, bundle.twins, spread)
    losses = np.empty(rows.n)
    for start in range(0, rows.n, CHUNK):
        part = far[start : start + CHUNK]
        distance = (near**2).sum(axis=1) - 2 * part @ near.T
        count = min(NEIGHBOURS, pool.n)
        picked = np.argpartition(distance, count - 1, axis=1)[:, :count]
        losses[start : start + CHUNK] = (outcome[start : start + CHUNK] - bundle.baseline[picked].mean(axis=1)) ** 2
    return losses


def _places(table: Table, twins: Table, spread: Mapping[str, float]) -> Floats:
    """Return rows as points (n, d) whose squared distances are those of ``Neighbours``; missing numbers lie at the middle."""
    columns = [
        np.nan_to_num(table.numbers[n] / spread[n], nan=float(np.nanmean(v)) / spread[n])
        for n, v in twins.numbers.items()
    ]
    levels = [table.categories[n] == code for n in twins.categories for code in range(len(twins.levels[n]) + 1)]
    return np.column_stack([*columns, *levels]).astype(np.float64)


def _number(value: Value) -> bool:
    return isinstance(value, bool | int | float) and bool(np.isfinite(value))
