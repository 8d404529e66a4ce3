"""The grounding check against mutated answers (it must catch all) and honest ones (it must pass all)."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from builders_composer import (
    KISQALI,
    KISQALI_EDGES,
    KISQALI_PARTS,
    catalogue,
    cate_output,
    drive,
    effect_output,
    refutation_output,
    sensitivity_output,
)
from e2i_shared.api.classification import Domain, Period
from e2i_shared.api.composition import Answer, AnswerPart, Claim, ValueRef
from e2i_shared.composer.grounding import Sources, Value, check_answer, check_text, require_grounded
from e2i_shared.composer.render import render_part, render_text
from e2i_shared.composer.synthesize import synthesize
from e2i_shared.errors import UngroundedAnswerError

C, G, K = Domain.CAUSAL, Domain.GAP, Domain.KPI


@cache
def answered(name: str):
    """The answer of a composition, with its record and steps."""
    period = Period(text="last two quarters", start="2026-04-01", end="2026-10-01")
    questions = {
        "kisqali": (KISQALI, KISQALI_PARTS, KISQALI_EDGES, ()),
        "robust": (
            "Did rep visits raise Kisqali TRx, and does that survive refutation?",
            [(C, "Did rep visits raise Kisqali TRx"), (C, "does that survive refutation")],
            [("Q1", "Q2")],
            (),
        ),
        "gap": (
            "Which territories trail the median on Kisqali TRx?",
            [(G, "Which territories trail the median on Kisqali TRx?")],
            [],
            (),
        ),
        "kpi": (
            "TRx for Kisqali by region, last two quarters",
            [(K, "TRx for Kisqali by region, last two quarters")],
            [],
            (period,),
        ),
    }
    return drive(*questions[name])


def problems(name: str, answer: Answer):
    record, steps = answered(name)
    outputs = {s.step.step_number: s.output for s in steps if s.output}
    plan = record.plan
    extra = [q.text for q in record.decomposition.sub_questions] + [b.bound_to for b in plan.bindings] + plan.notes
    return check_answer(answer, outputs, record.query, missing=record.missing, extra=extra)


def honest(name: str) -> Answer:
    return answered(name)[0].answer


@pytest.mark.parametrize("name", ["kisqali", "robust", "gap", "kpi"])
def test_the_answers_of_the_template_are_grounded(name):
    assert problems(name, honest(name)) == []


# What may go wrong in a sentence, by answer: (what stood there, what stands there now).
MUTATIONS = {
    "kisqali": [
        ("2.05 TRx", "2.06 TRx"),
        ("2.05 TRx", "2.50 TRx"),
        ("2.05 TRx", "5.02 TRx"),
        ("2.05 TRx", "20.5 TRx"),
        ("2.05 TRx", "0.205 TRx"),
        ("2.05 TRx", "-2.05 TRx"),
        ("2.05 TRx", "2.05 NRx"),
        ("2.05 TRx", "2.05 USD"),
        ("2.05 TRx", "2.05%"),
        ("2.05 TRx", "$2.05"),
        ("2.05 TRx", "2.84 TRx"),
        ("2.05 TRx", "about a third of a TRx"),
        ("2.05 TRx", "two TRx"),
        ("2.05 TRx", "2 million TRx"),
        ("2.05 TRx", "2,053 TRx"),
        ("2.05 TRx", "2.1 TRx"),
        ("2.05 TRx", "2 TRx"),
        ("1.87 to 2.23", "1.78 to 2.23"),
        ("1.87 to 2.23", "1.87 to 3.23"),
        ("1.87 to 2.23", "2.23 to 1.87"),
        ("1.87 to 2.23", "-1.87 to 2.23"),
        ("95% interval 1.87", "99% interval 1.87"),
        ("95% interval 1.87", "90% interval 1.87"),
        ("(95% interval 1.87 to 2.23; p < 0.001)", "(95% interval 1.87 to 2.23; p < 0.0000001)"),
        ("(95% interval 1.87 to 2.23; p < 0.001)", "(95% interval 1.87 to 2.23; p = 0.01)"),
        ("(95% interval 1.87 to 2.23; p < 0.001)", "(95% interval 1.87 to 2.23; p < 0.2)"),
        ("visit raises TRx", "visit lowers TRx"),
        ("visit raises TRx", "visit reduced TRx"),
        ("visit raises TRx", "visit doubles TRx"),
        ("raises TRx by 2.05 TRx on average", "No clear effect: 2.05 TRx"),
        ("Kisqali, Northeast:", "Kisqali, Northeast in 2024:"),
        ("Kisqali, Northeast:", "Kisqali, Northeast since 2026-01-01:"),
        ("Kisqali, Northeast:", "Kisqali, Northeast in Q3 2026:"),
        ("Kisqali, Northeast:", "6,721 rows of Kisqali, Northeast:"),
        ("Oncology at 2.84 TRx", "Oncology at 2.48 TRx"),
        ("Oncology at 2.84 TRx", "Oncology at 1.92 TRx"),
        ("Oncology at 2.84 TRx", "Oncology at 2.84 patients per 100 TRx"),
        ("Allergy at 0.81 TRx", "Allergy at 0.18 TRx"),
        ("Allergy at 0.81 TRx", "Oncology at 0.81 TRx"),
        ("The segments respond differently, more than chance would explain (p < 0.001)", "The segments respond differently (p < 0.0001)"),
        ("more than chance would explain", "no more than chance would explain"),
        ("Target first: Oncology, Hematology, Nephrology", "Target first: Hematology, Oncology, Nephrology"),
        ("99 HCPs per arm", "66 HCPs per arm"),
        ("99 HCPs per arm", "990 HCPs per arm"),
        ("99 HCPs per arm", "about a dozen HCPs per arm"),
        ("99 HCPs per arm", "100 HCPs per arm"),
        ("power of 80%", "power of 90%"),
        ("power of 80%", "power of 80 days"),
        ("it needs 118 HCPs", "it needs 1.18 HCPs"),
    ],
    "robust": [
        ("1.87 (E-value)", "1.78 (E-value)"),
        ("1.87 (E-value)", "18.7 (E-value)"),
        ("24.3%", "42.3%"),
        ("24.3%", "24.3"),
        ("24.3%", "24.3 TRx"),
        ("24.3%", "a quarter"),
        ("24.3%", "a quarter of"),
        ("24.3%", "half"),
        ("Passed: a placebo treatment", "Failed: a placebo treatment"),
        ("The effect holds up", "The effect does not hold up"),
    ],
    "gap": [
        ("T26 by 1.09 TRx", "T26 by 1.90 TRx"),
        ("T26 by 1.09 TRx", "T62 by 1.09 TRx"),
        ("T26 by 1.09 TRx", "T26 by 1.09 USD"),
        ("10.4 TRx per", "14.0 TRx per"),
        ("over 40 compared", "over 41 compared"),
        ("over 40 compared", "over four compared"),
        ("17,802 TRx", "17,820 TRx"),
        ("17,802 TRx", "17.802 TRx"),
        ("17,802 TRx", "17,802 TRx ($74,768,400)"),
        ("17,802 TRx", "18,000 TRx"),
        ("worth 17,802 TRx in total", "worth 17,802 TRx, twice the average"),
    ],
    "kpi": [
        ("59,748 TRx", "59,784 TRx"),
        ("59,748 TRx", "59.7 TRx"),
        ("59,748 TRx", "60,000 TRx"),
        ("59,748 TRx", "59,748 NRx"),
        ("2026-04 to", "2025-04 to"),
        ("2026-04 to", "2026-05 to"),
        ("to 2026-09", "to 2026-12"),
        ("South 17,964", "South 17,694"),
        ("South 17,964", "South 17,328"),
        ("West 9,939 TRx", "West 9,939 TRx (17%)"),
        ("West 9,939 TRx", "West 9,939 TRx, a sixth of 100"),
    ],
}  # fmt: skip
CASES = [(name, old, new) for name, pairs in MUTATIONS.items() for old, new in pairs]


def test_there_are_at_least_60_mutations():
    assert len(CASES) >= 60


@pytest.mark.parametrize(("name", "old", "new"), CASES)
def test_a_mutated_part_is_caught(name, old, new):
    answer = honest(name)
    place = next(i for i, p in enumerate(answer.parts) if old in p.text)
    changed = answer.parts[place].model_copy(update={"text": answer.parts[place].text.replace(old, new, 1)})
    parts = [changed if i == place else p for i, p in enumerate(answer.parts)]
    text = answer.text.replace(answer.parts[place].text, changed.text)

    assert problems(name, answer.model_copy(update={"parts": parts, "text": text}))


@pytest.mark.parametrize(("name", "old", "new"), CASES)
def test_a_mutated_text_is_caught(name, old, new):
    answer = honest(name)
    assert old in answer.text

    assert problems(name, answer.model_copy(update={"text": answer.text.replace(old, new)}))


NUMBERS_ALONE = [
    (name, old, new)
    for name, old, new in CASES
    # What only the comparison with the claims can see: words and names, and values of the same part in each other's place.
    if new
    not in {
        "2.84 TRx", "1.87 to 3.23", "2.23 to 1.87", "visit lowers TRx", "visit reduced TRx", "Oncology at 1.92 TRx", "Oncology at 0.81 TRx",
        "no more than chance would explain", "Target first: Hematology, Oncology, Nephrology", "Failed: a placebo treatment",
        "The effect does not hold up", "T62 by 1.09 TRx", "South 17,328", "No clear effect: 2.05 TRx", "24.3", "a quarter", "2.1 TRx", "2 TRx",
    }
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new"), NUMBERS_ALONE)
def test_the_extraction_of_numbers_alone_catches_what_is_a_wrong_number(name, old, new):
    record, steps = answered(name)
    outputs = {s.step.step_number: s.output for s in steps if s.output}
    part = next(p for p in record.answer.parts if old in p.text)
    from e2i_shared.composer.grounding import _from_claims

    said = [record.query, *(q.text for q in record.decomposition.sub_questions)]
    sources = Sources(spoken=said, quoted=said).joined(_from_claims(part.claims, outputs))

    assert check_text(part.text, sources) == []
    assert check_text(part.text.replace(old, new, 1), sources)


OTHER_PLACES = [
    ("headline", lambda a: {"headline": a.headline.replace("2.05", "3.05")}),
    ("headline", lambda a: {"headline": a.headline.replace("raises", "lowers")}),
    ("headline", lambda _: {"headline": "There is no significant effect of rep visits on TRx."}),
    ("headline", lambda _: {"headline": "Rep visits explain half of TRx."}),
    ("caveat", lambda a: {"caveats": [*a.caveats, "Only 12 clusters were used."]}),
    ("caveat", lambda a: {"caveats": [*a.caveats, "p was 0.049."]}),
    ("next step", lambda _: {"next_step": "Run the test with 500 units."}),
    ("text", lambda a: {"text": a.text + "\n\nThis is worth $3 million."}),
    ("text", lambda a: {"text": a.text.replace("[2]", "[1]")}),
    ("text", lambda a: {"text": a.text[: len(a.text) // 2]}),
    ("text", lambda _: {"text": ""}),
]


@pytest.mark.parametrize(("where", "change"), OTHER_PLACES)
def test_headline_caveats_next_step_and_text_are_checked_too(where, change):
    answer = honest("kisqali")
    found = problems("kisqali", answer.model_copy(update=change(answer)))
    assert any(p.startswith(where) for p in found), found


def written(*claims: Claim, step_outputs=None, question="Did visits raise TRx by 20% in 2026?"):
    """Check an answer a writer made of claims."""
    outputs = step_outputs or {1: effect_output(), 2: cate_output(), 3: refutation_output(), 4: sensitivity_output()}
    text = render_part(claims, outputs)
    part = AnswerPart(
        sub_question="Q1", question=question, text=text, claims=list(claims), citations=[1], confidence=0.8
    )
    whole = render_text("Summary.", [part], [], [], None)
    return check_answer(Answer(headline="Summary.", parts=[part], text=whole), outputs, question)


def claim(text, *refs: Any):
    return Claim(text=text, value_refs=[ValueRef(step=s, pointer=p, **more) for s, p, more in refs])


ATE = (1, "/ate", {"format": ".2f", "unit": "TRx"})
LOW, HIGH = (1, "/ci_lower", {"format": ".2f"}), (1, "/ci_upper", {"format": ".2f"})
HONEST = [
    claim("Visits raised TRx by {0}.", ATE),
    claim("Visits increased TRx by {0} (95% interval {1} to {2}).", ATE, LOW, HIGH),
    claim("The effect is statistically significant: {0}.", ATE),
    claim("The 95% confidence interval excludes zero: {0} to {1}, around {2}.", LOW, HIGH, ATE),
    claim("You asked about 20% in 2026; the estimate is {0}.", ATE),
    claim("Oncology gains more than Allergy: {0} against {1}.", (2, "/segments/0/effect", {"format": ".2f"}), (2, "/segments/3/effect", {"format": ".2f"})),
    claim("Oncology gains {0} more than Allergy.", (2, "/segments/0/effect", {"format": ".2f", "transform": "difference", "other_pointer": "/segments/3/effect"})),
    claim("Oncology responds {0} times as strongly.", (2, "/segments/0/effect", {"format": ".1f", "transform": "ratio", "other_pointer": "/segments/3/effect"})),
    claim("A confounder must explain {0} of each.", (4, "/robustness_value", {"format": ".1f", "transform": "percent"})),
    claim("The effect is certain ({0}).", (1, "/p_value", {"format": "p"})),
    claim("It is about {0} rounded.", (1, "/ate", {"format": ".0f"})),
    claim("One more visit helps: {0}.", ATE),
    claim("The first segment, {0}, leads.", (2, "/segments/0/segment", {"format": "text"})),
    claim("No number is given here."),
]  # fmt: skip


@pytest.mark.parametrize("one", HONEST, ids=lambda c: c.text)
def test_honest_sentences_raise_no_alarm(one):
    assert written(one) == []


DISHONEST = [
    (claim("Visits raised TRx by 2.60 TRx."), "'2.60' is in no output"),
    (claim("Visits raised TRx by {0}, or 12% of it.", ATE), "'12%' is in no output"),
    (claim("Visits lowered TRx by {0}.", ATE), "the value is positive"),
    (claim("There is no clear effect: {0}.", ATE), "the interval excludes zero"),
    (claim("TRx doubled: {0}.", ATE), "'doubled' is in no output"),
    (claim("About a third of TRx: {0}.", ATE), "'third' is in no output"),
    (claim("Since 2024: {0}.", ATE), "'2024' is in no output"),
    (claim("Three segments lead: {0}.", ATE), "'Three' is in no output"),
    (claim("Worth $500 each: {0}.", ATE), "'$500' is in no output"),
    (claim("{0} kg.", (1, "/ate", {"format": ".2f"})), "is in no output"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "complaint"), DISHONEST, ids=lambda c: getattr(c, "text", ""))
def test_dishonest_sentences_are_caught(one, complaint):
    assert any(complaint in p for p in written(one)), written(one)


def test_a_negative_effect_told_as_a_rise_is_caught():
    down = {1: effect_output(ate=-0.5, ci_lower=-0.7, ci_upper=-0.3)}
    size = (1, "/ate", {"format": ".2f", "transform": "absolute"})
    assert written(claim("Visits raised TRx by {0}.", size), step_outputs=down)
    assert written(claim("Visits lowered TRx by {0}.", size), step_outputs=down) == []


def test_an_unclear_effect_told_as_significant_is_caught():
    unclear = {1: effect_output(ate=0.1, ci_lower=-0.2, ci_upper=0.4, p_value=0.5)}
    assert written(claim("The effect is significant: {0}.", ATE), step_outputs=unclear)
    assert written(claim("The effect is not significant: {0}.", ATE), step_outputs=unclear) == []
    assert written(claim("There is no clear effect: {0}.", ATE), step_outputs=unclear) == []


def test_a_reference_to_nothing_is_caught():
    with pytest.raises(UngroundedAnswerError):
        written(claim("It is {0}.", (1, "/nothing", {})))
    part = AnswerPart(
        sub_question="Q1",
        question="q",
        text="It is 2.",
        claims=[claim("It is {0}.", (1, "/nothing", {}))],
        citations=[1],
        confidence=0.5,
    )
    found = check_answer(Answer(headline="H.", parts=[part], text="x"), {1: effect_output()}, "q")
    assert any("holds nothing at" in p for p in found)


def test_a_short_label_does_not_hide_other_digits():
    sources = Sources(values=[Value(2.0)], quoted=["1"], spoken=["1"])
    assert check_text("decile 1 at 2", sources) == []
    assert check_text("decile 11 at 2", sources)


def test_numbers_of_labels_may_be_repeated():
    label = {1: {"label": "age 25–33", "effect": 2.0}}
    one = claim(
        "{0} gains {1}; ages 25 to 33 lead.", (1, "/label", {"format": "text"}), (1, "/effect", {"format": ".1f"})
    )
    assert written(one, step_outputs=label) == []


def test_problems_are_raised_together():
    require_grounded([])
    with pytest.raises(UngroundedAnswerError, match=r"not grounded: a; b") as caught:
        require_grounded(["a", "b"])
    assert caught.value.candidates == ("a", "b")


def test_every_tool_of_the_catalogue_can_be_told_without_an_ungrounded_number():
    assert set(catalogue()) >= {"causal_effect_estimator", "gap_calculator", "kpi_lookup", "power_calculator"}
    record, steps = answered("kisqali")
    assert synthesize(record, steps, catalogue())[0].headline
