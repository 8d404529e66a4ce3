"""Cohorts in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared import paging
from e2i_shared.api.cohorts import Cohort
from e2i_shared.db.cohorts import position, summary, unknown_cohort
from e2i_shared.ids import new_id
from e2i_shared.testing.clock import FixedClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.cohorts import CohortDefinition, CohortQuery, CohortStep, CohortSummary
    from e2i_shared.api.common import Page


class FakeCohorts:
    """A Cohorts repository in memory."""

    def __init__(self, clock: FixedClock | None = None) -> None:
        self._clock = clock or FixedClock()
        self._versions: dict[str, list[Cohort]] = {}

    def save(self, name: str, definition: CohortDefinition, steps: Sequence[CohortStep], user: str | None) -> Cohort:
        """Store the next version, or return the newest where its hash is the same."""
        versions = self._versions.setdefault(name.lower(), [])
        if versions and versions[-1].definition.hash == definition.hash:
            return versions[-1]
        stored = Cohort(
            cohort_id=new_id(),
            name=name,
            version=len(versions) + 1,
            definition=definition,
            steps=list(steps),
            created_by=user,
            created_at=self._clock().isoformat(),
        )
        versions.append(stored)
        return stored

    def get(self, name_or_id: str) -> Cohort:
        """Return one version by id, or the newest under a name; raise NotFoundError with the nearest names."""
        every = [cohort for versions in self._versions.values() for cohort in reversed(versions)]
        for cohort in every:
            if name_or_id.lower() in (cohort.cohort_id, cohort.name.lower()):
                return cohort
        raise unknown_cohort(name_or_id, sorted({cohort.name for cohort in every}))

    def list(self, query: CohortQuery) -> Page[CohortSummary]:
        """Return every version of one name, else the newest of each; newest first."""
        after = paging.decode(query.cursor)
        chosen = self._versions.get(query.name.lower(), []) if query.name else [v[-1] for v in self._versions.values()]
        found = sorted((summary(cohort) for cohort in chosen), key=position, reverse=True)
        found = [line for line in found if after is None or position(line) < after]
        return paging.page(found[: query.limit + 1], query.limit, position)
