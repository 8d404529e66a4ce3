"""Past compositions of a tenant, as tools may read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.api.composition import CompositionStatus

if TYPE_CHECKING:
    from e2i_shared.composer.model import CompositionRepository, StepRecord
    from e2i_shared.tools._records import PastComposition, PastStep


@dataclass(frozen=True, slots=True)
class StoredRecords:
    """Records over a tenant's compositions; ``asking`` is the composition in which the tool runs, itself never the latest."""

    compositions: CompositionRepository
    asking: str | None = None

    def composition(self, composition_id: str) -> PastComposition:
        """Return one; raise NotFoundError."""
        from e2i_shared.tools._records import PastComposition

        record = self.compositions.get(composition_id)
        return PastComposition(
            composition_id=record.composition_id,
            query=record.query,
            status=record.status.value,
            created_at=record.created_at,
            answer=record.answer,
            missing=record.missing,
            error=record.error_message,
            dataset=record.plan.dataset if record.plan else record.dataset,
            steps=[_step(each) for each in self.compositions.steps(composition_id)],
        )

    def latest(self, session_id: str | None = None) -> PastComposition | None:
        """Return the newest completed composition of the session named, else of the asking one's session, else of all."""
        from e2i_shared.composer.model import CompositionQuery

        session = session_id or (self.compositions.get(self.asking).session_id if self.asking else None)
        query = CompositionQuery(status=CompositionStatus.COMPLETED, session_id=session, limit=1)
        found = self.compositions.list(query).items
        return self.composition(found[0].composition_id) if found else None


def _step(record: StepRecord) -> PastStep:
    from e2i_shared.tools._records import PastStep

    return PastStep(
        number=record.step.step_number,
        tool=record.step.tool,
        serves=record.step.serves,
        status=record.status.value,
        output=record.output,
        error=record.error_message,
    )
