"""Train the scorer: ``python -m e2i_shared.classifier.train``. Needs scikit-learn; what it writes does not."""

from __future__ import annotations

import argparse
import hashlib
import math
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2i_shared.api.classification import ClassifyRequest
from e2i_shared.classifier import weights as shipped
from e2i_shared.classifier.classify import classify
from e2i_shared.classifier.clauses import boundary_features, candidates
from e2i_shared.classifier.corpus import Row, gold_clauses, gold_starts, load
from e2i_shared.classifier.dependencies import NO_EDGE, pair_features
from e2i_shared.classifier.domains import NONE, clause_features
from e2i_shared.classifier.linear import LinearModel
from e2i_shared.classifier.measure import judge, report
from e2i_shared.classifier.practice import Practice, unlike
from e2i_shared.classifier.reading import Reading, read
from e2i_shared.classifier.routes import confidence_features
from e2i_shared.classifier.session import Session
from e2i_shared.classifier.signs import Part
from e2i_shared.classifier.stages import Cut, Domains, Edges, RouteFound, cut, find_domains, find_edges, find_route
from e2i_shared.classifier.text import fold, words
from e2i_shared.classifier.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.classification import Classification

CORPUS = Path("tests/data/classifier/corpus.jsonl")
DAY = date(2026, 10, 1)
FOLDS = 5
JUDGED_BY = ("pattern_accuracy", "primary_domain_accuracy")
PRACTICE = Path("tests/data/classifier/templates.yaml")
PRACTICE_WEIGHT = 0.5
Example = tuple[dict[str, float], str]
STRENGTH = {"boundary": 1.0, "domain": 5.0, "link": 0.3, "confidence": 0.3}


def known_words(rows: Sequence[Row]) -> frozenset[str]:
    """Return the words that at least two ideas use: those are spelt as meant."""
    seen = {(word.text, row.idea) for row in rows for word in words(fold(" ".join((row.query, *row.context))))}
    counts = Counter(word for word, _ in seen)
    return frozenset(word for word, count in counts.items() if count >= 2)


@dataclass(frozen=True, slots=True)
class Words:
    """The word lists of a training set."""

    known: frozenset[str]
    familiar: frozenset[str]


def word_lists(rows: Sequence[Row]) -> Words:
    """Return the words that at least two ideas use, in all rows and in those that can be answered."""
    return Words(known_words(rows), known_words([row for row in rows if row.spans]))


@lru_cache(maxsize=65536)
def _read(query: str, lists: Words) -> Reading:
    return read(query, DAY, lists)


def boundary_examples(rows: Sequence[Row], lists: Words) -> list[Example]:
    """Return every candidate place with whether the labels put a boundary there."""
    examples = []
    for row in rows:
        reading = _read(row.query, lists)
        places, gold = candidates(reading), gold_starts(row, reading)
        examples += [(boundary_features(reading, places, i), str(int(at in gold))) for i, at in enumerate(places)]
    return examples


def domain_examples(rows: Sequence[Row], lists: Words, primary: dict[str, str]) -> list[Example]:
    """Return every clause with its domain; a short clause sees the domain before it as labelled."""
    examples = []
    for row in rows:
        reading = _read(row.query, lists)
        before = primary.get(row.context[-1], "") if row.context else ""
        for clause, domain, _ in gold_clauses(row, reading):
            examples.append((clause_features(reading, clause, before), domain))
            before = domain if domain != NONE else before
    return examples


def link_examples(rows: Sequence[Row], lists: Words) -> list[Example]:
    """Return every pair of parts with the label of its edge: ``-``, ``>TYPE`` forward, ``<TYPE`` backward."""
    examples = []
    for row in rows:
        reading = _read(row.query, lists)
        parts = {part: Part(clause, domain) for clause, domain, part in gold_clauses(row, reading) if part >= 0}
        if sorted(parts) != list(range(len(row.spans))):
            continue
        ordered = [parts[i] for i in range(len(parts))]
        labels = {(min(a, b), max(a, b)): (">" if a < b else "<") + kind for a, b, kind in row.edges}
        examples += [
            (pair_features(reading, ordered, i, j), labels.get((i, j), NO_EDGE))
            for j in range(len(ordered))
            for i in range(j)
        ]
    return examples


def fit(examples: Sequence[Example], strength: float, practice: Sequence[Example] = ()) -> LinearModel:
    """Fit a logistic regression and return it as plain numbers; practice examples count less than real ones."""
    vectorizer, model = fit_sklearn(examples, strength, practice)
    return export(vectorizer.get_feature_names_out(), model)


def fit_sklearn(examples: Sequence[Example], strength: float, practice: Sequence[Example] = ()) -> tuple[Any, Any]:
    """Return the fitted DictVectorizer and LogisticRegression; features seen once are left out."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    weight = [1.0] * len(examples) + [PRACTICE_WEIGHT] * len(practice)
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


def primary_domains(rows: Sequence[Row]) -> dict[str, str]:
    """Return the primary domain of each labelled query without a context: what a context query lends."""
    return {row.query: row.domains[0] for row in rows if row.domains and not row.context}


@dataclass(frozen=True, slots=True)
class Thought:
    """What the four stages made of a query."""

    cut: Cut
    domains: Domains
    edges: Edges
    route: RouteFound


def think(reading: Reading, weights: Weights, session: Session) -> Thought:
    """Run the stages without building wire models."""
    clauses = cut(reading, weights, session)
    domains = find_domains(reading, clauses, weights, session)
    edges = find_edges(reading, domains, weights)
    return Thought(clauses, domains, edges, find_route(reading, clauses, domains, edges))


def context_domain(row: Row, lists: Words, weights: Weights) -> str:
    """Return the domain that the row's last earlier query lends."""
    if not row.context:
        return ""
    route = think(_read(row.context[-1], lists), weights, Session()).route
    return route.domains[0][0] if route.domains else ""


def fit_stages(rows: Sequence[Row], practice: Sequence[Row], lists: Words, primary: dict[str, str]) -> Weights:
    """Fit boundary, domain and link models; confidence is still blank."""
    blank = LinearModel(("0", "1"), (0.0, 0.0), {})
    domain = domain_examples(rows, lists, primary), domain_examples(practice, lists, {})
    return Weights(
        boundary=fit(boundary_examples(rows, lists), STRENGTH["boundary"], boundary_examples(practice, lists)),
        domain=fit(domain[0], STRENGTH["domain"], domain[1]),
        link=fit(link_examples(rows, lists), STRENGTH["link"], link_examples(practice, lists)),
        confidence=blank,
        known=lists.known,
        familiar=lists.familiar,
        version="unsaved",
    )


def folds(rows: Sequence[Row]) -> list[tuple[list[Row], list[Row]]]:
    """Return (training, held-out) rows by idea."""
    number = {
        idea: int(hashlib.sha256(f"fold {idea}".encode()).hexdigest(), 16) % FOLDS
        for idea in {row.idea for row in rows}
    }
    return [
        ([row for row in rows if number[row.idea] != k], [row for row in rows if number[row.idea] == k])
        for k in range(FOLDS)
    ]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What models said about rows they had not seen."""

    thoughts: list[tuple[Row, Thought]]
    domain: list[tuple[LinearModel, Example]]


def held_out(rows: Sequence[Row], practice: Sequence[Row], primary: dict[str, str]) -> HeldOut:
    """Fit on all folds but one, predict that one, for each fold."""
    seen = HeldOut([], [])
    for train, test in folds(rows):
        lists = word_lists([*train, *practice])
        part = fit_stages(train, practice, lists, primary)
        for row in test:
            session = Session(row.context[-1] if row.context else "", context_domain(row, lists, part))
            seen.thoughts.append((row, think(_read(row.query, lists), part, session)))
        seen.domain.extend((part.domain, example) for example in domain_examples(test, lists, primary))
    return seen


def train(rows: Sequence[Row], practice: Sequence[Row] = ()) -> tuple[Weights, HeldOut]:
    """Fit everything: the stages on all rows, temperature and confidence on what held-out folds showed."""
    lists, primary = word_lists([*rows, *practice]), primary_domains(rows)
    seen = held_out(rows, practice, primary)
    stages = fit_stages(rows, practice, lists, primary)
    domain = replace(stages.domain, temperature=temperature(seen.domain))
    judged = [
        (confidence_features(t.route.pattern, t.route.evidence), str(int(t.route.pattern == row.pattern)))
        for row, t in seen.thoughts
    ]
    return replace(stages, domain=domain, confidence=fit(judged, STRENGTH["confidence"])), seen


def answer(row: Row, trained: Weights) -> Classification:
    """Classify a row as the service would."""
    return classify(ClassifyRequest(query=row.query, context=list(row.context)), today=DAY, weights=trained)


def measure(rows: Sequence[Row], trained: Weights) -> dict[str, Any]:
    """Return the figures of weights on rows they were not trained on."""
    return report([judge(row, answer(row, trained)) for row in rows])


def not_worse(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Tell whether figures may replace older ones: neither accuracy falls."""
    return all(new[name] >= old.get(name, 0.0) for name in JUDGED_BY)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train on the training rows, measure on the test rows, and ship a model of all rows if the figures are not worse."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--practice", type=Path, default=PRACTICE)
    parser.add_argument(
        "--extra", type=Path, help="more labelled rows, such as exported feedback; used for training only"
    )
    parser.add_argument("--weights", type=Path, default=Path(shipped.__file__).with_name(shipped.FILE))
    given = parser.parse_args(arguments)
    rows, practice = load(given.corpus), Practice(given.practice).rows()
    extra = load(given.extra) if given.extra else []
    learned, tested = [row for row in rows if not row.is_test], [row for row in rows if row.is_test]
    figures = measure(tested, train([*learned, *extra], unlike(practice, tested))[0])
    kept = {name: figures[name] for name in JUDGED_BY}
    before = shipped.from_bytes(given.weights.read_bytes()).measured if given.weights.exists() else {}
    print(f"test split: {kept}; before: {before}")  # noqa: T201 - a command speaks to its user
    if not not_worse(kept, before):
        print("worse than the shipped weights: not adopted")  # noqa: T201 - likewise
        return 1
    given.weights.write_bytes(replace(train([*rows, *extra], practice)[0], measured=kept).to_bytes())
    print(f"adopted: {given.weights.name}")  # noqa: T201 - likewise
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
