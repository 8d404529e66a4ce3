from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from e2i_shared.classifier.corpus import load
from e2i_shared.classifier.practice import Practice, unlike

TEMPLATES = Path("tests/data/classifier/templates.yaml")


@pytest.fixture(scope="module")
def rows():
    return Practice(TEMPLATES).rows()


def test_the_same_seed_gives_the_same_sentences(rows):
    assert [row.query for row in Practice(TEMPLATES).rows()] == [row.query for row in rows]


def test_another_seed_gives_others(rows):
    assert [row.query for row in Practice(TEMPLATES, seed=1).rows()] != [row.query for row in rows]


def test_nothing_is_left_to_fill_in(rows):
    assert [row.query for row in rows if any(sign in row.query for sign in "{}|")] == []


def test_spans_lie_in_the_query_and_do_not_overlap(rows):
    for row in rows:
        ends = [end for span in row.spans for end in span[:2]]
        assert ends == sorted(ends)
        assert not ends or ends[-1] <= len(row.query)


def test_edges_join_parts_that_are_there(rows):
    assert all(0 <= end < len(row.spans) for row in rows for edge in row.edges for end in edge[:2])


def test_every_type_of_edge_is_practised_in_both_directions_where_language_has_both(rows):
    found = {(kind, source < to) for row in rows for source, to, kind in row.edges}

    assert {
        (kind, True) for kind in ("CONDITIONAL", "REFERENCE_CHAIN", "LOGICAL_SEQUENCE", "ENTITY_TRANSFORMATION")
    } <= found
    assert {("CONDITIONAL", False), ("LOGICAL_SEQUENCE", False)} <= found


def test_for_measuring_practice_is_kept_unlike_every_test_query(rows):
    tested = [row for row in load(TEMPLATES.with_name("corpus.jsonl")) if row.is_test]

    some = rows[::6]

    kept = unlike(some, tested)

    assert 0.8 * len(some) < len(kept) < len(some)
    assert not {row.query.lower().rstrip("?. ") for row in kept} & {row.query.lower().rstrip("?. ") for row in tested}


def test_a_practice_sentence_that_says_the_same_in_other_words_is_kept():
    one, other = (
        replace(load(TEMPLATES.with_name("corpus.jsonl"))[0], query=query)
        for query in ("why did trx fall", "what made scripts drop")
    )

    assert unlike([one, other], [one]) == [other]
