"""Questions on the two published studies, from plain English to a grounded answer."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from functools import cache
from typing import Any

import pytest
from builders_composer import carried_out, created, kpi_names, services
from builders_frames import frame_of
from e2i_shared.api.classification import ClassifyRequest
from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.classifier.classify import classify
from e2i_shared.datasets import ingest
from e2i_shared.datasets.examples import EXAMPLES, load_example
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.testing import FakeCatalogue, FakeRows
from e2i_shared.tools import _registry
from e2i_shared.tools._registry import ToolContext

TRUE = {"1", "1.0", "true", "True"}


def _value(text: str, kind: ColumnKind) -> Any:
    if not text:
        return None
    if kind is ColumnKind.BOOLEAN:
        return float(text in TRUE)
    return float(text) if kind in {ColumnKind.NUMBER, ColumnKind.INTEGER} else text


@cache
def source() -> MemoryDataSource:
    entries, tables = FakeCatalogue(), {}
    for name in EXAMPLES:
        ingest.load(*load_example(name), FakeRows(entries))
        entry = entries.find(name)
        text = b"".join(load_example(name)[1].chunks()).decode()
        rows = list(csv.DictReader(io.StringIO(text)))
        kept = [c for c in entry.columns if c.role != ColumnRole.IGNORE]
        tables[name] = (entry, frame_of({c.name: [_value(r[c.name], c.kind) for r in rows] for c in kept}))
    return MemoryDataSource(tables)


@cache
def asked(query: str) -> tuple[Any, Any]:
    """Record and steps of a question."""
    entries = [source().describe(name) for name in EXAMPLES]
    held: dict[str, Any] = {}
    made = services(
        classify(ClassifyRequest(query=query), entries, today=date(2026, 11, 21)),
        dict(_registry.catalogue()),
        run=lambda tool, inputs: _registry.run_tool(tool, inputs, ToolContext(source())),
        now=lambda: datetime.fromisoformat(held["made"].compositions.get(held["id"]).created_at),
        kpis=kpi_names(),
        datasets=lambda: entries,
    )
    held |= {"made": made, "id": created(made, query)}
    return carried_out(made, held["id"])


@pytest.mark.parametrize(
    ("query", "tools", "words"),
    [
        (
            "Does quitting smoking cause weight gain?",
            ["causal_effect_estimator"],
            "Quitting smoking raises weight gain by 3.",
        ),
        ("Did the job training raise earnings?", ["causal_effect_estimator"], "raises earnings by 1,794 USD"),
        (
            "Does training raise earnings, and can we trust it?",
            ["causal_effect_estimator", "refutation_runner", "sensitivity_analyzer"],
            "E-value",
        ),
        (
            "Did training raise earnings, and which age groups gained most?",
            ["causal_effect_estimator", "cate_analyzer", "segment_ranker"],
            "Strongest response: age",
        ),
        ("What is the propensity to quit smoking given age and sex?", ["propensity_estimator"], "Overlap is good"),
        (
            "What would happen to weight if nobody quit smoking?",
            ["causal_effect_estimator", "counterfactual_simulator"],
            "for anyone, weight would be",
        ),
        (
            "Who should get the 100 places in job training, to raise earnings?",
            ["policy_optimizer"],
            "training",
        ),
    ],
)
def test_a_study_answers_by_its_tools(query, tools, words):
    record, steps = asked(query)

    assert [s.step.tool for s in steps] == tools
    assert (record.status, record.missing) == ("COMPLETED", [])
    assert words in record.answer.text
