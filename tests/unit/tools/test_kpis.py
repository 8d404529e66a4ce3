from __future__ import annotations

import re

import numpy as np
import pytest
from builders_frames import frame_of
from e2i_shared.tools._columns import Groups, plain
from e2i_shared.tools._kpis import Definition, Kpi, Measure, Where, evaluate, find_kpi, kpis
from pydantic import ValidationError

ALL = Groups(np.zeros(6, dtype=np.intp), ("all",))
HALVES = Groups(np.array([0, 0, 0, 1, 1, 1]), ("first", "second"))
EVERYONE = np.ones(6, dtype=bool)
FRAME = frame_of(
    {
        "trx": [1.0, 2.0, None, 4.0, 5.0, 6.0],
        "target": [2.0, 2.0, 50.0, 4.0, None, 4.0],
        "hcp": ["a", "a", "b", "c", "c", None],
        "visits": [0.0, 2.0, 1.0, 0.0, 3.0, 1.0],
    }
)


def measure(definition, groups=ALL, chosen=EVERYONE, market=ALL):
    return evaluate(Definition.model_validate(definition), FRAME, groups, chosen, market)


def test_a_sum_is_over_known_rows():
    result = measure({"formula": "sum", "unit": "TRx", "value": {"sum": "trx"}}, HALVES)

    assert result.value.tolist() == [3.0, 15.0]
    assert result.rows.tolist() == [3, 3]
    assert result.missing.tolist() == [1, 0]


def test_a_mean_does_not_count_missing_rows_as_zero():
    assert measure({"formula": "mean", "unit": "TRx", "value": {"mean": "trx"}}).value[0] == pytest.approx(18 / 5)


def test_distinct_counts_each_once_and_no_missing():
    result = measure({"formula": "distinct", "unit": "hcps", "value": {"distinct": "hcp"}}, HALVES)

    assert result.value.tolist() == [2.0, 1.0]


def test_a_ratio_is_over_rows_that_have_both():
    definition = {"formula": "ratio", "unit": "fraction", "top": {"sum": "trx"}, "bottom": {"sum": "target"}}

    result = measure(definition)

    assert result.value[0] == pytest.approx((1 + 2 + 4 + 6) / (2 + 2 + 4 + 4))
    assert result.missing[0] == 2


def test_a_condition_picks_rows():
    visited = {"distinct": "hcp", "where": {"column": "visits", "op": "ge", "value": 1}}
    definition = {"formula": "ratio", "unit": "fraction", "top": visited, "bottom": {"distinct": "hcp"}}

    assert measure(definition).value[0] == pytest.approx(3 / 3)
    assert measure(definition, HALVES).value.tolist() == pytest.approx([1.0, 1.0])
    assert Definition.model_validate(definition).text() == (
        "number of distinct hcp where visits ≥ 1 / number of distinct hcp"
    )


def test_a_share_divides_by_its_market():
    definition = {"formula": "share", "unit": "fraction", "value": {"sum": "trx"}, "over": "hcp"}

    result = measure(definition, HALVES, EVERYONE, ALL)

    assert result.value.tolist() == pytest.approx([3 / 18, 15 / 18])


def test_a_share_of_chosen_rows_keeps_the_whole_market():
    definition = {"formula": "share", "unit": "fraction", "value": {"sum": "trx"}, "over": "hcp"}
    chosen = np.array([True, False, False, True, False, False])

    assert measure(definition, ALL, chosen).value[0] == pytest.approx(5 / 18)


def test_a_zero_denominator_gives_no_number():
    definition = {"formula": "ratio", "unit": "x", "top": {"sum": "trx"}, "bottom": {"sum": "visits"}}
    first = np.array([True, False, False, False, False, False])

    assert np.isnan(measure(definition, ALL, first).value[0])


def test_a_group_without_rows_has_no_sum_but_zero_distinct():
    groups = Groups(np.zeros(6, dtype=np.intp), ("all", "empty"))

    assert np.isnan(measure({"formula": "sum", "unit": "x", "value": {"sum": "trx"}}, groups).value[1])
    assert measure({"formula": "distinct", "unit": "x", "value": {"distinct": "hcp"}}, groups).value[1] == 0.0


def test_a_definition_is_bound_to_a_data_sets_own_names():
    definition = Definition(
        formula="ratio",
        unit="fraction",
        top=Measure(aggregate="sum", column="trx", where=Where(column="visits", op="gt", value=0)),
        bottom=Measure(aggregate="sum", column="target"),
    )

    bound = definition.bound({"trx": "scripts", "visits": "calls", "target": "goal"})

    assert bound.columns() == ["scripts", "calls", "goal"]
    assert definition.columns() == ["trx", "visits", "target"]


@pytest.mark.parametrize(
    "incomplete",
    [
        {"formula": "ratio", "unit": "x", "top": {"sum": "trx"}},
        {"formula": "sum", "unit": "x"},
        {"formula": "share", "unit": "x", "value": {"sum": "trx"}},
        {"formula": "sum", "unit": "x", "value": {"sum": "trx"}, "over": "brand"},
    ],
)
def test_an_incomplete_formula_is_refused(incomplete):
    with pytest.raises(ValidationError):
        Definition.model_validate(incomplete)


def test_the_catalogue_holds_what_people_ask_for():
    wanted = {"trx", "nrx", "market_share", "rep_visits", "reach", "samples_dropped", "trx_per_hcp", "attainment"}

    assert wanted | {"adherence_pdc", "discontinuation_rate", "weight_change", "earnings"} <= set(kpis())


@pytest.mark.parametrize("kpi", kpis().values(), ids=list(kpis()))
def test_every_kpi_is_named_and_united(kpi: Kpi):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", kpi.name)
    assert kpi.title
    assert all(definition.unit for definition in kpi.definitions)
    assert kpi.definitions


def test_no_name_or_synonym_means_two_kpis():
    seen: dict[str, str] = {}
    for kpi in kpis().values():
        for name in kpi.names():
            assert seen.setdefault(name, kpi.name) == kpi.name


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("TRx", "trx"),
        ("total prescriptions", "trx"),
        ("market-share", "market_share"),
        ("PDC", "adherence_pdc"),
        ("Discontinuation Rate", "discontinuation_rate"),
        ("discontinued_90d", "discontinuation_rate"),
        ("calls", "rep_visits"),
        ("weight gain", "weight_change"),
    ],
)
def test_phrases_find_their_kpi(phrase, name):
    found = find_kpi(phrase)

    assert found is not None
    assert found.name == name


def test_an_unknown_phrase_finds_none():
    assert find_kpi("phlogiston") is None


def test_names_compare_without_case_hyphens_and_underscores():
    assert plain(" Rep_Visits-per  HCP ") == "rep visits per hcp"
