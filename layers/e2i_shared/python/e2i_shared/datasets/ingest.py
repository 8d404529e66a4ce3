"""A file becomes a data set: read its head, plan, copy, profile, name the columns, publish. All of it or nothing.

A file whose cells the database reads as they are is copied straight through. When it turns out on the way that a spelling such as
``NA`` stands for a missing number, the load starts again by way of text columns that are converted.
"""

from __future__ import annotations

import errno
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import Column, ColumnKind, ColumnRole, Dataset, DatasetChange
from e2i_shared.datasets import cells, dialect, encoding, guard, refusals
from e2i_shared.datasets.guess import guess_roles, join_synonyms
from e2i_shared.datasets.infer import plan_load
from e2i_shared.datasets.repository import CellError
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.errors import StorageFullError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Literal

    from e2i_shared.api.datasets import ColumnSpec, ColumnStatistics, LoadRequest
    from e2i_shared.datasets.guard import Progress
    from e2i_shared.datasets.plan import LoadPlan
    from e2i_shared.datasets.repository import RowStore
    from e2i_shared.datasets.source import FileSource
    from e2i_shared.errors import BadFileError

_SCALARS = (ColumnKind.NUMBER, ColumnKind.INTEGER, ColumnKind.BOOLEAN, ColumnKind.DATE, ColumnKind.DATETIME)


def spec_of(request: LoadRequest) -> DatasetSpec:
    """Return what a load request says beside the content."""
    return DatasetSpec(
        name=request.name,
        unit=request.unit,
        description=request.description,
        randomised=request.randomised,
        columns=request.columns,
    )


def load_request(
    request: LoadRequest, source: FileSource, store: RowStore, *, progress: Progress | None = None
) -> DatasetChange:
    """Load the content that a request speaks of; see ``load``."""
    return load(spec_of(request), source, store, file_format=request.format, progress=progress)


def load(
    spec: DatasetSpec,
    source: FileSource,
    store: RowStore,
    *,
    file_format: Literal["csv", "parquet"] = "csv",
    progress: Progress | None = None,
) -> DatasetChange:
    """Load a file as the next version of a data set and return the catalogue entry.

    Parameters
    ----------
    spec
        Name, unit, whether treatments were randomised, and what is known of columns; the rest is guessed, or kept from the version before.
    progress
        Called with the bytes done and their total (None where unknown).

    Raises
    ------
    BadFileError
        With line, column and value where there are such; nothing is kept.
    UnknownColumnError
        A declared column that the file lacks.
    StorageFullError
        The disk is full; nothing is kept.
    """
    started = time.monotonic()
    plan, chunks = _open(spec, source, file_format, progress)
    try:
        dataset, plan = _attempt(spec, source, store, plan, chunks)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageFullError(
            "The disk is full; nothing was kept.", hint="Free disk space, then load again."
        ) from error
    details = {"bytes": source.size, "converted": not plan.clean, "delimiter": plan.dialect.delimiter}
    return DatasetChange(dataset=dataset, seconds=round(time.monotonic() - started, 4), details=details)


def _open(
    spec: DatasetSpec, source: FileSource, file_format: str, progress: Progress | None
) -> tuple[LoadPlan, Callable[[], Iterable[bytes]]]:
    if file_format == "parquet":
        from e2i_shared.datasets import parquet

        return parquet.open_parquet(source, spec.columns, progress)
    head = dialect.read_head(source)
    form = head.dialect

    def chunks() -> Iterable[bytes]:
        counted = guard.counted(source.chunks(), source.size, progress)
        return guard.guarded(encoding.utf8(counted, form.encoding), form.newline)

    return plan_load(head, spec.columns), chunks


def _attempt(
    spec: DatasetSpec, source: FileSource, store: RowStore, plan: LoadPlan, chunks: Callable[[], Iterable[bytes]]
) -> tuple[Dataset, LoadPlan]:
    """Load by the plan; when a missing-value spelling stands where the plan knew of none, once more with that spelling."""
    while True:
        try:
            return _load(spec, store, plan, chunks), plan
        except CellError as error:
            token = error.value.strip()
            learnt = not error.value or (plan.columns[error.column].kind in _SCALARS and cells.is_missing(token))
            if not learnt or (plan.staged and (token in plan.missing or not token)):
                raise _refusal(error, plan, source) from None
            plan = plan.cleaned(token)


def _load(spec: DatasetSpec, store: RowStore, plan: LoadPlan, chunks: Callable[[], Iterable[bytes]]) -> Dataset:
    with store.begin(spec.name) as table:
        rows = table.fill(plan, chunks())
        settled = table.profile(plan)
        entry = Dataset(
            dataset_id=table.dataset_id,
            name=spec.name,
            version=table.version,
            rows=rows,
            unit=spec.unit or (table.previous.unit if table.previous else None),
            description=spec.description or (table.previous.description if table.previous else None),
            randomised=spec.randomised,
            columns=_columns(spec, plan, settled, rows, table.previous),
            warnings=[*plan.warnings, *_size_warnings(plan, settled)],
            created_at=datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        )
        return table.publish(entry)


def _columns(
    spec: DatasetSpec,
    plan: LoadPlan,
    settled: Sequence[tuple[ColumnKind, ColumnStatistics]],
    rows: int,
    previous: Dataset | None,
) -> list[Column]:
    said = {column.name: column for column in spec.columns}
    names = [column.name for column in plan.columns]
    roles = guess_roles(names, [kind for kind, _ in settled], [profile for _, profile in settled], rows)
    return [
        _column(
            name, kind, profile, _guessed(spec, name, role), said.get(name), previous.column(name) if previous else None
        )
        for name, (kind, profile), role in zip(names, settled, roles, strict=True)
    ]


def _guessed(spec: DatasetSpec, name: str, role: ColumnRole) -> ColumnRole:
    named = any(column.name == name for column in spec.columns)
    return ColumnRole.IGNORE if spec.ignore_other_columns and not named else role


def _column(
    name: str,
    kind: ColumnKind,
    profile: ColumnStatistics,
    guessed: ColumnRole,
    said: ColumnSpec | None,
    before: Column | None,
) -> Column:
    """Join what the user says now, what was said of the version before, and what is guessed, in this order."""
    kept = before.role if before and not before.role_guessed else None
    role = (said.role if said else None) or kept
    return Column(
        name=name,
        kind=kind,
        role=role or guessed,
        role_guessed=role is None,
        unit=_first(said.unit if said else None, before.unit if before else None),
        description=_first(said.description if said else None, before.description if before else None),
        synonyms=join_synonyms(name, said, before),
        statistics=profile,
    )


def _first(said: str | None, before: str | None) -> str | None:
    return said if said is not None else before


def _size_warnings(plan: LoadPlan, settled: Sequence[tuple[ColumnKind, ColumnStatistics]]) -> list[str]:
    limit = 10**cells.EXACT_DIGITS
    return [
        f"Column {column.name!r} holds whole numbers of more than {cells.EXACT_DIGITS} digits, which lose their last ones; declare it as id."
        for column, (kind, profile) in zip(plan.columns, settled, strict=True)
        if kind is ColumnKind.INTEGER
        and max(abs(float(profile.minimum or 0)), abs(float(profile.maximum or 0))) > limit
    ]


def _refusal(error: CellError, plan: LoadPlan, source: FileSource) -> BadFileError:
    column = plan.columns[error.column]
    line = error.line
    if line is None and error.record is not None:
        line = dialect.line_of_record(source, plan.dialect, error.record)
    if error.infinite or cells.is_infinite(error.value):
        return refusals.infinite(column.name, error.value, line)
    return refusals.bad_cell(column.name, column.kind.value, error.value, line)
