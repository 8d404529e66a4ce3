"""Populations of any table: rules of every kind kept, columns of every kind drawn as what they are."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.twins import realism
from e2i_shared.twins.population import bootstrap, copies, fit_copula, population
from e2i_shared.twins.rules import AtMost, Decided, discover
from e2i_shared.twins.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

N = 1_000


def table(numbers=None, categories=None, levels=None) -> Table:
    numbers, categories = numbers or {}, categories or {}
    n = len(next(iter((numbers | categories).values())))
    held = levels or {name: tuple(f"L{i}" for i in range(int(v.max()) + 1)) for name, v in categories.items()}
    return Table(n, numbers, {name: v.astype(np.float64) for name, v in categories.items()}, held, frozenset())


def values_of(drawn: Table) -> dict[str, np.ndarray]:
    return {name: drawn.values(name) for name in drawn.names}


def bounded(rng, top, *, whole):
    share = rng.beta(2, 1.2, len(top))
    return np.floor(top * share) if whole else top * share


def base(rng, kind):
    return {
        "counts": lambda: rng.poisson(9, N) + 3.0,
        "amounts": lambda: rng.gamma(3, 20, N),
        "negative": lambda: rng.normal(-5, 4, N),
        "large counts": lambda: np.round(rng.gamma(3, 20_000, N)),
    }[kind]()


KINDS = st.sampled_from(["counts", "amounts", "negative", "large counts"])


@given(kind=KINDS, depth=st.integers(1, 3), whole=st.booleans(), turn=st.integers(0, 3), seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_chains_of_bounds_hold_in_every_row_whatever_the_order_of_the_columns(kind, depth, whole, turn, seed):
    rng = np.random.default_rng(seed)
    chain = [base(rng, kind)]
    for _ in range(depth):
        below = bounded(rng, chain[-1], whole=whole) if kind != "negative" else chain[-1] - rng.exponential(1.0, N)
        chain.append(below)
    names = [f"c{j}" for j in range(depth + 1)]
    held = dict(zip(names, chain, strict=True))
    order = names[turn % len(names) :] + names[: turn % len(names)]
    real = table({name: held[name] for name in order})

    drawn = population(real, N, seed=seed)

    rules = discover(real.numbers, real.categories)
    assert rules.broken(values_of(drawn)) == 0
    for rule in rules.at_most:
        assert (drawn.numbers[rule.column] <= drawn.numbers[rule.bound]).all()
    for name in names:
        assert drawn.numbers[name].mean() == pytest.approx(held[name].mean(), abs=0.25 * held[name].std())
        assert held[name].min() <= drawn.numbers[name].min()
        assert drawn.numbers[name].max() <= held[name].max()
        if (held[name] == np.round(held[name])).all():
            assert (drawn.numbers[name] == np.round(drawn.numbers[name])).all()


@given(kind=st.sampled_from(["sum", "difference", "product", "ratio"]), seed=st.integers(0, 10**6))
@settings(max_examples=12, deadline=None)
def test_what_is_computed_stays_computed(kind, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.poisson(8, N) + 1.0, rng.gamma(3, 2, N) + 0.5
    made = {"sum": a + 2 * b, "difference": a - b + 3, "product": a * b, "ratio": a / b}[kind]
    drawn = population(table({"a": a, "b": b, "made": made}), N, seed=seed)
    x, y = drawn.numbers["a"], drawn.numbers["b"]

    wanted = {"sum": x + 2 * y, "difference": x - y + 3, "product": x * y, "ratio": x / y}[kind]
    assert drawn.numbers["made"] == pytest.approx(wanted, rel=1e-5, abs=1e-5)


@given(fine=st.integers(4, 20), coarse=st.integers(2, 3), seed=st.integers(0, 10**6))
@settings(max_examples=12, deadline=None)
def test_what_a_finer_column_decides_stays_decided(fine, coarse, seed):
    rng = np.random.default_rng(seed)
    territory = rng.integers(0, fine, N)
    region = rng.permutation(np.arange(fine) % coarse)[territory]
    drawn = population(table({"x": rng.normal(size=N)}, {"territory": territory, "region": region}), N, seed=seed)
    was = {(t, r) for t, r in zip(territory.tolist(), region.tolist(), strict=True)}
    now = zip(drawn.categories["territory"].tolist(), drawn.categories["region"].tolist(), strict=True)

    assert {(int(t), int(r)) for t, r in now} <= was


def test_a_number_below_its_bounds_bound_keeps_its_place_when_named_first():
    rng = np.random.default_rng(1)
    d = rng.gamma(3, 10, 2_000)
    c = d * rng.uniform(0.3, 1, 2_000)
    b = c * rng.uniform(0.3, 1, 2_000)
    a = b * rng.uniform(0.3, 1, 2_000)
    drawn = population(table({"a": a, "b": b, "c": c, "d": d}), 2_000, seed=1)

    assert drawn.numbers["a"].mean() == pytest.approx(a.mean(), rel=0.06)
    assert drawn.numbers["b"].mean() == pytest.approx(b.mean(), rel=0.06)


def test_a_loose_bound_holds_beside_a_tight_one():
    rng = np.random.default_rng(2)
    tight = rng.gamma(4, 5, 3_000)
    loose = 1.3 * tight + rng.gamma(2, 3, 3_000)
    real = table({"a": tight * rng.uniform(0.5, 1, 3_000), "tight": tight, "loose": loose})
    copula = fit_copula(real, 1)

    assert copula.bounds["a"] == ("tight",)
    assert AtMost("a", "loose", tight=False) in copula.rules.at_most
    assert copula.rules.broken(values_of(copula.draw(20_000, 1))) == 0


def test_counts_under_an_amount_are_counts():
    rng = np.random.default_rng(3)
    budget = rng.gamma(3, 4, 2_000)
    drawn = population(table({"calls": np.floor(budget * rng.uniform(0, 1, 2_000)), "budget": budget}), 5_000, seed=1)

    assert (drawn.numbers["calls"] == np.round(drawn.numbers["calls"])).all()
    assert (drawn.numbers["calls"] <= drawn.numbers["budget"]).all()


def test_whole_numbers_of_many_values_are_drawn_whole():
    salary = np.round(np.random.default_rng(4).normal(50_000, 9_000, 3_000))
    drawn = population(table({"salary": salary}), 3_000, seed=1)

    assert (drawn.numbers["salary"] == np.round(drawn.numbers["salary"])).all()
    assert realism.ks(salary, drawn.numbers["salary"])[0] < 0.03


def test_categories_alone_are_drawn_as_they_occur_together():
    rng = np.random.default_rng(5)
    first = rng.choice(3, 4_000, p=[0.6, 0.3, 0.1])
    second = np.where(rng.random(4_000) < 0.8, first, rng.integers(0, 3, 4_000))
    real = table({}, {"a": first, "b": second})
    drawn = population(real, 4_000, seed=1)

    was = np.bincount(3 * first + second, minlength=9) / 4_000
    now = np.bincount((3 * drawn.categories["a"] + drawn.categories["b"]).astype(int), minlength=9) / 4_000
    assert np.abs(was - now).max() < 0.03
    assert drawn.numbers == {}


def test_numbers_alone_keep_means_spreads_and_correlations():
    rng = np.random.default_rng(6)
    root = np.linalg.cholesky([[1, 0.8, -0.3], [0.8, 1, 0], [-0.3, 0, 1]])
    x = rng.normal(size=(4_000, 3)) @ root.T
    columns = {"skewed": np.exp(x[:, 0]), "plain": x[:, 1], "counts": np.floor(np.exp(1 + 0.5 * x[:, 2]))}
    drawn = population(table(columns), 4_000, seed=1)

    assert realism.spearman_similarity(table(columns), drawn) > 0.98
    for name, values in columns.items():
        assert drawn.numbers[name].mean() == pytest.approx(values.mean(), abs=4 * values.std() / 4_000**0.5 * 1.5)
        assert drawn.numbers[name].std() == pytest.approx(values.std(), rel=0.1)


@pytest.mark.parametrize("with_category", [False, True])
def test_a_constant_column_stays_constant_and_costs_the_others_nothing(with_category):
    rng = np.random.default_rng(7)
    x = rng.normal(size=2_000)
    categories = {"g": (x > 0) * 1, "same": np.zeros(2_000)} if with_category else {}
    drawn = population(table({"x": x, "same number": np.full(2_000, 3.5), "y": x + 1}, categories), 2_000, seed=1)

    assert set(drawn.numbers["same number"]) == {3.5}
    assert realism.ks(x, drawn.numbers["x"])[0] < 0.05
    assert np.isfinite(drawn.matrix()).all()
    if with_category:
        assert set(drawn.categories["same"]) == {0.0}
        assert ((drawn.numbers["x"] > 0) == (drawn.categories["g"] == 1)).mean() > 0.75


def test_nothing_but_a_constant_is_drawn_as_it_is():
    assert set(population(table({"only": np.full(500, 2.0)}), 100, seed=1).numbers["only"]) == {2.0}


def test_one_rare_level_appears_about_as_rarely_and_harms_nothing_else():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(3_000, 2)) @ np.array([[1.0, 0.7], [0.0, 0.714]])
    rare = (np.arange(3_000) < 3) * 1
    real = table({"x": x[:, 0], "y": x[:, 1], "flag": rare.astype(float)}, {"g": rare})
    drawn = population(real, 30_000, seed=1)

    for seen in (drawn.categories["g"], drawn.numbers["flag"]):
        assert set(seen) <= {0.0, 1.0}
        assert seen.mean() == pytest.approx(0.001, abs=0.002)
    assert np.corrcoef(drawn.numbers["x"], drawn.numbers["y"])[0, 1] == pytest.approx(0.7, abs=0.06)


def test_missing_values_of_bound_and_bounded_are_drawn_and_break_nothing():
    rng = np.random.default_rng(9)
    top = rng.poisson(9, 3_000).astype(float)
    low = rng.binomial(top.astype(int), 0.6).astype(float)
    top[rng.random(3_000) < 0.1] = np.nan
    low[rng.random(3_000) < 0.2] = np.nan
    real = table({"top": top, "low": low})
    copula = fit_copula(real, 1)
    drawn = copula.draw(6_000, 2)

    assert copula.rules.at_most == (AtMost("low", "top"),)
    assert np.isnan(drawn.numbers["top"]).mean() == pytest.approx(0.1, abs=0.02)
    assert np.isnan(drawn.numbers["low"]).mean() == pytest.approx(0.2, abs=0.02)
    assert not (drawn.numbers["low"] > drawn.numbers["top"]).any()


def test_two_equal_columns_with_gaps_are_no_endless_rule():
    rng = np.random.default_rng(10)
    x = rng.gamma(2, 3, 1_000)
    x[::7] = np.nan
    drawn = population(table({"x": x, "again": x.copy()}), 1_000, seed=1)
    both = ~np.isnan(drawn.numbers["x"]) & ~np.isnan(drawn.numbers["again"])

    assert drawn.n == 1_000
    assert np.corrcoef(drawn.numbers["x"][both], drawn.numbers["again"][both])[0, 1] > 0.95


def test_days_are_drawn_as_days():
    rng = np.random.default_rng(11)
    days = np.round(rng.uniform(18_000, 20_000, 2_000))
    real = Table(2_000, {"since": days, "x": rng.normal(size=2_000)}, {}, {}, frozenset({"since"}))
    drawn = population(real, 2_000, seed=1)

    assert drawn.dates == {"since"}
    assert (drawn.numbers["since"] == np.round(drawn.numbers["since"])).all()
    stamps = drawn.frame().columns["since"].values
    assert stamps.astype("datetime64[D]").astype(float).tolist() == drawn.numbers["since"].tolist()


@given(seed=st.integers(0, 2**31 - 1))
@settings(max_examples=8, deadline=None)
def test_a_seed_decides_every_twin_and_holds_no_real_person(seed):
    rng = np.random.default_rng(seed)
    real = table({"x": rng.normal(size=400), "k": rng.poisson(3, 400) * 1.0}, {"g": rng.integers(0, 3, 400)})
    one, other = (population(real, 300, seed=seed) for _ in range(2))

    assert (one.matrix() == other.matrix()).all()
    assert not copies(one, real).any()
    assert copies(bootstrap(real, 50, seed), real).all()


def test_the_few_copies_of_real_rows_are_drawn_again():
    rng = np.random.default_rng(12)
    real = table({"a": rng.integers(0, 500, 500) * 1.0, "b": rng.integers(0, 500, 500) * 1.0})
    plain = fit_copula(real, 3).draw(2_000, 3)

    assert 0 < copies(plain, real).sum() < 20
    assert not copies(population(real, 2_000, seed=3), real).any()


def test_usual_combinations_are_not_left_out_for_being_usual():
    rng = np.random.default_rng(13)
    visits = rng.poisson(4, 1_000).astype(float)
    drawn = population(table({"visits": visits, "samples": rng.poisson(3, 1_000) * 1.0}), 4_000, seed=3)

    assert realism.ks(visits, drawn.numbers["visits"])[0] < 0.03


def test_a_decided_column_is_read_from_the_nearest_known_value():
    rule = Decided("tier", "amount", (0.1, 0.3, 0.9), (1.0, 2.0, 3.0))

    assert rule.of({"amount": np.array([0.1, 0.1 + 0.2, 0.9, 0.0, 5.0])}).tolist() == [1.0, 2.0, 3.0, 1.0, 3.0]
