"""A whole composition with a language model at a scripted server: used where it is valid, replaced by the rules where it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders_composer import KISQALI, KISQALI_EDGES, KISQALI_PARTS, drive
from e2i_shared.composer.asked.ask import instructions
from e2i_shared.http import language, views
from e2i_shared.llm.anthropic import Anthropic
from e2i_shared.llm.gateway import Gateway
from e2i_shared.llm.ledger import Caps, MemoryLedger
from e2i_shared.llm.prices import price_table
from llm_server import anthropic_says, reply, serving


def data_of(body):
    text = body["messages"][0]["content"]
    return json.loads(text[text.index("<data>\n") + 7 : text.index("\n</data>")])


def agree(data) -> Any:
    """Answer as a model that finds the rules' draft right, and tells findings in other words."""
    if "findings" in data:
        return {"findings": [{"id": f["id"], "text": f"In short: {f['text']}"} for f in data["findings"]]}
    draft = data["draft"]
    if "steps" in draft:
        return {"steps": [{k: s[k] for k in ("tool", "serves", "inputs")} for s in draft["steps"]]}
    return draft


def invent(data) -> Any:
    made = agree(data)
    for finding in made.get("findings", []):
        finding["text"] = f"{finding['text']} Sales will rise by 37%."
    return made


def composed(answer, caps=None) -> Any:
    """Return the record, the ledger and what was asked, of a composition whose model answers with ``answer`` of the data."""
    ledger = MemoryLedger(caps or Caps(composition_usd=5.0))

    def send(handler) -> None:
        made = answer(data_of(server.asked[-1]))
        (made if callable(made) else anthropic_says(json.dumps(made)))(handler)

    with serving(send) as server:
        gateway = Gateway(
            [Anthropic("claude-sonnet-5-5", "k", server.url)], ledger, price_table(), sleep=lambda _seconds: None
        )
        record = drive(
            KISQALI, KISQALI_PARTS, KISQALI_EDGES, ask=lambda record, phase: language._for(gateway, record, phase)
        )[0]
        return record, ledger, server.asked


@pytest.fixture(scope="module")
def offline():
    return drive(KISQALI, KISQALI_PARTS, KISQALI_EDGES)[0]


def test_every_phase_uses_the_model_and_every_call_is_in_the_ledger(offline):
    record, ledger, asked = composed(agree)

    assert views.composition(record).used_llm == ["decompose", "plan", "synthesize"]
    assert record.plan.prompt == instructions("plan").told
    assert all(claim.text.startswith("In short: ") for part in record.answer.parts for claim in part.claims)
    assert [h.request.phase for h, _ in ledger.calls.values()] == ["decompose", "plan"] + 3 * ["synthesize"]
    assert len(asked) == 5
    assert ledger.spent["composition", record.composition_id] > 0
    numbers = [ref for part in record.answer.parts for claim in part.claims for ref in claim.value_refs]
    assert numbers == [ref for part in offline.answer.parts for claim in part.claims for ref in claim.value_refs]


def test_a_number_of_the_models_own_never_reaches_the_answer(offline):
    record, _, asked = composed(invent)

    assert "37%" not in record.answer.text
    assert views.composition(record).used_llm == ["decompose", "plan"]
    assert record.answer.text == offline.answer.text
    assert len([a for a in asked if "findings" in data_of(a)]) == 2  # asked once more, then replaced


@pytest.mark.parametrize(
    "answer",
    [lambda _data: reply(500, {}), lambda _data: reply(200, "<html>", kind="text/html"), lambda _data: {"nonsense": 1}],
    ids=["a storm", "html", "nonsense"],
)
def test_a_model_that_fails_leaves_the_answer_of_the_rules(answer, offline):
    record, _, _ = composed(answer)

    assert views.composition(record).used_llm == []
    assert record.answer.text == offline.answer.text


def test_a_budget_of_nothing_leaves_the_answer_of_the_rules(offline):
    record, ledger, asked = composed(agree, Caps(tenant_daily_usd=0.0))

    assert record.answer.text == offline.answer.text
    assert asked == []
    assert ledger.calls == {}
