"""Twins of single entities: immutable versions, late events, reads of the past, differences, and conflicts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from e2i_shared.errors import (
    ConflictError,
    NotFoundError,
    UnknownColumnError,
    UnknownValueError,
    UnprocessableError,
)
from e2i_shared.twins import entity
from e2i_shared.twins.entity import Event, Version
from e2i_shared.twins.neighbours import Neighbours

START = datetime(2026, 1, 1, tzinfo=UTC)
RECORD = {"decile": 5.0, "specialty": "Oncology", "visits": 2.0}


class Versions:
    """An EntityStore in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, list[Version]] = {}

    def history(self, entity_id: str) -> list[Version]:
        return list(self.kept.get(entity_id, []))

    def append(self, version: Version) -> None:
        known = self.kept.setdefault(version.entity_id, [])
        if len(known) + 1 != version.version:
            raise ConflictError("taken", field="version", got=str(version.version))
        known.append(version)


class Sum:
    """A Predictor that adds up numbers."""

    def check(self, state):
        if "colour" in state:
            raise UnknownColumnError("no colour", field="values.colour", got="colour")

    def predict(self, state):
        return {"sum": float(sum(v for v in state.values() if isinstance(v, float)))}


def at(days):
    return START + timedelta(days=days)


def event(name, kind="add", days=1.0, **values: Any) -> Event:
    return Event(name, kind, at(days), values or {"visits": 1.0})


@pytest.fixture
def store() -> Versions:
    return Versions()


@pytest.fixture
def published() -> list[Version]:
    return []


@pytest.fixture
def twin(store, published):
    entity.create("hcp-1", RECORD, START, store=store, predictor=Sum(), publish=published.append)

    def send(happened, now=None) -> Version:
        return entity.update(
            "hcp-1", happened, now or happened.at, store=store, predictor=Sum(), publish=published.append
        )

    return send


def test_a_record_becomes_version_one_with_its_prediction(store, twin):
    first = store.history("hcp-1")[0]

    assert first.version == 1
    assert first.state == RECORD
    assert first.predictions == {"sum": 7.0}
    assert len(first.digest) == 64


def test_a_second_twin_of_the_same_entity_is_refused(store, twin):
    with pytest.raises(ConflictError, match="has a twin already"):
        entity.create("hcp-1", RECORD, START, store=store, predictor=Sum())


def test_each_event_makes_a_new_version_and_leaves_the_old_one(store, twin):
    second = twin(event("e1"))
    third = twin(event("e2", "set", 2, decile=9.0))

    assert (second.version, third.version) == (2, 3)
    assert second.state["visits"] == 3.0
    assert third.state == {"decile": 9.0, "specialty": "Oncology", "visits": 3.0}
    assert third.predictions == {"sum": 12.0}
    assert store.history("hcp-1")[0].state == RECORD


def test_versions_cannot_be_changed(twin):
    version = twin(event("e1"))

    with pytest.raises(AttributeError):
        version.version = 7


def test_each_version_is_published_once_it_is_kept(store, twin, published):
    twin(event("e1"))

    assert [v.version for v in published] == [1, 2]
    assert published == store.history("hcp-1")


def test_an_event_can_be_removed_knowledge(twin):
    assert "visits" not in twin(event("e1", "remove", visits=None)).state


def test_the_same_event_again_changes_nothing(store, twin):
    first = twin(event("e1"))
    twin(event("e2", days=2))
    again = twin(event("e1"))

    assert again == first
    assert len(store.history("hcp-1")) == 3


def test_another_event_under_a_known_id_is_refused(twin):
    twin(event("e1"))

    with pytest.raises(ConflictError, match="other content"):
        twin(event("e1", visits=5.0))


def test_a_late_event_lands_where_it_happened(twin):
    twin(event("fix", "set", 10, visits=100.0))
    late = twin(event("late", "add", 5, visits=7.0), now=at(11))

    assert late.state["visits"] == 100.0
    assert [e.event_id for e in late.events] == ["created", "late", "fix"]
    assert entity.state_at(late, at(6))["visits"] == 9.0
    assert late.valid_at == at(10)


def test_events_in_any_order_end_in_the_same_state():
    events = [event("a", "add", 3, visits=2.0), event("b", "set", 2, visits=10.0), event("c", "add", 4, decile=1.0)]
    ends = []
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        store = Versions()
        entity.create("x", RECORD, START, store=store, predictor=Sum())
        for j in order:
            last = entity.update("x", events[j], at(9), store=store, predictor=Sum())
        ends.append(last.state)

    assert ends[0] == ends[1] == ends[2]
    assert ends[0]["visits"] == 12.0


def test_an_event_before_the_creation_is_refused(twin):
    with pytest.raises(UnprocessableError, match="before the twin"):
        twin(event("early", days=-1))


def test_the_past_reads_as_it_was_known_then(store, twin):
    twin(event("e1", days=1))
    twin(event("late", days=0.5, visits=50.0), now=at(3))

    assert entity.as_of("hcp-1", at(2), store=store).state["visits"] == 3.0
    assert entity.as_of("hcp-1", at(4), store=store).state["visits"] == 53.0
    assert entity.as_of("hcp-1", START, store=store).version == 1
    with pytest.raises(NotFoundError, match="had no twin at"):
        entity.as_of("hcp-1", at(-1), store=store)


def test_an_unknown_entity_is_not_found(store):
    with pytest.raises(NotFoundError):
        entity.update("nobody", event("e"), START, store=store, predictor=Sum())
    with pytest.raises(NotFoundError):
        entity.as_of("nobody", START, store=store)


def test_the_difference_names_what_changed(store, twin):
    twin(event("e1", "set", 1, decile=6.0, visits=2.0))
    one, two = store.history("hcp-1")
    found = entity.diff(one, two)

    assert [(c.name, c.before, c.after) for c in found.features] == [("decile", 5.0, 6.0)]
    assert [(c.name, c.before, c.after) for c in found.predictions] == [("sum", 7.0, 8.0)]
    assert found.events == ("e1",)
    assert entity.diff(one, one) == entity.Difference()


def test_an_amount_is_not_added_to_a_word(twin):
    with pytest.raises(UnprocessableError, match="cannot be added to 'specialty'") as caught:
        twin(event("e1", specialty=3.0))

    assert caught.value.field == "values.specialty"


def test_an_amount_added_to_nothing_known_starts_from_zero(twin):
    assert twin(event("e1", calls=4.0)).state["calls"] == 4.0


def test_a_refused_event_leaves_no_version(store, twin, published):
    with pytest.raises(UnknownColumnError):
        twin(event("e1", "set", colour="red"))

    assert len(store.history("hcp-1")) == len(published) == 1


def test_two_updates_at_once_conflict_instead_of_losing_one(store, twin):
    stale = store.history("hcp-1")
    twin(event("e1"))
    behind = Versions()
    behind.history = lambda _entity: stale  # type: ignore[method-assign]
    behind.append = store.append  # type: ignore[method-assign]

    with pytest.raises(ConflictError):
        entity.update("hcp-1", event("e2"), at(2), store=behind, predictor=Sum())


def test_other_content_has_another_digest(store, twin):
    twin(event("e1"))
    twin(event("e2", days=2))

    assert len({v.digest for v in store.history("hcp-1")}) == 3


def test_neighbours_expect_more_of_who_sells_more(request):
    predictor = Neighbours(request.getfixturevalue("trained").bundle)
    low = predictor.predict({"decile": 2.0, "visits": 0.0, "email": 0.0})
    high = predictor.predict({"decile": 9.0, "visits": 5.0, "email": 1.0})

    assert set(low) == {"sales", "effect of email", "effect of one more visits"}
    assert high["sales"] > low["sales"] + 2


def test_neighbours_expect_a_larger_effect_where_it_is_larger(trained):
    predictor = Neighbours(trained.bundle)
    oncology, primary = (predictor.predict({"specialty": s})["effect of email"] for s in ("Oncology", "Primary"))

    assert oncology > primary


def test_neighbours_refuse_what_they_do_not_know(trained):
    predictor = Neighbours(trained.bundle)

    with pytest.raises(UnknownColumnError) as column:
        predictor.check({"decil": 3.0})
    with pytest.raises(UnknownValueError) as value:
        predictor.check({"specialty": "Oncologist"})
    with pytest.raises(UnknownValueError, match="is a number"):
        predictor.check({"decile": "high"})
    assert column.value.candidates[0] == "decile"
    assert value.value.candidates[0] == "Oncology"
    predictor.check({"decile": None, "specialty": "Oncology", "email": True})
