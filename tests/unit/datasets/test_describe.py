from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.api.datasets import ColumnKind, ColumnRole, ColumnSpec
from e2i_shared.datasets.describe import LISTED, describe_frame, number_text, profile
from e2i_shared.datasets.frame import Categories, Dates, Frame, Numbers
from e2i_shared.datasets.specs import DatasetSpec
from hypothesis import given
from hypothesis import strategies as st


def test_numbers_have_bounds_moments_quantiles_and_their_levels():
    said = profile(Numbers(np.array([1.0, 2.0, 2.0, 5.0, np.nan])), ColumnKind.INTEGER)

    assert (said.missing, said.distinct, said.minimum, said.maximum) == (1, 3, 1.0, 5.0)
    assert said.mean == 2.5
    assert said.std == pytest.approx(np.std([1, 2, 2, 5], ddof=1))
    assert said.quantiles == pytest.approx(np.quantile([1, 2, 2, 5], [0.05, 0.25, 0.5, 0.75, 0.95]))
    assert said.top_values == [("2", 2), ("1", 1), ("5", 1)]


def test_a_column_of_nothing_but_missing_values():
    for values in (
        Numbers(np.full(3, np.nan)),
        Categories(np.full(3, -1, np.int32), ()),
        Dates(np.full(3, "NaT", "M8[s]")),
    ):
        said = profile(values, ColumnKind.NUMBER)
        assert (said.missing, said.distinct, said.minimum, said.top_values) == (3, 0, None, [])


def test_many_levels_of_a_number_are_not_listed_and_of_text_the_most_frequent_are():
    numbers = profile(Numbers(np.arange(LISTED + 1.0)), ColumnKind.NUMBER)
    codes = np.array([*range(LISTED + 10), 7, 7], np.int32)
    text = profile(Categories(codes, tuple(f"L{i:03d}" for i in range(LISTED + 10))), ColumnKind.TEXT)

    assert (numbers.distinct, numbers.top_values) == (LISTED + 1, [])
    assert text.distinct == LISTED + 10
    assert len(text.top_values) == LISTED
    assert text.top_values[0] == ("L007", 3)


def test_a_level_that_no_row_has_is_not_counted():
    assert profile(Categories(np.array([0, 0], np.int32), ("a", "b")), ColumnKind.CATEGORY).distinct == 1


@pytest.mark.parametrize(
    ("kind", "first"), [(ColumnKind.DATE, "2026-01-01"), (ColumnKind.DATETIME, "2026-01-01T00:00:00")]
)
def test_dates_are_written_in_iso(kind, first):
    said = profile(Dates(np.array(["2026-01-01", "2026-03-01", "NaT"], "M8[s]")), kind)

    assert (said.minimum, said.missing, said.distinct) == (first, 1, 2)
    assert said.top_values[0] == (first, 1)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (7.0, ColumnKind.INTEGER, "7"),
        (0.5, ColumnKind.NUMBER, "0.5"),
        (1.0, ColumnKind.BOOLEAN, "true"),
        (0.0, ColumnKind.BOOLEAN, "false"),
    ],
)
def test_how_a_number_is_written(value, kind, text):
    assert number_text(value, kind) == text


def test_what_is_said_wins_over_what_is_guessed():
    frame = Frame(2, {"x": Numbers(np.array([1.0, 0.0])), "word": Categories(np.array([0, 1], np.int32), ("a", "b"))})
    spec = DatasetSpec(
        name="Shop",
        unit="person",
        randomised=True,
        columns=[ColumnSpec(name="x", kind="boolean", role="treatment", unit="u", description="d", synonyms=["ex"])],
    )

    dataset = describe_frame(frame, spec, dataset_id="id-1", version=3)
    x, word = dataset.columns

    assert (dataset.name, dataset.dataset_id, dataset.version, dataset.rows) == ("Shop", "id-1", 3, 2)
    assert (x.kind, x.role, x.role_guessed, x.unit, x.synonyms) == (
        ColumnKind.BOOLEAN,
        ColumnRole.TREATMENT,
        False,
        "u",
        ["ex"],
    )
    assert (word.kind, word.role_guessed) == (ColumnKind.CATEGORY, True)


@given(st.lists(st.one_of(st.none(), st.integers(-3, 3)), min_size=1, max_size=30))
def test_the_counts_of_the_levels_add_up_to_what_is_present(values):
    column = Numbers(np.array([np.nan if v is None else v for v in values], dtype=float))
    said = profile(column, ColumnKind.NUMBER)

    assert said.missing + sum(count for _, count in said.top_values) == len(values)
    assert said.distinct == len({v for v in values if v is not None})
