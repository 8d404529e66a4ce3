"""Covariates as matrices."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.causal.design import MOST_INDICATORS, PRODUCTS, Covariate, encode
from e2i_shared.errors import EstimationError
from hypothesis import given, settings
from hypothesis import strategies as st

RNG = np.random.default_rng(1)


def category(name, codes, count):
    return Covariate(name, np.asarray(codes, dtype=float), tuple(f"l{i}" for i in range(count)))


def test_a_number_is_one_standardised_column():
    values = RNG.normal(5, 3, 200)

    design = encode([Covariate("x", values)], 200)

    assert design.trees[:, 0] == pytest.approx(values, rel=1e-6)
    assert design.linear.mean() == pytest.approx(0, abs=1e-12)
    assert design.linear.std() == pytest.approx(1)
    assert design.linear_owners == ("x",)


def test_a_missing_number_stays_missing_for_trees_and_gets_an_indicator_for_lines():
    values = RNG.normal(size=200)
    values[:40] = np.nan

    design = encode([Covariate("x", values)], 200)

    assert np.isnan(design.trees[:40, 0]).all()
    assert design.linear.shape == (200, 2)
    assert np.isfinite(design.linear).all()
    assert design.linear_owners == ("x", "x")
    assert len(np.unique(design.linear[:40, 0])) == 1


def test_a_category_becomes_indicators_but_for_its_commonest_level():
    codes = np.repeat([0, 1, 2], [100, 60, 40])

    design = encode([category("c", codes, 3)], 200)

    assert design.linear.shape[1] == 2
    assert design.trees.shape[1] == 2


def test_rare_levels_are_pooled():
    codes = np.concatenate([np.zeros(500), np.ones(480), np.arange(2, 22)])

    design = encode([category("c", codes, 22)], 1000)

    assert design.linear.shape[1] == 2
    assert design.trees.shape[1] == 1


def test_a_category_of_a_thousand_levels_does_not_explode():
    codes = np.tile(np.arange(1000), 30)

    design = encode([category("c", codes, 1000)], 30_000)

    assert design.linear.shape[1] <= MOST_INDICATORS + 1
    assert design.trees.shape[1] == 1


def test_a_missing_category_is_a_level_of_its_own():
    codes = np.repeat([-1, 0, 1], [50, 90, 60])

    design = encode([category("c", codes, 2)], 200)

    assert design.linear.shape[1] == 2
    assert len(np.unique(design.linear[:50], axis=0)) == 1


def test_two_categories_meet_in_products_where_enough_units_hold_both():
    left, right = np.tile([0, 1], 1500), np.repeat([0, 1], 1500)

    design = encode([category("a", left, 2), category("b", right, 2)], 3000)

    assert design.linear_owners == ("a", "b", PRODUCTS)


def test_few_units_carry_no_products():
    left, right = np.tile([0, 1], 20), np.repeat([0, 1], 20)

    design = encode([category("a", left, 2), category("b", right, 2)], 40)

    assert PRODUCTS not in design.linear_owners


@pytest.mark.parametrize(
    ("values", "why"),
    [(np.full(100, 3.0), "never varies"), (np.full(100, np.nan), "all values are missing")],
)
def test_columns_that_say_nothing_are_dropped_with_the_reason(values, why):
    design = encode([Covariate("dull", values), Covariate("x", RNG.normal(size=100))], 100)

    assert design.dropped == (("dull", why),)
    assert design.linear_owners == ("x",)


def test_a_column_missing_in_places_but_else_constant_keeps_its_pattern():
    values = np.where(np.arange(100) < 30, np.nan, 1.0)

    design = encode([Covariate("x", values)], 100)

    assert design.dropped == ()
    assert np.isfinite(design.linear).all()


def test_a_copy_is_dropped_and_names_its_original():
    values = RNG.normal(size=100)

    design = encode([Covariate("x", values), Covariate("again", values.copy())], 100)

    assert design.dropped == (("again", "equals x"),)


def test_infinite_values_are_refused_with_the_columns_name():
    values = np.array([1.0, np.inf, -np.inf] * 20)

    with pytest.raises(EstimationError) as caught:
        encode([Covariate("income", values)], 60)

    assert caught.value.got == "income"
    assert caught.value.field == "confounders"


def test_no_covariates_make_an_empty_design():
    design = encode([], 77)

    assert design.trees.shape == (77, 0)
    assert design.linear.shape == (77, 0)


def test_taking_rows_and_adding_columns_keep_both_matrices_aligned():
    design = encode([Covariate("x", RNG.normal(size=100))], 100)

    more = design.with_columns(RNG.normal(size=(100, 2)), "new").take(np.arange(10))

    assert more.trees.shape == (10, 3)
    assert more.linear.shape == (10, 3)
    assert more.linear_owners == ("x", "new", "new")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=30, max_size=30), min_size=1, max_size=4))
def test_the_linear_matrix_never_holds_a_missing_number(columns):
    covariates = [
        Covariate(f"x{j}", np.array([np.nan if v is None else v for v in values])) for j, values in enumerate(columns)
    ]

    design = encode(covariates, 30)

    assert np.isfinite(design.linear).all()
    assert design.linear.shape[1] == len(design.linear_owners)
    assert len(design.dropped) + len(set(design.linear_owners)) == len(columns)
