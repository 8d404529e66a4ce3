from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from e2i_shared.api.classification import Domain
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


def test_what_is_asked_lies_in_the_query_behind_the_polite_opening(rows):
    asked = [row for row in rows if row.spans]

    assert all(row.query[row.spans[0][0] : row.spans[0][1]].strip() for row in asked)
    assert any(row.spans[0][0] for row in asked)
    assert {row.domains for row in rows if not row.spans} == {()}


def test_every_domain_and_what_asks_nothing_is_practised(rows):
    assert {row.domains for row in rows} == {(), *((domain.value,) for domain in Domain)}


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
