"""entity_twins and their versions: append-only, one row per version."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from e2i_shared.db import outbox
from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository
from e2i_shared.errors import ConflictError
from e2i_shared.twins.entity import Event, Version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.db.connection import Connection, Database


class PostgresEntities(Repository):
    """EntityTwins over Postgres. Of an entity's name only a digest is kept."""

    def open(self, model_id: str, twin_type: str, entity: str) -> tuple[str, PostgresVersions]:
        """Return the entity's twin id under a model (made when it is new) and where its versions are kept."""
        token = token_of(self._tenant_id, model_id, entity)
        row = self._row(query("entities", "open"), model_id=model_id, twin_type=twin_type, token=token) or {}
        twin_id = str(row["entity_twin_id"])
        return twin_id, PostgresVersions(self._database, self._tenant_id, model_id)

    def find(self, entity_twin_id: str) -> tuple[str, PostgresVersions] | None:
        """Return the model's id and the versions of an entity's twin; None where there is none."""
        row = self._row(query("entities", "find"), entity_twin_id=entity_twin_id)
        if row is None:
            return None
        return row["model_id"], PostgresVersions(self._database, self._tenant_id, row["model_id"])


class PostgresVersions(Repository):
    """An EntityStore; each new version is announced in the transaction that keeps it."""

    def __init__(self, database: Database, tenant_id: str, model_id: str) -> None:
        super().__init__(database, tenant_id)
        self._model_id = model_id

    def history(self, entity_id: str) -> Sequence[Version]:
        """Return all versions, oldest first."""
        return [_version(row) for row in self._rows(query("entities", "history"), entity_twin_id=entity_id)]

    def append(self, version: Version) -> None:
        """Keep a version; raise ConflictError where one of that number exists."""

        def work(connection: Connection) -> None:
            if connection.execute(query("entities", "append"), _values(version)).fetchone() is None:
                raise came_second(version)
            named = {"entity_twin_id": version.entity_id, "version": version.version}
            connection.execute(query("entities", "current"), named)
            payload = {"twin_id": version.entity_id, "model_id": self._model_id, "version": version.version}
            outbox.append(connection, "twin.updated", payload)

        self._run(work)


def token_of(tenant_id: str, model_id: str, entity: str) -> str:
    """Return what stands for an entity's name."""
    return hashlib.sha256(f"{tenant_id}\n{model_id}\n{entity}".encode("utf-8", "surrogatepass")).hexdigest()


def came_second(version: Version) -> ConflictError:
    """Return the error for an update that another one overtook."""
    return ConflictError(
        f"Version {version.version} of this twin was written by somebody else.",
        field="event_id",
        got=version.caused_by,
        hint="Send the event again.",
    )


def _values(version: Version) -> dict[str, Any]:
    event = {
        "events": [
            {"event_id": e.event_id, "kind": e.kind, "at": e.at.isoformat(), "values": dict(e.values)}
            for e in version.events
        ],
        "valid_at": version.valid_at.isoformat(),
        "caused_by": version.caused_by,
        "digest": version.digest,
    }
    return {
        "entity_twin_id": version.entity_id,
        "version": version.version,
        "event_id": version.caused_by,
        "event": Jsonb(event),
        "state": Jsonb(dict(version.state)),
        "predictions": Jsonb(dict(version.predictions)),
        "valid_from": version.recorded_at,
    }


def _version(row: Mapping[str, Any]) -> Version:
    event = row["event"]
    return Version(
        entity_id=str(row["entity_twin_id"]),
        version=row["version"],
        state=row["state"],
        predictions=row["predictions"],
        events=tuple(
            Event(e["event_id"], e["kind"], datetime.fromisoformat(e["at"]), e["values"]) for e in event["events"]
        ),
        valid_at=datetime.fromisoformat(event["valid_at"]),
        recorded_at=row["valid_from"],
        digest=event["digest"],
        caused_by=event["caused_by"],
    )
