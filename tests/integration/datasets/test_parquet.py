"""Parquet files load as their tables say."""

from __future__ import annotations

import datetime as dt
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from e2i_shared.api.datasets import ColumnSpec
from e2i_shared.errors import BadFileError, UnknownColumnError


def parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def test_each_type_of_column(load, data):
    table = pa.table(
        {
            "hcp_id": pa.array([7, 8, 9], pa.int64()),
            "region": pa.array(["a,b", None, 'q"uote\nline']).dictionary_encode(),
            "trx": pa.array([1, None, 3], pa.int32()),
            "rate": pa.array([0.5, float("nan"), None], pa.float32()),
            "on": pa.array([True, None, False]),
            "day": pa.array([dt.date(2026, 1, 2), None, dt.date(1950, 5, 6)]),
            "at": pa.array(
                [dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), None, None], pa.timestamp("us", tz="Europe/Berlin")
            ),
            "price": pa.array([None, 1, 2], pa.decimal128(10, 2)),
        }
    )

    dataset = load(parquet(table), "typed", file_format="parquet")

    assert {c.name: c.kind.value for c in dataset.columns} == {
        "hcp_id": "id",
        "region": "category",
        "trx": "integer",
        "rate": "number",
        "on": "boolean",
        "day": "date",
        "at": "datetime",
        "price": "integer",
    }
    frame = data.read("typed", table.column_names)
    assert frame.columns["hcp_id"].levels == ("7", "8", "9")
    assert frame.columns["region"].codes.tolist()[1] == -1
    assert set(frame.columns["region"].levels) == {"a,b", 'q"uote\nline'}
    np.testing.assert_array_equal(frame.numbers("trx"), [1, np.nan, 3])
    np.testing.assert_array_equal(frame.numbers("rate"), [0.5, np.nan, np.nan])
    np.testing.assert_array_equal(frame.numbers("on"), [1, np.nan, 0])
    np.testing.assert_array_equal(frame.columns["day"].values, np.array(["2026-01-02", "NaT", "1950-05-06"], "M8[s]"))
    assert str(frame.columns["at"].values[0]) == "2026-01-02T03:04:05"


def test_many_batches_keep_their_order(load, data):
    n = 50_000
    load(parquet(pa.table({"n": np.arange(n)}), row_group_size=7_000), "batches", file_format="parquet")

    np.testing.assert_array_equal(data.read("batches", ["n"]).numbers("n"), np.arange(n))


def test_an_infinite_number_is_refused(load):
    with pytest.raises(BadFileError, match="column 'x': 'Infinity' is not a finite number") as caught:
        load(parquet(pa.table({"x": [1.0, float("inf")]})), "infinite", file_format="parquet")

    assert caught.value.field == "x"


@pytest.mark.parametrize(
    "column", [pa.array([[1], [2]]), pa.array([b"a", b"b"], pa.binary()), pa.array([{"a": 1}, {"a": 2}])]
)
def test_nested_and_binary_columns_are_refused_by_name(load, column):
    with pytest.raises(BadFileError, match="Column 'odd' holds") as caught:
        load(parquet(pa.table({"fine": [1, 2], "odd": column})), "nested", file_format="parquet")

    assert caught.value.field == "odd"
    assert "Flatten or drop" in caught.value.hint


def test_a_file_without_rows_is_refused(load):
    with pytest.raises(BadFileError, match="no rows"):
        load(parquet(pa.table({"x": pa.array([], pa.int64())})), "rowless", file_format="parquet")


def test_a_truncated_file_is_refused(load):
    whole = parquet(pa.table({"x": np.arange(1_000)}))

    with pytest.raises(BadFileError, match="not readable as Parquet"):
        load(whole[:-20], "cut", file_format="parquet")


def test_declared_kinds_and_columns_are_respected(load):
    content = parquet(pa.table({"flag": [0, 1, 1], "code": [1, 2, 3]}))

    dataset = load(
        content,
        "declared",
        file_format="parquet",
        columns=[ColumnSpec(name="flag", kind="boolean"), ColumnSpec(name="code", kind="id")],
    )

    assert [c.kind.value for c in dataset.columns] == ["boolean", "id"]
    with pytest.raises(UnknownColumnError, match="'cod'"):
        load(content, "declared", file_format="parquet", columns=[ColumnSpec(name="cod")])
