"""Segment labels and entities find exactly the rows they name."""

from __future__ import annotations

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.errors import InsufficientDataError, UnknownColumnError, UnknownValueError
from e2i_shared.tools._population import Entity, resolve_population, rows_of
from e2i_shared.tools._segments import cut

N = 120
RNG = np.random.default_rng(1)
AGES = RNG.uniform(18, 80, N)
COLUMNS = {
    "specialty": [("Oncology", "Allergy", "Internal Medicine")[i % 3] for i in range(N)],
    "decile": [float(i % 10 + 1) for i in range(N)],
    "academic": [float(i % 2) for i in range(N)],
    "age": AGES.tolist(),
}
CTX = context(
    COLUMNS,
    roles={"specialty": "segment", "decile": "segment", "academic": "covariate", "age": "covariate"},
    kinds={"decile": "integer", "academic": "boolean", "specialty": "category"},
)
DATA = CTX.data.describe("data")
FRAME = CTX.data.read("data", list(COLUMNS))


def chosen(*members: str | Entity):
    return rows_of(FRAME, DATA, resolve_population(DATA, list(members)))


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Oncology", np.arange(N) % 3 == 0),
        ("specialty Oncology", np.arange(N) % 3 == 0),
        ("specialty = internal medicine", np.arange(N) % 3 == 2),
        ("decile 10", np.arange(N) % 10 == 9),
        ("decile 2–4", np.isin(np.arange(N) % 10, (1, 2, 3))),
        ("academic = true", np.arange(N) % 2 == 1),
        ("academic = false", np.arange(N) % 2 == 0),
        ("age 30-50", (AGES >= 30 - 0.03) & (AGES <= 50 + 0.03)),
    ],
)
def test_a_label_names_its_rows(label, expected):
    assert np.array_equal(chosen(label), expected)


@pytest.mark.parametrize("name", list(COLUMNS))
def test_every_label_that_segments_get_is_understood(name):
    """What cate_analyzer calls a segment is found again, row for row."""
    segments = cut(FRAME, DATA.column(name), 4)

    for k, label in enumerate(segments.labels):
        assert np.array_equal(chosen(label), segments.members[:, k] == 1), label


def test_an_entity_names_its_column():
    assert np.array_equal(chosen(Entity(entity="Allergy", column="specialty")), np.arange(N) % 3 == 1)
    assert np.array_equal(chosen(Entity(entity="7", column="decile")), np.arange(N) % 10 == 6)


def test_a_row_in_any_member_counts_once():
    both = chosen("Oncology", "decile 1", "Oncology")

    assert np.array_equal(both, (np.arange(N) % 3 == 0) | (np.arange(N) % 10 == 0))


def test_other_fields_of_a_performer_do_not_matter():
    performer = Entity.model_validate({"entity": "Allergy", "column": "specialty", "gap": 2.0, "value": 3.0})

    assert performer.entity == "Allergy"


def test_an_unknown_segment_offers_the_nearest():
    with pytest.raises(UnknownValueError) as caught:
        chosen("Oncolgy")
    assert caught.value.candidates[0] == "Oncology"


def test_an_unknown_column_of_an_entity_is_refused():
    with pytest.raises(UnknownColumnError):
        chosen(Entity(entity="x", column="colour"))


@pytest.mark.parametrize("label", ["decile 11", "age old", "specialty Dentistry"])
def test_a_level_nobody_has_is_refused(label):
    with pytest.raises(UnknownValueError) as caught:
        chosen(label)
    assert caught.value.field == "target_population"


def test_nobody_is_refused():
    with pytest.raises(InsufficientDataError) as caught:
        resolve_population(DATA, [])
    assert "Leave target_population out" in str(caught.value.hint)
