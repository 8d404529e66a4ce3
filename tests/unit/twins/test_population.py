"""A drawn population: like the real one, within its rules, reproducible, and nobody's copy."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from builders_twins import market, source_of
from e2i_shared.twins import realism
from e2i_shared.twins.marginal import marginal
from e2i_shared.twins.population import bootstrap, copies, fit_copula, population
from e2i_shared.twins.rules import discover
from e2i_shared.twins.table import Table, table_of


def real_market(seed=3, n=4_000, **more: Any) -> Table:
    return table_of(source_of(market(seed, n) | more, {})[1])


@pytest.fixture(scope="module")
def real() -> Table:
    return real_market()


@pytest.fixture(scope="module")
def drawn(real) -> Table:
    return population(real, 4_000, seed=1)


def test_it_meets_its_bars_of_realism(real, drawn):
    found = realism.compare(real, drawn, discover(real.numbers, real.categories))

    assert found.ks_complement >= 0.98
    assert found.spearman >= 0.98
    assert found.c2st_auc is not None
    assert found.c2st_auc <= 0.62
    assert found.rules_broken == 0
    assert found.copies == 0
    assert found.privacy > 0.8


def test_every_rule_holds_in_every_row(drawn):
    assert (drawn.numbers["nrx"] <= drawn.numbers["trx"]).all()
    assert (drawn.numbers["trx"] <= drawn.numbers["patients"]).all()
    assert drawn.numbers["total"] == pytest.approx(drawn.numbers["trx"] + drawn.numbers["other"])
    assert (drawn.categories["territory"] // 5 == drawn.categories["region"]).all()


def test_counts_stay_counts_and_flags_flags(drawn):
    assert (drawn.numbers["trx"] == np.round(drawn.numbers["trx"])).all()
    assert set(drawn.numbers["academic"]) == {0.0, 1.0}


def test_numbers_stay_within_what_was_seen(real, drawn):
    for name in ("income", "tenure", "calls", "decile"):
        assert real.numbers[name].min() <= drawn.numbers[name].min()
        assert drawn.numbers[name].max() <= real.numbers[name].max()


def test_a_number_depends_on_categories_as_it_did(real, drawn):
    for code in range(4):
        was = real.numbers["patients"][real.categories["specialty"] == code].mean()
        now = drawn.numbers["patients"][drawn.categories["specialty"] == code].mean()

        assert now == pytest.approx(was, rel=0.05)


def test_the_same_seed_draws_the_same_population(real):
    one, other, third = (population(real, 500, seed=s) for s in (4, 4, 5))

    assert (one.matrix() == other.matrix()).all()
    assert (one.matrix() != third.matrix()).any()


def test_fifty_thousand_are_drawn_in_a_moment(real):
    copula = fit_copula(real, 0)
    copula.draw(1_000, 0)
    times = []
    for seed in range(3):
        started = time.process_time()
        copula.draw(50_000, seed)
        times.append(time.process_time() - started)

    assert min(times) < 0.3  # promised: 0.15; a busy machine is slower


def test_missing_values_are_as_frequent_as_they_were():
    rng = np.random.default_rng(60)
    raw = market(6, 3_000)
    income = np.where(rng.random(3_000) < 0.05 + 0.3 * raw["academic"], np.nan, raw["income"])
    real = real_market(6, 3_000, income=income)
    drawn = population(real, 3_000, seed=2)

    assert np.isnan(drawn.numbers["income"]).mean() == pytest.approx(np.isnan(income).mean(), abs=0.03)
    academic = drawn.numbers["academic"] == 1
    gap = np.isnan(drawn.numbers["income"])[academic].mean() - np.isnan(drawn.numbers["income"])[~academic].mean()
    assert gap > 0.15


def test_missing_levels_of_a_category_are_drawn_too():
    rng = np.random.default_rng(7)
    codes = np.where(rng.random(2_000) < 0.2, -1, rng.integers(0, 3, 2_000))
    real = table_of(source_of({"kind": (codes, ("a", "b", "c")), "x": rng.normal(size=2_000)}, {})[1])
    drawn = population(real, 2_000, seed=1)

    assert (drawn.categories["kind"] == 3).mean() == pytest.approx(0.2, abs=0.03)
    assert (drawn.frame().columns["kind"].codes == -1).sum() == (drawn.categories["kind"] == 3).sum()


def test_negative_numbers_keep_their_order():
    rng = np.random.default_rng(8)
    high = rng.normal(0, 3, 2_000)
    real = table_of(source_of({"low": high - rng.exponential(1, 2_000), "high": high}, {})[1])
    drawn = population(real, 2_000, seed=1)

    assert (drawn.numbers["low"] <= drawn.numbers["high"]).all()
    assert realism.spearman_similarity(real, drawn) > 0.98


def test_a_bootstrap_holds_real_rows_and_says_so(real):
    drawn = bootstrap(real, 300, 1)

    assert copies(drawn, real).all()
    assert population(real, 300, seed=1, method="bootstrap").n == 300


def test_a_copula_fitted_to_independent_columns_draws_independent_ones():
    rng = np.random.default_rng(9)
    real = table_of(source_of({f"x{j}": rng.normal(size=3_000) for j in range(4)}, {})[1])
    drawn = population(real, 3_000, seed=1)

    assert np.abs(np.corrcoef(drawn.matrix().T) - np.eye(4)).max() < 0.07


def test_a_marginal_gives_back_its_own_distribution():
    rng = np.random.default_rng(10)
    scores = rng.normal(size=20_000)
    for values in (rng.exponential(2, 3_000), rng.poisson(3, 3_000).astype(float), np.repeat([0.0, 1.0], 1_500)):
        drawn = marginal("x", values, scores).values(scores.astype(np.float32))

        assert realism.ks(values, drawn)[0] < 0.02


def test_what_a_bounded_column_decides_follows_its_drawn_value():
    rng = np.random.default_rng(11)
    trx = rng.poisson(8, 3_000).astype(float)
    nrx = rng.binomial(trx.astype(int), 0.6).astype(float)
    real = table_of(source_of({"trx": trx, "nrx": np.minimum(nrx, 12), "tier": np.minimum(nrx, 12) // 4}, {})[1])
    drawn = population(real, 3_000, seed=1)

    assert (drawn.numbers["tier"] == drawn.numbers["nrx"] // 4).all()
    assert (drawn.numbers["nrx"] <= drawn.numbers["trx"]).all()
