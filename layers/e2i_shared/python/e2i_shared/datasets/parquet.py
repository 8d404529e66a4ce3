"""Parquet files, batch by batch, as the delimited text that every load copies."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from e2i_shared.api.datasets import ColumnKind
from e2i_shared.datasets.dialect import Dialect, check_header
from e2i_shared.datasets.guard import counted
from e2i_shared.datasets.infer import check_declared, looks_like_id
from e2i_shared.datasets.plan import ColumnPlan, LoadPlan
from e2i_shared.errors import BadFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from e2i_shared.api.datasets import ColumnSpec
    from e2i_shared.datasets.guard import Progress
    from e2i_shared.datasets.source import FileSource

BATCH_ROWS = 16_384


def open_parquet(
    source: FileSource, said: Sequence[ColumnSpec], progress: Progress | None
) -> tuple[LoadPlan, Callable[[], Iterable[bytes]]]:
    """Return the plan of a Parquet file and a function that yields its rows as UTF-8 CSV with a header line.

    Raises BadFileError for a file that is none, has no rows, or holds nested or binary columns.
    """
    file = _reader(source)
    try:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    finally:
        file.close()
    names = check_header(schema.names)
    if not rows:
        raise BadFileError("The file has columns but no rows.", field="file", expected="at least one row")
    declared = {name: spec.kind for name, spec in check_declared(names, said).items()}
    columns = tuple(_plan(name, schema.field(i).type, declared.get(name)) for i, name in enumerate(names))
    plan = LoadPlan(columns, Dialect("utf-8", ",", b"\n"))
    return plan, lambda: counted(_lines(source), None, progress)


def _reader(source: FileSource) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(source.open())
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        raise BadFileError(
            "The file is not readable as Parquet.",
            field="file",
            expected="a Parquet file",
            hint="Check the upload is complete, or load it as CSV.",
        ) from error


def _plan(name: str, arrow: Any, declared: ColumnKind | None) -> ColumnPlan:
    kind = _kind(name, arrow)
    return ColumnPlan(name, declared or kind, declared=declared is not None)


def _kind(name: str, arrow: Any) -> ColumnKind:
    import pyarrow.types as is_

    value = arrow.value_type if is_.is_dictionary(arrow) else arrow
    if is_.is_boolean(value):
        return ColumnKind.BOOLEAN
    if is_.is_integer(value) or is_.is_floating(value) or is_.is_decimal(value):
        return ColumnKind.ID if looks_like_id(name) else ColumnKind.NUMBER
    if is_.is_date(value):
        return ColumnKind.DATE
    if is_.is_timestamp(value):
        return ColumnKind.DATETIME
    if is_.is_string(value) or is_.is_large_string(value) or is_.is_string_view(value):
        return ColumnKind.ID if looks_like_id(name) else ColumnKind.TEXT
    if is_.is_null(value):
        return ColumnKind.TEXT
    raise BadFileError(
        f"Column {name!r} holds {value}, which is no single number, text or date.",
        field=name,
        expected="numbers, text, booleans, dates or timestamps",
        got=str(value),
        hint="Flatten or drop the column.",
    )


def _lines(source: FileSource) -> Iterator[bytes]:
    import pyarrow.csv as arrow_csv

    file = _reader(source)
    header = True
    try:
        for batch in file.iter_batches(batch_size=BATCH_ROWS):
            sink = io.BytesIO()
            options = arrow_csv.WriteOptions(include_header=header)
            arrow_csv.write_csv(_writable(batch), sink, options)
            header = False
            yield sink.getvalue()
    finally:
        file.close()


def _writable(batch: Any) -> Any:
    """Return the batch with NaN as missing, dictionaries as text, and times in UTC without their zone."""
    import pyarrow as pa
    import pyarrow.compute as pc

    arrays = []
    for array in batch.columns:
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()  # noqa: PLW2901 -- one column, rewritten step by step
        if pa.types.is_floating(array.type):
            array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)  # noqa: PLW2901 -- as above
        if pa.types.is_timestamp(array.type):
            array = pc.cast(array, pa.timestamp("us"))  # noqa: PLW2901 -- as above
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)
