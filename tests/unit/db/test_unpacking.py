"""Packed columns, as the server sends them, become numpy arrays."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from e2i_shared.api.datasets import Column, ColumnKind, ColumnRole, ColumnStatistics
from e2i_shared.datasets.frame import Categories, Dates, Numbers
from e2i_shared.db.rows import bound, unpack
from hypothesis import given
from hypothesis import strategies as st


def column(kind):
    return Column(name="x", kind=kind, role=ColumnRole.COVARIATE, statistics=ColumnStatistics(missing=0, distinct=1))


@given(st.lists(st.floats(allow_nan=False), max_size=20))
def test_numbers_are_big_endian_doubles(values):
    found = unpack(column(ColumnKind.NUMBER), struct.pack(f">{len(values)}d", *values), None)

    assert isinstance(found, Numbers)
    assert found.values.tolist() == values


def test_truth_values_are_small_integers_and_minus_one_is_missing():
    found = unpack(column(ColumnKind.BOOLEAN), struct.pack(">3h", 1, 0, -1), None)

    np.testing.assert_array_equal(found.values, [1, 0, np.nan])


def test_dates_count_days_from_2000():
    found = unpack(column(ColumnKind.DATE), struct.pack(">4i", 0, 366, -1, -(2**31)), None)

    assert isinstance(found, Dates)
    np.testing.assert_array_equal(found.values, np.array(["2000-01-01", "2001-01-01", "1999-12-31", "NaT"], "M8[s]"))


def test_times_count_microseconds_from_2000_and_lose_their_fraction():
    found = unpack(column(ColumnKind.DATETIME), struct.pack(">3q", 1_999_999, -1, -(2**63)), None)

    np.testing.assert_array_equal(
        found.values, np.array(["2000-01-01T00:00:01", "1999-12-31T23:59:59", "NaT"], "M8[s]")
    )


def test_texts_are_hashes_of_levels_and_zero_is_missing():
    found = unpack(column(ColumnKind.CATEGORY), struct.pack(">4q", 99, -5, 0, 99), (0, {99: "b", -5: "a"}))

    assert isinstance(found, Categories)
    assert found.levels == ("a", "b")
    assert found.codes.tolist() == [1, 0, -1, 1]
    assert found.codes.dtype == np.int32


def test_a_text_column_without_any_level():
    found = unpack(column(ColumnKind.TEXT), struct.pack(">2q", 0, 0), (0, {}))

    assert (found.codes.tolist(), found.levels) == ([-1, -1], ())


@pytest.mark.parametrize("kind", list(ColumnKind))
def test_no_rows_give_an_empty_column(kind):
    found = unpack(column(kind), b"", (0, {}))

    assert len(found.codes if isinstance(found, Categories) else found.values) == 0


def test_operands_become_what_the_driver_adapts():
    moment = bound(np.datetime64("2026-01-02T03:04:05", "s"))

    assert (moment.year, moment.second, moment.tzinfo) == (2026, 5, None)
    flag: bool = True
    assert repr(bound(flag)) == "1.0"
    assert (bound("x"), bound(2.5)) == ("x", 2.5)
