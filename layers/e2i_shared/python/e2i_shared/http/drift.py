"""Drift of every column of a data set: its last complete period against those before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.drift import ColumnDrift, DatasetDrift

if TYPE_CHECKING:
    from e2i_shared.api.drift import DriftQuery
    from e2i_shared.ports import Tenant

_ORDER = ("none", "minor", "moderate", "severe")


def drift(tenant: Tenant, dataset: str, query: DriftQuery) -> DatasetDrift:
    """Return the population stability index of each column; raise UnprocessableError for data without dates."""
    from e2i_shared.tools._drift import measure_all

    described = tenant.catalogue.find(dataset)
    found = measure_all(described, tenant.data, query.grain)
    columns = [
        ColumnDrift(
            column=d.question.column.name,
            psi=d.stability.psi,
            severity=d.stability.severity,
            threshold=d.stability.threshold,
            largest_contribution=d.largest(),
            **{name: value for name, value in d.summary().items() if name in ColumnDrift.model_fields},
        )
        for d in found.drifts
    ]
    return DatasetDrift(
        dataset_id=described.dataset_id,
        dataset=described.name,
        version=described.version,
        grain=query.grain,
        reference=(str(found.reference.start), str(found.reference.end)),
        comparison=(str(found.comparison.start), str(found.comparison.end)),
        reference_rows=found.rows[0],
        comparison_rows=found.rows[1],
        severity=max((c.severity for c in columns), key=_ORDER.index, default="none"),
        columns=sorted(columns, key=lambda c: -c.psi),
        skipped=list(found.skipped),
    )
