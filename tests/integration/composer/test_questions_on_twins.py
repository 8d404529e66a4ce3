"""What would more calls do to the low responders: the same question with a trained twin and without, on the sample with its truth."""

from __future__ import annotations

import pytest
from builders_composer import sample
from builders_questions import asked, twins
from e2i_shared.api.common import Filter
from e2i_shared.datasets import filters
from e2i_shared.tools._population import resolve_population, rows_of

WHAT_IF = "What would 20% more Kisqali calls do to TRx of the low responders?"
EVERY_BRAND = "What would 20% more calls do to the low responders?"
PRESCREEN = "Pre-screen 20% more calls to the low responders on the Kisqali twin"
KISQALI = Filter(column="brand", value="Kisqali")


def by_tool(query, *, with_twins):
    record, steps = asked(query, with_twins=with_twins)
    assert record.status == "COMPLETED"
    return record, {s.step.tool: s for s in steps}


def true_change(low_responders, brand=KISQALI):
    """Return the mean of τ_i · 0.2 A_i over the rows of the groups, by the sample's true effects."""
    made = sample()
    frame, dataset = made.tables["hcp_monthly"], made.datasets["hcp_monthly"]
    rows = filters.mask(frame, filters.resolve(dataset, [brand] if brand else []))
    rows &= rows_of(frame, dataset, resolve_population(dataset, low_responders))
    effects = made.unit_effects["hcp_monthly", "rep_visits", "trx"][rows]
    return float((0.2 * frame.numbers("rep_visits")[rows] * effects).mean())


def near(found, truth, low, high):
    return abs(found - truth) <= 3 * (high - low) / 3.92


@pytest.mark.parametrize("with_twins", [True, False])
@pytest.mark.parametrize(("query", "brand"), [(WHAT_IF, KISQALI), (EVERY_BRAND, None)])
def test_the_low_responders_are_who_the_simulation_is_about_with_and_without_a_twin(query, brand, with_twins):
    _, steps = by_tool(query, with_twins=with_twins)
    low = steps["cate_analyzer"].output["low_responders"]
    found = steps["counterfactual_simulator"].output

    assert low
    assert {m["label"] for m in found["target_members"]} == set(low)
    change, interval = found["change"], found["change_interval"]
    assert near(change, true_change(low, brand), interval["lower"], interval["upper"])
    assert (found["twin"] is not None) == (with_twins and brand is not None)


def test_the_answer_says_that_a_twin_was_asked_or_why_not():
    asked_twin, _ = by_tool(WHAT_IF, with_twins=True)
    without, _ = by_tool(WHAT_IF, with_twins=False)
    _, every = by_tool(EVERY_BRAND, with_twins=True)

    assert "It was asked of the digital twin asked, Kisqali, version 3" in asked_twin.answer.parts[0].text
    assert "digital twin" not in without.answer.parts[0].text
    assert any("name the brand to ask it" in w for w in every["counterfactual_simulator"].output["warnings"])


def test_a_prescreen_is_of_the_low_responders_that_the_step_before_found():
    record, steps = by_tool(PRESCREEN, with_twins=True)
    low = steps["cate_analyzer"].output["low_responders"]
    found = steps["intervention_prescreener"].output
    request = twins().asked[-1] if twins().asked else None

    assert steps["intervention_prescreener"].step.inputs["target_population"]["path"].endswith("low_responders")
    assert near(found["simulated_ate"], true_change(low), found["ci_lower"], found["ci_upper"])
    assert request is not None
    assert len(request.population_any) == len(low)
    assert "The digital twin predicts a change" in record.answer.parts[0].text


def test_without_a_twin_a_prescreen_says_so_and_the_rest_is_answered():
    record, steps = by_tool(PRESCREEN, with_twins=False)

    assert steps["intervention_prescreener"].status == "FAILED"
    assert "No digital twins are at hand" in steps["intervention_prescreener"].error_message
    assert "each additional call raises" in record.answer.parts[0].text
    assert any("No digital twins are at hand" in part.reason for part in record.missing)
