"""The gateway through the providers' own SDKs, against a server that speaks their wire formats."""

from __future__ import annotations

import time
from typing import Any

import pytest
from e2i_shared.errors import BudgetExceededError, LanguageModelError
from e2i_shared.llm.anthropic import Anthropic
from e2i_shared.llm.gateway import Gateway
from e2i_shared.llm.ledger import Caps, MemoryLedger
from e2i_shared.llm.model import Prompt, Request, Usage
from e2i_shared.llm.openai import OpenAI
from e2i_shared.llm.prices import price_table
from llm_server import anthropic_says, dribble, openai_says, reply, serving, stall
from pydantic import BaseModel, Field

GOOD = '{"city": "Paris", "share": 0.4}'
SAYS = {"anthropic": anthropic_says, "openai": openai_says}
EACH = pytest.mark.parametrize("kind", list(SAYS))
HTML = reply(200, "<html>maintenance</html>", kind="text/html")


class City(BaseModel):
    city: str = Field(max_length=20)
    share: float = Field(ge=0, le=1)


PROMPT = Prompt("test", "1", "Answer.", "Which city?")
ASKED = Request("plan", PROMPT, City, max_tokens=200, composition_id="c1", user_id="ann")


def error(status, headers=None, **body: Any):
    return reply(status, {"type": "error", "error": {"type": "api_error", "message": "no", **body}}, headers)


def gateway(*servers: Any, ledger=None, **more: Any):
    makers = {"anthropic": (Anthropic, "claude-sonnet-5-5", ""), "openai": (OpenAI, "gpt-6.1-terra", "/v1")}
    providers = [
        makers[kind][0](makers[kind][1], "key-of-a-test", server.url + makers[kind][2]) for kind, server in servers
    ]
    return Gateway(providers, ledger or MemoryLedger(), price_table(), **({"sleep": lambda _s: None} | more))


def outcomes(ledger):
    return [settled.outcome for _hold, settled in ledger.calls.values()]


def test_anthropic_answers_in_the_form_asked_for():
    usage = {
        "input_tokens": 100,
        "cache_read_input_tokens": 2000,
        "cache_creation_input_tokens": 300,
        "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 20},
    }
    with serving(anthropic_says(GOOD, usage=usage)) as server:
        ledger = MemoryLedger()
        found = gateway(("anthropic", server), ledger=ledger).ask(ASKED)

    assert found.parsed == City(city="Paris", share=0.4)
    assert found.usage == Usage(100, 50, 2000, 200, 100, 20)
    assert found.usage.tokens_in == 2400
    expected = (100 * 3 + 2000 * 0.3 + 200 * 3.75 + 100 * 6 + 50 * 15) / 1e6
    assert found.cost_usd == pytest.approx(expected)
    assert ledger.spent["composition", "c1"] == pytest.approx(expected)
    assert ledger.held["composition", "c1"] == pytest.approx(0)
    assert server.asked[0]["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert server.asked[0]["output_config"]["format"]["type"] == "json_schema"
    assert (found.provider, found.attempts, outcomes(ledger)) == ("anthropic", 1, ["ok"])


def test_openai_answers_in_the_form_asked_for():
    with serving(openai_says(GOOD)) as server:
        found = gateway(("openai", server)).ask(ASKED)

    assert found.parsed.city == "Paris"
    assert found.usage == Usage(fresh=20, out=30, cache_read=100, reasoning=10)
    form = server.asked[0]["text"]["format"]
    assert (form["strict"], form["schema"]["required"]) == (True, ["city", "share"])
    assert "maxLength" not in str(form["schema"])


@EACH
@pytest.mark.parametrize("status", [500, 503, 529])
def test_a_storm_ends_after_three_attempts_and_costs_nothing(kind, status):
    ledger = MemoryLedger()
    with serving(error(status)) as server, pytest.raises(LanguageModelError, match="No language model"):
        gateway((kind, server), ledger=ledger).ask(ASKED)

    assert len(server.asked) == 3
    assert sum(ledger.spent.values()) == 0
    assert not any(ledger.held.values())


@EACH
def test_a_passing_failure_is_tried_again(kind):
    with serving(error(529), SAYS[kind](GOOD)) as server:
        found = gateway((kind, server)).ask(ASKED)

    assert (found.attempts, found.failures) == (2, (f"{kind}: overloaded",))


@EACH
@pytest.mark.parametrize("seconds", ["3600", "4000000000"])
def test_a_huge_retry_after_is_not_slept_through(kind, seconds):
    waited: list[float] = []
    other = next(each for each in SAYS if each != kind)
    with serving(error(429, {"retry-after": seconds})) as busy, serving(SAYS[other](GOOD)) as free:
        started = time.monotonic()
        found = gateway((kind, busy), (other, free), sleep=waited.append).ask(ASKED)

    assert time.monotonic() - started < 5
    assert waited == []
    assert len(busy.asked) == 1
    assert (found.provider, found.failures) == (other, (f"{kind}: rate_limited",))


@EACH
def test_a_short_retry_after_is_kept(kind):
    waited: list[float] = []
    with serving(error(429, {"retry-after": "2"}), SAYS[kind](GOOD)) as server:
        gateway((kind, server), sleep=waited.append).ask(ASKED)

    assert waited == [2.0]


def test_an_exhausted_account_is_not_tried_again():
    exhausted = reply(429, {"error": {"message": "insufficient_quota", "code": "insufficient_quota", "type": "x"}})
    with serving(exhausted) as server, pytest.raises(LanguageModelError, match="quota"):
        gateway(("openai", server)).ask(ASKED)

    assert len(server.asked) == 1


@EACH
@pytest.mark.parametrize("slow", [stall(3), dribble(3)], ids=["stall", "dribble"])
def test_the_whole_call_ends_at_its_deadline_and_its_hold_stays_spent(kind, slow):
    ledger = MemoryLedger()
    with serving(slow) as server:
        started = time.monotonic()
        with pytest.raises(LanguageModelError, match="timeout"):
            gateway((kind, server), ledger=ledger).ask(ASKED, seconds=0.8)
        elapsed = time.monotonic() - started

    assert elapsed < 2.5
    assert ledger.spent["tenant", ""] > 0
    assert set(outcomes(ledger)) == {"timeout"}


@EACH
@pytest.mark.parametrize("odd", [HTML, reply(200, {})], ids=["html", "empty object"])
def test_what_is_not_the_protocol_is_an_outcome_not_a_crash(kind, odd):
    ledger = MemoryLedger()
    with serving(odd) as server, pytest.raises(LanguageModelError, match="malformed"):
        gateway((kind, server), ledger=ledger).ask(ASKED)

    assert ledger.spent["tenant", ""] > 0


@EACH
def test_missing_usage_is_settled_at_what_was_held(kind):
    ledger = MemoryLedger()
    with serving(SAYS[kind](GOOD, usage=None)) as server, pytest.raises(LanguageModelError, match="malformed"):
        gateway((kind, server), ledger=ledger).ask(ASKED)

    held = [hold.usd for hold, _ in ledger.calls.values()]
    assert ledger.spent["tenant", ""] == pytest.approx(sum(held))


@pytest.mark.parametrize(
    ("kind", "says", "outcome"),
    [
        ("anthropic", anthropic_says('{"city": "Par', stop="max_tokens"), "truncated"),
        ("anthropic", anthropic_says("", stop="refusal"), "refused"),
        ("openai", openai_says('{"city": "Par', status="incomplete", incomplete_details={"reason": "max_output_tokens"}), "truncated"),
        (
            "openai",
            openai_says(
                "",
                output=[
                    {
                        "type": "message",
                        "id": "m",
                        "status": "completed",
                        "role": "assistant",
                        "content": [{"type": "refusal", "refusal": "no"}],
                    }
                ],
            ),
            "refused",
        ),
    ],
)  # fmt: skip
def test_truncation_and_refusal_keep_their_usage_and_are_not_repeated(kind, says, outcome):
    ledger = MemoryLedger()
    with serving(says) as server, pytest.raises(LanguageModelError, match=outcome):
        gateway((kind, server), ledger=ledger).ask(ASKED)

    assert outcomes(ledger) == [outcome]
    assert 0 < ledger.spent["tenant", ""] < next(iter(ledger.calls.values()))[0].usd


@EACH
def test_an_answer_out_of_bounds_is_repaired_once_and_told_only_where(kind):
    ledger = MemoryLedger()
    with serving(SAYS[kind]('{"city": "Paris; drop table", "share": 7}'), SAYS[kind](GOOD)) as server:
        found = gateway((kind, server), ledger=ledger).ask(ASKED)

    assert (found.attempts, found.parsed.share) == (2, 0.4)
    repair = server.asked[1]["messages"][0]["content"] if kind == "anthropic" else server.asked[1]["input"]
    assert "share: less_than_equal" in repair
    assert "drop table" not in repair
    assert outcomes(ledger) == ["invalid", "ok"]
    assert all(settled.usage.tokens_in == 120 for _, settled in ledger.calls.values())


NONSENSE = {
    "another schema": '{"town": "Paris"}',
    "a list": "[1, 2]",
    "half of it": '{"city": "Par',
    "prose": "Paris, I think.",
    "nothing": " ",
    "not a number": '{"city": "Paris", "share": NaN}',
}


@EACH
@pytest.mark.parametrize("text", NONSENSE.values(), ids=NONSENSE)
def test_an_answer_wrong_twice_is_paid_for_and_goes_to_the_next_provider(kind, text):
    ledger, other = MemoryLedger(), next(each for each in SAYS if each != kind)
    with serving(SAYS[kind](text)) as first, serving(SAYS[other](GOOD)) as second:
        found = gateway((kind, first), (other, second), ledger=ledger).ask(ASKED)

    assert len(first.asked) == 2
    assert found.provider == other
    assert outcomes(ledger) == ["invalid", "invalid", "ok"]
    assert all(settled.usd > 0 for _, settled in ledger.calls.values())


def test_the_instructions_are_what_providers_cache():
    with serving(anthropic_says(GOOD)) as one, serving(openai_says(GOOD)) as other:
        gateway(("anthropic", one)).ask(ASKED)
        gateway(("openai", other)).ask(ASKED)

    assert one.asked[0]["system"] == [{"type": "text", "text": "Answer.", "cache_control": {"type": "ephemeral"}}]
    assert (other.asked[0]["instructions"], other.asked[0]["prompt_cache_key"]) == ("Answer.", "test-1")


def test_the_breaker_leaves_a_failing_provider_alone_and_tries_it_after_its_rest():
    now = [0.0]
    with serving(error(500)) as server:
        asked = gateway(("anthropic", server), clock=lambda: now[0])
        for _ in range(4):
            with pytest.raises(LanguageModelError):
                asked.ask(ASKED)
        while_open = len(server.asked)
        now[0] += 31
        with pytest.raises(LanguageModelError):
            asked.ask(ASKED)

    assert while_open == 5
    assert len(server.asked) == 6


def test_a_budget_stops_the_call_before_it_is_made():
    with serving(anthropic_says(GOOD)) as server, pytest.raises(BudgetExceededError):
        gateway(("anthropic", server), ledger=MemoryLedger(Caps(composition_usd=0.0001))).ask(ASKED)

    assert server.asked == []


def test_the_key_is_sent_and_never_shown():
    with serving(anthropic_says(GOOD)) as server:
        asked = gateway(("anthropic", server))
        asked.ask(ASKED)

    assert "key-of-a-test" in str(server.headers[0])
    assert "key-of-a-test" not in repr(asked.providers)


def test_without_a_provider_asking_fails_at_once():
    with pytest.raises(LanguageModelError, match="none is configured"):
        Gateway([], MemoryLedger(), price_table()).ask(ASKED)
