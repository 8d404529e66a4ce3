"""Rules between columns: found where they hold by nature, not where they hold by chance."""

from __future__ import annotations

import numpy as np
import pytest
from builders_twins import market, source_of
from e2i_shared.twins.rules import AtMost, Computed, Decided, Rules, discover
from e2i_shared.twins.table import table_of


def numbers(seed=0, n=2_000):
    rng = np.random.default_rng(seed)
    trx = rng.poisson(8, n).astype(float)
    nrx = rng.binomial(trx.astype(int), 0.5).astype(float)
    return {"trx": trx, "nrx": nrx, "other": rng.normal(100, 3, n)}


def test_new_prescriptions_never_exceed_all():
    found = discover(numbers(), {})

    assert AtMost("nrx", "trx", tight=True) in found.at_most


def test_columns_on_other_scales_make_no_rule():
    found = discover(numbers(), {})

    assert not any(rule.bound == "other" for rule in found.at_most)


def test_one_row_against_it_is_no_rule():
    columns = numbers()
    columns["nrx"][5] = columns["trx"][5] + 1

    assert discover(columns, {}).at_most == ()


def test_a_sum_is_found_with_its_sources():
    columns = numbers() | {"total": numbers()["trx"] * 2 + numbers()["other"] - 5}
    found = discover(columns, {}).computed

    assert [rule.column for rule in found] == ["total"]
    assert set(found[0].sources) == {"trx", "other"}
    assert dict(zip(found[0].sources, found[0].weights, strict=True)) == pytest.approx({"trx": 2, "other": 1})
    assert found[0].constant == pytest.approx(-5)


@pytest.mark.parametrize("kind", ["times", "over"])
def test_products_and_ratios_are_found(kind):
    columns = numbers()
    columns["made"] = columns["nrx"] * columns["other"] if kind == "times" else columns["nrx"] / columns["other"]
    found = discover(columns, {}).computed

    assert [(rule.column, rule.product) for rule in found] == [("made", kind)]
    assert found[0].of(columns) == pytest.approx(columns["made"])


def test_a_nearly_computed_column_is_not_computed():
    columns = numbers()
    columns["total"] = columns["trx"] + columns["other"]
    columns["total"][3] += 0.01

    assert discover(columns, {}).computed == ()


def test_a_region_is_decided_by_its_territory():
    rng = np.random.default_rng(1)
    territory = rng.integers(0, 20, 2_000).astype(float)
    found = discover({}, {"territory": territory, "region": territory // 5})

    assert [(r.column, r.by) for r in found.decided] == [("region", "territory")]
    assert (found.decided[0].of({"territory": territory}) == territory // 5).all()


def test_a_season_is_decided_by_its_month():
    rng = np.random.default_rng(2)
    month = rng.integers(0, 12, 2_000).astype(float)
    season = np.sin(np.arange(12.0))[month.astype(int)]
    found = discover({"season": season, "month": month, "noise": rng.normal(size=2_000)}, {})

    assert {(r.column, r.by) for r in found.decided} == {("season", "month")}
    assert (found.decided[0].of({"month": month}) == season).all()


def test_two_names_of_one_thing_decide_each_other_once():
    codes = np.random.default_rng(3).integers(0, 4, 500).astype(float)

    assert len(discover({}, {"a": codes, "b": 3 - codes}).decided) == 1


def test_identifiers_decide_nothing_worth_keeping():
    codes = np.arange(500).astype(float)

    assert discover({}, {"id": codes, "group": codes % 3}).decided == ()


def test_broken_rules_are_counted():
    rules = Rules(
        (AtMost("a", "b"),), (Computed("c", ("a", "b"), (1.0, 1.0)),), (Decided("d", "e", (0.0, 1.0), (1.0, 0.0)),)
    )
    values = {
        "a": np.array([1.0, 3.0, np.nan]),
        "b": np.array([2.0, 2.0, 1.0]),
        "c": np.array([3.0, 5.0, 7.0]),
        "d": np.array([1.0, 0.0, 0.0]),
        "e": np.array([0.0, 0.0, 1.0]),
    }

    assert [rule.broken({k: v[:2] for k, v in values.items()}) for rule in rules.every] == [1, 0, 1]
    assert rules.broken(values) == 2


def test_all_rules_of_a_market_are_found():
    table = table_of(source_of(market(2, 3_000), {})[1])
    found = discover(table.numbers, table.categories)

    assert {("nrx", "trx"), ("trx", "patients")} <= {(r.column, r.bound) for r in found.at_most}
    assert [r.column for r in found.computed] == ["total"]
    assert [(r.column, r.by) for r in found.decided] == [("region", "territory")]
