from __future__ import annotations

from typing import Any

import pytest
from builders_composer import (
    KISQALI,
    KISQALI_EDGES,
    KISQALI_PARTS,
    column,
    dataset,
    datasets,
    decomposition,
    kpi_names,
    shop,
)
from e2i_shared.api.classification import Domain, Period
from e2i_shared.composer.ground import ground
from e2i_shared.composer.intents import Intent
from e2i_shared.errors import UnknownColumnError, UnknownDatasetError, UnknownValueError

C, S, G, E, K = Domain.CAUSAL, Domain.SEGMENTATION, Domain.GAP, Domain.EXPERIMENT, Domain.KPI


def bound(query, domain=C, data=None, **options: Any):
    made = ground(query, decomposition([(domain, query)]), data or datasets(), kpis=kpi_names(), **options)
    return made.bound["Q1"]


def filters(one):
    return {f.column: f.value for f in one.filters}


@pytest.mark.parametrize(
    ("query", "data", "treatment", "outcome", "where"),
    [
        ("Did more rep visits raise Kisqali TRx in the Northeast?", "hcp_monthly", "rep_visits", "trx", {"brand": "Kisqali", "region": "Northeast"}),
        ("did calls lift scripts for remibrutinib", "hcp_monthly", "rep_visits", "trx", {"brand": "Remibrutinib"}),
        ("What is the effect of speaker programs on NRx among dermatologists", "hcp_monthly", "speaker_program", "nrx", {"specialty": "Dermatology"}),
        ("How much revenue does each additional rep visit generate for Fabhalta?", "hcp_monthly", "rep_visits", "trx_value", {"brand": "Fabhalta"}),
        ("Did nurse support reduce discontinuation for patients with Medicare?", "patients", "nurse_support", "discontinued_90d", {"payer": "Medicare"}),
        ("Do copay cards improve adherence", "patients", "copay_card", "adherence_pdc", {}),
        ("is the rise of TRx due to digital engagement", "hcp_monthly", "digital_engagement", "trx", {}),
        ("the impact on NRx of sampling in territory T07", "hcp_monthly", "samples_dropped", "nrx", {"territory_id": "T07"}),
        ("Did TRx change with detailing?", "hcp_monthly", "rep_visits", "trx", {}),
    ],
)  # fmt: skip
def test_causal_questions_are_bound_to_cause_outcome_and_scope(query, data, treatment, outcome, where):
    one = bound(query)

    assert (one.dataset.name, one.treatments, one.outcomes) == (data, (treatment,), (outcome,))
    assert filters(one) == where


def test_a_users_own_columns_are_bound_without_any_vocabulary():
    one = bound("Did discount raise basket_size in store_type premium?", data=[*datasets(), shop()])

    assert (one.dataset.name, one.treatments, one.outcomes) == ("shop_orders", ("discount",), ("basket_size",))
    assert filters(one) == {"store_type": "premium"}


@pytest.mark.parametrize(
    "query",
    [
        "Does discount affect basket size?",
        "what is the effect of discount on basketSize",
        "basket size because of discount",
        "how much basket_size does the discount add",
    ],
)
def test_guessed_roles_do_not_matter_when_the_sentence_says_which_is_which(query):
    one = bound(query, data=[shop()])

    assert (one.treatments, one.outcomes) == (("discount",), ("basket_size",))


def test_a_typing_error_is_bound_and_said():
    made = ground("x", decomposition([(C, "Did more rep visits raise Kisqali TRx in the Nrotheast?")]), datasets())

    (binding,) = [b for b in made.bindings if b.fuzzy]
    assert (binding.phrase, binding.bound_to) == ("Nrotheast", "region = Northeast")


def test_an_unknown_brand_is_refused_with_the_brands_and_the_fuzzy_reading():
    with pytest.raises(UnknownValueError) as caught:
        bound("Did more rep visits raise Blorptrix TRx in the Nrotheast?")

    assert caught.value.got == "Blorptrix"
    assert {"Fabhalta", "Kisqali", "Remibrutinib"} <= set(caught.value.candidates)
    assert "Blorptrix" in caught.value.message
    assert "'Nrotheast' was read as Northeast" in caught.value.message


@pytest.mark.parametrize("place", ["on Mars", "on mars", "in canada", "in atlantis", "at costco"])
def test_a_place_that_the_data_do_not_hold_is_refused_with_the_values_there_are(place):
    with pytest.raises(UnknownValueError) as caught:
        bound(f"Did rep visits raise TRx {place}?")

    assert caught.value.got == place.split()[1]
    assert {"Midwest", "Northeast", "South"} <= set(caught.value.candidates)


def test_where_a_lever_helps_is_a_condition_not_its_outcome():
    made = bound("Do rep visits help at teaching hospitals?")

    assert made.outcomes == ("trx",)
    assert filters(made) == {"academic": True}


def test_a_word_that_became_a_condition_is_not_said_to_be_unused():
    made = bound("What is adherence in women?", K)

    assert filters(made) == {"sex": "F"}
    assert made.notes == ()


@pytest.mark.parametrize(
    ("query", "phrase"),
    [
        ("Did the loyalty scheme raise TRx", "loyalty scheme"),
        ("Did rep visits raise the blorp index?", "blorp index"),
        ("did foo_bar change TRx", "foo_bar"),
        ("What is the effect of billboards on NRx", "billboards"),
    ],
)
def test_an_unknown_cause_or_outcome_is_refused_with_the_nearest_columns(query, phrase):
    with pytest.raises(UnknownColumnError) as caught:
        bound(query)

    assert caught.value.got == phrase
    assert caught.value.candidates


def test_an_unknown_place_is_refused():
    with pytest.raises(UnknownValueError, match="Indiana"):
        bound("Did rep visits raise Kisqali TRx in Indiana?")


def test_nothing_is_guessed_when_a_lever_of_several_is_named_by_a_shared_word():
    with pytest.raises(UnknownColumnError):
        bound("Did the touchpoints raise TRx?")


def test_a_missing_cause_is_refused_with_the_treatments():
    with pytest.raises(UnknownColumnError, match="which treatment is meant") as caught:
        bound("which specialties responded most", S)

    assert caught.value.got in {"nothing", "which specialties responded most"}


def test_a_missing_outcome_is_the_first_outcome_column_and_said():
    one = bound("Did samples work for oncologists?")

    assert one.outcomes == ("trx",)
    assert any("names no outcome: trx" in n for n in one.notes)


class TestChoosingTheDataSet:
    def test_the_one_that_binds_most_phrases_is_chosen(self):
        assert bound("TRx by specialty", K).dataset.name == "hcp_monthly"
        assert bound("discontinuation by payer", K).dataset.name == "patients"

    def test_the_named_one_is_used(self):
        assert bound("TRx by region", K, dataset="territories").dataset.name == "territories"

    def test_one_named_in_the_question_is_used(self):
        assert bound("TRx by region in data set territories", K).dataset.name == "territories"
        assert bound("TRx by region in hcp_monthly", K).dataset.name == "hcp_monthly"

    def test_a_name_in_capitals_is_not_an_unknown_word(self):
        nhefs = dataset("nhefs", [column("qsmk", "boolean", "treatment"), column("wt", role="outcome")])
        assert bound("In NHEFS, did qsmk raise wt?", data=[nhefs, shop()]).dataset.name == "nhefs"

    def test_an_unknown_name_is_refused_with_the_names(self):
        with pytest.raises(UnknownDatasetError) as caught:
            bound("TRx by region", K, dataset="sales")
        assert set(caught.value.candidates) == {d.name for d in datasets()}

    def test_of_an_aggregate_and_its_source_the_source_is_used(self):
        assert bound("What was Kisqali TRx by region", K).dataset.name == "hcp_monthly"

    def test_a_tie_is_refused_with_the_candidates(self):
        twins = [
            dataset(
                f"sales_{year}",
                [column("id", "id", "id"), column("revenue", role="outcome"), column("store", "category", "segment")],
            )
            for year in (2024, 2025)
        ]
        with pytest.raises(UnknownDatasetError, match="fit the question equally well") as caught:
            bound("revenue by store", K, data=twins)
        assert set(caught.value.candidates) == {"sales_2024", "sales_2025"}
        assert "sales_2024 (1,000 rows; revenue)" in caught.value.message
        assert 'adding "in data set sales_2024"' in caught.value.message

    def test_a_tie_goes_to_the_data_in_which_a_word_is_part_of_a_measure(self):
        region = column("region", "category", "segment", values=["West", "East"])
        people = dataset("people", [column("id", "id", "id"), region])
        shops = dataset("shops", [column("shop", "id", "id"), region, column("field_visits", role="treatment")])

        assert bound("how about visit in the West", K, data=[people, shops]).dataset.name == "shops"

    def test_without_data_the_way_to_load_some_is_said(self):
        with pytest.raises(UnknownDatasetError, match="no data") as caught:
            ground("TRx", decomposition([(K, "TRx")]), [])
        assert "sample" in caught.value.hint

    def test_a_question_no_data_set_knows_a_word_of_is_refused(self):
        with pytest.raises(UnknownDatasetError, match="knows a word"):
            bound("how are things going", K)

    def test_it_offers_the_measures_there_are(self):
        with pytest.raises(UnknownDatasetError, match="Name a measure: trx, nrx"):
            bound("Why did it change?", C)


class TestSeveralParts:
    def test_segments_and_tests_take_cause_outcome_and_filters_from_what_they_depend_on(self):
        made = ground(KISQALI, decomposition(KISQALI_PARTS, KISQALI_EDGES), datasets())

        assert all(b.treatments == ("rep_visits",) and b.outcomes == ("trx",) for b in made.bound.values())
        assert all(filters(b) == {"brand": "Kisqali", "region": "Northeast"} for b in made.bound.values())
        assert made.bound["Q2"].splits == ("specialty",)

    def test_an_edge_may_run_backwards(self):
        parts = [(E, "before we size the test"), (C, "tell me whether samples worked for Kisqali")]
        made = ground("before …", decomposition(parts, [("Q2", "Q1")]), datasets())

        assert made.bound["Q1"].treatments == ("samples_dropped",)
        assert filters(made.bound["Q1"]) == {"brand": "Kisqali"}

    def test_a_part_keeps_its_own_value_of_a_filtered_column(self):
        parts = [(C, "Did rep visits raise TRx in the Northeast"), (C, "did they raise TRx in the South")]
        made = ground("…", decomposition(parts, [("Q1", "Q2")]), datasets())

        assert filters(made.bound["Q2"]) == {"region": "South"}

    def test_a_part_that_stands_alone_takes_nothing_over(self):
        parts = [(C, "Did rep visits raise Kisqali TRx"), (K, "what was NRx of Fabhalta")]
        made = ground("…", decomposition(parts), datasets())

        assert filters(made.bound["Q2"]) == {"brand": "Fabhalta"}

    def test_a_split_is_not_filtered_by_what_it_splits(self):
        parts = [(C, "Did rep visits raise TRx in the Northeast"), (S, "which regions responded most")]
        made = ground("…", decomposition(parts, [("Q1", "Q2")]), datasets())

        assert filters(made.bound["Q2"]) == {}
        assert made.bound["Q2"].splits == ("region",)

    def test_words_before_the_parts_apply_to_all_of_them(self):
        query = "For Kisqali in the West: did emails raise TRx, and what was NRx?"
        parts = [(C, "did emails raise TRx"), (K, "what was NRx?")]
        made = ground(query, decomposition(parts), datasets())

        assert all(filters(b) == {"brand": "Kisqali", "region": "West"} for b in made.bound.values())

    def test_unknown_words_before_the_parts_are_refused(self):
        query = "For Blorptrix: did emails raise TRx?"
        with pytest.raises(UnknownValueError, match="Blorptrix"):
            ground(query, decomposition([(C, "did emails raise TRx")]), datasets())

    def test_cause_and_outcome_may_stand_outside_all_parts(self):
        query = "Does discount drive basket size, and which store types respond most?"
        made = ground(query, decomposition([(S, "which store types respond most?")]), [shop()])

        one = made.bound["Q1"]
        assert (one.treatments, one.outcomes, one.splits) == (("discount",), ("basket_size",), ("store_type",))

    def test_a_part_that_cannot_be_bound_fails_alone(self):
        parts = [(C, "Did rep visits raise TRx"), (K, "what was Zorbimax NRx")]
        made = ground("…", decomposition(parts), datasets())

        assert set(made.bound) == {"Q1"}
        assert "Zorbimax" in made.failures["Q2"].message

    def test_what_needs_a_part_that_failed_fails_with_its_reason(self):
        parts = [(C, "Did billboards raise TRx"), (S, "which segments responded most"), (K, "what was NRx")]
        made = ground("…", decomposition(parts, [("Q1", "Q2")]), datasets())

        assert set(made.bound) == {"Q3"}
        assert "billboards" in made.failures["Q2"].message

    def test_a_part_only_another_data_set_knows_is_bound_there(self):
        parts = [(C, "Did rep visits raise Kisqali TRx"), (C, "did copay cards reduce discontinuation")]
        made = ground("…", decomposition(parts), datasets())

        assert made.bound["Q1"].dataset.name == "hcp_monthly"
        assert made.bound["Q2"].dataset.name == "patients"

    def test_a_gap_to_target_goes_to_the_data_set_that_has_targets(self):
        parts = [
            (S, "Which specialties respond best to emails for Fabhalta"),
            (G, "which territories are furthest below target"),
        ]
        made = ground("…", decomposition(parts), datasets())

        assert made.bound["Q2"].dataset.name == "territories"

    def test_periods_apply_to_the_time_column(self):
        period = Period(text="in Q3", start="2026-07-01", end="2026-10-01")
        made = ground("…", decomposition([(K, "What was TRx in Q3")], periods=[period]), datasets())

        assert [(f.op, f.value) for f in made.bound["Q1"].filters] == [("ge", "2026-07-01"), ("lt", "2026-10-01")]

    def test_a_period_ahead_does_not_filter_a_forecast(self):
        period = Period(text="next quarter", start="2027-01-01", end="2027-04-01")
        parts = [(Domain.PREDICTION, "forecast Kisqali TRx next quarter")]
        made = ground("…", decomposition(parts, periods=[period]), datasets())

        assert filters(made.bound["Q1"]) == {"brand": "Kisqali"}


class TestSplitsAndComparisons:
    @pytest.mark.parametrize(
        ("query", "splits"),
        [
            ("which specialties responded most to rep visits", ("specialty",)),
            ("does the response to rep visits differ by region and specialty", ("region", "specialty")),
            ("response to rep visits per decile", ("decile",)),
            ("Do oncologists respond more to emails than allergists?", ("specialty",)),
            ("Do academic HCPs respond differently to speaker programs?", ("academic",)),
            ("Do oncologists respond more to emails?", ("specialty",)),
        ],
    )
    def test_segments_are_the_columns_compared(self, query, splits):
        one = bound(query, S)

        assert one.splits == splits
        assert not set(splits) & set(filters(one))

    def test_a_value_beside_a_split_stays_a_filter(self):
        one = bound("which deciles respond most to rep visits among oncologists", S)

        assert (one.splits, filters(one)) == (("decile",), {"specialty": "Oncology"})

    def test_a_causal_comparison_filters_and_splits(self):
        one = bound("Compare the impact of rep visits in the Northeast versus the South for Kisqali")

        assert filters(one) == {"region": ["Northeast", "South"], "brand": "Kisqali"}
        assert one.splits == ("region",)


class TestKpis:
    @pytest.mark.parametrize(
        ("query", "kpi", "splits"),
        [
            ("what's the market share of Kisqali in the West", "market_share", ()),
            ("show me trx per hcp by region for fabhalta", "trx_per_hcp", ("region",)),
            ("discontinuation rate by payer", "discontinuation_rate", ("payer",)),
            ("call frequency by specialty", "frequency", ("specialty",)),
        ],
    )
    def test_a_kpi_of_the_catalogue_is_found_by_any_of_its_names(self, query, kpi, splits):
        one = bound(query, K)

        assert one.splits == splits
        assert one.kpi == kpi or one.measures

    def test_a_kpi_whose_columns_the_data_lacks_is_not_bound(self):
        with pytest.raises(UnknownDatasetError):
            bound("what is the market share", K, data=[shop()])


def test_intents_come_with_the_binding():
    assert bound("does the effect of emails on TRx survive refutation").intent is Intent.ROBUSTNESS


class TestWithoutAWordOfTheData:
    def test_a_term_is_explained_without_any_data(self):
        made = ground("What is an E-value?", decomposition([(Domain.EXPLANATION, "What is an E-value")]), [])
        assert made.dataset.name == ""
        assert set(made.bound) == {"Q1"}

    def test_an_effect_is_not_estimated_without_data(self):
        with pytest.raises(UnknownDatasetError, match="no data yet"):
            ground("Did visits raise TRx?", decomposition([(Domain.CAUSAL, "Did visits raise TRx")]), [])

    def test_drift_of_anything_means_every_data_set(self):
        parts = [(Domain.MONITORING, "Has any feature drifted lately"), (Domain.MONITORING, "Is the data feed healthy")]
        made = ground("Has any feature drifted lately? Is the data feed healthy?", decomposition(parts), datasets())
        assert set(made.bound) == {"Q1", "Q2"}
        assert len(made.eligible) > 1
