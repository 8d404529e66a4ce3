from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import pytest
from e2i_shared.api.composition import Answer, AnswerPart, Claim, ValueRef
from e2i_shared.composer.render import render_part, render_text

from benchmarks import composer, composer_asking, composer_model
from benchmarks.composer import missed, percentile, print_costs, print_row, summarise
from benchmarks.composer_asking import About, Kind, Measured, NotAnsweredError, asked, compose
from benchmarks.composer_audit import Audit, check


def step(level: int, ended: str, latency: float | None) -> dict[str, Any]:
    return {"level": level, "latency_ms": latency, "completed_at": f"2026-11-21T10:00:{ended}+00:00"}


def measured(answer: float = 1000.0) -> Measured:
    steps = [step(1, "01.400", 400.0), step(2, "01.700", 200.0), step(2, "01.600", 150.0), step(3, "02", None)]
    return Measured(answer, {"latency_ms": {"plan": 12.0}}, steps)


def test_the_time_inside_tools_counts_those_that_run_side_by_side_once():
    # 1.0-1.4, then 1.45-1.6 and 1.5-1.7
    assert measured().tools_ms() == pytest.approx(650.0)


def test_the_overhead_is_the_time_in_which_no_tool_ran():
    assert measured().overhead_ms() == pytest.approx(350.0)
    assert measured(answer=500.0).overhead_ms() == 0.0


def test_percentiles_are_of_the_nearest_rank():
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(i) for i in range(101)], 0.95) == 95.0
    assert percentile([7.0], 0.95) == 7.0


def row(answer: float = 1000.0, **changes: Any) -> dict[str, Any]:
    return {"asked": 3, "answered": 3, "steps": 6, "levels": 3, **summarise([measured(answer)]), **changes}


SOUND = Audit(10, (), 4, ())


def test_a_kept_promise_is_not_named_and_a_missed_one_is():
    good, slow = {"composer": row(800.0)}, {"composer": row(9000.0)}

    assert missed(good, SOUND, [1.9], 2) == []
    assert missed(slow, SOUND, [1.9], 2) == ["answer p95 9000 ms", "overhead p95 8350 ms"]
    assert missed(good, SOUND, [1.1], 2) == ["speed-up 1.10"]
    assert missed(good, SOUND, [1.1], 1) == []


@pytest.mark.parametrize(
    ("rows", "checked", "said"),
    [
        ({"composer": row(answered=2)}, SOUND, "2 of 3"),
        ({"composer": row(answered=0)}, SOUND, "no question"),
        ({"composer": row(steps=3)}, SOUND, "only 3 steps"),
        ({"composer": row()}, Audit(10, ("'9' is in no output",), 4, ()), "without a source"),
        ({"composer": row()}, Audit(0, (), 4, ()), "without a source"),
        ({"composer": row()}, Audit(10, (), 4, ("Q2",)), "passed over"),
    ],
)
def test_what_was_not_answered_or_has_no_source_is_named(rows: dict[str, Any], checked: Audit, said: str):
    assert any(said in each for each in missed(rows, checked, [1.9], 2))


def test_a_row_shows_shape_and_share(capsys: pytest.CaptureFixture[str]):
    print_row("composer", row(800.0))
    print_row("follow-up", {"asked": 4, "answered": 0})

    shown = capsys.readouterr().out
    assert "6 on 3" in shown
    assert "19%" in shown
    assert "none of 4" in shown


def test_shares_are_of_all_and_nothing_at_all_is_no_full_share():
    both = SOUND + Audit(10, ("x",), 0, ())

    assert both.shares()["traced_percent"] == 95.0
    assert Audit().shares()["traced_percent"] == 0.0


def test_subjects_differ_and_the_follow_up_goes_elsewhere():
    subjects = About.each()

    assert len(set(subjects)) == 24
    assert all(each.region != each.other for each in subjects)


class Service:
    """Answers like the API: two polls, then the end."""

    def __init__(self, end: str = "COMPLETED") -> None:
        self.polls, self.end = 0, end

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith("/ask"):
            view = {
                "query": "q",
                "status": "SKIPPED",
                "routing_pattern": "CLARIFICATION_NEEDED",
                "composition_id": None,
            }
            return httpx.Response(200, json=view)
        if request.method == "POST":
            return httpx.Response(202, json={"composition_id": "c1", "status_url": "/x"})
        if request.url.path.endswith("/steps"):
            return httpx.Response(200, json={"items": [step(1, "01", 5.0)]})
        self.polls += 1
        status = self.end if self.polls > 2 else "EXECUTING"
        view = {"query": "q", "composition_id": "c1", "status": status, "latency_ms": {"plan": 9.0}, "error": "no rows"}
        return httpx.Response(200, json=view)


def client(service: Service) -> httpx.Client:
    return httpx.Client(base_url="http://service", transport=httpx.MockTransport(service))


def test_a_composition_is_followed_to_its_end():
    service = Service()
    one = compose(client(service), "q")
    assert service.polls == 3
    assert one.view["status"] == "COMPLETED"
    assert one.steps == [step(1, "01", 5.0)]
    assert one.answer_ms >= 2 * composer_asking.POLL_SECONDS * 1000


def test_a_composition_that_fails_is_said():
    with pytest.raises(NotAnsweredError, match="ended FAILED: no rows"):
        compose(client(Service("FAILED")), "q")


def test_one_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(composer_asking, "DEADLINE_SECONDS", 0.0)
    with pytest.raises(NotAnsweredError, match="did not end"):
        compose(client(Service("PENDING")), "q")


def test_what_was_routed_elsewhere_does_not_count():
    said: list[str] = []
    expected, other = Kind("a", "x", "CLARIFICATION_NEEDED"), Kind("b", "x", "SINGLE_AGENT")

    assert len(asked(client(Service()), expected, About.each()[:2], said.append)) == 2
    assert asked(client(Service()), other, About.each()[:2], said.append) == []
    assert said == ["'q' was routed as CLARIFICATION_NEEDED"] * 2


def test_a_failure_does_not_count():
    said: list[str] = []
    composed = Kind("a", "x", "TOOL_COMPOSER", composed=True)

    assert asked(client(Service("FAILED")), composed, About.each()[:1], said.append) == []
    assert "no rows" in said[0]


def view() -> dict[str, Any]:
    claim = Claim(text="It raises TRx by {0}.", value_refs=[ValueRef(step=1, pointer="/ate", format=".2f")])
    told = render_part([claim], {1: {"ate": 1.2504}})
    part = AnswerPart(
        sub_question="Q1", question="Did it raise TRx", text=told, claims=[claim], citations=[1], confidence=0.9
    )
    headline = "It raises TRx by 1.25."
    answer = Answer(headline=headline, parts=[part], text=render_text(headline, [part], [], [], None)).model_dump(
        mode="json"
    )
    planned = {
        "step_number": 1,
        "name": "Effect",
        "tool": "causal_effect_estimator",
        "runtime": "image",
        "inputs": {},
        "serves": "Q1",
        "level": 1,
    }
    plan = {"dataset": "d", "dataset_version": 1, "steps": [planned], "levels": [[1]]}
    return {"query": "Did it raise TRx?", "missing": [], "plan": plan, "answer": answer}


def served(ate: float) -> dict[str, Any]:
    output = {"ate": ate, "p_value": 0.001}
    return {
        "step_number": 1,
        "status": "COMPLETED",
        "input_params": {},
        "output_result": output,
        "error_message": None,
    }


def test_an_answer_is_held_against_the_outputs_that_were_served():
    sound = check(Measured(1.0, view(), [served(1.2504)]), ["Q1"])
    changed = check(Measured(1.0, view(), [served(2.5)]), ["Q1", "Q2"])

    assert sound.untraced == ()
    assert sound.numbers > 0
    assert sound.passed_over == ()
    assert changed.untraced
    assert changed.passed_over == ("'Did it raise TRx?': Q2",)


DATA = '<data>\n{"findings": [{"id": "F1", "text": "It is {0}.", "places": 1}]}\n</data>'
DRAFT = {"steps": [{"number": 1, "tool": "t", "serves": "Q1,Q2", "inputs": []}]}


def test_the_script_agrees_with_what_it_is_shown():
    assert composer_model.agreed({"draft": {"sub_questions": [], "dependencies": []}}) == {
        "sub_questions": [],
        "dependencies": [],
    }
    assert composer_model.agreed({"slots": [], "draft": DRAFT}) == {
        "steps": [{"tool": "t", "serves": "Q1", "inputs": []}]
    }


def test_the_instructions_are_read_from_the_cache_from_the_second_time_on():
    seen: Counter[str] = Counter()
    to_anthropic = {
        "model": "m",
        "system": [{"text": "x" * 40}],
        "messages": [{"content": DATA}],
        "output_config": {},
    }
    first, second = (composer_model.anthropic_reply(to_anthropic, seen)["usage"] for _ in range(2))

    assert (first["cache_creation_input_tokens"], first["cache_read_input_tokens"]) == (10, 0)
    assert (second["cache_creation_input_tokens"], second["cache_read_input_tokens"]) == (0, 10)

    to_openai = {"model": "m", "instructions": "y" * 40, "input": DATA, "text": {}}
    first, second = (composer_model.openai_reply(to_openai, seen)["usage"] for _ in range(2))

    assert first["input_tokens_details"]["cached_tokens"] == 0
    assert second["input_tokens_details"]["cached_tokens"] == 10
    assert first["input_tokens"] == second["input_tokens"]


def test_costs_are_those_of_one_composition(capsys: pytest.CaptureFixture[str]):
    row = {
        "phase": "plan",
        "calls": 2,
        "answered": 2,
        "tokens_in": 900,
        "tokens_out": 100,
        "tokens_cached": 50,
        "cost_usd": 0.5,
    }
    ledger = httpx.MockTransport(lambda _request: httpx.Response(200, json={"items": [row, row]}))

    found = composer_model.spent(httpx.Client(base_url="http://service", transport=ledger), 2)
    print_costs("anthropic", found)

    assert found["plan"]["tokens_in"] == 900
    assert found["plan"]["cost_usd"] == 0.5
    assert "0.5000" in capsys.readouterr().out


def test_a_warm_up_asks_for_the_same_tools_by_another_plan():
    assert composer.WARM_UP.words != composer.COMPOSER.words
