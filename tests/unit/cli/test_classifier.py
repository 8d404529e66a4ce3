"""The classifier from the terminal: how often it was right, and what was judged as rows to train on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from e2i_shared.api.classification import ClassificationFeedback, RoutingPattern
from e2i_shared.classifier.corpus import load
from world import TENANT, FakeWiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

WHY = "Why did Kisqali TRx drop in Q3?"


@pytest.fixture
def judged(run_json: Callable[..., Any], wiring: FakeWiring) -> dict[str, str]:
    """Ask two questions, judge one right and one wrong without saying what would have been right."""
    ids = {query: run_json("classify", query)["classification_id"] for query in (WHY, "What was NRx in August?")}
    right, wrong = ids.values()
    store = wiring.tenant(TENANT).classifications
    store.save_feedback(right, ClassificationFeedback(was_correct=True))
    store.save_feedback(wrong, ClassificationFeedback(was_correct=False, correct_pattern=RoutingPattern.TOOL_COMPOSER))
    return ids


def test_feedback_is_written_as_rows_that_training_reads(run: Callable[..., Result], judged: dict[str, str]):
    result = run("classifier", "export-feedback", "--out", "rows.jsonl")

    assert result.exit_code == 0, result.output
    assert [(row.query, row.domains) for row in load(Path("rows.jsonl"))] == [(WHY, ("CAUSAL",))]


def test_rows_go_to_standard_output_and_what_is_unclear_is_named_beside(
    run: Callable[..., Result], judged: dict[str, str]
):
    result = run("classifier", "export-feedback")

    assert json.loads(result.stdout)["query"] == WHY
    assert "1 rows; 1 judged questions say too little" in result.stderr
    assert list(judged.values())[1] in result.stderr.replace("\n", "")


def test_accuracy_is_shown_by_pattern(run: Callable[..., Result], judged: dict[str, str]):
    shown = run("classifier", "accuracy").stdout

    assert "SINGLE_AGENT" in shown
    assert "50.0%" in shown


def test_accuracy_as_json_is_the_services_table(run_json: Callable[..., Any], judged: dict[str, str]):
    row = run_json("classifier", "accuracy")[0]

    assert (row["classified"], row["judged"], row["correct"]) == (2, 2, 1)
