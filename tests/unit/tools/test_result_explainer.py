from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from builders_frames import NO_DATA
from e2i_shared.api.composition import Answer, AnswerPart, Claim, MissingPart, ValueRef
from e2i_shared.errors import NotFoundError, UnknownValueError, UnprocessableError
from e2i_shared.tools import _glossary
from e2i_shared.tools._records import PastComposition, PastStep
from e2i_shared.tools._registry import run_tool

ESTIMATE = {
    "ate": 1.713,
    "ci_lower": 1.56,
    "ci_upper": 1.85,
    "p_value": 0.0001,
    "method": "AIPW with linear nuisances.",
    "assumptions": ["No unmeasured confounding given decile."],
    "warnings": ["Few clusters: 12."],
}
FINDING = "One more visit raises trx by 1.71."
PAST = PastComposition(
    composition_id="C1",
    query="Did visits raise TRx?",
    status="COMPLETED",
    created_at="2026-10-01T00:00:00Z",
    dataset="hcp_monthly",
    answer=Answer(
        headline=FINDING,
        parts=[
            AnswerPart(
                sub_question="Q1",
                question="Did visits raise TRx",
                text=FINDING,
                claims=[Claim(text="One more visit raises trx by {0}.", value_refs=[ValueRef(step=1, pointer="/ate")])],
                citations=[1],
                confidence=0.8,
            )
        ],
        caveats=["Few clusters: 12.", "Only Kisqali was read."],
        text=FINDING,
    ),
    missing=[MissingPart(sub_question="Q2", question="What will TRx be", reason="No tool forecasts.")],
    steps=[
        PastStep(1, "causal_effect_estimator", "Q1", "COMPLETED", ESTIMATE),
        PastStep(2, "refutation_runner", "Q1", "FAILED", None, "It took longer than allowed."),
    ],
)


@dataclass
class Remembered:
    """Records of one past composition, and what was asked of them."""

    past: PastComposition | None = PAST
    sessions: list[str | None] = field(default_factory=list)

    def composition(self, composition_id: str) -> PastComposition:
        if self.past is None or composition_id != self.past.composition_id:
            message = f"There is no composition {composition_id!r}."
            raise NotFoundError(message)
        return self.past

    def latest(self, session_id: str | None = None) -> PastComposition | None:
        self.sessions.append(session_id)
        return self.past


def explain(records: Remembered | None = None, **params: Any) -> dict[str, Any]:
    return run_tool("result_explainer", params, replace(NO_DATA, records=records))


def sources(part):
    return [(c["source"], c["reference"], c["step"], c["pointers"]) for c in part["citations"]]


def test_a_term_is_defined_with_why_how_to_read_it_and_its_publication():
    out = explain(term="E-value")

    assert [part["kind"] for part in out["parts"]] == ["definition", "why", "reading"]
    assert "risk ratio" in out["summary"]
    assert all(part["citations"][0]["publication"].startswith("VanderWeele and Ding") for part in out["parts"])
    assert out["terms"] == ["e_value"]


@pytest.mark.parametrize(
    ("asked", "terms"),
    [
        ("What does PSI mean?", ["psi"]),
        ("what is statistical power", ["power"]),
        ("What is power?", ["power"]),
        ("Explain the difference between ATE and CATE", ["ate", "cate"]),
        ("What is Rosenbaum's gamma?", ["rosenbaum_gamma"]),
        ("how do I read a standardized mean difference?", ["smd"]),
        ("What do confidence intervals tell us?", ["confidence_interval"]),
        ("define NBRx for a new colleague", ["nbrx"]),
        ("what does intraclass corelation mean?", ["icc"]),
    ],
)
def test_the_terms_of_a_question_are_found(asked, terms):
    assert explain(question=asked)["terms"] == terms


def test_everyday_words_are_no_terms_of_a_sentence():
    assert [n.key for n in _glossary.mentioned("the late delivery had the power to mix things up")] == []


def test_a_near_spelling_is_read_and_said():
    out = explain(term="propensty score")

    assert out["terms"] == ["propensity_score"]
    assert out["warnings"] == ["Read as Propensity score: the spelling was only close."]


def test_a_kpi_is_explained_by_its_formula():
    out = explain(kpi="attainment")

    formula = next(part for part in out["parts"] if part["kind"] == "formula")
    assert "sum of trx" in formula["text"]
    assert sources(formula) == [("kpi", "attainment", None, [])]


def test_a_name_that_is_both_a_term_and_a_kpi_gives_both():
    out = explain(question="What does market share mean?")

    assert (out["terms"], out["kpis"]) == (["market_share"], ["market_share"])


def test_a_past_answer_is_quoted_with_the_step_and_pointer_of_its_numbers():
    out = explain(Remembered(), composition_id="C1")

    finding = next(part for part in out["parts"] if part["kind"] == "finding")
    assert finding["text"] == FINDING
    assert sources(finding) == [("composition", "C1", 1, ["/ate"])]
    method = next(part for part in out["parts"] if part["kind"] == "method")
    assert method["text"] == ESTIMATE["method"]
    assert sources(method) == [("composition", "C1", 1, ["/method"])]
    assert out["composition_id"] == "C1"
    assert "Average treatment effect (ATE)" in out["related"]


def test_the_finding_comes_first_then_how_to_read_its_numbers():
    out = explain(Remembered(), composition_id="C1")

    assert [part["kind"] for part in out["parts"]][:3] == ["finding", "reading", "question"]
    assert out["summary"] == FINDING
    assert sources(out["parts"][1]) == [("glossary", "ate", None, [])]


def test_the_marks_of_the_past_answers_citations_are_not_repeated():
    part = PAST.answer.parts[0].model_copy(update={"text": "Visits work [1] and last [2]."})
    answer = PAST.answer.model_copy(update={"parts": [part]})

    out = explain(Remembered(replace(PAST, answer=answer)), composition_id="C1")

    assert out["summary"] == "Visits work and last."


@pytest.mark.parametrize(
    ("method", "starts"),
    [
        ("aipw", "Augmented inverse probability weighting (AIPW): Predicts"),
        ("zigzag", "The method is zigzag."),
        ("Weighted means of rows.", "Weighted means of rows."),
    ],
)
def test_a_methods_short_name_is_spelled_out(method, starts):
    out = explain(result={**ESTIMATE, "method": method})

    (told,) = [part for part in out["parts"] if part["kind"] == "method"]
    assert told["text"].startswith(starts)


def test_nothing_is_told_twice():
    twice = PAST.answer.model_copy(update={"caveats": ["No unmeasured confounding given decile."]})

    out = explain(Remembered(replace(PAST, answer=twice)), composition_id="C1")

    texts = [part["text"] for part in out["parts"]]
    assert len(texts) == len(set(texts))


def test_what_was_not_answered_failed_or_is_to_be_minded_is_told():
    out = explain(Remembered(), composition_id="C1")

    told = {part["text"]: part["kind"] for part in out["parts"]}
    assert told["No tool forecasts."] == "not_answered"
    assert told["refutation_runner ended as FAILED: It took longer than allowed."] == "not_answered"
    assert told["Only Kisqali was read."] == "caveat"
    assert [part["text"] for part in out["parts"]].count("Few clusters: 12.") == 1, "once, from its step"


def test_one_step_is_explained_field_by_field():
    out = explain(Remembered(), composition_id="C1", step=1)

    first, second = out["parts"][:2]
    assert first["text"].startswith("Average treatment effect (ATE): ate = 1.713.")
    assert sources(first) == [("composition", "C1", 1, ["/ate"]), ("glossary", "ate", None, [])]
    assert "ci_lower = 1.56, ci_upper = 1.85" in second["text"]


def test_a_tools_steps_are_explained_alone():
    out = explain(Remembered(), tool="refutation_runner")

    assert [part["kind"] for part in out["parts"]] == ["not_answered"]


@pytest.mark.parametrize(
    "asked",
    ["Explain that result", "what does the last answer mean for us?", "Summarise what you found", "so what now"],
)
def test_a_question_that_points_back_explains_the_latest_answer(asked):
    records = Remembered()

    out = explain(records, question=asked, session_id="S1")

    assert out["composition_id"] == "C1"
    assert records.sessions == ["S1"]


def test_a_question_about_a_term_does_not_read_past_answers():
    records = Remembered()

    explain(records, question="What is an E-value?")

    assert records.sessions == []


def test_a_term_and_a_past_answer_are_explained_together():
    out = explain(Remembered(), question="What does the p-value in that result mean?")

    assert (out["subject"], out["terms"], out["composition_id"]) == ("several", ["p_value"], "C1")


def test_a_composition_without_an_answer_says_how_it_ended():
    failed = replace(PAST, status="FAILED", answer=None, error="The data set is gone.", steps=())

    out = explain(Remembered(failed), composition_id="C1")

    assert "It ended as FAILED: The data set is gone." in [part["text"] for part in out["parts"]]


def test_a_given_output_is_explained_and_cites_itself():
    out = explain(result=ESTIMATE, result_tool="causal_effect_estimator")

    assert out["subject"] == "output"
    assert sources(out["parts"][0])[0] == ("output", "causal_effect_estimator", None, ["/ate"])
    assert "Few clusters: 12." in [part["text"] for part in out["parts"]]


def test_every_part_is_cited_and_every_citation_can_be_followed():
    out = explain(Remembered(), composition_id="C1", term="ATE", kpi="TRx", result=ESTIMATE)

    for part in out["parts"]:
        assert part["citations"], part
        for citation in part["citations"]:
            step = {1: ESTIMATE}.get(citation["step"], ESTIMATE if citation["source"] == "output" else {})
            assert all(_follow(step, pointer) is not None for pointer in citation["pointers"])


def _follow(value: Any, pointer: str) -> Any:
    for key in pointer.strip("/").split("/"):
        value = value[int(key) if isinstance(value, list) else key]
    return value


def test_an_unknown_term_names_the_nearest():
    with pytest.raises(UnknownValueError) as caught:
        explain(term="rosenbloom bounty")
    assert caught.value.field == "term"
    assert "Rosenbaum's Γ" in caught.value.candidates


def test_a_term_like_no_other_still_offers_some():
    with pytest.raises(UnknownValueError) as caught:
        explain(kpi="@@@")
    assert caught.value.candidates


def test_nothing_asked_is_refused():
    with pytest.raises(UnprocessableError, match="nothing to explain"):
        explain(Remembered())


def test_an_unknown_composition_is_not_found():
    with pytest.raises(NotFoundError):
        explain(Remembered(), composition_id="C2")


def test_no_past_answer_is_refused():
    with pytest.raises(UnprocessableError, match="No question was answered before") as caught:
        explain(Remembered(None), question="Explain that result")
    assert caught.value.hint


def test_a_place_without_records_says_so():
    with pytest.raises(UnprocessableError, match="not at hand"):
        explain(composition_id="latest")


def test_a_step_the_composition_lacks_names_those_it_has():
    with pytest.raises(UnknownValueError) as caught:
        explain(Remembered(), composition_id="C1", step=9)
    assert caught.value.candidates == ("1: causal_effect_estimator", "2: refutation_runner")


def test_an_output_without_anything_known_is_refused():
    with pytest.raises(UnprocessableError, match="nothing that can be explained"):
        explain(result={"foo": 1})


def test_the_glossary_is_large_complete_and_without_doubles():
    terms = list(_glossary.glossary().values())
    names = [name for term in terms for name in term.names()]

    assert len(terms) >= 60
    assert len(names) == len(set(names))
    for term in terms:
        assert min(map(len, (term.definition, term.why, term.read, term.source))) > 8, term.term
        assert term.definition.endswith(".")


def test_each_output_field_belongs_to_one_term():
    fields = [name for term in _glossary.glossary().values() for name in term.fields]

    assert len(fields) == len(set(fields))


def test_the_glossary_is_read_only_when_it_is_used():
    code = "import sys, e2i_shared.tools.result_explainer; print('yaml' in sys.modules)"

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == "False"
