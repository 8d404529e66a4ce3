"""The database and the service grade a relative error alike."""

from __future__ import annotations

import numpy as np
from e2i_shared.twins.fidelity import grade_of


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
