from __future__ import annotations

from typing import Any

import pytest
from builders_composer import classification
from e2i_shared.api.classification import Clarification, Domain, Entity, Period
from e2i_shared.composer.decompose import decompose
from e2i_shared.errors import UnprocessableError

QUERY = "What was Kisqali TRx in Q3, and which territories trail the median?"
PARTS = [(Domain.KPI, "What was Kisqali TRx in Q3"), (Domain.GAP, "which territories trail the median")]
Q3 = Period(text="Q3", start="2026-07-01", end="2026-10-01")


def entity(text, kind="brand", **details: Any):
    start = QUERY.find(text)
    return Entity(text=text, kind=kind, canonical=text.lower(), start=start, end=start + len(text), **details)


def test_each_sub_question_gets_the_entities_that_stand_in_it():
    made = decompose(
        QUERY, classification(QUERY, PARTS, entities=[entity("Kisqali"), entity("territories", "territory")])
    )

    assert [[e.text for e in q.entities] for q in made.sub_questions] == [["Kisqali"], ["territories"]]


def test_the_measure_is_the_kpi_named():
    made = decompose(QUERY, classification(QUERY, PARTS, entities=[entity("TRx", "kpi")]))

    assert [q.measure for q in made.sub_questions] == ["trx", None]


def test_a_period_belongs_to_the_sub_question_that_says_it():
    made = decompose(QUERY, classification(QUERY, PARTS, periods=[Q3]))

    assert [[p.text for p in q.periods] for q in made.sub_questions] == [["Q3"], []]


def test_a_period_that_stands_in_no_sub_question_belongs_to_all():
    query = "In Q3: what was TRx, and which territories trail?"
    parts = [(Domain.KPI, "what was TRx"), (Domain.GAP, "which territories trail?")]

    made = decompose(query, classification(query, parts, periods=[Q3]))

    assert [[p.text for p in q.periods] for q in made.sub_questions] == [["Q3"], ["Q3"]]


def test_two_phrases_for_the_same_dates_are_one_period_and_the_comparison_is_kept():
    query = "TRx last quarter compared with the previous quarter"
    last = Period(text="last quarter", start="2026-07-01", end="2026-10-01")
    before = Period(
        text="compared with the previous quarter", start="2026-07-01", end="2026-10-01", comparison="previous_period"
    )

    made = decompose(query, classification(query, [(Domain.KPI, query)], periods=[before, last]))

    assert [p.comparison for p in made.sub_questions[0].periods] == ["previous_period"]


def test_dependencies_are_taken_over():
    made = decompose(QUERY, classification(QUERY, PARTS, [("Q1", "Q2")]))

    assert [(d.from_, d.to) for d in made.dependencies] == [("Q1", "Q2")]
    assert made.source == "rules"


def test_a_reworded_sub_question_keeps_the_entities_its_words_hold():
    parts = [(Domain.KPI, "Total Kisqali prescriptions"), (Domain.GAP, "Territories behind the median")]

    made = decompose(
        QUERY, classification(QUERY, parts, entities=[entity("Kisqali"), entity("territories", "territory")])
    )

    assert [[e.text for e in q.entities] for q in made.sub_questions] == [["Kisqali"], ["territories"]]


def test_a_classification_without_parts_is_one_question_of_its_first_domain():
    made = decompose(QUERY, classification(QUERY, []))

    assert [(q.id, q.text, q.domain) for q in made.sub_questions] == [("Q1", QUERY, Domain.CAUSAL)]


def test_a_question_that_needs_clarifying_is_refused_with_the_rephrasings():
    asked = Clarification(message="No outcome is named.", rephrasings=["Did rep visits raise TRx?"])

    with pytest.raises(UnprocessableError, match=r"No outcome is named\. For example: Did rep visits raise TRx\?"):
        decompose("what about those?", classification("what about those?", [], clarification=asked))


def follow_up(text: str, *lent: Entity):
    said = classification(text, [(Domain.CAUSAL, text.rstrip("?"))], entities=[])
    features = said.features.model_copy(update={"inherited": list(lent)})
    return decompose(text, said.model_copy(update={"is_followup": True, "features": features}))


def test_a_follow_up_says_again_what_it_takes_from_the_question_before():
    samples, trx = entity("samples", "treatment"), entity("TRx", "kpi")

    (question,) = follow_up("and in the Midwest?", samples, samples, trx).sub_questions

    assert question.text == "and in the Midwest (samples, TRx)"
    assert [e.text for e in question.entities] == ["samples", "samples", "TRx"]
    assert question.measure == "trx"


def test_a_follow_up_that_takes_nothing_stays_as_it_is():
    (question,) = follow_up("and the TRx in the Midwest?", entity("TRx", "kpi")).sub_questions

    assert question.text == "and the TRx in the Midwest"


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("What is TRx on mars?", Domain.KPI),
        ("What is TRx among oncologists?", Domain.KPI),
        ("What is TRx?", Domain.EXPLANATION),
        ("What does TRx mean in words?", Domain.EXPLANATION),
        ("What is overlap in a study?", Domain.EXPLANATION),
    ],
)
def test_a_measure_somewhere_is_looked_up_not_explained(text, domain):
    start = text.find("TRx")
    entities = [Entity(text="TRx", kind="kpi", canonical="trx", start=start, end=start + 3)] if start >= 0 else []
    made = decompose(text, classification(text, [(Domain.EXPLANATION, text)], entities=entities))

    assert made.sub_questions[0].domain is domain
