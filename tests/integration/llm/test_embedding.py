"""Embeddings through OpenAI's SDK, against a server that speaks its wire format; the local model wherever it has nothing to say."""

from __future__ import annotations

import time
from typing import Any

import pytest
from e2i_shared import bootstrap
from e2i_shared.api.composition import Answer
from e2i_shared.composer.embedding import MODEL, embed
from e2i_shared.composer.model import NewComposition
from e2i_shared.errors import BudgetExceededError, LanguageModelError
from e2i_shared.http import asking, language, searching
from e2i_shared.ids import new_id
from e2i_shared.llm.embedding import DIMENSIONS, Embedder
from e2i_shared.llm.gateway import Gateway
from e2i_shared.llm.ledger import Caps, MemoryLedger
from e2i_shared.llm.openai import OpenAIEmbeddings
from e2i_shared.llm.prices import price_table
from llm_server import dribble, openai_embeds, reply, serving, stall
from world import QUESTION, TENANT, FakeWiring

BIG = "text-embedding-3-small"


def axis(number: int, length: float = 1.0) -> list[float]:
    return [length if i == number else 0.0 for i in range(DIMENSIONS)]


def embedder(server, ledger=None, **more: Any) -> Embedder:
    provider = OpenAIEmbeddings(BIG, "key-of-a-test", server.url + "/v1")
    return Embedder(provider, ledger or MemoryLedger(), price_table(), **more)


def outcomes(ledger):
    return [(hold.request.phase, settled.outcome) for hold, settled in ledger.calls.values()]


def test_texts_become_unit_vectors_in_their_order_and_a_row_of_the_ledger():
    ledger = MemoryLedger()
    with serving(openai_embeds([axis(3, 2.0), axis(5)], tokens=120)) as server:
        found = embedder(server, ledger).embed(["a", "b"], user_id="ann")

    assert found == [axis(3), axis(5)]
    assert server.paths == ["/v1/embeddings"]
    asked = server.asked[0]
    assert (asked["model"], asked["dimensions"], asked["input"]) == (BIG, 1536, ["a", "b"])
    (hold, settled) = next(iter(ledger.calls.values()))
    assert (hold.request.phase, hold.model, settled.outcome, settled.usage.tokens_in) == ("embed", BIG, "ok", 120)
    assert ledger.spent["user", "ann"] == pytest.approx(3e-6)  # 2.4 millionths, rounded up
    assert ledger.held["user", "ann"] == pytest.approx(0)


ODD = {
    "html": reply(200, "<html>", kind="text/html"),
    "an empty object": reply(200, {}),
    "no vectors": openai_embeds([]),
    "too few": openai_embeds([axis(0)]),
    "too short": openai_embeds([[1.0], [1.0]]),
    "nothing but zeros": openai_embeds([axis(0, 0.0), axis(1)]),
    "a storm": reply(500, {"error": {"message": "no"}}),
    "a limit": reply(429, {"error": {"message": "no"}}, {"retry-after": "4000"}),
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_what_is_no_vector_for_each_text_is_one_failed_call(answer):
    ledger = MemoryLedger()
    with serving(answer) as server, pytest.raises(LanguageModelError, match="No embedding"):
        embedder(server, ledger).embed(["a", "b"])

    assert len(server.asked) == 1
    assert [phase for phase, outcome in outcomes(ledger) if outcome != "ok"] == ["embed"]
    assert not any(ledger.held.values())


@pytest.mark.parametrize("slow", [stall(3), dribble(3)], ids=["stall", "dribble"])
def test_a_slow_server_is_left_at_the_deadline_and_its_hold_is_spent(slow):
    ledger = MemoryLedger()
    with serving(slow) as server:
        began = time.monotonic()
        with pytest.raises(LanguageModelError):
            embedder(server, ledger, seconds=0.5).embed(["a"])

    assert time.monotonic() - began < 2.5
    assert outcomes(ledger) == [("embed", "timeout")]
    assert ledger.spent["tenant", ""] > 0


def test_missing_usage_is_settled_at_what_was_held():
    ledger = MemoryLedger()
    with serving(openai_embeds([axis(0)], tokens=None)) as server:
        embedder(server, ledger).embed(["a"])

    ((hold, _),) = ledger.calls.values()
    assert ledger.spent["tenant", ""] == pytest.approx(hold.usd)


def test_after_failures_the_provider_is_left_alone():
    with serving(reply(503, {})) as server:
        asked = embedder(server)
        for _ in range(7):
            with pytest.raises(LanguageModelError):
                asked.embed(["a"])

    assert len(server.asked) == 5


def test_a_budget_stops_the_call_before_it_is_made():
    with serving(openai_embeds([axis(0)])) as server, pytest.raises(BudgetExceededError):
        embedder(server, MemoryLedger(Caps(tenant_daily_usd=0.0))).embed(["a"])

    assert server.asked == []


def wired(server, caps=None):
    ledger = MemoryLedger(caps or Caps())
    gateway = Gateway([], ledger, price_table(), embedder=embedder(server, ledger))
    return bootstrap.wired(FakeWiring(models=gateway))


@pytest.mark.parametrize(
    ("answer", "caps"),
    [(ODD["a storm"], None), (ODD["html"], None), (openai_embeds([axis(0)]), Caps(tenant_daily_usd=0.0))],
    ids=["a storm", "html", "no budget"],
)
def test_a_model_that_fails_leaves_the_local_vector_with_the_local_name(answer, caps):
    with serving(answer) as server, wired(server, caps):
        made = language.embed(TENANT, ["Did rep visits raise TRx?"])

    assert made == (MODEL, [embed("Did rep visits raise TRx?")])


def answered(tenant) -> str:
    new = NewComposition(composition_id=new_id(), query=QUESTION)
    asking.create(tenant, new)
    tenant.compositions.save_answer(new.composition_id, Answer(headline="Yes.", parts=[], text="Yes."), [], {})
    return new.composition_id


def test_questions_of_both_models_in_one_table_are_never_compared():
    answers = [openai_embeds([axis(0)]), reply(500, {}), openai_embeds([axis(0)]), openai_embeds([axis(1)])]
    with serving(*answers) as server, wired(server):
        tenant = bootstrap.for_tenant(TENANT)
        ids = [answered(tenant) for _ in range(3)]

        big, local, other = (tenant.compositions.neighbours(each, min_similarity=-1) for each in ids)
        hits = searching.search(tenant, QUESTION, ["composition"], 10).items

    assert [each.composition_id for each in big] == [ids[2]]
    assert local == []
    assert [each.composition_id for each in other] == [ids[0]]
    assert {hit.id for hit in hits if "vector" in hit.matched} == {
        ids[1]
    }  # the question's own vector is of another direction


def test_an_embedding_model_alone_asks_no_model_anything():
    with serving(openai_embeds([axis(0)])) as server, wired(server):
        assert language.asker(TENANT) is None
