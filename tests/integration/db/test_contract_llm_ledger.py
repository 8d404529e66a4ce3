"""The ledger in memory and over Postgres agree; over Postgres no number of callers passes a cap."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from e2i_shared.db.llm_ledger import PostgresLedger
from e2i_shared.db.spending import PostgresSpending
from e2i_shared.errors import BudgetExceededError
from e2i_shared.ids import new_id
from e2i_shared.llm.embedding import Embedder, Vectors
from e2i_shared.llm.ledger import Caps, MemoryLedger
from e2i_shared.llm.model import Hold, Prompt, Request, Settlement, Usage
from e2i_shared.llm.prices import price_table
from pydantic import BaseModel

CAPS = Caps(tenant_daily_usd=10.0, user_daily_usd=2.0, composition_usd=1.0)
PROMPT = Prompt("plan", "1", "", "")


@pytest.fixture(params=["memory", "postgres"])
def ledger(request):
    if request.param == "memory":
        return MemoryLedger(CAPS)
    return PostgresLedger(request.getfixturevalue("database"), new_id(), CAPS)


def hold(usd, composition=None, user="ann", cap=None):
    request = Request("plan", PROMPT, BaseModel, composition_id=composition, user_id=user, max_cost_usd=cap)
    return Hold(request, "anthropic", "claude-sonnet-5-5", usd, 1, "t1")


def done(usd):
    return Settlement("ok", usd, 120.0, Usage(100, 20, cache_read=50), "msg_1")


def test_what_is_held_counts_until_it_is_settled(ledger):
    composition = new_id()
    first = ledger.reserve(hold(0.7, composition))

    with pytest.raises(BudgetExceededError):
        ledger.reserve(hold(0.7, composition))
    ledger.settle(first, done(0.1))

    assert ledger.reserve(hold(0.7, composition))


def test_a_second_settlement_changes_nothing(ledger):
    composition = new_id()
    usage_id = ledger.reserve(hold(0.5, composition))
    ledger.settle(usage_id, done(0.5))
    ledger.settle(usage_id, done(0.5))

    assert ledger.reserve(hold(0.5, composition))


def test_a_refused_call_holds_nothing_of_any_budget(ledger):
    with pytest.raises(BudgetExceededError):
        ledger.reserve(hold(1.5, new_id()))

    assert ledger.reserve(hold(2.0))  # all that the user has, were nothing held


def test_a_composition_may_have_a_cap_of_its_own(ledger):
    composition = new_id()

    with pytest.raises(BudgetExceededError):
        ledger.reserve(hold(0.2, composition, cap=0.1))


def test_one_users_budget_is_not_anothers(ledger):
    ledger.reserve(hold(2.0, user="ann"))

    with pytest.raises(BudgetExceededError):
        ledger.reserve(hold(0.1, user="ann"))
    assert ledger.reserve(hold(2.0, user="bob"))


@pytest.fixture
def stored(database):
    return PostgresLedger(database, new_id(), CAPS)


def spending(stored):
    return PostgresSpending(stored._database, stored._tenant_id)


def test_twenty_callers_never_pass_one_cap(stored):
    composition = new_id()

    def call(_n: int) -> bool:
        try:
            usage_id = stored.reserve(hold(0.15, composition, user=None))
        except BudgetExceededError:
            return False
        stored.settle(usage_id, Settlement("timeout", 0.15, 1.0))
        return True

    with ThreadPoolExecutor(8) as pool:
        allowed = sum(pool.map(call, range(20)))

    assert allowed == 6  # 6 x 0.15 = 0.90; a seventh would pass 1.00


def test_calls_of_dead_processes_are_swept_as_spent_in_full(stored):
    stored.reserve(hold(1.5))

    tenant, other = spending(stored), PostgresSpending(stored._database, new_id())
    assert (tenant.sweep(), other.sweep(older_than_seconds=0)) == (0, 0)
    assert (tenant.sweep(older_than_seconds=0), tenant.sweep(older_than_seconds=0)) == (1, 0)
    with pytest.raises(BudgetExceededError):
        stored.reserve(hold(0.6))


def test_usage_adds_up_by_day_model_user_and_phase(stored):
    for _ in range(2):
        stored.settle(stored.reserve(hold(0.2)), done(0.05))
    now = datetime.now(UTC)

    (row,) = stored.usage(now - timedelta(days=1), now + timedelta(days=1))

    assert (row["calls"], row["answered"], row["tokens_in"], row["tokens_cached"]) == (2, 2, 300, 100)
    assert row["cost_usd"] == pytest.approx(0.1)
    assert (row["user_id"], row["phase"], row["model"]) == ("ann", "plan", "claude-sonnet-5-5")


class Embedding:
    name, model = "openai", "text-embedding-3-small"

    def embed(self, texts, *, dimensions, seconds):
        del seconds
        return Vectors([[1.0] + [0.0] * (dimensions - 1) for _ in texts], Usage(fresh=8, out=0), "req_1")


def test_an_embedding_is_a_row_of_its_own_phase_and_never_free(stored):
    made = Embedder(Embedding(), stored, price_table())
    for _ in range(3):
        made.embed(["How are sales?"], user_id="ann")
    now = datetime.now(UTC)

    (row,) = stored.usage(now - timedelta(days=1), now + timedelta(days=1))

    assert (row["phase"], row["model"], row["calls"], row["tokens_in"]) == ("embed", "text-embedding-3-small", 3, 24)
    assert row["cost_usd"] == pytest.approx(3e-6)
    assert [b["spent_usd"] for b in stored.budgets() if b["day"]] == [pytest.approx(3e-6)] * 2


def test_a_cap_set_by_an_administrator_counts_at_once_and_for_the_one_it_names(stored):
    stored.reserve(hold(1.9))
    stored.set_cap("user", "ann", 5.0)
    stored.reserve(hold(3.0))
    stored.set_cap("user", "", 0.5)

    with pytest.raises(BudgetExceededError):
        stored.reserve(hold(0.6, user="bob"))
    assert stored.reserve(hold(0.05, user="ann"))
    caps = {(row["scope"], row["subject"], row["day"] is None): row["cap_usd"] for row in stored.budgets()}
    assert caps["user", "ann", False] == 5.0
    assert caps["user", "", True] == 0.5


def test_another_tenant_sees_none_of_it(database, stored):
    stored.reserve(hold(2.0))
    other = PostgresLedger(database, new_id(), CAPS)

    assert other.budgets() == []
    assert other.reserve(hold(2.0))
