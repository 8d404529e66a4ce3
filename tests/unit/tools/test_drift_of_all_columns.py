"""The drift of every column at once: the last complete period against all before, judged for all columns together."""

from __future__ import annotations

import numpy as np
import pytest
from builders_asked import columns, context
from e2i_shared.tools._drift import measure_all


def drifts(data, grain="quarter"):
    source = context(data).data
    found = measure_all(source.describe("data"), source, grain)
    return found, {drift.question.column.name: drift for drift in found.drifts}


def exceeds(drift) -> bool:
    return drift.stability.psi > drift.stability.threshold


def moved(by: float):
    """Return the data with x higher by so much in the last quarter."""
    data = columns()
    return data | {"x": [v + by * (m >= "2025-10") for v, m in zip(data["x"], data["month"], strict=True)]}


def test_the_last_complete_quarter_is_held_against_all_before():
    found, _ = drifts(columns())

    assert found.comparison.text() == "2025-10-01 to 2025-12-31"
    assert found.reference.text() == "2024-01-01 to 2025-09-30"
    assert found.rows == (420, 60)


def test_names_and_dates_have_no_distribution_to_compare():
    found, by_name = drifts(columns())

    assert {"person", "month"} <= set(found.skipped)
    assert set(by_name) | set(found.skipped) == set(columns())


@pytest.mark.parametrize(("by", "beyond"), [(0.0, False), (3.0, True)])
def test_a_column_that_moved_is_told_from_those_that_did_not(by, beyond):
    _, by_name = drifts(moved(by))

    assert exceeds(by_name["x"]) == beyond
    assert not exceeds(by_name["seg"])


def test_the_more_columns_are_judged_the_more_each_must_exceed():
    """Five percent for all together: with more columns beside it, a column's own threshold is higher."""
    _, many = drifts(columns())
    _, few = drifts({name: values for name, values in columns().items() if name in {"person", "month", "x"}})

    assert many["x"].stability.threshold > few["x"].stability.threshold


def test_without_drift_few_of_many_worlds_raise_an_alarm():
    """The outcome has a season, so it is left out: the rest is drawn alike in every month."""
    still = [{name: v for name, v in columns(seed).items() if name != "outcome"} for seed in range(40)]

    alarms = [any(exceeds(d) for d in drifts(data)[0].drifts) for data in still]

    assert np.mean(alarms) <= 0.15
