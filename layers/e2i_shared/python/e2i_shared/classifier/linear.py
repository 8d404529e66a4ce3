"""Linear models scored in plain Python: a dictionary of features in, probabilities out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Multinomial logistic regression; ``weights[feature]`` holds one number per class."""

    classes: tuple[str, ...]
    intercept: tuple[float, ...]
    weights: dict[str, tuple[float, ...]]
    temperature: float = 1.0

    def logits(self, features: Mapping[str, float]) -> list[float]:
        """Return one score per class; unknown features count nothing."""
        known = [(value, row) for name, value in features.items() if (row := self.weights.get(name)) is not None]
        if not known:
            return list(self.intercept)
        values, rows = zip(*known, strict=True)
        columns = zip(*rows, strict=True)
        return [sum(map(mul, values, column), start) for start, column in zip(self.intercept, columns, strict=True)]

    def probabilities(self, features: Mapping[str, float]) -> dict[str, float]:
        """Return the calibrated probability of each class (softmax of the scores over the temperature)."""
        scores = [score / self.temperature for score in self.logits(features)]
        top = max(scores)
        powers = [math.exp(score - top) for score in scores]
        total = sum(powers)
        return {name: power / total for name, power in zip(self.classes, powers, strict=True)}

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "classes": list(self.classes),
            "intercept": list(self.intercept),
            "temperature": self.temperature,
            "weights": {name: list(row) for name, row in self.weights.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LinearModel:
        """Read what ``to_json`` wrote."""
        weights = {name: tuple(row) for name, row in data["weights"].items()}
        return cls(tuple(data["classes"]), tuple(data["intercept"]), weights, float(data["temperature"]))
