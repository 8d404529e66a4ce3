"""Practice from labelled rows: parts exchanged for others of their kind, labels still true."""

from __future__ import annotations

from collections import Counter

from builders_classifier import TODAY
from e2i_shared.classifier.corpus import Row, gold_clauses, load
from e2i_shared.classifier.reading import read
from e2i_shared.classifier.recombine import COPIES, recombined
from e2i_shared.classifier.train import CORPUS
from e2i_shared.classifier.weights import weights

ROWS = [row for row in load(CORPUS) if not row.is_test]
MADE = recombined(ROWS)


def one(query: str, domain: str) -> Row:
    return Row(query, query, (), "SINGLE_AGENT", (domain,), ((0, len(query), domain),), ())


def test_the_parts_of_a_made_row_are_the_parts_of_given_rows():
    texts = {row.query[start:end] for row in ROWS for start, end, _ in row.spans}

    assert all(row.query[start:end] in texts for row in MADE for start, end, _ in row.spans)


def test_no_test_row_goes_in():
    tested = {row.query for row in load(CORPUS) if row.is_test}

    assert not {row.query for row in MADE} & tested


def test_an_exchanged_opening_keeps_domains_and_edges():
    linked = Row(
        "i", "Did calls work, and for whom?", (), "TOOL_COMPOSER", ("CAUSAL", "SEGMENTATION"),
        ((0, 14, "CAUSAL"), (20, 28, "SEGMENTATION")), ((0, 1, "LOGICAL_SEQUENCE"),),
    )  # fmt: skip

    made = recombined([linked, one("Why did Remi fall in May?", "CAUSAL")])

    assert [row.query for row in made] == ["Why did Remi fall in May?, and for whom?"] * COPIES
    assert {row.edges for row in made} == {((0, 1, "LOGICAL_SEQUENCE"),)}
    assert made[0].query[slice(*made[0].spans[1][:2])] == "for whom"


def test_an_opening_that_something_else_feeds_is_left_alone():
    backward = Row(
        "i", "Size a test, but first say whether calls work", (), "TOOL_COMPOSER", ("CAUSAL", "EXPERIMENT"),
        ((0, 11, "EXPERIMENT"), (17, 45, "CAUSAL")), ((1, 0, "LOGICAL_SEQUENCE"),),
    )  # fmt: skip

    assert recombined([backward, one("How many clinics do we need?", "EXPERIMENT")]) == []


def test_questions_that_lean_on_others_are_no_openings():
    leaning = one("Why did it fall in May?", "CAUSAL")

    assert recombined([leaning, one("Is the feed of claims complete?", "MONITORING")]) == []


def test_made_rows_can_be_cut_into_their_parts():
    some = MADE[::25]

    whole = [
        {part for _, _, part in gold_clauses(row, read(row.query, TODAY, weights()))} >= set(range(len(row.spans)))
        for row in some
    ]

    assert sum(whole) / len(whole) > 0.9


def test_all_kinds_of_edges_and_independent_pairs_are_made():
    kinds = Counter(kind for row in MADE for _, _, kind in row.edges)

    assert set(kinds) == {"REFERENCE_CHAIN", "LOGICAL_SEQUENCE", "ENTITY_TRANSFORMATION", "CONDITIONAL"}
    assert sum(not row.edges for row in MADE) >= 500


def test_the_same_rows_make_the_same_practice():
    assert recombined(ROWS[:200]) == recombined(ROWS[:200])
