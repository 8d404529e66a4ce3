from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.api.common import Filter
from e2i_shared.api.datasets import ColumnKind, ColumnSpec
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.filters import find_column, mask, nearest, resolve
from e2i_shared.datasets.frame import Categories, Dates, Frame, Numbers
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.errors import UnknownColumnError, UnknownValueError, UnprocessableError
from hypothesis import given
from hypothesis import strategies as st

FRAME = Frame(
    6,
    {
        "trx": Numbers(np.array([1.0, 2.0, 3.0, 4.0, 5.0, np.nan])),
        "region": Categories(np.array([0, 1, 1, 2, -1, 0], np.int32), ("Midwest", "Northeast", "West")),
        "month": Dates(
            np.array(["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "NaT", "2026-06-01"], "M8[s]")
        ),
        "academic": Numbers(np.array([1.0, 0.0, 1.0, 0.0, np.nan, 1.0])),
    },
)
DATASET = describe_frame(
    FRAME,
    DatasetSpec(
        name="little",
        columns=[
            ColumnSpec(name="academic", kind=ColumnKind.BOOLEAN),
            ColumnSpec(name="month", kind=ColumnKind.DATE),
            ColumnSpec(name="trx", kind=ColumnKind.NUMBER),
        ],
    ),
)


def passing(column, op, value):
    return np.flatnonzero(mask(FRAME, resolve(DATASET, [Filter(column=column, op=op, value=value)]))).tolist()


@pytest.mark.parametrize(
    ("column", "op", "value", "rows"),
    [
        ("trx", "eq", 3, [2]),
        ("trx", "ne", 3, [0, 1, 3, 4]),
        ("trx", "lt", 3, [0, 1]),
        ("trx", "le", 3, [0, 1, 2]),
        ("trx", "gt", 3, [3, 4]),
        ("trx", "ge", 3, [2, 3, 4]),
        ("trx", "in", [1, 5], [0, 4]),
        ("trx", "between", [2, 4], [1, 2, 3]),
        ("trx", "between", [4, 2], []),
        ("trx", "eq", "3", [2]),
        ("region", "eq", "Northeast", [1, 2]),
        ("region", "ne", "Northeast", [0, 3, 5]),
        ("region", "in", ["West", "Midwest"], [0, 3, 5]),
        ("month", "eq", "2026-03-01", [2]),
        ("month", "ge", "2026-03-01", [2, 3, 5]),
        ("month", "lt", "2026-03-01T00:00:01", [0, 1, 2]),
        ("month", "ne", "2026-03-01", [0, 1, 3, 5]),
        ("month", "in", ["2026-01-01", "2026-06-01"], [0, 5]),
        ("month", "between", ["2026-02-01", "2026-04-01"], [1, 2, 3]),
        ("academic", "eq", True, [0, 2, 5]),
        ("academic", "eq", "no", [1, 3]),
        ("academic", "ne", 1, [1, 3]),
    ],
)
def test_a_condition_keeps_its_rows_and_a_missing_cell_passes_none(column, op, value, rows):
    assert passing(column, op, value) == rows


def test_all_conditions_must_hold():
    both = [Filter(column="region", value="Northeast"), Filter(column="trx", op="gt", value=2)]

    assert np.flatnonzero(mask(FRAME, resolve(DATASET, both))).tolist() == [2]


def test_no_condition_keeps_every_row():
    assert mask(FRAME, ()).all()


def test_an_unknown_column_is_named_with_the_nearest_ones():
    with pytest.raises(UnknownColumnError, match="'little' has no column 'regin'") as caught:
        resolve(DATASET, [Filter(column="regin", value="West")])

    assert caught.value.candidates == ("region",)
    assert caught.value.got == "regin"


@pytest.mark.parametrize(
    ("column", "value", "candidates"),
    [
        ("region", "northeast", ("Northeast",)),
        ("region", "North East", ("Northeast",)),
        ("region", "Wset", ("West",)),
        ("region", "Mars", ("Midwest", "Northeast", "West")),
        ("trx", 9, ("5", "4", "3")),
        ("trx", 0, ("1", "2", "3")),
        ("month", "2026-07-01", ("2026-06-01", "2026-04-01", "2026-03-01")),
    ],
)
def test_a_value_that_the_column_lacks_is_refused_with_the_nearest_ones(column, value, candidates):
    with pytest.raises(UnknownValueError) as caught:
        resolve(DATASET, [Filter(column=column, value=value)])

    assert caught.value.field == column
    assert caught.value.got == str(value)
    assert set(caught.value.candidates) >= set(candidates[:1])


def test_one_unknown_value_of_a_list_is_refused():
    with pytest.raises(UnknownValueError, match="'East'"):
        resolve(DATASET, [Filter(column="region", op="in", value=["West", "East"])])


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("trx", "many", "a finite number"),
        ("trx", float("inf"), "a finite number"),
        ("trx", float("nan"), "a finite number"),
        ("month", "Q3", "a date (YYYY-MM-DD)"),
        ("month", "today", "a date (YYYY-MM-DD)"),
        ("month", "2026-02-31", "a date (YYYY-MM-DD)"),
        ("academic", "perhaps", "true or false"),
        ("academic", 7, "true or false"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_what_is_expected(column, value, expected):
    with pytest.raises(UnknownValueError) as caught:
        resolve(DATASET, [Filter(column=column, op="gt", value=value)])

    assert caught.value.expected == expected


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("in", 3, "a list of values"),
        ("in", [], "a list of values"),
        ("between", [1], "a list of two bounds"),
        ("between", 1, "a list of two bounds"),
        ("between", [1, 2, 3], "a list of two bounds"),
        ("eq", [1], "one value"),
        ("lt", [1, 2], "one value"),
    ],
)
def test_a_value_of_the_wrong_shape_is_refused(op, value, expected):
    with pytest.raises(UnprocessableError, match=expected) as caught:
        resolve(DATASET, [Filter(column="trx", op=op, value=value)])

    assert caught.value.field == "trx"


@pytest.mark.parametrize("op", ["lt", "le", "gt", "ge"])
def test_text_has_no_order(op):
    with pytest.raises(UnprocessableError, match="no order") as caught:
        resolve(DATASET, [Filter(column="region", op=op, value="West")])

    assert "in" in caught.value.expected


def test_a_time_with_an_offset_is_compared_in_utc():
    assert passing("month", "le", "2026-02-01T02:00:00+02:00") == [0, 1]
    assert passing("month", "lt", "2026-02-01T02:00:00+02:00") == [0]


def test_a_text_column_with_many_levels_is_checked_against_the_rows():
    levels = tuple(f"H{i:04d}" for i in range(200))
    frame = Frame(200, {"hcp": Categories(np.arange(200, dtype=np.int32), levels)})
    dataset = describe_frame(frame, DatasetSpec(name="many"))

    conditions = resolve(dataset, [Filter(column="hcp", value="H0200")])

    with pytest.raises(UnknownValueError, match="H0200"):
        mask(frame, conditions)


def test_the_nearest_names_ignore_case_and_fall_back_to_what_there_is():
    assert nearest("TRX", ["trx", "nrx"])[0] == "trx"
    assert nearest("zzzz", ["alpha", "beta"]) == ["alpha", "beta"]
    assert len(nearest("zzzz", [f"name {i}" for i in range(40)])) == 10


def test_finding_a_column_returns_it():
    assert find_column(DATASET, "trx").kind is ColumnKind.NUMBER


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30), st.integers(-6, 6), st.integers(-6, 6))
def test_between_is_at_least_the_lower_and_at_most_the_upper_bound(values, low, high):
    frame = Frame(len(values), {"x": Numbers(np.array(values, dtype=float))})
    dataset = describe_frame(frame, DatasetSpec(name="x"))

    def keep(op: str, value: object) -> np.ndarray:
        return mask(frame, resolve(dataset, [Filter(column="x", op=op, value=value)]))

    np.testing.assert_array_equal(keep("between", [low, high]), keep("ge", low) & keep("le", high))
    np.testing.assert_array_equal(keep("lt", low), ~keep("ge", low))
    np.testing.assert_array_equal(keep("in", sorted(set(values))), np.ones(len(values), bool))
