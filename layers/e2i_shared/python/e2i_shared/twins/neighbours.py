"""What to expect of one entity: the mean of the twins nearest to it, which needs no model at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.datasets.filters import nearest
from e2i_shared.errors import UnknownColumnError, UnknownValueError
from e2i_shared.twins.bundle import Arms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from e2i_shared.twins.bundle import Bundle
    from e2i_shared.twins.entity import State, Value

    Floats = NDArray[np.float64]

NEIGHBOURS = 100


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


def _number(value: Value) -> bool:
    return isinstance(value, bool | int | float) and bool(np.isfinite(value))
