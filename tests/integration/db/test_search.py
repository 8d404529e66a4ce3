"""Search and spending over Postgres: ranked, isolated, and audited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from builders_db import a_composition, an_answer
from e2i_shared.api.admin import BudgetRequest
from e2i_shared.composer.embedding import MODEL, embed
from e2i_shared.db.audit import PostgresAudit
from e2i_shared.db.compositions import PostgresCompositions
from e2i_shared.db.search import PostgresSearch
from e2i_shared.db.spending import PostgresSpending
from e2i_shared.ids import new_id
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def tenant(migrated) -> str:
    return new_id()


def asked(database, tenant: str, query: str, text: str) -> str:
    compositions, new = PostgresCompositions(database, tenant), a_composition(query=query)
    compositions.create(new)
    compositions.save_answer(new.composition_id, an_answer().model_copy(update={"text": text}), [], {})
    return new.composition_id


def document(database, tenant: str, title: str, body: str, *, vector: bool = True) -> None:
    embedding = str(embed(f"{title} {body}")) if vector else None
    with database.transaction(tenant) as connection:
        connection.execute(
            "INSERT INTO documents (tenant_id, kind, title, body, embedding, embedding_model) "
            "VALUES (require_tenant(), 'guide', %s, %s, %s::vector, %s)",
            (title, body, embedding, MODEL if vector else None),
        )


def test_questions_are_found_by_any_word_of_question_or_answer_best_first(database, tenant):
    both = asked(database, tenant, "Did rep visits raise TRx?", "Visits helped in the Northeast.")
    one = asked(database, tenant, "How are sales?", "The Northeast fell.")
    asked(database, tenant, "What is a p-value?", "A share.")
    hits = PostgresSearch(database, tenant).compositions("visits in the northeast", 10)
    assert [hit.id for hit in hits] == [both, one]
    assert hits[0].title == "Did rep visits raise TRx?"
    assert hits[0].text.startswith("Visits helped")


def test_what_has_not_been_answered_is_not_found(database, tenant):
    PostgresCompositions(database, tenant).create(a_composition(query="Did rep visits raise TRx?"))
    assert PostgresSearch(database, tenant).compositions("visits", 10) == []


def test_documents_are_found_by_words_and_by_vector_of_the_same_model(database, tenant):
    document(database, tenant, "Visit guide", "How often to visit a physician.")
    document(database, tenant, "Holiday list", "Days off.")
    document(database, tenant, "Visit notes", "Without a vector.", vector=False)
    search = PostgresSearch(database, tenant)
    assert [hit.title for hit in search.documents("visiting physicians", 10)] == ["Visit guide", "Visit notes"]
    near = search.documents_near(embed("how often to visit a physician"), MODEL, 10)
    assert [hit.title for hit in near] == ["Visit guide"]
    assert search.documents_near(embed("how often to visit a physician"), "another model", 10) == []


def test_nothing_of_another_tenant_is_found(database, tenant, migrated):
    asked(database, migrated.other_tenant, "Did rep visits raise TRx?", "Yes.")
    document(database, migrated.other_tenant, "Visit guide", "How often to visit.")
    search = PostgresSearch(database, tenant)
    assert search.compositions("visits", 10) == []
    assert search.documents("visit", 10) == []
    assert search.documents_near(embed("visit guide how often to visit"), MODEL, 10) == []


@QUIET
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60))
def test_any_words_are_searched_for_never_an_error(database, text):
    search = PostgresSearch(database, "00000000-0000-7000-8000-000000000001")
    assert list(search.documents(text, 5)) == []
    assert list(search.compositions("a & b | !c:* 'x' <-> " + text, 5)) == []


def test_a_cap_is_set_at_once_and_audited_in_the_same_transaction(database, tenant):
    spending, audit = PostgresSpending(database, tenant), PostgresAudit(database, tenant)
    assert list(spending.budgets()) == []
    spending.set_cap(BudgetRequest(scope="user", subject="ben", cap_usd=2), "anna", "admin", "c-1")
    first = audit.head()
    after = spending.set_cap(BudgetRequest(scope="user", subject="ben", cap_usd=3), "anna", "admin", "c-2")

    assert [(b.scope, b.subject, b.day, b.cap_usd) for b in after] == [("user", "ben", None, 3.0)]
    assert (first.seq, audit.head().seq) == (1, 2)
    assert audit.verify() == []
    with database.transaction(tenant) as connection:
        rows = connection.execute("SELECT * FROM audit_log ORDER BY seq").fetchall()
    assert [(r["actor"], r["actor_role"], r["action"], r["request_id"]) for r in rows] == [
        ("anna", "admin", "set_budget", "c-1"),
        ("anna", "admin", "set_budget", "c-2"),
    ]
    assert rows[0]["before_hash"] is None
    assert rows[1]["before_hash"] == rows[0]["after_hash"] != rows[1]["after_hash"]
    assert "ben" not in str(rows), "the log holds no user's name but the actor's"


def test_a_change_that_cannot_be_audited_is_not_made(database, tenant, monkeypatch):
    from e2i_shared.db import audit

    def broken(*_args: object) -> None:
        raise RuntimeError("no audit")

    monkeypatch.setattr(audit, "record", broken)
    spending = PostgresSpending(database, tenant)
    with pytest.raises(RuntimeError):
        spending.set_cap(BudgetRequest(scope="user", subject="ben", cap_usd=2), "anna", "admin", "c-1")
    assert list(spending.budgets()) == []


def test_usage_is_read_by_day_for_one_tenant(database, tenant, migrated):
    for owner in (tenant, migrated.other_tenant):
        with database.transaction(owner) as connection:
            connection.execute(
                "INSERT INTO llm_usage (tenant_id, user_id, phase, provider, model, tokens_in, tokens_out, cost_usd, outcome, "
                "settled_at, prompt, price_table) VALUES (require_tenant(), 'anna', 'plan', 'p', 'm', 10, 5, 0.5, 'ok', now(), "
                "'plan@1', 't')"
            )
    now = datetime.now(UTC)
    (row,) = PostgresSpending(database, tenant).usage(now - timedelta(days=1), now + timedelta(days=1))
    assert (row.calls, row.answered, row.tokens_in, row.cost_usd, row.phase) == (1, 1, 10, 0.5, "plan")
    assert list(PostgresSpending(database, tenant).usage(now - timedelta(days=9), now - timedelta(days=8))) == []
