from __future__ import annotations

from typing import Any

import httpx
import pytest

from benchmarks import composer
from benchmarks.composer import Measured, compose, missed, percentile, print_table, summarise


def step(level: int, latency: float | None) -> dict[str, Any]:
    return {"level": level, "latency_ms": latency}


def measured(answer: float = 1000.0, execute: float = 700.0) -> Measured:
    steps = [step(1, 400.0), step(2, 200.0), step(2, 100.0), step(3, None)]
    return Measured(answer, {"latency_ms": {"plan": 12.0, "execute": execute}}, steps)


def test_the_time_inside_tools_is_that_of_each_levels_slowest_step():
    assert measured().tools_ms() == 600.0


def test_the_overhead_is_what_no_tool_accounts_for():
    assert measured().overhead_ms() == 400.0
    assert measured(answer=500.0).overhead_ms() == 0.0


def test_the_speed_up_compares_with_running_one_after_the_other():
    beside = Measured(900.0, {"latency_ms": {"execute": 400.0}}, [step(1, 380.0), step(1, 340.0)])
    assert beside.speed_up(2) == pytest.approx(1.8)
    assert beside.speed_up(3) is None
    assert Measured(1.0, {"latency_ms": {}}, []).speed_up(2) is None


def test_percentiles_are_of_the_nearest_rank():
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(i) for i in range(101)], 0.95) == 95.0
    assert percentile([7.0], 0.95) == 7.0


def test_a_promise_not_kept_is_named():
    good = summarise([measured(answer=800.0)])
    bad = summarise([measured(answer=9000.0)])
    assert missed(good, [1.9], 2) == []
    assert missed(bad, [1.9], 2) == ["answer_ms", "overhead_ms"]
    assert missed(good, [1.1], 2) in ([], ["speed-up"])
    assert missed(good, [1.1], 10_000) == []


def test_the_table_shows_measure_and_promise(capsys):
    print_table(summarise([measured()]), [1.75], 2)
    shown = capsys.readouterr().out
    assert "≤ 3000" in shown
    assert "≥ 1.6" in shown
    assert "1.75" in shown


class Service:
    """Answers like the API: two polls, then the end."""

    def __init__(self, end: str = "COMPLETED") -> None:
        self.polls, self.end = 0, end

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(202, json={"composition_id": "c1", "status_url": "/x"})
        if request.url.path.endswith("/steps"):
            return httpx.Response(200, json={"items": [step(1, 5.0)]})
        self.polls += 1
        status = self.end if self.polls > 2 else "EXECUTING"
        return httpx.Response(200, json={"status": status, "latency_ms": {"plan": 9.0}, "error": "no rows"})


def client(service: Service) -> httpx.Client:
    return httpx.Client(base_url="http://service", transport=httpx.MockTransport(service))


def test_a_composition_is_followed_to_its_end():
    service = Service()
    one = compose(client(service), "q")
    assert service.polls == 3
    assert one.view["status"] == "COMPLETED"
    assert one.steps == [step(1, 5.0)]
    assert one.answer_ms >= 2 * composer.POLL_SECONDS * 1000


def test_a_composition_that_fails_is_said():
    with pytest.raises(RuntimeError, match="ended FAILED: no rows"):
        compose(client(Service("FAILED")), "q")


def test_one_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(composer, "DEADLINE_SECONDS", 0.0)
    with pytest.raises(RuntimeError, match="did not end"):
        compose(client(Service("PENDING")), "q")
