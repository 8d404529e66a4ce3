from __future__ import annotations

import pytest
from builders_classifier import ask
from e2i_shared.classifier.corpus import Row
from e2i_shared.classifier.measure import Judged, calibration_error, edge_scores, judge, report


def row(pattern: str = "SINGLE_AGENT", domains: tuple[str, ...] = ("CAUSAL",), edges=()) -> Row:
    return Row("idea", "query", (), pattern, domains, (), edges)


def judged(labelled: Row, said: str, confidence: float = 0.95, edges=(), primary: str | None = "CAUSAL") -> Judged:
    return Judged(labelled, said, primary, frozenset(edges), confidence)


def test_a_classification_is_held_against_its_row():
    found = judge(row(), ask("Why did Kisqali TRx drop in Q3?"))

    assert found.is_right
    assert found.primary == "CAUSAL"


def test_accuracies_are_shares_and_unrouted_rows_have_no_domain_to_get_right():
    figures = report(
        [
            judged(row(), "SINGLE_AGENT"),
            judged(row(), "TOOL_COMPOSER", 0.5),
            judged(row("CLARIFICATION_NEEDED", ()), "CLARIFICATION_NEEDED", primary=None),
        ]
    )

    assert figures["pattern_accuracy"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["primary_domain_accuracy"] == 1.0
    assert figures["confusion"]["SINGLE_AGENT"] == {"SINGLE_AGENT": 1, "TOOL_COMPOSER": 1}


def test_being_sure_and_wrong_is_counted():
    figures = report([judged(row(), "TOOL_COMPOSER", 0.95), judged(row(), "TOOL_COMPOSER", 0.5)])

    assert figures["confident_and_wrong"] == 0.5


def test_edges_count_with_and_without_their_type():
    labelled = row("TOOL_COMPOSER", edges=((0, 1, "CONDITIONAL"), (1, 2, "REFERENCE_CHAIN")))
    scores = edge_scores(
        [judged(labelled, "TOOL_COMPOSER", edges=[(0, 1, "LOGICAL_SEQUENCE"), (1, 2, "REFERENCE_CHAIN")])]
    )

    assert scores["untyped"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert scores["typed"]["f1"] == 0.5
    assert scores["CONDITIONAL"]["recall"] == 0.0
    assert scores["REFERENCE_CHAIN"]["f1"] == 1.0


def test_no_edges_at_all_is_no_error():
    assert edge_scores([judged(row(), "SINGLE_AGENT")])["untyped"]["f1"] == 0.0


def test_confidence_that_meets_accuracy_has_no_calibration_error():
    right, wrong = judged(row(), "SINGLE_AGENT", 0.75), judged(row(), "TOOL_COMPOSER", 0.75)

    assert calibration_error([right, right, right, wrong]) == 0.0


def test_overconfidence_is_measured():
    assert calibration_error([judged(row(), "TOOL_COMPOSER", 1.0)]) == 1.0
