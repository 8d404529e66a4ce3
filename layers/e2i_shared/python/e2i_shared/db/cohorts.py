"""cohorts: saved criteria with their counts; the same name with other criteria makes the next version."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from e2i_shared import paging
from e2i_shared.api.cohorts import Cohort, CohortDefinition, CohortStep, CohortSummary
from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository, iso, json_of
from e2i_shared.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.cohorts import CohortQuery
    from e2i_shared.api.common import Page
    from e2i_shared.db.connection import Connection


class PostgresCohorts(Repository):
    """A Cohorts repository over Postgres. A name is the same whatever its case."""

    def save(self, name: str, definition: CohortDefinition, steps: Sequence[CohortStep], user: str | None) -> Cohort:
        """Store the next version, or return the newest where its hash is the same."""

        def work(connection: Connection) -> Cohort:
            connection.execute(query("cohorts", "lock_name"), {"name": name})
            newest = connection.execute(query("cohorts", "newest"), {"name": name}).fetchone()
            if newest is not None and newest["criteria"]["hash"] == definition.hash:
                return _cohort(newest)
            version = 1 if newest is None else newest["version"] + 1
            row = connection.execute(query("cohorts", "insert"), _values(name, version, definition, steps, user))
            return _cohort(row.fetchone() or {})

        return self._run(work)

    def get(self, name_or_id: str) -> Cohort:
        """Return one version by id, or the newest under a name; raise NotFoundError with the nearest names."""
        values = {"cohort_id": _uuid_or_none(name_or_id), "name": name_or_id}
        row = self._row(query("cohorts", "get"), **values)
        if row is None:
            raise unknown_cohort(name_or_id, [each["name"] for each in self._rows(query("cohorts", "names"))])
        return _cohort(row)

    def list(self, query: CohortQuery) -> Page[CohortSummary]:
        """Return every version of one name, else the newest of each; newest first."""
        after = paging.decode(query.cursor)
        rows = self._rows(
            _LIST,
            name=query.name,
            after_time=after and after.moment,
            after_id=after and after.identity,
            limit=query.limit + 1,
        )
        return paging.page([summary(_cohort(row)) for row in rows], query.limit, position)


_LIST = query("cohorts", "list")


def unknown_cohort(wanted: str, names: Sequence[str]) -> NotFoundError:
    """Return the error for a cohort the tenant does not have."""
    from e2i_shared.datasets.filters import nearest

    return NotFoundError(
        f"There is no cohort {wanted[:100]!r}.",
        field="cohort_id",
        got=wanted[:100],
        candidates=nearest(wanted[:100], names),
        hint="GET /cohorts lists them.",
    )


def summary(cohort: Cohort) -> CohortSummary:
    """Return a cohort's line of the list."""
    return CohortSummary(
        cohort_id=cohort.cohort_id,
        name=cohort.name,
        version=cohort.version,
        dataset=cohort.definition.dataset,
        unit=cohort.definition.unit,
        size=cohort.definition.size,
        created_at=cohort.created_at,
    )


def position(line: CohortSummary) -> paging.Position:
    """Return where a line stands in the list."""
    return paging.Position(datetime.fromisoformat(line.created_at), line.cohort_id)


def _values(
    name: str, version: int, definition: CohortDefinition, steps: Sequence[CohortStep], user: str | None
) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "dataset_id": definition.dataset_id,
        "dataset_version": definition.dataset_version,
        "criteria": Jsonb(definition.model_dump(mode="json")),
        "counts": json_of([*steps]),
        "size": definition.size,
        "created_by": user,
    }


def _cohort(row: Mapping[str, Any]) -> Cohort:
    return Cohort(
        cohort_id=str(row["cohort_id"]),
        name=row["name"],
        version=row["version"],
        definition=CohortDefinition.model_validate(row["criteria"]),
        steps=[CohortStep.model_validate(step) for step in row["counts"]],
        created_by=row["created_by"],
        created_at=iso(row["created_at"]),
    )


def _uuid_or_none(text: str) -> str | None:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
