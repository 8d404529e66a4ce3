from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import pytest
from builders_classifier import TODAY
from e2i_shared.api.classification import DependencyType, Domain, RoutingPattern
from e2i_shared.classifier.corpus import Row, gold_clauses, load
from e2i_shared.classifier.dependencies import answer_order
from e2i_shared.classifier.reading import read
from e2i_shared.classifier.routes import pattern_of
from e2i_shared.classifier.signs import Edge
from e2i_shared.classifier.weights import weights

PATH = Path("tests/data/classifier/corpus.jsonl")
ROWS = load(PATH)


def test_there_are_enough_rows_of_every_pattern_and_domain():
    patterns, domains = Counter(row.pattern for row in ROWS), Counter(name for row in ROWS for name in row.domains)

    assert len(ROWS) >= 1200
    assert all(patterns[pattern.value] >= 60 for pattern in RoutingPattern)
    assert all(domains[domain.value] >= 80 for domain in Domain)


def test_every_type_of_edge_is_there_and_some_run_backwards():
    kinds = Counter(kind for row in ROWS for _, _, kind in row.edges)
    backward = Counter(kind for row in ROWS for source, to, kind in row.edges if source > to)

    assert all(kinds[kind.value] >= 20 for kind in DependencyType)
    assert backward["LOGICAL_SEQUENCE"] >= 5
    assert backward["CONDITIONAL"] >= 3


@pytest.mark.parametrize("share", [0.15, 0.35])
def test_about_a_quarter_of_the_rows_is_for_testing(share: float):
    measured = sum(row.is_test for row in ROWS) / len(ROWS)

    assert (measured > share) == (share < 0.25)


def test_all_phrasings_of_an_idea_fall_on_the_same_side():
    sides: dict[str, set[bool]] = {}
    for row in ROWS:
        sides.setdefault(row.idea, set()).add(row.is_test)

    assert all(len(side) == 1 for side in sides.values())
    assert any(count > 1 for count in Counter(row.idea for row in ROWS).values())


def test_no_query_is_there_twice():
    assert max(Counter((row.query, row.context) for row in ROWS).values()) == 1


def domains_in_order(row: Row) -> tuple[str, ...]:
    order = answer_order(len(row.spans), [Edge(source, to, kind, 1.0) for source, to, kind in row.edges])
    return tuple(dict.fromkeys(row.spans[at][2] for at in order))


def test_domains_are_listed_in_the_order_in_which_they_are_answered():
    assert [row.query for row in ROWS if row.domains != domains_in_order(row)] == []


def test_the_pattern_follows_from_domains_and_edges():
    wrong = [
        row.query for row in ROWS if row.pattern != pattern_of([Domain(name) for name in row.domains], len(row.edges))
    ]

    assert wrong == []


def test_sub_questions_are_spans_of_the_query_in_order():
    for line in PATH.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        spans = [(sub["start"], sub["end"]) for sub in row["sub_questions"]]

        assert all(row["query"][sub["start"] : sub["end"]] == sub["text"] for sub in row["sub_questions"])
        assert all(left[1] <= right[0] for left, right in itertools.pairwise(spans))
        assert [sub["id"] for sub in row["sub_questions"]] == [f"Q{n}" for n in range(1, len(spans) + 1)]


def test_nearly_every_labelled_part_can_be_cut_out():
    several = [row for row in ROWS if len(row.spans) > 1]

    whole = [
        {part for _, _, part in gold_clauses(row, read(row.query, TODAY, weights()))} >= set(range(len(row.spans)))
        for row in several
    ]

    assert sum(whole) / len(whole) > 0.95
