"""The sample world's design and its parts."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.datasets.pharma import design, monthly, patients, prescribers, territories


@pytest.fixture(scope="module")
def hcps():
    return prescribers.draw(np.random.default_rng(1))


def test_the_design_is_complete():
    assert set(design.EFFECTS) == set(design.LEVERS) == set(design.REGION_MULTIPLIER) == set(design.DECILE_SLOPE)
    for by_brand in design.EFFECTS.values():
        assert set(by_brand) == set(design.BRANDS)
        assert all(len(by_specialty) == len(design.SPECIALTIES) for by_specialty in by_brand.values())
    assert sum(design.TERRITORIES.values()) == 40
    assert sum(design.SPECIALTY_SHARES) == pytest.approx(1)
    assert design.AFFINITY.shape == (3, 6)


def test_names_are_sorted_so_that_codes_follow_levels():
    for names in (design.BRANDS, design.SPECIALTIES, design.REGIONS, patients.PAYERS, patients.SEXES):
        assert list(names) == sorted(names)


def test_the_second_and_the_third_quarter_have_the_same_season():
    assert design.SEASON[3:6].mean() == pytest.approx(design.SEASON[6:9].mean())


def test_no_effect_ever_turns_negative():
    for lever, slope in design.DECILE_SLOPE.items():
        assert 1 - abs(slope) * 4.5 > 0, lever
        assert min(design.REGION_MULTIPLIER[lever]) > 0
        assert min(min(effects) for effects in design.EFFECTS[lever].values()) >= 0


def test_months_between_are_inclusive():
    inside = design.months_between("2026-07", "2026-09")

    assert design.MONTHS[inside].astype(str).tolist() == ["2026-07", "2026-08", "2026-09"]


def test_each_territory_has_twenty_five_prescribers(hcps):
    assert set(np.bincount(hcps.territory)) == {25}


def test_deciles_are_tenths(hcps):
    assert set(np.bincount(hcps.decile.astype(int))[1:]) == {100}


def test_affinity_leaves_room_for_the_drift(hcps):
    assert hcps.digital_affinity.max() + design.DRIFT_SHIFT <= 1
    assert hcps.digital_affinity.min() >= 0


def test_unit_effects_are_one_per_row_and_lever_and_outcome(hcps):
    drawn = monthly.draw(hcps, np.random.default_rng(2))

    assert len(drawn.unit_effects) == len(design.LEVERS) * 3
    assert {effect.shape for effect in drawn.unit_effects.values()} == {(72_000,)}
    assert (drawn.uncut_visits >= drawn.frame.numbers("rep_visits")).all()


def test_the_cut_leaves_all_other_rows_untouched(hcps):
    drawn = monthly.draw(hcps, np.random.default_rng(2))
    changed = drawn.uncut_visits != drawn.frame.numbers("rep_visits")
    brand = np.array(design.BRANDS)[drawn.frame.columns["brand"].codes]
    region = np.array(design.REGIONS)[drawn.frame.columns["region"].codes]
    month = drawn.frame.columns["month"].values.astype("datetime64[M]")

    assert set(brand[changed]) == {design.CUT_BRAND}
    assert set(region[changed]) == set(design.CUT_REGIONS)
    assert month[changed].min() == np.datetime64("2026-07")


@pytest.mark.parametrize("lever", list(design.LEVERS))
def test_every_kind_of_row_has_overlap(hcps, lever):
    """No prescriber is certain to get, or not to get, a 0/1 lever; counts vary for everyone."""
    drawn = monthly.draw(hcps, np.random.default_rng(3))
    doses = drawn.frame.numbers(lever).reshape(1_000, 24, 3)
    mean = np.nanmean(doses, axis=1)

    assert mean.mean() > 0.05
    if design.LEVERS[lever].count:
        assert (np.nanstd(doses, axis=1) > 0).mean() > 0.99
    else:
        assert 0.01 < mean.mean() < 0.7


def test_patients_effects_depend_on_what_they_should(hcps):
    drawn = patients.draw(hcps, np.random.default_rng(4))
    commercial = drawn.frame.columns["payer"].codes == patients.PAYERS.index("Commercial")
    effect = drawn.unit_effects["copay_card", "adherence_pdc"]

    assert effect[commercial].min() > effect[~commercial].max() * 1.3
    assert (drawn.unit_effects["nurse_support", "discontinued_90d"] < 0).all()


def test_territory_targets_are_near_what_the_first_year_brought(hcps):
    frame = monthly.draw(hcps, np.random.default_rng(5)).frame
    table = territories.table(hcps, frame, np.random.default_rng(6))
    first_year = table.columns["month"].values < np.datetime64("2025-10-01")
    share = table.numbers("trx")[first_year].sum() / table.numbers("target_trx")[first_year].sum()

    assert table.n == 2_880
    assert 0.9 < share < 1.05
    np.testing.assert_allclose(table.numbers("trx_per_hcp"), table.numbers("trx") / table.numbers("hcps"), atol=1e-4)
