"""Which model embeds and answers, and the warning before one is withdrawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from e2i_shared import bootstrap
from e2i_shared.composer.embedding import MODEL, embed
from e2i_shared.http import language
from e2i_shared.llm.embedding import DIMENSIONS, Embedder, Vectors
from e2i_shared.llm.gateway import Gateway
from e2i_shared.llm.ledger import Caps, MemoryLedger
from e2i_shared.llm.model import Usage
from e2i_shared.llm.prices import Model, PriceTable
from world import TENANT, FakeWiring

ENDS = date(2027, 1, 31)


def priced(end_of_life: date | None) -> Model:
    prices = dict.fromkeys(("input", "cache_read", "cache_write_short", "cache_write_long", "output"), 1.0)
    return Model(provider="p", end_of_life=end_of_life, **prices)


TABLE = PriceTable(version="t", note="", models={"ends": priced(ENDS), "stays": priced(None), "unused": priced(ENDS)})


@dataclass(frozen=True)
class Named:
    model: str
    name: str = "p"

    def embed(self, texts: Any, *, dimensions: int, seconds: float) -> Vectors:
        del seconds
        return Vectors([[2.0] + [0.0] * (dimensions - 1) for _ in texts], Usage(fresh=3, out=0))


@pytest.fixture
def logged(monkeypatch):
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(
        language.telemetry, "note", lambda message, **fields: found.append({"message": message} | fields)
    )
    language._warn.cache_clear()
    return found


def gateway(*models: str, embedding: str | None = None, caps: Caps | None = None) -> Gateway:
    ledger = MemoryLedger(caps or Caps())
    embedder = Embedder(Named(embedding), ledger, TABLE) if embedding else None
    return Gateway([Named(m) for m in models], ledger, TABLE, embedder=embedder)


@pytest.mark.parametrize(
    ("today", "said"), [(date(2026, 12, 1), []), (date(2027, 1, 5), ["ends"]), (date(2027, 3, 1), ["ends"])]
)
def test_a_model_in_use_that_is_withdrawn_within_30_days_or_was_is_warned_of(logged, today, said):
    assert language.warn_of_retirements(gateway("ends", "stays"), today) == said
    assert [(each["model"], each["end_of_life"]) for each in logged] == [(m, "2027-01-31") for m in said]


def test_a_warning_is_said_once_a_day(logged):
    for day in (5, 5, 6):
        language.warn_of_retirements(gateway("ends"), date(2027, 1, day))

    assert [each["today"] for each in logged] == ["2027-01-05", "2027-01-06"]


def test_an_embedding_model_is_warned_of_too_and_one_that_is_not_in_use_is_not(logged):
    assert language.warn_of_retirements(gateway("stays", embedding="ends"), ENDS) == ["ends"]
    assert language.warn_of_retirements(gateway("stays"), ENDS) == []


def test_the_configured_model_embeds_with_its_own_name():
    with bootstrap.wired(FakeWiring(models=gateway(embedding="stays"))):
        found = language.embed(TENANT, ["a", "b"])

    assert found.model == "stays"
    assert found.vectors == [[1.0] + [0.0] * (DIMENSIONS - 1)] * 2


def test_without_a_model_or_a_budget_the_local_one_embeds():
    for models in (None, gateway("stays"), gateway(embedding="stays", caps=Caps(tenant_daily_usd=0))):
        with bootstrap.wired(FakeWiring(models=models)):
            assert language.embed(TENANT, ["How are sales?"]) == (MODEL, [embed("How are sales?")])


def test_an_asker_needs_a_model_that_answers():
    for models, asks in ((None, False), (gateway(embedding="stays"), False), (gateway("stays"), True)):
        with bootstrap.wired(FakeWiring(models=models)):
            assert (language.asker(TENANT) is not None) is asks
