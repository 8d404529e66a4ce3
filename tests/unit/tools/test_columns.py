from __future__ import annotations

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.errors import UnknownColumnError, UnprocessableError
from e2i_shared.tools._columns import Groups, combine, group, match_column, numeric_column, time_column
from e2i_shared.tools._design import matrix

CONTEXT = context(
    {
        "region": ["N", "S", None, "N"],
        "decile": [1.0, 10.0, 2.0, None],
        "flag": [1, 0, 1, None],
        "month": ["2026-01-01", "2026-02-01", None, "2026-01-01"],
        "rep_visits": [1.0, 2.0, 3.0, 4.0],
    },
    kinds={"flag": "boolean", "decile": "integer", "month": "date"},
    roles={"rep_visits": "outcome", "month": "time"},
    synonyms={"rep_visits": ["calls", "detailing"]},
)
DATASET = CONTEXT.data.describe("data")
FRAME = CONTEXT.data.read("data", [c.name for c in DATASET.columns])


def grouped(name, most=50):
    return group(FRAME, match_column(DATASET, name), most=most, field="dimensions")


@pytest.mark.parametrize("phrase", ["rep_visits", "Rep Visits", "rep-visits", "CALLS", "detailing"])
def test_a_column_is_found_by_any_of_its_names(phrase):
    assert match_column(DATASET, phrase).name == "rep_visits"


def test_an_unknown_name_brings_candidates():
    with pytest.raises(UnknownColumnError) as caught:
        match_column(DATASET, "rep_visit")
    assert "rep_visits" in caught.value.candidates


def test_text_is_not_numeric():
    with pytest.raises(UnprocessableError) as caught:
        numeric_column(DATASET, "region", "metric")
    assert caught.value.field == "metric"
    assert caught.value.candidates == ("rep_visits",)


def test_the_time_column_is_found_by_role():
    assert time_column(DATASET, "period").name == "month"


@pytest.mark.parametrize(
    ("name", "codes", "labels"),
    [
        ("region", [0, 1, -1, 0], ("N", "S")),
        ("decile", [0, 2, 1, -1], ("1", "2", "10")),
        ("flag", [1, 0, 1, -1], ("false", "true")),
        ("month", [0, 1, -1, 0], ("2026-01-01", "2026-02-01")),
    ],
)
def test_groups_are_sorted_and_missing_belongs_to_none(name, codes, labels):
    found = grouped(name)

    assert found.codes.tolist() == codes
    assert found.labels == labels


def test_many_numbers_are_no_groups():
    with pytest.raises(UnprocessableError) as caught:
        grouped("rep_visits", most=3)
    assert caught.value.field == "dimensions"


def test_groups_cross_and_missing_in_one_is_missing_in_both():
    crossed = combine([grouped("region"), grouped("flag")])

    assert crossed.labels == ("N · false", "N · true", "S · false", "S · true")
    assert crossed.codes.tolist() == [1, 2, -1, -1]


def test_a_single_grouping_crosses_to_itself():
    part = Groups(np.array([0, -1, 1]), ("a", "b"))

    assert combine([part]) == part


def test_covariates_become_numbers_with_missing_said():
    x, owners = matrix(FRAME, ["region", "decile", "rep_visits"])

    assert owners == ["region", "region", "decile", "decile", "rep_visits"]
    assert x.shape == (4, 5)
    assert x[:, 2] == pytest.approx([1.0, 10.0, 2.0, 13 / 3])
    assert x[:, 3].tolist() == [0.0, 0.0, 0.0, 1.0]


def test_no_covariates_give_no_columns():
    x, owners = matrix(FRAME, [])

    assert x.shape == (4, 0)
    assert owners == []
