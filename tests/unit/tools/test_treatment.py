"""A treatment column as 0/1 or a dose."""

from __future__ import annotations

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.errors import UnknownValueError, UnprocessableError
from e2i_shared.tools._treatment import code_treatment


def coded(values, contrast=None, kind=None):
    data = context({"t": values, "other": list(range(len(values)))}, kinds={"t": kind} if kind else None).data
    column = data.describe("data").column("t")
    return code_treatment(data.read("data", ["t"]), column, contrast)


def test_zero_and_one_stay_what_they_are():
    found = coded([0, 1, 1, None, 0])

    assert found.values[[0, 1, 2, 4]].tolist() == [0, 1, 1, 0]
    assert np.isnan(found.values[3])
    assert found.notes == ()


def test_a_count_stays_a_dose():
    assert coded([0, 1, 2, 3, 5]).values.tolist() == [0, 1, 2, 3, 5]


def test_two_numbers_become_a_comparison_that_is_stated():
    found = coded([10, 20, 20, 10])

    assert found.values.tolist() == [0, 1, 1, 0]
    assert found.notes == ("t = 20 is compared with t = 10.",)


def test_two_categories_become_a_comparison_that_is_stated():
    found = coded(["placebo", "drug", None, "drug"])

    assert found.values[[0, 1, 3]].tolist() == [1, 0, 0]
    assert "'placebo' is compared with t = 'drug'" in found.notes[0]


def test_more_categories_ask_for_a_contrast_and_offer_them():
    with pytest.raises(UnprocessableError) as caught:
        coded(["a", "b", "c", "a"])

    assert caught.value.field == "treatment_contrast"
    assert list(caught.value.candidates) == ["a", "b", "c"]


def test_a_contrast_leaves_other_rows_out_and_says_how_many():
    found = coded(["a", "b", "c", "a", None], ["a", "c"])

    assert found.values[[0, 2, 3]].tolist() == [1, 0, 1]
    assert np.isnan(found.values[[1, 4]]).all()
    assert found.left_out == 1
    assert "1 rows with other values are left out" in found.notes[0]


def test_a_contrast_of_doses_compares_two_of_them():
    found = coded([0, 1, 2, 3, 3], [3, 0])

    assert found.values[[0, 3, 4]].tolist() == [0, 1, 1]
    assert found.left_out == 2


def test_a_contrast_of_flags_may_be_spelt_true_and_false():
    assert coded([0, 1, 1, 0], ["true", "no"]).values.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(("values", "contrast"), [(["a", "b"], ["a", "z"]), ([0, 1, 2], [7, 0]), ([0, 1, 2], ["x", 0])])
def test_a_value_that_no_row_holds_is_refused_with_candidates(values, contrast):
    with pytest.raises(UnknownValueError) as caught:
        coded(values, contrast)

    assert caught.value.candidates


def test_a_contrast_with_itself_is_refused():
    with pytest.raises(UnprocessableError, match="same"):
        coded([0, 1, 2], [1, 1])


@pytest.mark.parametrize(
    ("values", "kind"), [(["2026-01-01", "2026-01-02"], None), (["a", "b"], "text"), (["h1", "h2"], "id")]
)
def test_dates_texts_and_ids_are_no_treatments(values, kind):
    with pytest.raises(UnprocessableError, match="cannot be a treatment"):
        coded(values, kind=kind)
