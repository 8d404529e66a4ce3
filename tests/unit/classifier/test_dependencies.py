from __future__ import annotations

import pytest
from builders_classifier import TODAY
from e2i_shared.classifier.clauses import Clause
from e2i_shared.classifier.dependencies import acyclic, answer_order, link, pair_features
from e2i_shared.classifier.linear import LinearModel
from e2i_shared.classifier.reading import read
from e2i_shared.classifier.signs import Edge, Part
from e2i_shared.classifier.weights import weights
from hypothesis import given
from hypothesis import strategies as st

EDGES = st.lists(
    st.builds(Edge, st.integers(0, 5), st.integers(0, 5), st.just("CONDITIONAL"), st.floats(0.5, 1.0)).filter(
        lambda e: e.source != e.to
    ),
    max_size=20,
)


def position(order: list[int], part: int) -> int:
    return order.index(part)


@given(EDGES)
def test_what_is_kept_never_runs_in_a_circle(edges: list[Edge]):
    kept = acyclic(edges)
    order = answer_order(6, kept)

    assert all(position(order, edge.source) < position(order, edge.to) for edge in kept)


@given(EDGES)
def test_nothing_is_dropped_that_closes_no_circle(edges: list[Edge]):
    forward = [edge for edge in edges if edge.source < edge.to]

    assert len(acyclic(forward)) == len(forward)


def test_the_weakest_edge_of_a_circle_is_dropped():
    strong, weak = Edge(0, 1, "CONDITIONAL", 0.9), Edge(1, 0, "REFERENCE_CHAIN", 0.6)

    assert acyclic([weak, strong]) == [strong]


@given(EDGES)
def test_every_part_is_answered_once(edges: list[Edge]):
    assert sorted(answer_order(6, acyclic(edges))) == list(range(6))


def test_parts_that_need_nothing_keep_the_order_of_mention():
    assert answer_order(3, []) == [0, 1, 2]


def test_a_part_that_is_needed_comes_first_though_mentioned_last():
    assert answer_order(2, [Edge(1, 0, "LOGICAL_SEQUENCE", 1.0)]) == [1, 0]


def linked(text: str, bodies: list[int], odds: float) -> tuple[list[Edge], float]:
    """Link parts that begin at the given words, by a model that gives every pair the same log odds of an edge."""
    seen = read(text, TODAY, weights())
    ends = [*bodies[1:], len(seen.words)]
    parts = [Part(Clause(at, at, end), "KPI") for at, end in zip(bodies, ends, strict=True)]
    return link(seen, parts, LinearModel(("-", ">REFERENCE_CHAIN"), (0.0, odds), {}))


def test_the_more_pairs_may_be_linked_the_less_sure_it_is_that_none_is():
    text = "trx by region; share by month; calls by rep"

    two, three = (linked(text, bodies, -2.0) for bodies in ([0, 3], [0, 3, 6]))

    assert two[0] == three[0] == []
    assert three[1] == pytest.approx(two[1] ** 3)


def test_a_stated_edge_is_doubted_where_the_model_sees_none():
    text = "if samples worked, design a test"

    sure, doubted = (linked(text, [0, 3], odds) for odds in (4.0, -4.0))

    assert [edge.kind for edge in sure[0]] == [edge.kind for edge in doubted[0]] == ["CONDITIONAL"]
    assert doubted[1] < 0.05
    assert sure[1] > 0.95


def seen_together(text: str, second: int) -> dict[str, float]:
    """Return what is seen of two parts, the later beginning at a word."""
    seen = read(text, TODAY, weights())
    parts = [Part(Clause(0, 0, second), "SEGMENTATION"), Part(Clause(second, second, len(seen.words)), "KPI")]
    return pair_features(seen, parts, 0, 1)


def test_what_a_later_part_speaks_of_as_known_is_seen():
    known = seen_together("which territories tripped; show volume of the flagged territories", 3)
    unknown = seen_together("which territories tripped; show volume by month", 3)

    assert {"def=flagged", "head=territory", "pointed=True"} <= known.keys()
    assert not any(name.startswith(("def=", "head")) for name in unknown)
    assert "pointed=False" in unknown


def test_a_query_that_says_its_parts_are_apart_is_seen_as_such():
    assert "apart=True" in seen_together("who responds; TRx by state, unrelated", 2)
    assert "apart=False" in seen_together("who responds; TRx by state", 2)


@pytest.mark.parametrize(
    ("text", "second", "linked_up"),
    [
        ("who responds; on another subject trx by state", 2, False),
        ("who responds; as a wholly separate request trx by state", 2, False),
        ("who responds; separately trx of those", 2, True),
        ("who responds; trx by state", 2, True),
    ],
)
def test_a_part_that_opens_as_a_matter_of_its_own_needs_nothing_before_it(text: str, second: int, linked_up: bool):
    found, _ = linked(text, [0, second], 4.0)

    assert bool(found) is linked_up
