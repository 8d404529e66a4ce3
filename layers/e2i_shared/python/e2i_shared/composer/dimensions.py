"""Which mentioned columns a question splits by: "by region", "which specialties", "age groups"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.classification import Domain
from e2i_shared.api.datasets import ColumnKind, ColumnRole

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.composer.mentions import Mention, Reading
    from e2i_shared.composer.model import DetailedSubQuestion
    from e2i_shared.composer.scope import Condition

MOST_SEGMENTS = 3
_MOST_LEVELS = 20
_BEFORE = re.compile(
    r"\b(?:by|per|across|each|every|which|what|between|among|different|individual|of the|whose|compare|rank|top|bottom|worst|best|weakest|strongest)\s+(?:the\s+|all\s+|our\s+|kinds? of\s+|types? of\s+|\d+\s+)*$",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"^[\s\-]*(?:groups?|bands?|buckets?|segments?|levels?|types?|tiers?|classes|categories|brackets?)\b", re.IGNORECASE
)
_AND = re.compile(r"^\s*(?:,|and|or|&|/|,\s*and|,\s*or)\s*$", re.IGNORECASE)
_SUBJECT = re.compile(
    r"^\W*(?:and\s+|but\s+)?(?:whether\s+|if\s+)?(?:do|does|did|are|is|will|would|can)\s+(?:the\s+)?$", re.IGNORECASE
)
_VERSUS = re.compile(r"\b(?:versus|vs\.?|compar\w*|than|differ\w*|between)(?:\s|$)", re.IGNORECASE)
_NUMERIC = {ColumnKind.NUMBER, ColumnKind.INTEGER}


def split_columns(reading: Reading) -> list[Mention]:
    """Return the column mentions the text splits or ranks by."""
    found: list[Mention] = []
    for mention in reading.columns:
        before, after = reading.text[: mention.start], reading.text[mention.end :]
        follows = found and _AND.match(reading.text[found[-1].end : mention.start])
        if _BEFORE.search(before) or _AFTER.match(after) or follows:
            found.append(mention)
    return found


def compared_values(
    question: DetailedSubQuestion, found: Sequence[Condition], splits: Sequence[Mention]
) -> tuple[list[Condition], list[Mention]]:
    """Turn values that are compared, not filtered by, into a split of their column.

    "Do oncologists respond more than allergists", "do academic HCPs respond differently", "the Northeast versus the South".
    """
    filters: list[Condition] = []
    dimensions = list(splits)
    for condition in found:
        mention, text = condition.used[0], question.text
        several = condition.filter.op == "in"
        subject = not splits and bool(_SUBJECT.search(text[: mention.start]))
        compares = question.domain == Domain.SEGMENTATION and (several or subject)
        versus = several and (question.domain == Domain.KPI or _is_versus(question))
        dimensions += [mention] if compares or versus else []
        filters += [] if compares else [condition]
    return filters, dimensions


def _is_versus(question: DetailedSubQuestion) -> bool:
    return question.domain == Domain.CAUSAL and bool(_VERSUS.search(question.text))


def default_segments(dataset: Dataset, taken: Collection[str]) -> list[str]:
    """Return the columns to look for heterogeneity in when the question names none: segments, else categories, else numbers."""
    usable = [c for c in dataset.columns if c.name not in taken and c.statistics.distinct > 1]
    segments = [c for c in usable if c.role == ColumnRole.SEGMENT and _readable(c)]
    covariates = [c for c in usable if c.role == ColumnRole.COVARIATE]
    categories = [c for c in covariates if c.kind in {ColumnKind.CATEGORY, ColumnKind.BOOLEAN} and _readable(c)]
    numbers = [c for c in covariates if c.kind in _NUMERIC]
    chosen = segments or [*categories, *numbers]
    return [c.name for c in chosen[:MOST_SEGMENTS]]


def _readable(column: Column) -> bool:
    return column.statistics.distinct <= _MOST_LEVELS or column.kind in _NUMERIC
