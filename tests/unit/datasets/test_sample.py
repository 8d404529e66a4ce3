from __future__ import annotations

import csv
import json
import time
from functools import cache

import numpy as np
import pytest
from e2i_shared.api.common import Filter
from e2i_shared.api.datasets import ColumnRole
from e2i_shared.datasets.frame import Categories, Dates
from e2i_shared.datasets.pharma import design
from e2i_shared.datasets.sample import TABLES, generate, level_texts
from e2i_shared.errors import UnknownColumnError, UnknownValueError, UnprocessableError

KISQALI = Filter(column="brand", value="Kisqali")
LEVERS = tuple(design.LEVERS)


@cache
def sample():
    return generate()


def monthly(*columns: str, filters=()):
    return sample().source().read("hcp_monthly", columns, filters)


def test_the_tables_have_the_promised_shapes():
    tables = sample().tables

    assert tuple(tables) == TABLES
    assert {name: frame.n for name, frame in tables.items()} == {
        "hcps": 1_000,
        "hcp_monthly": 72_000,
        "patients": 5_000,
        "territories": 40 * 24 * 3,
    }


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_described_and_every_description_has_its_column(table):
    spec = sample().specs[table]

    assert [c.name for c in spec.columns] != []
    assert {c.name for c in spec.columns} == set(sample().tables[table].columns)
    assert all(c.description and c.role for c in spec.columns)


@pytest.mark.parametrize("table", TABLES)
def test_no_synonym_of_a_table_names_two_columns(table):
    spoken = [s.lower() for c in sample().specs[table].columns for s in (c.name, *(c.synonyms or []))]

    assert len(spoken) - len(set(spoken)) <= sum(
        c.name.lower() in [s.lower() for s in c.synonyms or []] for c in sample().specs[table].columns
    )


def test_the_same_seed_gives_the_same_tables_and_another_seed_others():
    again, other = generate(), generate(7)

    for name, frame in sample().tables.items():
        for column in frame.columns:
            np.testing.assert_array_equal(frame.numbers(column), again.tables[name].numbers(column))
    assert again.truth == sample().truth
    assert not np.array_equal(other.tables["hcp_monthly"].numbers("trx"), sample().tables["hcp_monthly"].numbers("trx"))


def test_generating_takes_less_than_two_seconds_of_processor_time():
    started = time.process_time()

    generate(3)

    assert time.process_time() - started < 2


def test_new_prescriptions_never_exceed_all_prescriptions():
    frame = sample().tables["hcp_monthly"]

    assert (frame.numbers("nrx") <= frame.numbers("trx")).all()
    assert (frame.numbers("trx") >= 0).all()
    assert (frame.numbers("trx") == np.round(frame.numbers("trx"))).all()


def test_margins_are_realistic():
    frame = sample().tables["hcp_monthly"]
    hcps = sample().tables["hcps"]

    assert 5 < frame.numbers("trx").mean() < 15
    assert 1 < frame.numbers("rep_visits").mean() < 3
    for lever in ("email_campaign", "speaker_program", "digital_engagement", "peer_influence"):
        assert 0.05 < frame.numbers(lever).mean() < 0.6
    assert set(np.unique(hcps.numbers("decile"))) == set(range(1, 11))
    assert 0.02 < hcps.numbers("pdrp_opt_out").mean() < 0.1
    assert 0.25 < np.mean(level_texts(hcps, "specialty") == "Oncology") < 0.32


def test_features_are_correlated_as_in_life():
    hcps = sample().tables["hcps"]

    def correlation(a: str, b: str) -> float:
        return np.corrcoef(hcps.numbers(a), hcps.numbers(b))[0, 1]

    assert correlation("digital_affinity", "years_in_practice") < -0.3
    assert correlation("practice_size", "academic") > 0.3
    assert correlation("decile", "practice_size") > 0.2


def test_an_opt_out_date_goes_with_every_opt_out_and_with_nothing_else():
    hcps = sample().tables["hcps"]
    dates = hcps.columns["pdrp_opt_out_date"]

    assert isinstance(dates, Dates)
    np.testing.assert_array_equal(~np.isnat(dates.values), hcps.numbers("pdrp_opt_out") == 1)


def test_each_territory_lies_in_one_region_and_has_prescribers():
    hcps = sample().tables["hcps"]
    pairs = set(zip(level_texts(hcps, "territory_id"), level_texts(hcps, "region"), strict=True))

    assert len(pairs) == 40
    assert {region for _, region in pairs} == set(design.REGIONS)


def test_the_months_run_from_october_2024_to_september_2026():
    months = np.unique(sample().tables["hcp_monthly"].columns["month"].values)

    assert len(months) == 24
    assert str(months[0]) == "2024-10-01T00:00:00"
    assert str(months[-1]) == "2026-09-01T00:00:00"


def test_a_prescriber_has_the_same_features_in_both_tables():
    hcps, frame = sample().tables["hcps"], sample().tables["hcp_monthly"]
    rows = frame.columns["hcp_id"].codes

    for column in ("specialty", "decile", "region", "territory_id", "practice_size", "academic"):
        np.testing.assert_array_equal(hcps.numbers(column)[rows], frame.numbers(column))


@pytest.mark.parametrize("lever", LEVERS)
@pytest.mark.parametrize("brand", design.BRANDS)
def test_the_truth_is_the_designed_effect_averaged_over_the_rows(lever, brand):
    frame = sample().tables["hcp_monthly"]
    specialty = frame.columns["specialty"].codes
    region = frame.columns["region"].codes
    multiplier = np.array(design.REGION_MULTIPLIER[lever])[region]
    multiplier = multiplier * (1 + design.DECILE_SLOPE[lever] * (frame.numbers("decile") - 5.5))
    effect = np.array(design.EFFECTS[lever][brand])[specialty] * multiplier
    rows = (level_texts(frame, "brand") == brand) & ~np.isnan(frame.numbers(lever))

    truth = sample().truth_for(lever, "trx", [Filter(column="brand", value=brand)])

    assert truth.n == rows.sum()
    assert truth.effect == pytest.approx(effect[rows].mean(), abs=1e-12)


def test_the_truth_of_new_prescriptions_and_value_follows_from_trx():
    trx = sample().truth_for("rep_visits", "trx", [KISQALI]).effect
    nrx = sample().truth_for("rep_visits", "nrx", [KISQALI]).effect
    value = sample().truth_for("rep_visits", "trx_value", [KISQALI, Filter(column="region", value="Midwest")]).effect
    midwest = sample().truth_for("rep_visits", "trx", [KISQALI, Filter(column="region", value="Midwest")]).effect

    assert nrx == pytest.approx(trx * 0.28)
    assert value == pytest.approx(midwest * 4_200)


def test_kisqali_visits_bring_one_to_one_and_a_half_trx_and_most_in_oncology_and_the_northeast():
    overall = sample().truth_for("rep_visits", "trx", [KISQALI]).effect
    by_specialty = sample().truth_by("rep_visits", "trx", "specialty", [KISQALI])
    by_region = sample().truth_by("rep_visits", "trx", "region", [KISQALI])
    by_decile = sample().truth_by("rep_visits", "trx", "decile", [KISQALI])

    assert 1.0 <= overall <= 1.5
    assert max(by_specialty, key=lambda k: by_specialty[k].effect) == "Oncology"
    assert max(by_region, key=lambda k: by_region[k].effect) == "Northeast"
    assert by_decile["10"].effect > by_decile["1"].effect
    assert list(by_decile) != []
    assert sum(t.n for t in by_specialty.values()) == 24_000


def test_one_lever_does_nothing_at_all():
    assert sample().truth_for("email_campaign", "trx", [Filter(column="brand", value="Fabhalta")]).effect == 0


def test_the_written_truth_agrees_with_the_computed_one():
    entries = sample().truth["effects"]
    json.dumps(sample().truth, allow_nan=False)

    assert len(entries) == 6 * 3 * 3 + 2 * 2 * 3
    for entry in entries[:: len(entries) // 12]:
        brand = Filter(column="brand", value=entry["brand"])
        computed = sample().truth_for(entry["treatment"], entry["outcome"], [brand])
        assert (entry["ate"], entry["n"]) == (pytest.approx(computed.effect), computed.n)
        for segment, levels in entry["by"].items():
            found = sample().truth_by(entry["treatment"], entry["outcome"], segment, [brand])
            assert levels == pytest.approx({level: t.effect for level, t in found.items()})


def test_the_cells_of_the_written_truth_add_up_to_its_average():
    for entry in sample().truth["effects"]:
        total = sum(cell["n"] for cell in entry["cells"])
        mean = sum(cell["n"] * cell["effect"] for cell in entry["cells"]) / total
        assert total == entry["n"]
        assert mean == pytest.approx(entry["ate"])


def test_a_pair_without_designed_effect_is_refused_with_the_pairs_there_are():
    with pytest.raises(UnprocessableError) as caught:
        sample().truth_for("decile", "trx")

    assert "rep_visits on trx" in caught.value.candidates


def test_filters_of_the_truth_are_checked():
    with pytest.raises(UnknownValueError):
        sample().truth_for("rep_visits", "trx", [Filter(column="brand", value="Kiskali")])
    with pytest.raises(UnknownColumnError):
        sample().truth_by("rep_visits", "trx", "speciality")


def naive_slope(lever, brand):
    frame = monthly(lever, "trx", filters=[Filter(column="brand", value=brand)])
    dose, trx = frame.numbers(lever), frame.numbers("trx")
    seen = ~np.isnan(dose)
    return np.cov(dose[seen], trx[seen])[0, 1] / dose[seen].var(ddof=1)


@pytest.mark.parametrize("lever", LEVERS)
@pytest.mark.parametrize("brand", design.BRANDS)
def test_confounding_is_real_the_naive_effect_is_far_too_large(lever, brand):
    truth = sample().truth_for(lever, "trx", [Filter(column="brand", value=brand)]).effect

    assert naive_slope(lever, brand) > truth + max(0.5 * truth, 0.4)


def regression_adjusted(lever, filters):
    """Regress TRx on the lever and everything that is a covariate or segment, with the interactions that the design has."""
    spec = sample().specs["hcp_monthly"]
    covariates = [
        "practice_size",
        "years_in_practice",
        "academic",
        "digital_affinity",
        "trx_baseline",
        "season",
        "decile",
    ]
    assert {c.name for c in spec.columns if c.role is ColumnRole.COVARIATE} <= set(covariates)
    frame = monthly(lever, "trx", "specialty", "region", *covariates, filters=filters)
    seen = ~np.isnan(frame.numbers(lever))
    base = np.column_stack(
        [frame.numbers(c) for c in covariates]
        + [frame.columns[c].codes == i for c in ("specialty", "region") for i in range(1, len(frame.columns[c].levels))]
    ).astype(float)
    base = base[:, base.std(axis=0) > 0]
    base -= base[seen].mean(axis=0)
    crossed = np.column_stack([base[:, i] * base[:, j] for i in range(base.shape[1]) for j in range(i, base.shape[1])])
    dose = frame.numbers(lever)
    design_matrix = np.column_stack([dose, np.ones(frame.n), base, crossed, base * dose[:, None]])[seen]
    return float(np.linalg.lstsq(design_matrix, frame.numbers("trx")[seen], rcond=None)[0][0])


@pytest.mark.parametrize("lever", ["rep_visits", "samples_dropped"])
def test_adjusting_for_the_observed_columns_recovers_the_truth(lever):
    truth = sample().truth_for(lever, "trx", [KISQALI]).effect

    assert regression_adjusted(lever, [KISQALI]) == pytest.approx(truth, abs=0.12)


def test_rows_of_one_prescriber_are_correlated_given_everything_observed():
    frame = monthly("hcp_id", "trx", "trx_baseline", "rep_visits", "specialty", filters=[KISQALI])
    columns = [np.ones(frame.n), frame.numbers("trx_baseline"), frame.numbers("rep_visits")]
    columns += [frame.columns["specialty"].codes == i for i in range(5)]
    fitted = np.column_stack(columns).astype(float)
    trx = frame.numbers("trx")
    residual = trx - fitted @ np.linalg.lstsq(fitted, trx, rcond=None)[0]
    by_hcp = residual.reshape(1_000, 24)
    between = by_hcp.mean(axis=1).var(ddof=1)

    assert between > 3 * residual.var() / 24


def planted(kind):
    return next(p for p in sample().truth["planted"] if p["kind"] == kind)


def test_kisqali_fell_by_about_fifteen_percent_in_the_third_quarter_and_the_cut_explains_it():
    drop = planted("drop")
    quarter = {"column": "month", "op": "between"}
    after = monthly("trx", filters=[KISQALI, Filter(**quarter, value=["2026-07-01", "2026-09-01"])])
    before = monthly("trx", filters=[KISQALI, Filter(**quarter, value=["2026-04-01", "2026-06-01"])])

    change = after.numbers("trx").mean() - before.numbers("trx").mean()

    assert drop["change"] == pytest.approx(change)
    assert -0.20 < drop["change_share"] < -0.10
    assert drop["caused_by_cut"] == pytest.approx(change, rel=0.15)


def test_visits_were_cut_in_the_midwest_and_northeast_only():
    def mean_visits(region: str, months: list[str]) -> float:
        filters = [KISQALI, Filter(column="region", value=region), Filter(column="month", op="between", value=months)]
        return monthly("rep_visits", filters=filters).numbers("rep_visits").mean()

    for region in design.REGIONS:
        share = mean_visits(region, ["2026-07-01", "2026-09-01"]) / mean_visits(region, ["2026-04-01", "2026-06-01"])
        if region in design.CUT_REGIONS:
            assert 0.1 < share < 0.3
        else:
            assert 0.85 < share < 1.1


def test_the_other_brands_did_not_fall():
    for brand in ("Fabhalta", "Remibrutinib"):
        frame = monthly("month", "trx", filters=[Filter(column="brand", value=brand)])
        month = frame.columns["month"].values.astype("datetime64[M]")
        after = frame.numbers("trx")[month >= np.datetime64("2026-07")].mean()
        before = frame.numbers("trx")[(month >= np.datetime64("2026-04")) & (month < np.datetime64("2026-07"))].mean()
        assert after / before > 0.97


def test_digital_affinity_drifted_in_the_last_three_months():
    drift = planted("drift")

    assert drift["mean_after"] - drift["mean_before"] == pytest.approx(design.DRIFT_SHIFT, abs=0.01)
    assert sample().tables["hcp_monthly"].numbers("digital_affinity").max() <= 1


def test_the_sample_feed_of_the_west_is_broken_in_two_months_and_nothing_else_is_missing():
    frame = sample().tables["hcp_monthly"]
    month = frame.columns["month"].values.astype("datetime64[M]")
    hole = np.isin(month, np.array(["2026-02", "2026-03"], dtype="datetime64[M]")) & (
        level_texts(frame, "region") == "West"
    )

    np.testing.assert_array_equal(np.isnan(frame.numbers("samples_dropped")), hole)
    assert planted("broken_feed")["missing"] == hole.sum() == 2 * 8 * 25 * 3
    for name, column in frame.columns.items():
        if name != "samples_dropped" and not isinstance(column, Dates | Categories):
            assert not np.isnan(column.values).any()


def test_territories_are_sums_of_their_prescribers():
    frame, places = sample().tables["hcp_monthly"], sample().tables["territories"]
    month = np.datetime64("2026-05-01", "s")
    mine = (
        (level_texts(frame, "territory_id") == "T07")
        & (level_texts(frame, "brand") == "Fabhalta")
        & (frame.columns["month"].values == month)
    )
    row = (
        (level_texts(places, "territory_id") == "T07")
        & (level_texts(places, "brand") == "Fabhalta")
        & (places.columns["month"].values == month)
    )

    assert row.sum() == 1
    for name in ("trx", "nrx", "rep_visits"):
        assert places.numbers(name)[row][0] == frame.numbers(name)[mine].sum()
    assert places.numbers("hcps")[row][0] == mine.sum()
    assert places.numbers("trx").sum() == frame.numbers("trx").sum()
    assert (places.numbers("target_trx") > 0).all()


@pytest.mark.parametrize("lever", ["copay_card", "nurse_support"])
@pytest.mark.parametrize(("outcome", "sign"), [("adherence_pdc", 1), ("discontinued_90d", -1)])
def test_support_programmes_help_patients_and_their_naive_effect_understates_it(lever, outcome, sign):
    people = sample().tables["patients"]
    treated, measured = people.numbers(lever) == 1, people.numbers(outcome)
    naive = measured[treated].mean() - measured[~treated].mean()
    truth = sample().truth_for(lever, outcome).effect

    assert sign * truth > 0.03
    assert sign * naive < sign * truth


def test_patient_outcomes_stay_inside_their_bounds():
    people = sample().tables["patients"]
    pdc, stopped = people.numbers("adherence_pdc"), people.numbers("discontinued_90d")

    assert 0 <= pdc.min() <= pdc.max() <= 1
    assert set(np.unique(stopped)) == {0.0, 1.0}
    assert 0.15 < stopped.mean() < 0.4
    assert (people.numbers("age") >= 18).all()


def test_patients_belong_to_prescribers_of_the_sample():
    people = sample().tables["patients"]
    known = set(sample().tables["hcps"].columns["hcp_id"].levels)

    assert set(people.columns["hcp_id"].levels) <= known
    assert len(people.columns["patient_id"].levels) == 5_000


def test_older_patients_gain_more_from_nurse_support():
    young = sample().truth_for("nurse_support", "adherence_pdc", [Filter(column="age", op="lt", value=45)]).effect
    old = sample().truth_for("nurse_support", "adherence_pdc", [Filter(column="age", op="ge", value=65)]).effect

    assert old > 1.2 * young


def test_writing_puts_the_tables_and_the_truth_into_the_folder(tmp_path):
    paths = sample().write(tmp_path / "sample")

    assert [p.name for p in paths] == [f"{name}.csv" for name in TABLES] + ["truth.json"]
    assert json.loads(paths[-1].read_text())["seed"] == sample().truth["seed"]
    with (tmp_path / "sample" / "hcp_monthly.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    frame = sample().tables["hcp_monthly"]
    assert len(rows) == frame.n
    assert list(rows[0]) == list(frame.columns)
    assert [float(r["trx"]) for r in rows[:500]] == frame.numbers("trx")[:500].tolist()
    assert rows[0]["month"] == "2024-10-01"
    assert rows[0]["academic"] in ("true", "false")
    assert sum(r["samples_dropped"] == "" for r in rows) == 1_200
