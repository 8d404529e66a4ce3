"""How well questions are routed: figures on the test split, against two baselines, with latencies.

Run ``python benchmarks/classifier.py``. The weights measured are fitted on the training rows, and on practice sentences unlike any
test row; the shipped weights, fitted
in the same way on all rows, are timed.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2i_shared.api.classification import ClassifyRequest
from e2i_shared.classifier.classify import classify
from e2i_shared.classifier.corpus import Row, load
from e2i_shared.classifier.practice import Practice, unlike
from e2i_shared.classifier.train import CORPUS, DAY, PRACTICE, measure, train

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path("benchmarks/results/classifier.json")
HELD_TO = {"pattern_accuracy": 0.95, "primary_domain_accuracy": 0.95}


def baseline_majority(train_rows: Sequence[Row], test_rows: Sequence[Row]) -> dict[str, float]:
    """Say the most frequent label always."""
    patterns = statistics.mode(row.pattern for row in train_rows)
    domains = statistics.mode(row.domains[0] for row in train_rows if row.domains)
    return _accuracy(test_rows, [patterns] * len(test_rows), [domains] * len(test_rows))


def baseline_tfidf(train_rows: Sequence[Row], test_rows: Sequence[Row]) -> dict[str, float]:
    """Fit TF-IDF with a logistic regression on whole queries, once for the pattern and once for the primary domain."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    said = []
    for label in (_pattern, _domain):
        model = make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=1000)
        )
        model.fit([row.query for row in train_rows], [label(row) for row in train_rows])
        said.append(model.predict([row.query for row in test_rows]).tolist())
    return _accuracy(test_rows, said[0], said[1])


def _pattern(row: Row) -> str:
    return row.pattern


def _domain(row: Row) -> str:
    return (row.domains or ("NONE",))[0]


def _accuracy(rows: Sequence[Row], patterns: Sequence[str], domains: Sequence[str]) -> dict[str, float]:
    """Return both accuracies of a baseline."""
    routed = [(row, said) for row, said in zip(rows, domains, strict=True) if row.domains]
    return {
        "pattern_accuracy": round(
            sum(r.pattern == said for r, said in zip(rows, patterns, strict=True)) / len(rows), 4
        ),
        "primary_domain_accuracy": round(sum(r.domains[0] == said for r, said in routed) / len(routed), 4),
    }


def latencies(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Time the shipped weights, warm, in milliseconds per stage; ``processor`` is free of what else the machine does."""
    requests = [ClassifyRequest(query=row.query, context=list(row.context)) for row in rows]
    for request in requests[:20]:
        classify(request, today=DAY)
    seen: dict[str, list[float]] = {}
    for request in requests:
        begun = time.process_time()
        found = classify(request, today=DAY)
        used = 1000 * (time.process_time() - begun)
        for stage, spent in (found.latency_ms | {"processor": used}).items():
            seen.setdefault(stage, []).append(spent)
    cuts = {stage: statistics.quantiles(spent, n=100) for stage, spent in seen.items()}
    return {stage: {"p50": round(cut[49], 3), "p95": round(cut[94], 3)} for stage, cut in cuts.items()}


def main() -> None:
    """Measure, print side by side, save."""
    rows = load(CORPUS)
    train_rows, test_rows = [row for row in rows if not row.is_test], [row for row in rows if row.is_test]
    trained, _ = train(train_rows, unlike(Practice(PRACTICE).rows(), test_rows))
    figures: dict[str, Any] = {
        "rows": {"train": len(train_rows), "test": len(test_rows)},
        "baselines": {
            "majority": baseline_majority(train_rows, test_rows),
            "tfidf_logistic_regression": baseline_tfidf(train_rows, test_rows),
        },
        "classifier": measure(test_rows, trained),
        "latency_ms": latencies(test_rows),
    }
    show(figures)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def show(figures: dict[str, Any]) -> None:
    """Print the table."""
    ours = figures["classifier"]
    print(f"{figures['rows']['train']} training rows, {figures['rows']['test']} test rows\n")
    print(f"{'':28}{'majority':>10}{'tf-idf+lr':>11}{'E2I':>8}{'held to':>9}")
    for name, goal in HELD_TO.items():
        low, mid = (figures["baselines"][key][name] for key in ("majority", "tfidf_logistic_regression"))
        print(f"{name:28}{low:10.3f}{mid:11.3f}{ours[name]:8.3f}{goal:9.2f}")
    for group in ("pattern_accuracy_by_pattern", "primary_domain_accuracy_by_domain"):
        print(f"\n{group}: " + ", ".join(f"{name} {value:.3f}" for name, value in ours[group].items()))
    print("\nlabelled → said")
    for label, said in ours["confusion"].items():
        print(f"  {label:24}" + ", ".join(f"{name} {count}" for name, count in said.items()))
    print(f"\n{'edges':24}{'precision':>10}{'recall':>8}{'F1':>7}")
    for name, score in ours["edges"].items():
        print(f"{name:24}{score['precision']:10.3f}{score['recall']:8.3f}{score['f1']:7.3f}")
    print(
        f"\nexpected calibration error {ours['expected_calibration_error']:.3f}, confident and wrong {ours['confident_and_wrong']:.3f}"
    )
    for stage, spent in figures["latency_ms"].items():
        print(f"{stage:14} p50 {spent['p50']:.2f} ms, p95 {spent['p95']:.2f} ms")


if __name__ == "__main__":
    main()
