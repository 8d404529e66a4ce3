"""Bins of one column: equal shares of numbers, values of categories, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from builders_frames import frame_of
from e2i_shared.api.datasets import ColumnKind, ColumnRole, ColumnSpec
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools._binning import MISSING, OTHER, bin_column, cluster_codes, comparable_column


def described(values, kind=None, role=None):
    frame = frame_of({"x": values})
    said = [ColumnSpec(name="x", kind=kind, role=role)]
    return frame, describe_frame(frame, DatasetSpec(name="data", columns=said)).column("x")


def binned(values, reference=None, inside=None, bins=4, kind=None):
    frame, column = described(values, kind)
    everyone = np.ones(frame.n, dtype=bool)
    chosen = everyone if reference is None else reference
    return bin_column(frame, column, chosen, everyone if inside is None else inside, bins=bins)


def test_bins_of_a_number_hold_equal_shares_of_the_reference():
    found = binned([float(v) for v in np.random.default_rng(1).normal(size=400)])

    assert found.counts(np.ones(400, dtype=bool)).tolist() == [100, 100, 100, 100]
    assert found.lower[0] is None
    assert found.upper[-1] is None
    assert found.upper[:-1] == found.lower[1:]


def test_a_bin_ends_with_its_edge():
    found = binned([float(v % 20) + 0.5 for v in range(400)])
    edge = found.upper[0]
    values = np.array([float(v % 20) + 0.5 for v in range(400)])

    assert (values[found.codes == 0] <= edge).all()
    assert (values[found.codes == 1] > edge).all()


def test_edges_come_from_the_reference_alone():
    values = [float(v) for v in range(100)] + [float(v) * 1_000 + 0.5 for v in range(1, 101)]
    reference = np.arange(200) < 100
    found = binned(values, reference)

    assert max(e for e in found.upper if e is not None) < 100
    assert found.counts(~reference).tolist() == [0, 0, 0, 100]


def test_missing_numbers_have_a_bin_of_their_own_only_where_there_are_any():
    values = [None if v % 5 == 0 else float(v) for v in range(300)]
    found = binned(values)

    assert found.labels[-1] == MISSING
    assert found.counts(np.ones(300, dtype=bool))[-1] == 60
    assert MISSING not in binned([float(v) for v in range(300)]).labels


def test_categories_are_their_values_and_missing_ones_are_missing():
    found = binned(["a", "b", "b", None] * 25)
    counts = dict(zip(found.labels, found.counts(np.ones(100, dtype=bool)).tolist(), strict=True))

    assert counts == {"a": 25, "b": 50, MISSING: 25}


def test_rare_values_beyond_fifty_are_pooled_and_the_commonest_kept():
    values = [f"v{j:02d}" for j in range(60) for _ in range(3 if j < 50 else 1)]
    found = binned(values)
    counts = dict(zip(found.labels, found.counts(np.ones(len(values), dtype=bool)).tolist(), strict=True))

    assert counts[OTHER] == 10
    assert len(counts) == 51
    assert all(counts[f"v{j:02d}"] == 3 for j in range(50))


def test_every_row_is_in_exactly_one_bin():
    rows = np.ones(120, dtype=bool)
    for values in (
        [float(v % 7) for v in range(120)],
        ["xyz"[v % 3] for v in range(120)],
        [v % 2 == 0 for v in range(120)],
    ):
        assert binned(values).counts(rows).sum() == 120


def test_truth_values_are_two_bins():
    found = binned([float(v % 3 == 0) for v in range(90)], kind=ColumnKind.BOOLEAN)

    assert found.labels == ("false", "true")
    assert found.counts(np.ones(90, dtype=bool)).tolist() == [60, 30]


@pytest.mark.parametrize(("kind", "role"), [(ColumnKind.ID, None), (None, ColumnRole.ID)])
def test_identifiers_are_refused_by_kind_and_by_role(kind, role):
    _, column = described([f"unit-{v}" for v in range(50)], kind, role)

    with pytest.raises(UnprocessableError, match="says nothing of drift") as caught:
        comparable_column(column, "columns")
    assert caught.value.field == "columns"


def test_numbers_and_categories_are_compared():
    for values in ([1.5, 2.5, 3.5], ["a", "b", "a"]):
        _, column = described(values)

        assert comparable_column(column, "columns") is column


def test_rows_of_one_cluster_share_a_code():
    frame = frame_of({"g": ["a", "b", "a"], "k": [7.0, 7.0, 3.0]})
    dataset = describe_frame(frame, DatasetSpec(name="data", columns=[]))

    words, numbers = (cluster_codes(frame, dataset.column(name)) for name in ("g", "k"))
    assert words[0] == words[2] != words[1]
    assert numbers[0] == numbers[1] != numbers[2]
    assert cluster_codes(frame, None) is None
