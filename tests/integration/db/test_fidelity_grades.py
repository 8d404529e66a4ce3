"""The database and the service grade a relative error alike."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from e2i_shared.twins.fidelity import GRADES, grade_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LIMITS = [limit for limit, _ in GRADES]


@pytest.fixture(scope="module")
def graded(migrated):
    """Return what grades many errors in the database at once."""

    def grade(errors: list[float]) -> list[str]:
        statement = (
            "SELECT calculate_fidelity_grade(e)::text FROM unnest(%s::float8[]) WITH ORDINALITY AS u(e, n) ORDER BY n"
        )
        return [found for (found,) in migrated.as_admin(statement, [errors])]

    return grade


def around(value: float, steps: int) -> list[float]:
    """Return the doubles around a value."""
    found = [value]
    for _ in range(steps):
        found = [math.nextafter(found[0], -math.inf), *found, math.nextafter(found[-1], math.inf)]
    return found


def test_the_grade_of_an_error_is_the_same_in_the_database(migrated):
    errors = [*np.linspace(0, 0.6, 61).round(6).tolist(), 0.0999999, 0.1999999, 0.3499999, 5.0]
    both = [*errors, *(-e for e in errors)]
    rows = migrated.as_admin(
        "SELECT calculate_fidelity_grade(e)::text FROM unnest(%s::float8[]) WITH ORDINALITY AS u(e, n) ORDER BY n",
        [both],
    )

    assert [grade for (grade,) in rows] == [grade_of(1.0 + e, 1.0, sd=1.0) for e in both]


def test_nothing_known_is_unvalidated_in_the_database(migrated):
    assert migrated.as_admin("SELECT calculate_fidelity_grade(NULL)::text") == [("unvalidated",)]


@pytest.mark.parametrize("limit", LIMITS)
def test_both_turn_at_the_same_double(graded, limit):
    turn = limit - 5e-13
    near = [*around(turn, 400), *around(limit, 400), *np.linspace(turn - 1e-12, limit + 1e-12, 401).tolist()]
    near.sort()

    grades = graded(near)

    assert grades == [grade_of(e, 0.0, sd=5.0) for e in near]  # 5 standard deviations make the size the error itself
    assert sum(a != b for a, b in pairwise(grades)) == 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.floats(0.001, 1000) | st.sampled_from([1.0, 3.0, 0.7]), min_size=1, max_size=20),
    st.sampled_from([*LIMITS, 0.05, 0.4]),
    st.integers(-3, 3),
    st.sampled_from([1, -1]),
)
def test_whatever_the_effect_a_limit_is_the_same_limit_to_both(graded, actuals, share, ulps, sign):
    simulated = [a * (1 + sign * share) for a in actuals]
    simulated = [around(s, 3)[3 + ulps] for s in simulated]
    relative = [(s - a) / abs(a) for s, a in zip(simulated, actuals, strict=True)]

    assert graded(relative) == [grade_of(s, a, sd=a) for s, a in zip(simulated, actuals, strict=True)]


def test_the_database_before_would_have_disagreed(migrated):
    below = (1.0 - 0.9) / 1.0  # 0.09999999999999998

    assert below < 0.1
    assert grade_of(0.9, 1.0, sd=1.0) == "good"
    assert migrated.as_admin("SELECT calculate_fidelity_grade(%s)::text", [below]) == [("good",)]
