"""Twins of single entities: events make versions, versions are read back with what changed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from e2i_shared.errors import E2IError, MalformedRequestError
from e2i_shared.http import bundles, relaying
from e2i_shared.twins import entity as numerics
from e2i_shared.twins.model import EntityVersion, Versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.ports import Tenant
    from e2i_shared.twins.entity import EntityStore, Version
    from e2i_shared.twins.model import EntityEvent, VersionsQuery


def tell(tenant: Tenant, twin_id: str, event: EntityEvent) -> EntityVersion:
    """Make an entity's twin or its next version, tell subscribers, and return it.

    Raises
    ------
    NotFoundError
        For an unknown twin, or an event to an entity without one.
    ConflictError
        For a second creation, another event of the same id, or an update that another one overtook.
    UnprocessableError
        For an unknown feature or value, with candidates.
    """
    model_id, entity_id, store = _place(tenant, twin_id, event)
    predictor = _predictor(tenant, model_id)
    now = datetime.now(UTC)
    if event.kind == "create":
        made = numerics.create(entity_id, event.values, event.at or now, store=store, predictor=predictor)
    else:
        happened = numerics.Event(event.event_id, event.kind, event.at or now, event.values)
        made = numerics.update(
            entity_id, _again(store.history(entity_id), event, happened), now, store=store, predictor=predictor
        )
    with suppress(E2IError):  # a bus that is away gets it from the relay
        relaying.publish(tenant)
    history = store.history(entity_id)
    return view(made, model_id, history[made.version - 2] if made.version > 1 else None)


def _again(history: Sequence[Version], event: EntityEvent, happened: numerics.Event) -> numerics.Event:
    """Return the event as it was told before, where it came without a time: the time it is sent at is no part of it."""
    known = [e for e in (history[-1].events if history else ()) if e.event_id == event.event_id]
    if event.at is None and known:
        return numerics.Event(happened.event_id, happened.kind, known[0].at, happened.values)
    return happened


def _place(tenant: Tenant, twin_id: str, event: EntityEvent) -> tuple[str, str, EntityStore]:
    """Return the model, the entity's twin and its versions."""
    found = tenant.twins.entities.find(twin_id)
    if found is not None:
        return found[0], twin_id, found[1]
    twin = bundles.usable(tenant.twins.models.get(twin_id))
    if event.entity is None:
        raise MalformedRequestError(
            "The event does not say whom it is about.",
            field="entity",
            expected="a pseudonym of the entity, or its twin's id in the path",
        )
    entity_id, store = tenant.twins.entities.open(twin.twin_id, twin.twin_type, event.entity)
    return twin.twin_id, entity_id, store


def _predictor(tenant: Tenant, model_id: str) -> numerics.Predictor:
    from e2i_shared.twins.neighbours import Neighbours

    return Neighbours(bundles.load(tenant.twins.models.get(model_id)))


def versions(entity_id: str, model_id: str, store: EntityStore, query: VersionsQuery) -> Versions:
    """Return an entity's versions, newest first; with ``as_of`` the one that was current then."""
    history = store.history(entity_id)
    if query.as_of is not None:
        moment = query.as_of if query.as_of.tzinfo else query.as_of.replace(tzinfo=UTC)
        history = history[: numerics.as_of(entity_id, moment, store=store).version]
        return Versions(items=[view(history[-1], model_id, history[-2] if len(history) > 1 else None)])
    before: list[Version | None] = [None, *history[:-1]]
    pairs = [view(version, model_id, earlier) for version, earlier in zip(history, before, strict=True)]
    return Versions(items=[*reversed(pairs)][: query.limit])


def view(version: Version, model_id: str, before: Version | None) -> EntityVersion:
    """Return a version with what differs from the one before."""
    changed = numerics.diff(before, version) if before else numerics.Difference()
    return EntityVersion(
        twin_id=version.entity_id,
        model_id=model_id,
        version=version.version,
        state=dict(version.state),
        predictions=dict(version.predictions),
        caused_by=version.caused_by,
        valid_at=version.valid_at.isoformat(),
        recorded_at=version.recorded_at.isoformat(),
        digest=version.digest,
        changes=[asdict(change) for change in (*changed.features, *changed.predictions)],
    )
