"""What holds of computed columns holds in every twin: bounds against a sum, shares between 0 and 1, nothing below zero."""

from __future__ import annotations

import numpy as np
import pytest
from builders_twins import source_of
from e2i_shared.twins.figures import said
from e2i_shared.twins.population import fit_copula, population
from e2i_shared.twins.rules import AtMost, Within, discover
from e2i_shared.twins.table import table_of


def sales(n=3_000, seed=1):
    """trx = old + new is computed, market = trx + other too; copay ≤ trx, though copay is no part of it; share = trx / market."""
    rng = np.random.default_rng(seed)
    size = rng.gamma(3.0, 1.0, n)
    old, new = rng.poisson(3 * size).astype(float), rng.poisson(2 * size).astype(float)
    other = rng.poisson(4 * size).astype(float)
    trx = old + new
    return {
        "old": old,
        "new": new,
        "other": other,
        "copay": rng.binomial(trx.astype(int), 0.6).astype(float),
        "trx": trx,
        "share": np.divide(trx, trx + other, out=np.zeros(n), where=trx + other > 0),
        "market": trx + other,
    }


def table(columns):
    return table_of(source_of(columns, {})[1])


@pytest.fixture(scope="module")
def real():
    return table(sales())


@pytest.fixture(scope="module")
def rules(real):
    return discover(real.numbers, real.categories)


def test_bounds_against_computed_columns_are_found(rules):
    computed = {rule.column for rule in rules.computed}

    assert "trx" in computed
    assert AtMost("copay", "trx", tight=True) in rules.derived
    assert not any(rule.bound in computed or rule.column in computed for rule in rules.at_most)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_twin_breaks_them(real, rules, seed):
    drawn = population(real, 10_000, seed=seed)

    assert rules.broken(drawn.numbers) == 0
    assert (drawn.numbers["copay"] <= drawn.numbers["trx"]).all()
    assert drawn.numbers["trx"] == pytest.approx(drawn.numbers["old"] + drawn.numbers["new"])
    assert (drawn.numbers["share"] >= 0).all()
    assert (drawn.numbers["share"] <= 1).all()


def test_without_drawing_again_they_would_be_broken(real, rules):
    once = fit_copula(real, 1)._once(10_000, 1)

    assert rules.broken(once.numbers) > 5


def test_drawing_again_keeps_the_columns_as_they_were(real):
    drawn = population(real, 20_000, seed=4)

    for name in real.numbers:
        held, found = real.numbers[name], drawn.numbers[name]
        assert found.mean() == pytest.approx(held.mean(), rel=0.06), name
        assert found.std() == pytest.approx(held.std(), rel=0.1), name


def test_a_computed_share_stays_one_and_a_computed_count_is_never_negative():
    rng = np.random.default_rng(5)
    part = rng.uniform(0.0, 1.0, 2_000)
    columns = {"part": part, "tilt": rng.uniform(0.0, 1.0, 2_000) * (1 - part)}
    columns["whole"] = columns["part"] + columns["tilt"]
    columns["left"] = 3 + rng.normal(size=2_000) * 0.5
    real = table(columns)
    found = discover(real.numbers, real.categories)

    assert Within("whole", 0.0, 1.0) in found.derived
    assert said(Within("whole", 0.0, 1.0)) == "whole ≥ 0 and ≤ 1"
    assert said(Within("n", 0.0, np.inf)) == "n ≥ 0"
    drawn = population(real, 5_000, seed=1).numbers["whole"]
    assert ((drawn >= 0) & (drawn <= 1)).all()
    assert (fit_copula(real, 1)._once(5_000, 1).numbers["whole"] > 1).any()


def test_what_may_be_negative_has_no_floor():
    rng = np.random.default_rng(6)
    columns = {"a": rng.normal(size=2_000), "b": rng.normal(size=2_000)}
    columns["c"] = columns["a"] - columns["b"]

    assert discover(table(columns).numbers, {}).derived == ()


def test_the_same_seed_draws_the_same_rows_after_drawing_again(real):
    one, other = (population(real, 3_000, seed=9) for _ in range(2))

    assert all((one.numbers[n] == other.numbers[n]).all() for n in one.numbers)


def test_missing_values_break_nothing():
    columns = sales(2_000, 7)
    columns["copay"][::7] = np.nan
    real = table(columns)
    drawn = population(real, 4_000, seed=1)

    assert np.isnan(drawn.numbers["copay"]).mean() == pytest.approx(1 / 7, abs=0.03)
    assert discover(real.numbers, {}).broken(drawn.numbers) == 0
