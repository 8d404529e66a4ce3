from __future__ import annotations

from typing import Any

from builders_composer import datasets, decomposition
from e2i_shared.api.classification import Domain
from e2i_shared.api.common import Filter
from e2i_shared.composer.binding import Bound
from e2i_shared.composer.inherit import answer_order, inherit
from e2i_shared.composer.intents import Intent
from e2i_shared.errors import UnknownColumnError

MONTHLY = next(d for d in datasets() if d.name == "hcp_monthly")
PATIENTS = next(d for d in datasets() if d.name == "patients")
PARTS = [(Domain.CAUSAL, "one"), (Domain.CAUSAL, "two"), (Domain.CAUSAL, "three")]
WEST = Filter(column="region", value="West")
KISQALI = Filter(column="brand", value="Kisqali")


def bound(number, intent, data=MONTHLY, **details: Any):
    question = decomposition(PARTS).sub_questions[number - 1]
    return Bound(question=question, intent=intent, dataset=data, **details)


def passed(edges, *bounds: Any, failures=None):
    made = decomposition(PARTS[: len(bounds) + len(failures or {})], edges)
    return inherit(made, {b.question.id: b for b in bounds}, failures or {})


EFFECT = bound(1, Intent.EFFECT, treatments=("rep_visits",), outcomes=("trx",), filters=(WEST, KISQALI))


def test_questions_are_answered_after_what_they_need():
    assert answer_order(decomposition(PARTS, [("Q3", "Q1"), ("Q1", "Q2")])) == ["Q3", "Q1", "Q2"]
    assert answer_order(decomposition(PARTS)) == ["Q1", "Q2", "Q3"]


def test_a_cycle_is_broken_by_number():
    assert answer_order(decomposition(PARTS, [("Q1", "Q2"), ("Q2", "Q1")])) == ["Q3", "Q1", "Q2"]


def test_a_dependent_takes_cause_outcome_and_filters():
    done, _ = passed([("Q1", "Q2")], EFFECT, bound(2, Intent.SEGMENTS))
    assert (done["Q2"].treatments, done["Q2"].outcomes, done["Q2"].filters) == (
        ("rep_visits",),
        ("trx",),
        (WEST, KISQALI),
    )


def test_its_own_cause_and_filter_win():
    south = Filter(column="region", value="South")
    own = bound(2, Intent.EFFECT, treatments=("email_campaign",), outcomes=("trx",), filters=(south,))
    done, _ = passed([("Q1", "Q2")], EFFECT, own)
    assert done["Q2"].treatments == ("email_campaign",)
    assert done["Q2"].filters == (south, KISQALI)


def test_what_it_splits_by_is_not_filtered():
    done, _ = passed([("Q1", "Q2")], EFFECT, bound(2, Intent.SEGMENTS, splits=("region",)))
    assert done["Q2"].filters == (KISQALI,)


def test_without_a_dependency_only_what_is_missing_is_borrowed():
    done, _ = passed([], EFFECT, bound(2, Intent.ROBUSTNESS))
    assert done["Q2"].treatments == ("rep_visits",)

    done, _ = passed([], EFFECT, bound(2, Intent.KPI, measures=("nrx",)))
    assert done["Q2"].filters == ()


def test_an_empty_question_moves_to_the_lenders_data_set_another_does_not():
    on_patients = bound(2, Intent.SEGMENTS, data=PATIENTS)
    done, _ = passed([("Q1", "Q2")], EFFECT, on_patients)
    assert done["Q2"].dataset is MONTHLY

    busy = bound(
        2, Intent.SEGMENTS, data=PATIENTS, splits=("payer",), treatments=("copay_card",), outcomes=("adherence_pdc",)
    )
    done, _ = passed([("Q1", "Q2")], EFFECT, busy)
    assert (done["Q2"].dataset, done["Q2"].filters) == (PATIENTS, ())


def test_a_measure_is_borrowed_for_gaps_and_kpis():
    done, _ = passed([("Q1", "Q2")], bound(1, Intent.KPI, kpi="nrx", measures=("nrx",)), bound(2, Intent.GAP))
    assert done["Q2"].measures == ("nrx",)

    done, _ = passed([("Q1", "Q2")], bound(1, Intent.KPI, kpi="market_share"), bound(2, Intent.KPI))
    assert done["Q2"].kpi == "market_share"


def test_a_missing_cause_fails_with_the_treatments_named():
    done, failed = passed([], bound(1, Intent.EFFECT, outcomes=("trx",)))
    assert done == {}
    assert failed["Q1"].candidates[:2] == ("rep_visits", "email_campaign")


def test_a_missing_outcome_is_the_first_and_said():
    done, _ = passed([], bound(1, Intent.EFFECT, treatments=("rep_visits",)))
    assert done["Q1"].outcomes == ("trx",)
    assert "names no outcome" in done["Q1"].notes[0]


def test_a_question_that_needs_a_failed_one_fails_for_its_reason():
    reason = UnknownColumnError("No column is called 'billboards'.")
    done, failed = passed([("Q2", "Q1")], bound(1, Intent.SEGMENTS), failures={"Q2": reason})
    assert done == {}
    assert failed["Q1"] is reason


def test_data_without_outcomes_cannot_lend_a_default():
    from builders_composer import column, dataset

    bare = dataset("bare", [column("lever", "boolean", "treatment")])
    _, failed = passed([], bound(1, Intent.EFFECT, data=bare, treatments=("lever",)))
    assert "which outcome is meant" in failed["Q1"].message
