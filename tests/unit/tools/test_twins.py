"""Members of a target population as conditions that a twin understands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_twins import source_of
from e2i_shared.datasets import filters
from e2i_shared.errors import UnknownValueError
from e2i_shared.tools._population import Entity, resolve_population, rows_of
from e2i_shared.tools._twins import conditions

COLUMNS: dict[str, Any] = {
    "region": (np.array([0, 0, 1, 1, 2]), ("North", "South", "West")),
    "age": np.array([25.0, 33.0, 41.0, 33.5, 60.0]),
    "academic": ["true", "false", "true", "false", "false"],
}
SOURCE, FRAME = source_of(COLUMNS, dict.fromkeys(COLUMNS, "covariate"))
DATASET = SOURCE.describe("data")


@pytest.mark.parametrize(
    ("members", "rows"),
    [
        (["North"], [0, 1]),
        (["North", "region West"], [0, 1, 4]),
        (["age 25–33"], [0, 1]),
        (["age 25-33", "age 60"], [0, 1, 4]),
        (["academic = true"], [0, 2]),
        (["South", "age 25–33", "academic = true"], [0, 1, 2, 3]),
        ([Entity(entity="West", column="region")], [4]),
    ],
)
def test_a_unit_that_passes_any_condition_is_one_that_the_data_s_own_tools_would_choose(members, rows):
    population = resolve_population(DATASET, members)
    passing = [filters.mask(FRAME, [c]) for c in filters.resolve(DATASET, conditions(DATASET, population))]

    assert np.flatnonzero(np.any(passing, axis=0)).tolist() == rows
    assert np.flatnonzero(rows_of(FRAME, DATASET, population)).tolist() == rows


def test_what_is_no_number_of_a_number_column_is_refused():
    with pytest.raises(UnknownValueError, match="no number or span"):
        conditions(DATASET, resolve_population(DATASET, ["age old"]))
