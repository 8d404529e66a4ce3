"""Logistic regressions by scikit-learn, exported as plain numbers."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from e2i_shared.classifier.linear import LinearModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.classifier.examples import Example

PRACTICE_WEIGHT = 0.5


def fit(
    examples: Sequence[Example],
    strength: float,
    practice: Sequence[Example] = (),
    counts: Sequence[float] | None = None,
) -> LinearModel:
    """Fit a logistic regression and return it as plain numbers; practice examples count less than real ones.

    ``counts`` says how much each real example counts, by default 1.
    """
    vectorizer, model = fit_sklearn(examples, strength, practice, counts)
    return export(vectorizer.get_feature_names_out(), model)


def fit_sklearn(
    examples: Sequence[Example],
    strength: float,
    practice: Sequence[Example] = (),
    real: Sequence[float] | None = None,
) -> tuple[Any, Any]:
    """Return the fitted DictVectorizer and LogisticRegression; features seen once are left out."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    weight = list(real or [1.0] * len(examples)) + [PRACTICE_WEIGHT] * len(practice)
    learned = [*examples, *practice]
    counts = Counter(name for features, _ in learned for name in features)
    kept = [{name: value for name, value in features.items() if counts[name] > 1} for features, _ in learned]
    vectorizer = DictVectorizer()
    matrix = vectorizer.fit_transform(kept)
    model = LogisticRegression(C=strength, max_iter=400, tol=1e-3)
    return vectorizer, model.fit(matrix, [label for _, label in learned], weight)


def export(names: Sequence[str], model: Any) -> LinearModel:
    """Return a fitted scikit-learn model as plain numbers; a two-class model becomes a softmax over (0, score)."""
    classes = tuple(str(name) for name in model.classes_)
    rows = model.coef_.tolist()
    intercept = model.intercept_.tolist()
    if len(classes) == 2:
        rows, intercept = [[0.0] * len(names), rows[0]], [0.0, intercept[0]]
    columns = zip(*rows, strict=True)
    table = {str(name): tuple(round(w, 4) for w in column) for name, column in zip(names, columns, strict=True)}
    return LinearModel(classes, tuple(round(w, 4) for w in intercept), table)


def slim(model: LinearModel, least: float) -> LinearModel:
    """Return the model without features that never count ``least`` for any class, two decimals each: a fifth of the size."""
    kept = {name: row for name, row in model.weights.items() if max(map(abs, row)) >= least}
    return replace(model, weights={name: tuple(round(weight, 2) for weight in row) for name, row in kept.items()})


def temperature(seen: Sequence[tuple[LinearModel, Example]]) -> float:
    """Return the temperature that minimises the log loss on examples that each model has not seen."""
    logits = [(model.classes, model.logits(features), label) for model, (features, label) in seen]

    def loss(value: float) -> float:
        return sum(_log_loss(classes, scores, label, value) for classes, scores, label in logits)

    return min((0.3 + 0.05 * step for step in range(35)), key=loss)


def _log_loss(classes: Sequence[str], scores: Sequence[float], label: str, value: float) -> float:
    """Return minus the log probability of the label."""
    total = math.log(sum(math.exp(score / value) for score in scores))
    return total - scores[classes.index(label)] / value if label in classes else 0.0
