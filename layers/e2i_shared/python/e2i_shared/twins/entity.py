"""The twin of one patient, HCP or territory, which evolves by events: each makes a new version, none is ever changed.

``create`` makes version 1 from a record, ``update`` applies an event to what the ``EntityStore`` holds and appends the next version;
``as_of`` reads any moment of the past, ``diff`` says what changed. State is the replay of all events in the order they happened, so
that one that arrives late lands where it belongs. Predictions come from the ``Predictor`` given (``neighbours.Neighbours`` over a
trained bundle). ``publish`` is called with each new version once it is stored.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from e2i_shared.errors import ConflictError, NotFoundError, UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    Value = float | str | bool | None
    State = Mapping[str, Value]

EventKind = Literal["set", "add", "remove"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at ``at``: ``set`` features to values, ``add`` amounts to them, or ``remove`` what is known of them."""

    event_id: str
    kind: EventKind
    at: datetime
    values: State


@dataclass(frozen=True, slots=True)
class Version:
    """One state of an entity's twin; ``events`` are all that led to it, in the order they happened, ``digest`` its content's SHA-256.

    ``valid_at`` is when the last of them happened, ``recorded_at`` when this version was made.
    """

    entity_id: str
    version: int
    state: State
    predictions: Mapping[str, float]
    events: tuple[Event, ...]
    valid_at: datetime
    recorded_at: datetime
    digest: str = ""
    caused_by: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One feature or prediction before and after."""

    name: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Difference:
    """What two versions do not share."""

    features: tuple[Change, ...] = ()
    predictions: tuple[Change, ...] = ()
    events: tuple[str, ...] = field(default=())


class EntityStore(Protocol):
    """Where versions are kept; never changed once appended."""

    def history(self, entity_id: str) -> Sequence[Version]:
        """Return all versions, oldest first; empty where the entity has no twin."""
        ...

    def append(self, version: Version) -> None:
        """Keep a version; raise ConflictError where one of that number exists."""
        ...


class Predictor(Protocol):
    """What is expected of an entity in a state."""

    def check(self, state: State) -> None:
        """Raise UnprocessableError where a feature or a value is unknown."""
        ...

    def predict(self, state: State) -> Mapping[str, float]:
        """Return expected outcome and effects by name."""
        ...


def create(
    entity_id: str,
    record: State,
    at: datetime,
    *,
    store: EntityStore,
    predictor: Predictor,
    publish: Callable[[Version], None] = lambda _version: None,
) -> Version:
    """Make the first version from a record; raise ConflictError where the entity has a twin already."""
    if store.history(entity_id):
        raise ConflictError(
            f"{entity_id!r} has a twin already.", field="entity_id", got=entity_id, hint="Send events to update it."
        )
    first = Event("created", "set", at, dict(record))
    return _kept(entity_id, (first,), 1, at, first.event_id, store, predictor, publish)


def update(
    entity_id: str,
    event: Event,
    now: datetime,
    *,
    store: EntityStore,
    predictor: Predictor,
    publish: Callable[[Version], None] = lambda _version: None,
) -> Version:
    """Append the version that follows from ``event``; the same event again changes nothing and returns its version.

    Raises NotFoundError for an unknown entity, UnprocessableError for an event before its creation or an unknown feature,
    ConflictError for another event of the same id, or when another update came first (read again and retry).
    """
    history = _known(entity_id, store)
    for version in history:
        same = next((e for e in version.events if e.event_id == event.event_id), None)
        if same == event:
            return version
        if same is not None:
            raise ConflictError(
                f"Event {event.event_id!r} was recorded with other content.", field="event_id", got=event.event_id
            )
    latest = history[-1]
    if event.at < latest.events[0].at:
        raise UnprocessableError(
            f"Event {event.event_id!r} happened before the twin of {entity_id!r} was created.",
            field="at",
            expected=f"{latest.events[0].at.isoformat()} or later",
            got=event.at.isoformat(),
        )
    # The creation stays first, whatever else happened at the same moment.
    later = sorted([*latest.events[1:], event], key=lambda e: (e.at, e.event_id))
    events = (latest.events[0], *later)
    return _kept(entity_id, events, latest.version + 1, now, event.event_id, store, predictor, publish)


def as_of(entity_id: str, at: datetime, *, store: EntityStore) -> Version:
    """Return the version that was current at ``at``, by when it was recorded; raise NotFoundError before the first."""
    known = [v for v in _known(entity_id, store) if v.recorded_at <= at]
    if not known:
        raise NotFoundError(f"{entity_id!r} had no twin at {at.isoformat()}.", field="as_of", got=at.isoformat())
    return known[-1]


def state_at(version: Version, at: datetime) -> State:
    """Return what was true at ``at`` by everything this version knows, late events included."""
    return reduced([e for e in version.events if e.at <= at])


def diff(before: Version, after: Version) -> Difference:
    """Return features and predictions that differ, by name, and the events that only one of the versions knows."""
    known = {e.event_id for e in before.events} ^ {e.event_id for e in after.events}
    return Difference(
        _changes(before.state, after.state), _changes(before.predictions, after.predictions), tuple(sorted(known))
    )


def reduced(events: Sequence[Event]) -> State:
    """Return the state after ``events`` in their order; raise UnprocessableError where an amount is added to no number."""
    state: dict[str, Value] = {}
    for event in events:
        for name, value in event.values.items():
            if event.kind == "remove":
                state.pop(name, None)
            elif event.kind == "set":
                state[name] = value
            else:
                state[name] = _sum(name, state.get(name), value)
    return state


def _sum(name: str, held: Value, more: Value) -> float:
    parts = [0.0 if held is None else held, more]
    if any(isinstance(p, str | bool) or p is None for p in parts):
        raise UnprocessableError(
            f"An amount cannot be added to {name!r}: {held!r} + {more!r}.",
            field=f"values.{name}",
            expected="numbers",
            got=repr(more),
            hint="Use an event of kind set.",
        )
    return sum(float(p) for p in parts if p is not None)


def _known(entity_id: str, store: EntityStore) -> Sequence[Version]:
    history = store.history(entity_id)
    if not history:
        raise NotFoundError(f"There is no twin of {entity_id!r}.", field="entity_id", got=entity_id)
    return history


def _kept(
    entity_id: str,
    events: tuple[Event, ...],
    number: int,
    now: datetime,
    cause: str,
    store: EntityStore,
    predictor: Predictor,
    publish: Callable[[Version], None],
) -> Version:
    state = reduced(events)
    predictor.check(state)
    made = Version(entity_id, number, state, predictor.predict(state), events, events[-1].at, now, caused_by=cause)
    made = replace(made, digest=_digest(made))
    store.append(made)
    publish(made)
    return made


def _digest(version: Version) -> str:
    content = [
        version.entity_id,
        version.version,
        dict(version.state),
        [(e.event_id, e.kind, e.at.isoformat(), dict(e.values)) for e in version.events],
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _changes(before: State, after: State) -> tuple[Change, ...]:
    names = sorted({*before, *after})
    return tuple(Change(n, before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n))
