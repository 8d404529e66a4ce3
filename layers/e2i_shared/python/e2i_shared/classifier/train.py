"""Train the scorer: ``python -m e2i_shared.classifier.train``. Needs scikit-learn; what it writes does not."""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2i_shared.api.classification import ClassifyRequest
from e2i_shared.classifier import weights as shipped
from e2i_shared.classifier.classify import classify
from e2i_shared.classifier.corpus import Row, load
from e2i_shared.classifier.examples import (
    DAY,
    Example,
    Words,
    blurred,
    boundary_examples,
    domain_examples,
    link_examples,
    primary_domains,
    read_row,
    second_examples,
    word_lists,
)
from e2i_shared.classifier.fitting import fit, slim, temperature
from e2i_shared.classifier.linear import LinearModel
from e2i_shared.classifier.measure import SURE, Judged, judge, report
from e2i_shared.classifier.practice import Practice, unlike
from e2i_shared.classifier.routes import confidence_features
from e2i_shared.classifier.session import Session
from e2i_shared.classifier.stages import Cut, Domains, Edges, RouteFound, cut, find_domains, find_edges, find_route
from e2i_shared.classifier.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.classification import Classification
    from e2i_shared.classifier.reading import Reading

CORPUS = Path("tests/data/classifier/corpus.jsonl")
PRACTICE = Path("tests/data/classifier/templates.yaml")
FOLDS = 3
MARKS = (1, 2, 4, 8)
SLACK = 0.005
JUDGED_BY = ("pattern_accuracy", "primary_domain_accuracy")
MIX = {"SINGLE_AGENT": 0.35, "PARALLEL_DELEGATION": 0.25, "TOOL_COMPOSER": 0.3, "CLARIFICATION_NEEDED": 0.1}
STRENGTH = {"boundary": 0.3, "second": 0.3, "domain": 3.0, "link": 0.3, "confidence": 0.3}


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
    route = think(read_row(row.context[-1], lists), weights, Session()).route
    return route.domains[0][0] if route.domains else ""


def fit_stages(rows: Sequence[Row], practice: Sequence[Row], lists: Words, primary: dict[str, str]) -> Weights:
    """Fit boundary, domain and link models; confidence is still blank."""
    blank = LinearModel(("0", "1"), (0.0, 0.0), {})
    practised = [*domain_examples(practice, lists, {}), *blurred(rows, lists, primary)]
    return Weights(
        boundary=slim(fit(boundary_examples(rows, lists), STRENGTH["boundary"]), 0.05),
        second=blank,
        domain=slim(fit(domain_examples(rows, lists, primary), STRENGTH["domain"], practised), 0.08),
        link=slim(fit(link_examples(rows, lists), STRENGTH["link"]), 0.05),
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
    second: list[Example]


def held_out(rows: Sequence[Row], practice: Sequence[Row], primary: dict[str, str]) -> HeldOut:
    """Fit on all folds but one, predict that one, for each fold; the second look of a fold is learnt from the other folds'."""
    parts = []
    for train, test in folds(rows):
        lists = word_lists([*train, *practice])
        part = fit_stages(train, practice, lists, primary)
        parts.append((test, lists, part, second_examples(test, lists, part.boundary, part.domain)))
    seen = HeldOut([], [], [example for *_, found in parts for example in found])
    for test, lists, first, own in parts:
        others = [example for *_, found in parts if found is not own for example in found]
        part = replace(first, second=fit(others, STRENGTH["second"]))
        for row in test:
            session = Session(row.context[-1] if row.context else "", context_domain(row, lists, part))
            seen.thoughts.append((row, think(read_row(row.query, lists), part, session)))
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
    sure = fit(judged, STRENGTH["confidence"], counts=by_mix([row for row, _ in seen.thoughts]))
    return replace(stages, domain=domain, second=fit(seen.second, STRENGTH["second"]), confidence=sure), seen


def by_mix(rows: Sequence[Row]) -> list[float]:
    """Return how much each row counts, one on average, so that patterns count as often as people ask them (``MIX``).

    Two thirds of the corpus are single questions: taken as it is, being sure of one would cost too little.
    """
    had = Counter(row.pattern for row in rows)
    total = sum(MIX[pattern] for pattern in had)
    return [MIX[row.pattern] / total * len(rows) / had[row.pattern] for row in rows]


def answer(row: Row, trained: Weights) -> Classification:
    """Classify a row as the service would."""
    return classify(ClassifyRequest(query=row.query, context=list(row.context)), today=DAY, weights=trained)


def judged(rows: Sequence[Row], trained: Weights) -> list[Judged]:
    """Hold what weights say about rows they were not trained on against the labels."""
    return [judge(row, answer(row, trained)) for row in rows]


def measure(rows: Sequence[Row], trained: Weights) -> dict[str, Any]:
    """Return the figures of weights on rows they were not trained on."""
    return report(judged(rows, trained))


def key_of(row: Row) -> str:
    """Return the short name of a row under which weights remember how they did on it."""
    return hashlib.sha256("\n".join((*row.context, row.query)).encode("utf-8", "surrogatepass")).hexdigest()[:10]


def marks(results: Sequence[Judged]) -> dict[str, int]:
    """Return by row what was right, added up: the pattern (1), the primary domain (2), every edge (4), no false certainty (8)."""
    return {
        key_of(one.row): sum(
            mark
            for mark, right in zip(
                MARKS,
                (
                    one.is_right,
                    one.primary == (one.row.domains or (None,))[0],
                    one.edges == frozenset(one.row.edges),
                    one.is_right or one.confidence < SURE,
                ),
                strict=True,
            )
            if right
        )
        for one in results
    }


def not_worse(new: Mapping[str, int], old: Mapping[str, int]) -> bool:
    """Tell whether new marks may replace older ones, on the test rows that both were tried on.

    All marks together must not fall, and none of them by more than ``SLACK`` of the rows: which single row tips over is chance.
    Both models were fitted on training rows alone when they were marked, so neither has seen what it is compared on. Marks that
    the older ones do not hold at all are left out.
    """
    rows = new.keys() & old.keys()
    counts = [
        (sum(bool(new[key] & mark) for key in rows), sum(bool(old[key] & mark) for key in rows))
        for mark in MARKS
        if any(value & mark for value in old.values())
    ]
    total = sum(now for now, _ in counts) >= sum(before for _, before in counts)
    return total and all(now >= before - SLACK * len(rows) for now, before in counts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train on the training rows, measure on the test rows, and ship a model of all rows if it is not worse."""
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
    results = judged(tested, train([*learned, *extra], unlike(practice, tested))[0])
    figures: dict[str, Any] = report(results)
    kept = {name: figures[name] for name in JUDGED_BY}
    before = shipped.from_bytes(given.weights.read_bytes()) if given.weights.exists() else None
    print(f"test split: {kept}; before: {before.measured if before else {}}")  # noqa: T201 - a command speaks to its user
    if before and not not_worse(marks(results), before.marks):
        print(f"worse than the shipped weights on the same test rows: not adopted, {given.weights.name} stays as it is")  # noqa: T201 - likewise
        return 1
    made = replace(train([*rows, *extra], practice)[0], measured=kept, marks=marks(results))
    given.weights.write_bytes(made.to_bytes())
    print(f"adopted: {given.weights.name}")  # noqa: T201 - likewise
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
