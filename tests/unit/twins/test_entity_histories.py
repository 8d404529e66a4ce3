"""Histories of one entity's twin: any order of events, reads of any moment, conflicts, and what may never change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from e2i_shared.errors import ConflictError, NotFoundError, UnprocessableError
from e2i_shared.twins import entity
from e2i_shared.twins.entity import Event, Version
from hypothesis import given, settings
from hypothesis import strategies as st

START = datetime(2026, 1, 1, tzinfo=UTC)


class Versions:
    """An EntityStore in memory; ``stale`` versions are hidden from readers, as from one who read earlier."""

    def __init__(self) -> None:
        self.kept: list[Version] = []
        self.stale = 0

    def history(self, entity_id: str) -> list[Version]:
        found = [v for v in self.kept if v.entity_id == entity_id]
        return found[: len(found) - self.stale]

    def append(self, version: Version) -> None:
        if any((v.entity_id, v.version) == (version.entity_id, version.version) for v in self.kept):
            raise ConflictError("taken", field="version", got=str(version.version))
        self.kept.append(version)


class Sum:
    """A Predictor that adds up numbers."""

    def check(self, state):
        del state

    def predict(self, state):
        return {"sum": float(sum(v for v in state.values() if isinstance(v, int | float)))}


def at(days):
    return START + timedelta(days=days)


def started(store=None, **record: float | str):
    store = store or Versions()
    entity.create("e", record or {"visits": 2.0}, START, store=store, predictor=Sum())
    return store


def send(store, event, now=None):
    return entity.update("e", event, now or event.at, store=store, predictor=Sum())


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["set", "add", "remove"]),
        st.integers(0, 20),
        st.sampled_from(["visits", "calls"]),
        st.integers(-5, 5).map(float),
    ),
    max_size=6,
)


@given(made=EVENTS, seed=st.randoms())
@settings(max_examples=60)
def test_events_in_any_order_of_arrival_end_in_the_same_state(made, seed):
    events = [Event(f"e{j}", kind, at(day), {name: value}) for j, (kind, day, name, value) in enumerate(made)]
    shuffled = list(events)
    seed.shuffle(shuffled)
    one, other = started(), started()
    for event in events:
        send(one, event, at(100))
    for event in shuffled:
        send(other, event, at(100))

    assert one.history("e")[-1].state == other.history("e")[-1].state
    assert one.history("e")[-1].predictions == other.history("e")[-1].predictions
    assert one.history("e")[-1].digest == other.history("e")[-1].digest


@given(made=EVENTS)
@settings(max_examples=40)
def test_no_version_ever_changes_and_each_holds_one_event_more(made):
    store, seen = started(), []
    for j, (kind, day, name, value) in enumerate(made):
        seen.append(list(store.history("e")))
        send(store, Event(f"e{j}", kind, at(day), {name: value}), at(30 + j))
    history = store.history("e")

    assert [v.version for v in history] == list(range(1, len(made) + 2))
    assert [len(v.events) for v in history] == list(range(1, len(made) + 2))
    assert len({v.digest for v in history}) == len(history)
    for j, before in enumerate(seen):
        assert history[: j + 1] == before


@given(made=EVENTS, day=st.integers(0, 25))
@settings(max_examples=40)
def test_the_state_at_a_moment_is_that_of_the_events_until_then(made, day):
    store = started()
    events = [Event(f"e{j}", kind, at(d), {name: value}) for j, (kind, d, name, value) in enumerate(made)]
    for event in events:
        send(store, event, at(100))
    until = sorted((e for e in events if e.at <= at(day)), key=lambda e: (e.at, e.event_id))
    first = store.history("e")[0].events[0]

    assert entity.state_at(store.history("e")[-1], at(day)) == entity.reduced([first, *until])


def test_what_was_known_and_what_was_true_are_two_questions():
    store = started()
    send(store, Event("late", "add", at(1), {"visits": 3.0}), now=at(10))
    latest = store.history("e")[-1]

    assert entity.as_of("e", at(5), store=store).state == {"visits": 2.0}
    assert entity.state_at(latest, at(5)) == {"visits": 5.0}
    assert entity.state_at(latest, at(0.5)) == {"visits": 2.0}
    assert entity.as_of("e", at(10), store=store) == latest


def test_the_moment_of_recording_belongs_to_the_new_version_and_before_the_first_there_is_none():
    store = started()
    send(store, Event("one", "add", at(1), {"visits": 1.0}))
    instant = timedelta(microseconds=1)

    assert entity.as_of("e", at(1), store=store).version == 2
    assert entity.as_of("e", at(1) - instant, store=store).version == 1
    assert entity.as_of("e", START, store=store).version == 1
    with pytest.raises(NotFoundError, match="had no twin"):
        entity.as_of("e", START - instant, store=store)


def test_of_two_who_read_the_same_version_one_must_read_again():
    store = started()
    send(store, Event("mine", "add", at(1), {"visits": 1.0}))
    store.stale = 1

    with pytest.raises(ConflictError, match="taken"):
        send(store, Event("yours", "add", at(2), {"visits": 1.0}))
    store.stale = 0
    assert send(store, Event("yours", "add", at(2), {"visits": 1.0})).state == {"visits": 4.0}


def test_two_creations_at_once_leave_one():
    store = started()
    store.stale = 1

    with pytest.raises(ConflictError, match="taken"):
        entity.create("e", {}, START, store=store, predictor=Sum())


def test_the_same_event_again_returns_its_own_version_however_late():
    store = started()
    first = Event("one", "add", at(1), {"visits": 1.0})
    made = send(store, first)
    send(store, Event("two", "add", at(2), {"visits": 1.0}))

    assert send(store, first, at(50)) == made
    assert len(store.history("e")) == 3


@pytest.mark.parametrize(
    "other",
    [
        Event("one", "set", at(1), {"visits": 1.0}),
        Event("one", "add", at(2), {"visits": 1.0}),
        Event("one", "add", at(1), {"visits": 2.0}),
        Event("one", "add", at(1), {"visits": 1.0, "calls": 1.0}),
        Event("created", "add", at(1), {"visits": 1.0}),
    ],
)
def test_an_events_id_is_its_content(other):
    store = started()
    send(store, Event("one", "add", at(1), {"visits": 1.0}))

    with pytest.raises(ConflictError, match="other content"):
        send(store, other)
    assert len(store.history("e")) == 2


def test_an_event_at_the_moment_of_creation_comes_after_it_and_before_it_is_refused():
    store = started()

    assert send(store, Event("a", "set", START, {"visits": 9.0})).state == {"visits": 9.0}
    with pytest.raises(UnprocessableError, match="before the twin"):
        send(store, Event("b", "set", START - timedelta(seconds=1), {"visits": 1.0}))


def test_a_late_word_that_makes_a_later_sum_senseless_is_refused_and_leaves_nothing():
    store = started()
    send(store, Event("sum", "add", at(5), {"visits": 1.0}))

    with pytest.raises(UnprocessableError, match="cannot be added") as caught:
        send(store, Event("word", "set", at(3), {"visits": "many"}), at(6))
    assert caught.value.field == "values.visits"
    assert len(store.history("e")) == 2


@pytest.mark.parametrize("value", ["x", True, None])
def test_only_numbers_are_amounts(value):
    with pytest.raises(UnprocessableError, match="cannot be added"):
        send(started(), Event("x", "add", at(1), {"visits": value}))


def test_removed_knowledge_is_gone_and_may_come_back():
    store = started()
    gone = send(store, Event("gone", "remove", at(1), {"visits": None}))
    back = send(store, Event("back", "add", at(2), {"visits": 1.0}))

    assert gone.state == {}
    assert back.state == {"visits": 1.0}
    assert send(store, Event("twice", "remove", at(3), {"unknown": None})).state == {"visits": 1.0}


def test_differences_are_empty_to_oneself_and_turn_with_the_direction():
    store = started(visits=2.0, region="East")
    send(store, Event("one", "set", at(1), {"region": "West", "calls": 1.0}))
    first, second = store.history("e")
    there, back = entity.diff(first, second), entity.diff(second, first)

    assert entity.diff(first, first) == entity.Difference()
    assert [(c.name, c.before, c.after) for c in there.features] == [("calls", None, 1.0), ("region", "East", "West")]
    assert [(c.name, c.after, c.before) for c in back.features] == [("calls", None, 1.0), ("region", "East", "West")]
    assert there.events == back.events == ("one",)
    assert [(c.name, c.before, c.after) for c in there.predictions] == [("sum", 2.0, 3.0)]


def test_nothing_is_published_that_was_not_kept():
    store, published = started(), []
    send(store, Event("mine", "add", at(1), {"visits": 1.0}))
    store.stale = 1
    with pytest.raises(ConflictError):
        entity.update(
            "e",
            Event("yours", "add", at(2), {"visits": 1.0}),
            at(2),
            store=store,
            predictor=Sum(),
            publish=published.append,
        )

    assert published == []


def test_twins_of_two_entities_do_not_meet():
    store = started()
    entity.create("other", {"visits": 7.0}, START, store=store, predictor=Sum())
    send(store, Event("one", "add", at(1), {"visits": 1.0}))

    assert [v.state["visits"] for v in store.history("other")] == [7.0]
    assert store.history("e")[0].digest != store.history("other")[0].digest
