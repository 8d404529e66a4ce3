"""Outputs of steps that are too large for a row: kept in the object store, read as if they were in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.composer.model import StepRecord
    from e2i_shared.objects import Objects

LARGEST_INLINE = 200_000  # bytes of JSON
REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class StepOutputs:
    """Where one tenant's large outputs go; without an object store all stay in their rows."""

    tenant_id: str
    objects: Callable[[], Objects] | None

    def keep(self, composition_id: str, step_number: int, output: Json | None) -> tuple[Json | None, str | None]:
        """Return what goes into the row: the output, or the key under which it has been written to the object store."""
        if output is None or self.objects is None:
            return output, None
        body = json.dumps(output, ensure_ascii=False, allow_nan=False).encode()
        if len(body) <= LARGEST_INLINE:
            return output, None
        key = f"outputs/{self.tenant_id}/{composition_id}/{step_number}-{uuid4().hex}.json"
        self.objects().put(key, body)
        return None, key

    def whole(self, steps: Sequence[StepRecord]) -> Sequence[StepRecord]:
        """Return the steps with every output in place; raise NotFoundError for one that is gone."""
        return [self._whole(each) if each.output_ref else each for each in steps]

    def _whole(self, step: StepRecord) -> StepRecord:
        if self.objects is None or step.output_ref is None:
            return step
        return step.model_copy(update={"output": json.loads(_read(self.objects, step.output_ref))})


@lru_cache(maxsize=REMEMBERED)
def _read(objects: Callable[[], Objects], key: str) -> bytes:
    """Return an object's bytes; a key is written once, so what was read stays true."""
    with objects().open(key) as stream:
        return stream.read()
