"""One sub-question on one data set: what each phrasing binds to, and what is refused."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from builders_composer import column, dataset, datasets, kpi_names, shop
from e2i_shared.api.classification import Domain, Entity, Period
from e2i_shared.composer.binding import Bound, Names, bind
from e2i_shared.composer.lexicon import build_lexicon
from e2i_shared.composer.model import DetailedSubQuestion
from e2i_shared.errors import UnknownColumnError, UnknownValueError
from hypothesis import given
from hypothesis import strategies as st

C, S, G, E, K = Domain.CAUSAL, Domain.SEGMENTATION, Domain.GAP, Domain.EXPERIMENT, Domain.KPI
LEXICONS = {d.name: build_lexicon(d) for d in (*datasets(), shop())}


def bound(text: str, domain: Domain = C, data: str = "hcp_monthly", **details: Any) -> Bound:
    question = DetailedSubQuestion(id="Q1", text=text, domain=domain, **details)
    return bind(question, LEXICONS[data], Names(tuple(LEXICONS), kpi_names()))


@pytest.mark.parametrize(
    ("text", "treatments", "outcomes"),
    [
        ("Did rep visits raise TRx?", ("rep_visits",), ("trx",)),
        ("Did rep visits, samples and emails raise TRx?", ("rep_visits", "samples_dropped", "email_campaign"), ("trx",)),
        ("Did rep visits or speaker programs raise TRx and NRx?", ("rep_visits", "speaker_program"), ("trx", "nrx")),
        ("Was TRx raised by rep visits?", ("rep_visits",), ("trx",)),
        ("Were more prescriptions driven by detailing?", ("rep_visits",), ("trx",)),
        ("How much does digital engagement change revenue?", ("digital_engagement",), ("trx_value",)),
        ("what did the samples do to new prescriptions", ("samples_dropped",), ("nrx",)),
        ("TRx because of peer influence", ("peer_influence",), ("trx",)),
        ("peer influence's effect on TRx", ("peer_influence",), ("trx",)),
        ("Is there a relationship between calls and scripts?", ("rep_visits",), ("trx",)),
        ("do rep visits pay off in TRx", ("rep_visits",), ("trx",)),
        ("rep visits", ("rep_visits",), ()),
        ("TRx", (), ("trx",)),
    ],
)  # fmt: skip
def test_cause_and_outcome_by_phrasing(text, treatments, outcomes):
    one = bound(text)
    assert (one.treatments, one.outcomes) == (treatments, outcomes)


@pytest.mark.parametrize(
    ("text", "measures", "splits"),
    [
        ("TRx by region", ("trx",), ("region",)),
        ("NRx and TRx by specialty", ("nrx", "trx"), ("specialty",)),
        ("average digital affinity per specialty", ("digital_affinity",), ("specialty",)),
        ("rep visits by territory", ("rep_visits",), ("territory_id",)),
        ("revenue by month", ("trx_value",), ("month",)),
        ("which regions had the most TRx", ("trx",), ("region",)),
    ],
)
def test_measures_and_splits_of_a_kpi_question(text, measures, splits):
    one = bound(text, K)
    assert (one.measures, one.splits) == (measures, splits)


@pytest.mark.parametrize(
    "text", ["HCPs by region", "territories in the West", "which month", "prescribers", "brands by region"]
)
def test_ids_dates_and_names_are_no_measures(text):
    assert bound(text, K).measures == ()


def test_a_lever_named_in_part_is_bound_and_marked():
    one = bound("Did the loyalty raise basket size?", data="shop_orders")
    assert one.treatments == ("loyalty_tier",)
    assert [(b.phrase, b.fuzzy) for b in one.bindings if b.bound_to == "loyalty_tier"] == [("loyalty", True)]


def test_a_part_of_several_names_is_not_bound():
    data = dataset(
        "d", [column("email_campaign", "boolean"), column("print_campaign", "boolean"), column("sales", role="outcome")]
    )
    question = DetailedSubQuestion(id="Q1", text="Did the campaign raise sales?", domain=C)
    assert bind(question, build_lexicon(data)).treatments == ()


def test_a_population_is_not_taken_for_an_outcome():
    one = bound("Did samples work for top decile oncologists?")
    assert one.outcomes == ()
    assert {f.column: f.value for f in one.filters} == {"specialty": "Oncology", "decile": 10}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Did rep visits raise Blorptrix TRx?", "Blorptrix"),
        ("Did rep visits raise TRx in Atlantis?", "Atlantis"),
        ("Did rep visits raise TRx for patients with scurvy?", "scurvy"),
        ("Did rep visits raise TRx in the nowhere", "nowhere"),
        ("Did rep visits raise zorbimax trx", "zorbimax"),
    ],
)
def test_a_word_that_would_change_the_answer_is_refused(text, word):
    with pytest.raises((UnknownColumnError, UnknownValueError)) as caught:
        bound(text)
    assert caught.value.got == word
    assert caught.value.candidates
    assert caught.value.hint
    assert caught.value.field == "query"


def test_a_word_that_hardly_matters_is_passed_over_and_said():
    one = bound("Did rep visits jovially raise TRx?")
    assert one.notes == ("Not used, because the data set knows no such word: jovially.",)


def test_a_vague_restriction_is_passed_over_and_said():
    (note,) = bound("Did rep visits raise TRx in low decile HCPs?").notes
    assert "'low decile'" in note


def test_words_of_periods_are_no_unknown_words():
    period = Period(text="the Ides of March 2026", start="2026-03-01", end="2026-04-01")
    assert bound("TRx on the Ides of March 2026", K, periods=[period]).notes == ()


def test_the_names_of_data_sets_are_no_unknown_words():
    assert bound("In Shop_Orders and here, TRx by region", K).notes == ()


def test_periods_filter_and_are_shown():
    period = Period(text="Q3", start="2026-07-01", end="2026-10-01")
    one = bound("Did rep visits raise TRx in Q3?", periods=[period])
    assert [(f.op, f.value) for f in one.filters] == [("ge", "2026-07-01"), ("lt", "2026-10-01")]
    assert ("Q3", "2026-07-01 ≤ month < 2026-10-01") in [(b.phrase, b.bound_to) for b in one.bindings]


def test_a_test_duration_does_not_filter():
    period = Period(text="next 8 weeks", start="2026-11-23", end="2027-01-18")
    assert bound("how large a test over the next 8 weeks", E, periods=[period]).filters == ()


def test_what_the_classifier_knows_counts():
    entity = Entity(text="ribociclib", kind="brand", canonical="Kisqali", start=26, end=36)
    one = bound("Did rep visits raise TRx of ribociclib", entities=[entity])
    assert [(f.column, f.value) for f in one.filters] == [("brand", "Kisqali")]


@pytest.mark.parametrize(
    ("text", "kpi"),
    [
        ("market share of Kisqali", "market_share"),
        ("what was call frequency in the West", "frequency"),
        ("TRx per visit by region", "trx_per_visit"),
        ("TRx by region", None),
    ],
)
def test_kpis_are_found_unless_a_column_says_as_much(text, kpi):
    assert bound(text, K).kpi == kpi


def test_kpis_are_only_looked_for_in_kpi_questions():
    assert bound("Did emails raise the market share TRx", C).kpi is None


def test_more_of_the_text_bound_counts_more():
    short, long = bound("TRx", K), bound("TRx of oncologists in the West", K)
    assert long.covered > short.covered > 0
    assert bound("how are things", K).covered == 0


def test_a_shop_is_as_good_as_a_pharma_company():
    one = bound("Does the discount raise basket size for gold in express", data="shop_orders")
    assert (one.treatments, one.outcomes) == (("discount",), ("basket_size",))
    assert {f.column: f.value for f in one.filters} == {"loyalty_tier": "gold", "store_type": "express"}


@given(st.text(max_size=120), st.sampled_from(list(Domain)))
def test_any_text_is_bound_or_refused_with_a_reason(text, domain):
    with suppress(UnknownColumnError, UnknownValueError):
        assert isinstance(bound(text or "?", domain), Bound)
