"""What the classifier's tests are built from."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from e2i_shared.api.classification import ClassifyRequest
from e2i_shared.api.datasets import Column, ColumnKind, ColumnRole, ColumnStatistics, Dataset
from e2i_shared.classifier.classify import classify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.classification import Classification

TODAY = date(2026, 10, 15)


def column(
    name: str,
    role: ColumnRole = ColumnRole.COVARIATE,
    kind: ColumnKind = ColumnKind.NUMBER,
    *,
    synonyms: Sequence[str] = (),
    values: Sequence[str] = (),
) -> Column:
    """Return a column whose most frequent values are given."""
    statistics = ColumnStatistics(missing=0, distinct=max(1, len(values)), top_values=[(v, 10) for v in values])
    return Column(name=name, kind=kind, role=role, synonyms=list(synonyms), statistics=statistics)


def dataset(name: str, columns: Sequence[Column], *, version: int = 1) -> Dataset:
    """Return a data set of the catalogue."""
    return Dataset(
        dataset_id=f"id-{name}",
        name=name,
        version=version,
        rows=100,
        columns=list(columns),
        created_at="2026-10-01T00:00:00+00:00",
    )


CATEGORY = ColumnKind.CATEGORY

MONTHLY = dataset(
    "hcp_monthly",
    [
        column("hcp_id", ColumnRole.ID, ColumnKind.ID),
        column("trx", ColumnRole.OUTCOME, synonyms=["total prescriptions"]),
        column("rep_visits", ColumnRole.TREATMENT, synonyms=["rep visits", "detailing"]),
        column("region", ColumnRole.SEGMENT, CATEGORY, values=["Northeast", "Midwest", "South", "West"]),
        column("specialty", ColumnRole.SEGMENT, CATEGORY, values=["Oncology", "Nephrology"]),
        column("brand", ColumnRole.SEGMENT, CATEGORY, values=["Kisqali", "Fabhalta"]),
        column("secret", ColumnRole.IGNORE, synonyms=["hush money"]),
    ],
)
NHEFS = dataset(
    "nhefs",
    [
        column("qsmk", ColumnRole.TREATMENT, ColumnKind.BOOLEAN, synonyms=["quitting smoking", "quit smoking"]),
        column("wt82_71", ColumnRole.OUTCOME, synonyms=["weight change", "weight"]),
        column("age", ColumnRole.SEGMENT, synonyms=["age groups"]),
        column("income", ColumnRole.COVARIATE, CATEGORY, values=["yes", "no", "high earner"]),
    ],
)


def ask(
    query: str, *context: str, catalogue: Sequence[Dataset] = (), turns: Sequence[Classification] = ()
) -> Classification:
    """Classify a question as the service would."""
    return classify(ClassifyRequest(query=query, context=list(context)), catalogue, turns, today=TODAY)


def parts(said: Classification) -> list[str]:
    """Return the domains of the sub-questions in order."""
    return [part.domain.value for part in said.sub_questions]


def edges(said: Classification) -> set[tuple[str, str, str]]:
    """Return the edges as (from, to, type)."""
    return {(edge.from_, edge.to, edge.type.value) for edge in said.dependencies}
