"""How good classifications are, held against labels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.classification import Classification
    from e2i_shared.classifier.corpus import Row

BINS = 10
SURE = 0.9


@dataclass(frozen=True, slots=True)
class Judged:
    """One labelled query and what was said about it. Edges are (from, to, type), from 0."""

    row: Row
    pattern: str
    primary: str | None
    edges: frozenset[tuple[int, int, str]]
    confidence: float

    @property
    def is_right(self) -> bool:
        """Tell whether the pattern is the labelled one."""
        return self.pattern == self.row.pattern


def judge(row: Row, said: Classification) -> Judged:
    """Hold a classification against its row."""
    edges = frozenset((int(e.from_[1:]) - 1, int(e.to[1:]) - 1, e.type.value) for e in said.dependencies)
    primary = said.domains[0].domain.value if said.domains else None
    return Judged(row, said.routing_pattern.value, primary, edges, said.confidence)


def report(judged: Sequence[Judged]) -> dict[str, object]:
    """Return every figure that the classifier is held to; shares are fractions of one."""
    routed = [one for one in judged if one.row.domains]
    wrong_but_sure = sum(one.confidence >= SURE and not one.is_right for one in judged)
    return {
        "queries": len(judged),
        "pattern_accuracy": _share([one.is_right for one in judged]),
        "pattern_accuracy_by_pattern": _by([(one.row.pattern, one.is_right) for one in judged]),
        "primary_domain_accuracy": _share([one.primary == one.row.domains[0] for one in routed]),
        "primary_domain_accuracy_by_domain": _by(
            [(one.row.domains[0], one.primary == one.row.domains[0]) for one in routed]
        ),
        "confusion": _confusion([(one.row.pattern, one.pattern) for one in judged]),
        "domain_confusion": _confusion([(one.row.domains[0], one.primary or "NONE") for one in routed]),
        "edges": edge_scores(judged),
        "expected_calibration_error": calibration_error(judged),
        "confident_and_wrong": round(wrong_but_sure / max(1, len(judged)), 4),
        "confident": _share([one.confidence >= SURE for one in judged]),
    }


def _share(flags: Sequence[bool]) -> float:
    """Return the share of true flags."""
    return round(sum(flags) / max(1, len(flags)), 4)


def _by(pairs: Sequence[tuple[str, bool]]) -> dict[str, float]:
    """Return the share of true flags by name."""
    return {
        name: _share([flag for other, flag in pairs if other == name]) for name in sorted({name for name, _ in pairs})
    }


def _confusion(pairs: Sequence[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Return counts: labelled → said."""
    counts = Counter(pairs)
    return {
        label: {said: n for (other, said), n in sorted(counts.items()) if other == label}
        for label in sorted({label for label, _ in counts})
    }


def edge_scores(judged: Sequence[Judged]) -> dict[str, dict[str, float]]:
    """Return precision, recall and F1 of edges without type, with type, and by type."""
    kinds = sorted({edge[2] for one in judged for edge in one.row.edges})
    scores = {
        "untyped": _f1([({edge[:2] for edge in one.row.edges}, {edge[:2] for edge in one.edges}) for one in judged]),
        "typed": _f1([(set(one.row.edges), set(one.edges)) for one in judged]),
    }
    for kind in kinds:
        scores[kind] = _f1(
            [({e for e in one.row.edges if e[2] == kind}, {e for e in one.edges if e[2] == kind}) for one in judged]
        )
    return scores


def _f1(pairs: Sequence[tuple[set[tuple[object, ...]], set[tuple[object, ...]]]]) -> dict[str, float]:
    """Return precision, recall and F1 over all queries together."""
    hits = sum(len(gold & said) for gold, said in pairs)
    gold_count, said_count = sum(len(gold) for gold, _ in pairs), sum(len(said) for _, said in pairs)
    return {
        "precision": round(hits / max(1, said_count), 4),
        "recall": round(hits / max(1, gold_count), 4),
        "f1": round(2 * hits / max(1, gold_count + said_count), 4),
    }


def calibration_error(judged: Sequence[Judged]) -> float:
    """Return the expected calibration error: mean gap of confidence and accuracy over ten equal-width bins, by size."""
    bins: dict[int, list[Judged]] = {}
    for one in judged:
        bins.setdefault(min(int(one.confidence * BINS), BINS - 1), []).append(one)
    gaps = (abs(sum(one.confidence for one in held) - sum(one.is_right for one in held)) for held in bins.values())
    return round(sum(gaps) / max(1, len(judged)), 4)
