"""Twins and twins of single entities, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared import paging
from e2i_shared.db import entities, twins
from e2i_shared.db.repository import known_id, not_found
from e2i_shared.ids import new_id
from e2i_shared.twins.model import TwinQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json, Page
    from e2i_shared.testing.twin_rows import Held
    from e2i_shared.twins.entity import Version
    from e2i_shared.twins.model import Twin, TwinSummary


class FakeTwins:
    """TwinModels in memory."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def get(self, twin_id: str) -> Twin:
        """Return a version that was not deleted; raise NotFoundError."""
        known = known_id(twin_id, "twin")
        if known not in self._held.twins or known in self._held.deleted:
            raise not_found("twin", twin_id)
        return self._held.twins[known]

    def list(self, query: TwinQuery) -> Page[TwinSummary]:
        """Return versions, newest first."""
        after = paging.decode(query.cursor)
        known = [t for t in self._held.twins.values() if t.twin_id not in self._held.deleted and _fits(t, query)]
        lines = sorted((twins.summary(t) for t in known), key=twins.position, reverse=True)
        lines = [line for line in lines if after is None or twins.position(line) < after]
        return paging.page(lines[: query.limit + 1], query.limit, twins.position)

    def active(self, brand: str, twin_type: str | None, name: str | None) -> Twin:
        """Return the active twin of a brand; raise NotFoundError with those there are."""
        asked = {"brand": brand, "twin_type": twin_type, "name": name, "active": True, "limit": 1}
        found = self.list(TwinQuery.model_validate(asked)).items
        if not found:
            known = sorted({f"{t.brand}: {t.name}" for t in self._held.twins.values() if t.active})
            raise twins.no_active(brand, known)
        return self.get(found[0].twin_id)

    def delete(self, twin_id: str, user: str | None) -> None:
        """Hide a version and deactivate it; raise NotFoundError."""
        twin = self.get(twin_id)
        self._held.change(twin.twin_id, active=False, deactivation_reason=f"Deleted by {user}." if user else "Deleted.")
        self._held.deleted.add(twin.twin_id)

    def record_fidelity(self, twin_id: str, score: float, count: int, found: Json, event: str | None = None) -> None:
        """Keep what a check found; with ``event`` also write that topic to the outbox."""
        if twin_id in self._held.deleted:
            return
        changes = {"fidelity_score": score, "fidelity_sample_count": count, "fidelity": found}
        grade = found.get("grade", "unvalidated")
        self._held.change(twin_id, **changes, fidelity_grade=grade, last_fidelity_update=self._held.now())
        if event:
            self._held.outbox.append(event, {"twin_id": twin_id, "score": score, **found.get("alert", {})})

    def record_run(self, twin_id: str, run_id: str | None, uri: str | None, pending: str | None) -> None:
        """Keep where the experiment log has the training, or why it has not."""
        known = {"mlflow_run_id": run_id, "mlflow_model_uri": uri}
        given = {name: value for name, value in known.items() if value is not None}
        self._held.change(twin_id, mlflow_pending=pending, **given)

    def activate(self, twin_id: str, reason: str) -> None:
        """Make a version the active one of its name and brand."""
        twin = self.get(twin_id)
        if twin.model_hash is None:
            raise not_found("twin", twin_id)
        for other in [*self._held.twins.values()]:
            if (other.name, other.brand) == (twin.name, twin.brand) and other.active:
                self._held.change(other.twin_id, active=False, deactivation_reason=reason)
        self._held.change(twin.twin_id, active=True, deactivation_reason=None)


def _fits(twin: Twin, query: TwinQuery) -> bool:
    return (
        (query.name is None or twin.name == query.name)
        and (query.brand is None or twin.brand.lower() == query.brand.lower())
        and (query.twin_type is None or twin.twin_type == query.twin_type)
        and (query.active is None or twin.active == query.active)
    )


class FakeEntities:
    """EntityTwins in memory."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def open(self, model_id: str, _twin_type: str, entity: str) -> tuple[str, FakeVersions]:
        """Return the entity's twin id under a model and where its versions are kept."""
        token = entities.token_of("", model_id, entity)
        twin_id = self._held.tokens.setdefault(token, new_id())
        self._held.entities.setdefault(twin_id, (model_id, []))
        return twin_id, FakeVersions(self._held)

    def find(self, entity_twin_id: str) -> tuple[str, FakeVersions] | None:
        """Return the model's id and the versions of an entity's twin; None where there is none."""
        model_id, versions = self._held.entities.get(entity_twin_id, ("", []))
        return (model_id, FakeVersions(self._held)) if versions else None


class FakeVersions:
    """An EntityStore in memory."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def history(self, entity_id: str) -> Sequence[Version]:
        """Return all versions, oldest first."""
        return [*self._held.entities[entity_id][1]]

    def append(self, version: Version) -> None:
        """Keep a version; raise ConflictError where one of that number exists."""
        model_id, versions = self._held.entities[version.entity_id]
        if version.version <= len(versions):
            raise entities.came_second(version)
        versions.append(version)
        payload = {"twin_id": version.entity_id, "model_id": model_id, "version": version.version}
        self._held.outbox.append("twin.updated", payload)
