"""The size and length of a real test: by the power calculation, and never more than the population can carry without saying so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders_twins import source_of, twin_spec
from e2i_shared.causal.power import Level, MeansT, MeansZ
from e2i_shared.twins.sizing import Noise, Place, place_of, real_test
from e2i_shared.twins.spec import Thresholds
from e2i_shared.twins.train import train

NOISE = Noise(3.0)
PLACE = Place(5_000, "units", None, None, 10.0, binary=False, plain=NOISE, adjusted=NOISE)
CLUSTERED = replace(PLACE, unit="hcp_id", rows=24.0, plain=Noise(3.0, 0.3), adjusted=Noise(3.0, 0.3))
MONTH = 365.25 / 12 / 7
PANEL = replace(CLUSTERED, row_weeks=MONTH)
RATE = replace(PLACE, baseline=0.4, binary=True, plain=Noise(0.49), adjusted=Noise(0.49))
USUAL = Thresholds()


def made(effect=1.0, place=PLACE, weeks=None, thresholds=USUAL, **changes: object):
    return real_test(effect, replace(place, **changes), weeks, thresholds)


def test_the_size_is_that_of_the_power_calculation():
    found = made()

    assert found.size == pytest.approx(MeansT(3.0).sample_size(1.0, 0.8, Level()), abs=2)
    assert (found.weeks, found.why, found.change) == (12, None, None)


def test_clusters_are_counted_as_clusters_with_their_design_effect():
    found = made(place=CLUSTERED)

    assert found.size == pytest.approx(made().size * (1 + 23 * 0.3) / 24, abs=1.5)


def test_a_short_test_of_a_panel_has_only_the_rows_of_its_weeks():
    short = made(place=PANEL)

    assert short.size == pytest.approx(made().size * (1 + 0.3) / 2, abs=1.5)  # two whole months in 12 weeks
    assert made(place=PANEL, weeks=52).size < short.size
    assert made(place=PANEL, weeks=1).size == made().size


def test_a_rate_is_sized_as_a_rate_and_an_impossible_one_not_at_all():
    found = made(0.1, RATE)
    impossible = made(0.7, RATE)

    assert found.size == pytest.approx(387, abs=3)
    assert (impossible.size, impossible.weeks) == (None, None)
    assert "leave 0 to 1" in impossible.why


def test_no_effect_cannot_be_tested():
    assert made(0.0).size is None
    assert made(0.0).why is not None


def test_the_duration_asked_for_is_kept_where_the_population_is_large_enough():
    assert made(weeks=26).weeks == 26
    assert made(weeks=200).weeks == 200


def test_what_the_features_explain_need_not_be_averaged_out():
    found = made(members=200, adjusted=Noise(1.5))

    assert (made().size, found.size) == (142, 36)
    assert found.weeks == 12
    assert found.why == (
        "In a real test, a plain comparison of 12 weeks needs 142 units per arm, and this population has 100: "
        "adjusted for the twin's features 36 are enough."
    )


def test_adjustment_is_not_asked_of_a_population_that_is_large_enough():
    assert made(adjusted=Noise(1.5)).size == made().size == 142


def test_waves_of_new_units_are_said():
    found = made(members=100)

    assert found.size == 142
    assert found.weeks == 36
    assert found.why.endswith("142 are enough in 36 weeks, in waves of new ones.")
    assert found.change is None


def test_more_rows_of_each_cluster_make_a_longer_test_possible():
    usual = made(place=PANEL)
    found = made(place=PANEL, members=2 * usual.size - 20)

    assert 12 < found.weeks <= 52
    assert found.size <= usual.size - 10
    assert f"are enough in {found.weeks} weeks." in found.why


@pytest.mark.parametrize("place", [PLACE, PANEL, CLUSTERED])
def test_what_no_plausible_duration_can_show_has_no_duration_and_an_honest_size(place):
    found = made(0.2, place, members=40)
    plenty = made(0.2, place, members=100_000)

    assert found.weeks is None
    assert found.size == plenty.size
    assert "This population cannot show an effect of 0.2" in found.why
    assert f"{found.size:,}" in found.why
    assert "this population has 20" in found.why
    assert f"about {found.smallest:.4g}" in found.why
    assert "larger dose" in found.change


def test_the_smallest_effect_it_can_show_is_just_large_enough():
    lost = made(0.2, members=40)
    found = made(lost.smallest * 1.001, members=40)

    assert found.weeks == 48  # four waves of twelve weeks in the 52 that are plausible
    assert made(lost.smallest * 0.9, members=40).weeks is None


def test_the_smallest_effect_of_a_panel_is_that_of_its_longest_test():
    lost = made(0.2, PANEL, members=40)

    assert made(lost.smallest * 1.001, PANEL, members=40).weeks <= 52
    assert made(lost.smallest * 0.99, PANEL, members=40).weeks is None


def test_the_longest_plausible_duration_is_a_setting():
    assert made(members=40).weeks is None
    assert made(members=40, thresholds=Thresholds(most_weeks=520)).weeks == 96


@pytest.mark.parametrize("members", [0, 1])
@pytest.mark.parametrize("place", [PLACE, PANEL])
def test_a_population_of_nobody_to_compare_cannot_be_tested(members, place):
    found = made(place=place, members=members)

    assert (found.weeks, found.smallest) == (None, None)
    assert "cannot show" in found.why


def test_what_a_test_has_to_work_with_is_read_from_the_population_asked_for(twin):
    everyone = place_of(twin, np.ones(twin.units.n, dtype=bool), 10.0)
    high = place_of(twin, twin.units.numbers["decile"] >= 8, 10.0)

    assert everyone.members == twin.units.n > high.members > 0
    assert (everyone.unit, everyone.rows, everyone.row_weeks, everyone.binary) == ("units", None, None, False)
    assert everyone.plain.sd == pytest.approx(twin.outcome.std(ddof=1))
    assert everyone.adjusted.sd < 0.9 * everyone.plain.sd
    assert high.plain.sd != everyone.plain.sd


def test_clusters_and_months_are_counted_where_the_data_has_them():
    rng = np.random.default_rng(1)
    member, month = np.repeat(np.arange(60), 24), np.tile(np.arange(24), 60)
    months = [f"{2024 + m // 12}-{m % 12 + 1:02d}-01" for m in month]
    own = rng.normal(size=60)[member]
    columns = {
        "x": own + rng.normal(size=1_440),
        "month": months,
        "hcp": member.astype(float),
        "email": (rng.random(1_440) < 0.5).astype(float),
        "sales": 5 + 2 * own + rng.normal(size=1_440),
    }
    roles = {"x": "covariate", "month": "time", "hcp": "cluster", "email": "treatment", "sales": "outcome"}
    bundle = train(source_of(columns, roles)[0], twin_spec(interventions=["email"], twins=500)).bundle
    some = member < 40
    found = place_of(bundle, some, 5.0)

    assert (found.members, found.unit, found.rows) == (40, "hcp", 24.0)
    assert found.row_weeks == pytest.approx(MONTH, abs=0.1)
    assert found.plain.icc > 0.6


def test_a_test_of_that_size_finds_the_effect_as_often_as_it_promises():
    found, rng = made(), np.random.default_rng(1)
    control = rng.normal(0.0, 3.0, (2_000, found.size)).mean(axis=1)
    treated = rng.normal(1.0, 3.0, (2_000, found.size)).mean(axis=1)
    z = (treated - control) / (3.0 * np.sqrt(2 / found.size))

    assert np.mean(z > 1.96) == pytest.approx(0.8, abs=0.03)
    assert found.size >= MeansZ(3.0, 3.0).sample_size(1.0, 0.8, Level())
