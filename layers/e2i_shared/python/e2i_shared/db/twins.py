"""digital_twin_models: versions of trained twins, at most one active per name and brand."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from e2i_shared import paging
from e2i_shared.db import outbox
from e2i_shared.db.jobs import status_of
from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository, iso, iso_or_none, known_id, not_found
from e2i_shared.errors import NotFoundError
from e2i_shared.twins.model import Twin, TwinQuery, TwinSummary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.common import Json, Page
    from e2i_shared.db.connection import Connection


class PostgresTwins(Repository):
    """TwinModels over Postgres."""

    def get(self, twin_id: str) -> Twin:
        """Return a version that was not deleted; raise NotFoundError."""
        row = self._row(query("twins", "get"), model_id=known_id(twin_id, "twin"))
        if row is None:
            raise not_found("twin", twin_id)
        return twin_of(row)

    def list(self, query: TwinQuery) -> Page[TwinSummary]:
        """Return versions, newest first."""
        after = paging.decode(query.cursor)
        rows = self._rows(
            _LIST,
            **query.model_dump(include={"name", "brand", "twin_type", "active"}),
            after_time=after and after.moment,
            after_id=after and after.identity,
            limit=query.limit + 1,
        )
        return paging.page([summary(twin_of(row)) for row in rows], query.limit, position)

    def active(self, brand: str, twin_type: str | None, name: str | None) -> Twin:
        """Return the active twin of a brand, the newest where there are several; raise NotFoundError with those there are."""
        found = self.list(TwinQuery.model_validate(_active(brand, twin_type, name))).items
        if not found:
            raise no_active(brand, [f"{row['brand']}: {row['model_name']}" for row in self._rows(_NAMES)])
        return self.get(found[0].twin_id)

    def delete(self, twin_id: str, user: str | None) -> None:
        """Hide a version and deactivate it; raise NotFoundError."""
        reason = f"Deleted by {user}." if user else "Deleted."
        if self._row(query("twins", "delete"), model_id=known_id(twin_id, "twin"), reason=reason) is None:
            raise not_found("twin", twin_id)

    def record_fidelity(self, twin_id: str, score: float, count: int, found: Json, event: str | None = None) -> None:
        """Keep what a check found; with ``event`` also write that topic to the outbox."""

        def work(connection: Connection) -> None:
            values = {"model_id": twin_id, "score": score, "count": count, "found": Jsonb(found)}
            if connection.execute(query("twins", "record_fidelity"), values).fetchone() and event:
                outbox.append(connection, event, {"twin_id": twin_id, "score": score, **found.get("alert", {})})

        self._run(work)

    def record_run(self, twin_id: str, run_id: str | None, uri: str | None, pending: str | None) -> None:
        """Keep where the experiment log has the training, or why it has not."""
        self._do(query("twins", "record_run"), model_id=twin_id, run_id=run_id, uri=uri, pending=pending)

    def activate(self, twin_id: str, reason: str) -> None:
        """Make a version the active one of its name and brand; ``reason`` is why the others are not any more."""

        def work(connection: Connection) -> None:
            values = {"model_id": known_id(twin_id, "twin"), "reason": reason}
            connection.execute(query("jobs", "lock_name_of"), values)
            connection.execute(query("jobs", "deactivate_others"), values)
            if connection.execute(query("twins", "activate"), values).fetchone() is None:
                raise not_found("twin", twin_id)

        self._run(work)


_LIST = query("twins", "list")
_NAMES = query("twins", "active_names")


def _active(brand: str, twin_type: str | None, name: str | None) -> dict[str, Any]:
    return {"brand": brand, "twin_type": twin_type, "name": name, "active": True, "limit": 1}


def no_active(brand: str, known: Sequence[str]) -> NotFoundError:
    """Return the error for a brand without a twin."""
    return NotFoundError(
        f"There is no active twin of the brand {brand[:100]!r}.",
        field="brand",
        got=brand[:100],
        candidates=known,
        hint="POST /digital-twins/generate trains one.",
    )


def position(line: TwinSummary) -> paging.Position:
    """Return where a line stands in the list."""
    return paging.Position(datetime.fromisoformat(line.created_at), line.twin_id)


def summary(twin: Twin) -> TwinSummary:
    """Return a twin's line of the list."""
    return TwinSummary(**{name: getattr(twin, name) for name in TwinSummary.model_fields})


def twin_of(row: Mapping[str, Any]) -> Twin:
    """Return a row as a twin."""
    asked = row["training_config"]
    return Twin(
        twin_id=str(row["model_id"]),
        name=row["model_name"],
        brand=row["brand"],
        twin_type=row["twin_type"],
        version=row["model_version"],
        status="COMPLETED"
        if row["bundle_digest"]
        else status_of(row["job_status"] or "failed", row["job_phase"] or ""),
        active=row["is_active"],
        outcome=asked["outcome"],
        interventions=asked["interventions"],
        fidelity_score=row["fidelity_score"],
        fidelity_grade=row["fidelity"].get("grade", "unvalidated"),
        fidelity_sample_count=row["fidelity_sample_count"],
        created_at=iso(row["created_at"]),
        job_id=str(row["job_id"]) if row["job_id"] else None,
        description=row["model_description"],
        geographic_scope=row["geographic_scope"],
        dataset=asked["dataset"],
        features=row["feature_columns"],
        training_config=asked,
        metrics=row["performance_metrics"],
        figures=row["figures"],
        warnings=row["warnings"],
        fidelity=row["fidelity"],
        last_fidelity_update=iso_or_none(row["last_fidelity_update"]),
        model_hash=row["bundle_digest"],
        bundle_key=row["bundle_key"],
        mlflow_run_id=row["mlflow_run_id"],
        mlflow_model_uri=row["mlflow_model_uri"],
        mlflow_pending=row["mlflow_pending"],
        deactivation_reason=row["deactivation_reason"],
        created_by=row["created_by"],
    )
