"""Classify with memory: the same question in the same circumstances is answered from the log."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from e2i_shared.classifier.classify import classify
from e2i_shared.classifier.text import normalise
from e2i_shared.classifier.weights import weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from e2i_shared.api.classification import Classification, ClassifyRequest
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.classifier.repository import ClassificationRepository
    from e2i_shared.classifier.second_opinion import SecondOpinion
    from e2i_shared.datasets.repository import CatalogueRepository

MAX_AGE_HOURS = 24


def _now() -> datetime:
    return datetime.now(UTC)


def classify_and_store(
    request: ClassifyRequest,
    repository: ClassificationRepository,
    catalogue: CatalogueRepository,
    *,
    user_id: str | None = None,
    second_opinion: SecondOpinion | None = None,
    clock: Callable[[], datetime] = _now,
) -> Classification:
    """Return the stored classification of the same question if it is younger than 24 hours, else classify and store.

    Raises
    ------
    UnknownDatasetError
        The request names a data set that the catalogue does not hold; carries the nearest names.
    """
    begun, today = time.perf_counter(), clock().date()
    datasets = [catalogue.find(request.dataset)] if request.dataset else list(catalogue.all())
    turns = list(repository.session_turns(request.session_id)) if request.session_id else []
    key = query_hash(request, datasets, turns, today.isoformat())
    known = repository.cached(key, MAX_AGE_HOURS)
    if known:
        elapsed = round(1000 * (time.perf_counter() - begun), 3)
        return known.model_copy(update={"cached": True, "latency_ms": {"cache": elapsed, "total": elapsed}})
    found = classify(request, datasets, turns, second_opinion, today=today)
    repository.save(found, key, request.session_id, user_id)
    return found


def query_hash(
    request: ClassifyRequest, datasets: Sequence[Dataset], turns: Sequence[Classification], today: str
) -> str:
    """Return the SHA-256 of the normalised question and of all that its answer depends on.

    That is: the session (which must remember the question as its own) and its earlier questions, the data sets' versions and
    columns' names, the trained weights, and the day (periods are resolved from it).
    """
    columns = [[d.dataset_id, d.version, [[c.name, c.role, c.synonyms] for c in d.columns]] for d in datasets]
    context = [normalise(turn.query) for turn in turns] or [normalise(query) for query in request.context]
    parts = [normalise(request.query), context, request.session_id, request.dataset, columns, weights().version, today]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()
